"""The `convert` step: raw reviews to gold DocBins, the task and clean unlabelled texts."""

import os
from pathlib import Path
from typing import Any, Dict, List

import spacy
import srsly
import typer
from spacy import Language
from tqdm import tqdm
from wasabi import msg

from scripts.conversion.inputs import find_all_inputs
from scripts.conversion.labels import Labelling
from scripts.conversion.languages import count_languages, tell_spaceless
from scripts.conversion.problems import Policies, tell_choices
from scripts.conversion.report import PROBLEMS_FILE, count_rows, print_report, print_unread, write_problems
from scripts.conversion.splits import Splits, read_splits
from scripts.data.docbins import write_docs
from scripts.data.tables.rows import Quotes
from scripts.data.texts import write_unlabelled
from scripts.files import UserError, hash_path, replaced, run_command
from scripts.provenance import ROOT, hash_sources
from scripts.segmenters import DEFAULT, find_max_bytes
from scripts.tokenizing import make_blank
from scripts.variables import ANY

RECORD_FILE = "data.json"
USUAL = Policies()


def convert(
    output: Path = typer.Argument(..., help="Folder of the run, e.g. corpus/en"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    langs: str = typer.Option("", help=f"With --lang {ANY}: languages to read together, from folders beside train"),
    segmenter: str = typer.Option(DEFAULT, help="How it cuts texts into words: one of the language's segmenters"),
    train: str = typer.Option(..., help="Labelled reviews: a file, or the folder that holds one called train"),
    dev: str = typer.Option("", help="Labelled reviews; empty: beside train, or split off it; none: split off"),
    test: str = typer.Option("", help="Labelled reviews; empty: beside train, or split off it; none: split off"),
    unlabelled: str = typer.Option("", help="Reviews without labels; empty: beside train if there; none: not used"),
    text_column: str = typer.Option("text", help="Column of the text"),
    label_column: str = typer.Option("label", help="Column of the label"),
    stars_column: str = typer.Option("stars", help="Column of the stars, read where there is no label column"),
    quotes: Quotes = typer.Option(Quotes.FIELDS, help="What quotes are in CSV and TSV: around fields, or characters"),
    negative_up_to: float = typer.Option(2, help="Ratings up to it are NEGATIVE"),
    skip_stars: float = typer.Option(-1, help="Rating to leave out, e.g. 3; -1 leaves none out"),
    on_text: str = typer.Option(USUAL.on_text, help=f"Empty and unusable texts: {tell_choices('on_text')}"),
    on_label: str = typer.Option(USUAL.on_label, help=f"Missing and unreadable labels: {tell_choices('on_label')}"),
    on_conflict: str = typer.Option(
        USUAL.on_conflict, help=f"Equal texts of a file with other labels: {tell_choices('on_conflict')}"
    ),
    on_shared: str = typer.Option(USUAL.on_shared, help=f"Texts of several files: {tell_choices('on_shared')}"),
    on_single: str = typer.Option(USUAL.on_single, help=f"Labels of one text alone: {tell_choices('on_single')}"),
    max_unusable: float = typer.Option(USUAL.max_unusable, help="Share of a file's rows that may be unusable"),
    seed: int = typer.Option(0, help="Seed of the split"),
) -> None:
    """Convert raw reviews to gold DocBins and clean unlabelled texts."""
    policies = Policies(on_text, on_label, on_conflict, on_shared, on_single, max_unusable)
    policies.check()
    nlp = make_blank(lang, segmenter)
    check_folder(output)
    named = {"train": train, "dev": dev, "test": test, "unlabelled": unlabelled}
    inputs = find_all_inputs(named, lang=lang, langs=langs)
    for paths in inputs.values():
        print_unread(paths)
    labelling = Labelling(label_column, stars_column, negative_up_to, None if skip_stars < 0 else skip_stars)
    # Dev, test and unlabelled files may be absent, which `deps` of project.yml cannot say. So this step looks
    # for changes itself: the record of a run holds all that its outputs follow from.
    record = {
        "lang": lang,
        "segmenter": segmenter,
        "seed": seed,
        "text_column": text_column,
        "quotes": quotes.value,
        "labelling": labelling._asdict(),
        "policies": policies._asdict(),
        "files": {
            f"{split} ({code})" if code else split: {"path": str(path), "sha256": hash_path(path)}
            for code, paths in inputs.items()
            for split, path in paths.items()
        },
        "code": hash_sources(Path(__file__)),
        "versions": {"spacy": spacy.__version__},
    }
    if is_current(output, record):
        msg.good(f"{output} is up to date")
        return
    splits = read_splits(
        inputs,
        text_column=text_column,
        labelling=labelling,
        seed=seed,
        policies=policies,
        quotes=quotes,
        max_bytes=find_max_bytes(nlp.config["nlp"]["tokenizer"]),
    )
    if lang == ANY and segmenter == DEFAULT:
        splits.warnings.extend(tell_spaceless(splits.reviews))
    write_problems(output / PROBLEMS_FILE, splits.problems)
    print_report(splits, inputs, policies, output / PROBLEMS_FILE)
    if splits.errors:
        raise UserError("\n✘ ".join(splits.errors))
    # Last, so that it never speaks of outputs that are not there.
    record_path = output / RECORD_FILE
    record_path.unlink(missing_ok=True)
    written = [output / PROBLEMS_FILE, *write_splits(splits, output, nlp)]
    outputs = {path.relative_to(output).as_posix(): hash_path(path) for path in written}
    if len(inputs) > 1:
        record["languages"] = {split: count_languages(reviews) for split, reviews in splits.reviews.items()}
    with replaced(record_path) as partial:
        srsly.write_json(partial, {**record, "rows": count_rows(splits), "outputs": outputs})


def check_folder(output: Path) -> None:
    """Refuse a folder that is none of a run's own, as "corpus/.." is where nothing has checked the run's name.

    output (Path): Folder of the run.
    RAISES (UserError): It holds the project, or leads out of the folder that it names first.
    """
    if Path(os.path.normpath(output)) != output or output.resolve() in (ROOT, *ROOT.parents):
        raise UserError(f"{output} is no folder for a run. Give one of its own, without '..', e.g. corpus/en")


def is_current(output: Path, record: Dict[str, Any]) -> bool:
    """Whether a folder holds what would be made.

    output (Path): Folder of the run.
    record (Dict[str, Any]): All that its outputs follow from.
    RETURNS (bool): Whether they were made from the same, and are as they were then.
    """
    if not (output / RECORD_FILE).is_file():
        return False
    try:
        previous = srsly.read_json(output / RECORD_FILE)
    except ValueError:
        return False
    # Cut off, or changed by hand.
    if not isinstance(previous, dict) or not isinstance(previous.get("outputs"), dict):
        return False
    outputs = {name: hash_path(output / name) for name in previous["outputs"] if (output / name).is_file()}
    return previous == {**previous, **record, "outputs": outputs}


def write_splits(splits: Splits, output: Path, nlp: Language) -> List[Path]:
    """Write the DocBins, the task and the unlabelled texts.

    splits (Splits): The clean reviews.
    output (Path): Folder of the run.
    nlp (Language): Its tokenizer cuts the texts.
    RETURNS (List[Path]): The files.
    """
    written = []
    for split in ("train", "dev", "test"):
        docs = []
        for review in tqdm(splits.reviews[split], desc=f"Tokenizing {split}", unit="text", disable=None):
            doc = nlp.make_doc(review.text)
            doc.cats = splits.task.make_cats(review.label)
            if review.lang:
                doc._.lang = review.lang
            docs.append(doc)
        written.append(output / "gold" / f"{split}.spacy")
        write_docs(docs, written[-1])
    written += splits.task.write(output / "gold")
    written.append(output / "unlabelled.jsonl")
    write_unlabelled(written[-1], ((review.text, review.lang) for review in splits.reviews["unlabelled"]))
    return written


if __name__ == "__main__":
    run_command(convert)
