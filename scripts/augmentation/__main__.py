"""The `augment` step: the texts of the transfer set, that is gold, augmented and unlabelled ones, and pieces."""

import json
import math
import random
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set

import spacy
import srsly
import typer
from spacy import util
from spacy.tokens import Doc
from spacy.util import minibatch
from wasabi import msg

import scripts.augmentation.operations  # noqa: F401
from scripts.augmentation.blocks import BlockWorker, Pieces, Round, make_tokenizer, split_tokens
from scripts.augmentation.operations import Augmenter
from scripts.augmentation.row_file import RowFile
from scripts.augmentation.word_classes import PipelineTagger, WordClasses, count_classes, learn_clusters
from scripts.data.docbins import GOLD, GOLD_PIECE, SOURCES, UNLABELLED, UNLABELLED_PIECE, gold_label, read_docs
from scripts.data.near_copies import normalize
from scripts.engines.shards import Shard, prepare_folder, read_bytes, remove_folder, run_shards
from scripts.engines.workers import Engine
from scripts.files import UserError, hash_path, replaced, run_command

Row = Dict[str, Any]
Tagger = Callable[[Doc], List[str]]
CODE = sorted(Path(__file__).parent.glob("*.py"))
# Reviews of a task.
BLOCK_SIZE = 1000
# Unlabelled texts that word classes are learned from; more of them change little and take time.
N_CLASS_TEXTS = 20_000


