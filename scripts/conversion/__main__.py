"""The `convert` step: raw reviews to gold DocBins, the task and clean unlabelled texts."""

from pathlib import Path
from typing import Dict, List

import spacy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.conversion.labels import Labelling
from scripts.conversion.splits import Splits, read_splits
from scripts.data.docbins import write_docs
from scripts.data.texts import write_unlabelled
from scripts.files import UserError, hash_path, replaced, run_command
from scripts.provenance import hash_sources


def convert(
    output: Path = typer.Argument(..., help="Folder of the run, e.g. corpus/en"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    train: Path = typer.Option(..., help="Labelled reviews"),
    dev: Path = typer.Option(..., help="Labelled reviews; split off train if the file does not exist"),
    test: Path = typer.Option(..., help="Labelled reviews; split off train if the file does not exist"),
    unlabelled: Path = typer.Option(..., help="Reviews without labels; may not exist"),
    text_column: str = typer.Option("text", help="Column of the text"),
    label_column: str = typer.Option("label", help="Column of the label"),
    stars_column: str = typer.Option("stars", help="Column of the stars, read where there is no label column"),
    negative_up_to: float = typer.Option(2, help="Ratings up to it are NEGATIVE"),
    skip_stars: float = typer.Option(-1, help="Rating to leave out, e.g. 3; -1 leaves none out"),
    seed: int = typer.Option(0, help="Seed of the split"),
) -> None:
    """Convert raw reviews to gold DocBins and clean unlabelled texts."""
    paths = {"train": train, "dev": dev, "test": test, "unlabelled": unlabelled}
    check_named(paths, lang)
    labelling = Labelling(label_column, stars_column, negative_up_to, None if skip_stars < 0 else skip_stars)
    # Dev, test and unlabelled files may be absent, which `deps` of project.yml cannot say. So this step looks
    # for changes itself: the record of a run holds all that its outputs follow from.
    record = {
        "lang": lang,
        "seed": seed,
        "text_column": text_column,
        "labelling": labelling._asdict(),
        "files": {
            split: {"path": str(path), "sha256": hash_path(path) if path.is_file() else None}
            for split, path in paths.items()
        },
        "code": hash_sources(Path(__file__)),
        "versions": {"spacy": spacy.__version__},
    }
    record_path = output / "data.json"
    if record_path.is_file():
        previous = srsly.read_json(record_path)
        outputs = {name: hash_path(output / name) for name in previous["outputs"] if (output / name).is_file()}
        if previous == {**record, "counts": previous["counts"], "outputs": outputs}:
            msg.good(f"{output} is up to date")
            return
    folders = {path.parent for path in paths.values() if path.is_file()}
    if len(folders) > 1:
        msg.warn(
            f"The reviews come from {len(folders)} folders: {', '.join(map(str, sorted(folders)))}. Is that meant?"
        )
    splits = read_splits(paths, text_column=text_column, labelling=labelling, seed=seed)
    # Last, so that it never speaks of outputs that are not there.
    record_path.unlink(missing_ok=True)
    outputs_written = write_splits(splits, output, lang=lang)
    counts = {split: len(reviews) for split, reviews in splits.reviews.items()}
    with replaced(record_path) as partial:
        srsly.write_json(
            partial,
            {
                **record,
                "counts": counts,
                "outputs": {str(path.relative_to(output).as_posix()): hash_path(path) for path in outputs_written},
            },
        )
    print_summary(splits)


def check_named(paths: Dict[str, Path], lang: str) -> None:
    """Refuse a file that the user has named and that is not there: without it, a whole run would tell of other texts.

    paths (Dict[str, Path]): Path of each split. Those of the form LANG/SPLIT.jsonl.gz are what project.yml looks for
        where nothing was named; they may be absent.
    lang (str): Language code.
    RAISES (UserError): A file is missing.
    """
    for split, path in paths.items():
        is_named = (path.parent.name, path.name) != (lang, f"{split}.jsonl.gz")
        if is_named and not path.is_file():
            raise UserError(f"{path} does not exist. Check --vars.{split}, or leave it out.")


def write_splits(splits: Splits, output: Path, *, lang: str) -> List[Path]:
    """Write the DocBins, the task and the unlabelled texts.

    splits (Splits): The clean reviews.
    output (Path): Folder of the run.
    lang (str): Language code.
    RETURNS (List[Path]): The files.
    RAISES (UserError): The tokenizer of the language is not installed.
    """
    try:
        nlp = spacy.blank(lang)
    except ImportError as error:
        raise UserError(f"The tokenizer of {lang!r} cannot be loaded: {error}") from error
    written = []
    for split in ("train", "dev", "test"):
        docs = []
        for review in tqdm(splits.reviews[split], desc=f"Tokenizing {split}", unit="text", disable=None):
            doc = nlp.make_doc(review.text)
            doc.cats = splits.task.make_cats(review.label)
            docs.append(doc)
        written.append(output / "gold" / f"{split}.spacy")
        write_docs(docs, written[-1])
    written += splits.task.write(output / "gold")
    written.append(output / "unlabelled.jsonl")
    write_unlabelled(written[-1], (review.text for review in splits.reviews["unlabelled"]))
    return written


def print_summary(splits: Splits) -> None:
    """Print what was read, mapped and dropped, a line per split.

    splits (Splits): The clean reviews.
    """
    reasons = sorted({reason for dropped in splits.dropped.values() for reason in dropped})
    rows = []
    for split, reviews in splits.reviews.items():
        counts: Dict[str, int] = {label: sum(r.label == label for r in reviews) for label in splits.task.labels}
        source = {review.path.name for review in reviews}
        rows.append(
            (
                split,
                ", ".join(sorted(source)) or "absent",
                len(reviews),
                *counts.values(),
                *(splits.dropped[split][reason] for reason in reasons),
            )
        )
    msg.table(
        rows,
        header=("split", "read from", "kept", *splits.task.labels, *(f"dropped: {r}" for r in reasons)),
        divider=True,
        max_col=60,
    )


if __name__ == "__main__":
    run_command(convert)