def augment(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` left it"),
    output: Path = typer.Argument(..., help="The .jsonl file to write"),
    config: Path = typer.Option(..., help="Path of augment.cfg"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    tagger: str = typer.Option(
        "", help="Installed spaCy pipeline that tags parts of speech; empty: learn word classes"
    ),
    encoder: Optional[Path] = typer.Option(None, help="The .json file of `fetch-encoder`, for operations that need it"),
    seed: int = typer.Option(0, help="Seed of the augmentation"),
    engine: str = typer.Option("local", help="local or ray"),
    ray_address: str = typer.Option("", help="Ray cluster, e.g. ray://head:10001; empty: RAY_ADDRESS, or this machine"),
    n_workers: int = typer.Option(0, help="Workers of Ray, 0 for as many as there is room for"),
    storage: str = typer.Option("", help="Folder or URL (s3://...) of unfinished work; beside OUTPUT if not given"),
) -> None:
    """Write the transfer set's texts: gold, augmented and unlabelled ones, and pieces of them."""
    gold = {split: corpus / "gold" / f"{split}.spacy" for split in ("train", "dev", "test")}
    unlabelled = corpus / "unlabelled.jsonl"
    parts = f"{storage or output.parent}/{output.name}.parts"
    inputs = [*gold.values(), unlabelled, config, *([encoder] if encoder else []), *CODE]
    identity = {"lang": lang, "tagger": tagger, "seed": seed, "spacy": spacy.__version__}
    prepare_folder(parts, {**identity, "inputs": [hash_path(path) for path in inputs]})
    nlp = make_tokenizer(lang)
    train = list(nlp.pipe(read_docs(gold["train"], nlp.vocab)))
    with unlabelled.open("rb") as file:
        n_unlabelled = sum(1 for _ in file)

    def read_texts() -> Iterator[str]:
        return (row["text"] for row in srsly.read_jsonl(unlabelled))

    def make_tag() -> Tagger:
        if tagger:
            return load_tagger(tagger)
        return learn_clusters([*train, *nlp.pipe(islice(read_texts(), N_CLASS_TEXTS))], seed=seed)

    rows = build_transfer_set(
        train,
        read_texts(),
        [doc.text for split in ("dev", "test") for doc in read_docs(gold[split], nlp.vocab)],
        parts,
        n_unlabelled=n_unlabelled,
        waiting=output.parent,
        augmenter=load_augmenter(config, encoder=encoder),
        make_tag=make_tag,
        seed=seed,
        engine=Engine(engine, n_workers if engine == "ray" else 1, ray_address),
    )
    counts = dict.fromkeys(SOURCES, 0)

    def count() -> Iterator[Row]:
        for row in rows:
            counts[row["source"]] += 1
            yield row

    with replaced(output) as partial_output:
        srsly.write_jsonl(partial_output, count())
    remove_folder(parts)
    msg.table(
        list(counts.items()),
        header=("source", "texts"),
        divider=True,
    )


def load_augmenter(path: Path, *, encoder: Optional[Path] = None) -> Augmenter:
    """Resolve augment.cfg.

    path (Path): The config; its section `augmentation` is a registered augmenter.
    encoder (Optional[Path]): Value of `paths.encoder` in it.
    RETURNS (Augmenter): The augmenter.
    RAISES (UserError): The config cannot be resolved.
    """
    try:
        overrides = {"paths.encoder": str(encoder)} if encoder else {}
        return util.registry.resolve(util.load_config(path, overrides, interpolate=True))["augmentation"]
    except UserError:
        raise
    except (ValueError, KeyError) as error:
        raise UserError(f"{path}: {error}") from error


def load_tagger(name: str) -> PipelineTagger:
    """Load a pipeline as a tagger.

    name (str): Name or path of an installed pipeline.
    RETURNS (PipelineTagger): The tagger.
    RAISES (UserError): There is no such pipeline, or it tags nothing.
    """
    try:
        nlp = spacy.load(name)
    except OSError as error:
        raise UserError(
            f"The tagger {name!r} cannot be loaded: {error}. Leave --vars.tagger empty to learn classes."
        ) from error
    if not any(name in nlp.pipe_names for name in ("tagger", "morphologizer", "attribute_ruler")):
        raise UserError(
            f"The pipeline {name!r} sets no parts of speech, its components are: {', '.join(nlp.pipe_names)}"
        )
    return PipelineTagger(nlp)


def build_transfer_set(
    train: List[Doc],
    unlabelled: Iterable[str],
    held_out: List[str],
    folder: str,
    *,
    n_unlabelled: int,
    waiting: Path,
    augmenter: Augmenter,
    make_tag: Callable[[], Tagger],
    seed: int,
    engine: Engine,
) -> Iterator[Row]:
    """Collect the texts of the transfer set in random order. They wait on disk, however many there are.

    train (List[Doc]): Gold documents with sentence boundaries.
    unlabelled (Iterable[str]): Other texts, read once.
    held_out (List[str]): The texts of dev and test. None of these enters, nor a near copy.
    folder (str): Folder of the parts. Those that are there are not made again.
    n_unlabelled (int): Number of the other texts, for the progress bar.
    waiting (Path): Folder of this machine for a temporary file with all rows.
    augmenter (Augmenter): Makes new texts.
    make_tag (Callable[[], Tagger]): Gives what gives word classes; called if texts are augmented.
    seed (int): Seed of augmentation and order.
    engine (Engine): Where the work is done; the result does not depend on it.
    RETURNS (Iterator[Row]): Rows with text, source, label and review; augmented ones have words and spaces instead of a
        text. No two say the same.
    """
    work = partial(BlockWorker, augmenter=augmenter, held_out=held_out, lang=train[0].vocab.lang, seed=seed)
    pieces: List[str] = []

    def list_pieces() -> Iterator[Shard]:
        for block in minibatch(number_reviews(train, unlabelled), BLOCK_SIZE):
            pieces.append(f"pieces-{len(pieces):06}")
            yield Shard(pieces[-1], len(block), Pieces(block))

    total = len(train) + n_unlabelled
    run_shards(
        partial(work, classes=WordClasses({})), list_pieces(), folder, engine=engine, total=total, desc="Reading texts"
    )
    rows = RowFile(waiting)
    # Hashes, as the texts themselves would fill the memory.
    seen: Set[int] = set()
    gold_numbers: List[int] = []
    for row in read_parts(folder, pieces):
        if row["source"] in (GOLD, UNLABELLED):
            rows.append(row)
            seen.add(hash(normalize(row["text"])))
            if row["source"] == GOLD:
                gold_numbers.append(row["review"])

    def add_new(candidates: Iterable[Row], n_most: Optional[int] = None) -> None:
        n_rows = len(rows)
        for row in candidates:
            content = hash(normalize(row["text"] if "text" in row else join_words(row)))
            if content not in seen and (n_most is None or len(rows) - n_rows < n_most):
                seen.add(content)
                rows.append(row)

    if len(rows) < augmenter.fill_to:
        tag = make_tag()
        gold = [(number, split_tokens(train[number], tag(train[number]))) for number in gold_numbers]
        classes = count_classes((token.word, token.word_class) for _, tokens in gold for token in tokens)
        n_rounds = 0
        # Every text once, then every text again, so that all are used alike; and more rounds if some said nothing new.
        while gold and n_rounds < augmenter.n_iter and (missing := augmenter.fill_to - len(rows)) > 0:
            last = min(augmenter.n_iter, n_rounds + math.ceil(missing / len(gold)))
            rounds = [
                Shard(f"round-{number:03}-{n:06}", len(block), Round(number, block))
                for number in range(n_rounds, last)
                for n, block in enumerate(minibatch(gold, BLOCK_SIZE))
            ]
            total = len(gold) * (last - n_rounds)
            run_shards(partial(work, classes=classes), rounds, folder, engine=engine, total=total, desc="Augmenting")
            add_new(read_parts(folder, [shard.name for shard in rounds]), missing)
            n_rounds = last
    add_new(row for row in read_parts(folder, pieces) if row["source"] in (GOLD_PIECE, UNLABELLED_PIECE))
    return rows.shuffle(random.Random(seed))


def number_reviews(train: List[Doc], unlabelled: Iterable[str]) -> Iterator[Row]:
    """Gold reviews, then the others. Their number stays with all that is made of them."""
    for number, doc in enumerate(train):
        yield {"text": doc.text, "source": GOLD, "label": gold_label(doc), "review": number}
    for number, text in enumerate(unlabelled, start=len(train)):
        yield {"text": text, "source": UNLABELLED, "label": None, "review": number}


def read_parts(folder: str, names: List[str]) -> Iterator[Row]:
    """Read the rows of parts in the order of the names, a part in memory at a time."""
    for name in names:
        for line in read_bytes(f"{folder}/{name}").splitlines():
            yield json.loads(line)


def join_words(row: Row) -> str:
    """The text of an augmented row."""
    return "".join(word + " " * space for word, space in zip(row["words"], row["spaces"]))


if __name__ == "__main__":
    run_command(augment)
