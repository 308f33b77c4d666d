"""Classifies a corpus with a student: every column kept, the label and the probability of each label added.

spaCy's own `spacy apply` holds all documents in memory until the end, writes a DocBin without the other columns, and
starts again when it was killed. Here the corpus is cut into parts. A part is classified by one process and written
whole; finished parts are skipped, and put together at the end. So memory is flat, a kill costs the parts at work, and
the output is the same whatever the number of processes (`nlp.pipe(n_process=...)` would also send every document
through a pipe; here only rows travel). On Ray, actors take the same parts: of a killed run, Ray Data keeps only what
its checkpoints hold, which are in beta and need a column of ids.
"""

import errno
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Dict, Iterator, Optional

import spacy
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.apply.classifier import load_pipeline, make_classifier, model_folder, read_labels
from scripts.apply.corpus import InputChanged, cut_parts, read_again, scan
from scripts.data.tables.contents import check_file, is_url
from scripts.data.tables.file_types import FILE_TYPES, WRITERS, choose_encode, describe_source, file_type, read_rows
from scripts.data.tables.rows import Quotes
from scripts.engines.config import read_engine
from scripts.engines.shards import PackedFolder, prepare_folder, run_shards
from scripts.files import UserError, hash_path, remove, replaced, run_command
from scripts.locks import locked
from scripts.segmenters import find_max_bytes


def apply(
    model: str = typer.Argument(..., help="Name of an installed pipeline, or its folder"),
    input_path: Path = typer.Argument(..., metavar="INPUT", help=f"One of {', '.join(FILE_TYPES)}"),
    output: Path = typer.Argument(..., help=f"One of {', '.join(WRITERS)}"),
    text_column: str = typer.Option("text", help="Column of the text"),
    label_column: str = typer.Option("predicted", help="New column of the label; that of label X's probability: ..._X"),
    n_process: Optional[int] = typer.Option(None, help="Processes, or actors; in place of n_workers of the engine"),
    batch_size: int = typer.Option(256, help="Texts per batch"),
    part_size: int = typer.Option(10_000, help="Texts per part: what a kill can cost each process", min=1),
    engine: Optional[Path] = typer.Option(None, help="Path of engine.cfg or ray.cfg; one process here if not given"),
    quotes: Quotes = typer.Option(Quotes.FIELDS, help="What quotes are in .csv and .tsv: around fields, or characters"),
) -> None:
    """Classify a corpus: every column kept, the label and the probability of each label added."""
    where = read_engine(engine)
    if n_process is not None:
        where = where._replace(n_workers=n_process)
    suffix = check_output(output, input_path)
    # A link stays one; what it leads to is written.
    output = Path(os.path.realpath(output)) if output.is_symlink() else output
    nlp = load_pipeline(model)
    # Before anything is read of it: what changes after this is noticed.
    input_sha256 = hash_path(input_path)
    source = describe_source(input_path)
    if source != str(input_path):
        msg.info(f"Reading {source}")
    rows = tqdm(read_rows(input_path, quotes=quotes), desc="Checking", unit="text", disable=None)
    corpus = scan(
        rows,
        input_path,
        text_column=text_column,
        option="--text-column",
        max_length=nlp.max_length,
        max_bytes=find_max_bytes(nlp.config["nlp"]["tokenizer"]),
    )
    added = [label_column, *(f"{label_column}_{label}" for label in read_labels(nlp))]
    taken = [column for column in added if column in corpus.columns]
    if taken:
        raise UserError(f"{input_path} has the column {taken[0]!r} already. Name another with --label-column.")
    settings: Dict[str, Any] = {
        "text_column": text_column,
        "columns": [*corpus.columns, *added],
        "added": added,
        "batch_size": batch_size,
    }
    folder = model_folder(model, nlp)
    parts = output.with_name(f"{output.name}.parts")
    with unchanged(input_path, input_sha256, parts):
        kept = prepare_folder(
            str(parts),
            {
                **settings,
                "suffix": suffix,
                "part_size": part_size,
                "model_sha256": hash_path(folder),
                "input_sha256": input_sha256,
                "quotes": quotes.value,
                "spacy": spacy.__version__,
            },
        )
        if kept:
            msg.info(f"Going on with the {len(kept)} parts in {parts}")
        run_shards(
            partial(
                make_classifier,
                PackedFolder.pack(folder) if where.name == "ray" else model,
                encode=choose_encode(output, input_path),
                **settings,
            ),
            cut_parts(read_again(input_path, corpus.n_rows, quotes=quotes), part_size),
            str(parts),
            engine=where,
            total=corpus.n_rows,
            desc="Classifying",
        )
        if hash_path(input_path) != input_sha256:
            raise InputChanged(input_path)
        with replaced(output) as partial_output:
            WRITERS[suffix].join(sorted(parts.glob("*.part")), partial_output, settings["columns"], input_path)
    remove(parts)
    msg.good(f"Classified {corpus.n_rows - corpus.n_empty} texts: {output}")
    if corpus.n_empty:
        msg.warn(f"{corpus.n_empty} texts are empty, so they have no label")


def check_output(output: Path, input_path: Path) -> str:
    """Refuse an output that cannot be written, before the work and not after it.

    output (Path): The output.
    input_path (Path): The corpus.
    RETURNS (str): The suffix that tells its type.
    RAISES (UserError): Its type is not written, it is the input, a folder, a device or a URL, its folder cannot be
        written to, its name is too long, or the input is no file.
    """
    suffix = file_type(output, WRITERS)
    file_type(input_path)
    check_file(input_path)
    # The parts of unfinished work lie beside it, where fsspec writes them, for which "::" joins two paths.
    target = Path(os.path.realpath(output))
    if is_url(output) or is_url(target):
        raise UserError(
            f"{output} is a URL, or has '::' in its path. Write to this machine, and load it up after that."
        )
    try:
        if target.is_dir():
            raise UserError(f"{output} is a folder. Give the name of a file in it, e.g. {output / f'labelled{suffix}'}")
        if target.exists() and not target.is_file():
            raise UserError(f"{output} is a device or a pipe. Give the name of a file.")
        if target.exists() and target.samefile(input_path):
            raise UserError(f"{output} is the input. Give the output another name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        # As long as the name under which `replaced` writes.
        NamedTemporaryFile(dir=target.parent, prefix=f"{target.name}.", suffix=".partial").close()
    except OSError as error:
        is_long = error.errno == errno.ENAMETOOLONG
        step = "Give a shorter name" if is_long else "Name a file in a folder that you may write to"
        raise UserError(f"{output} cannot be written ({error.strerror}). {step}.") from error
    return suffix


@contextmanager
def unchanged(path: Path, sha256: str, parts: Path) -> Iterator[None]:
    """Have a folder for parts. Those of an input that changed are deleted, and whatever came of it is told as that.

    path (Path): The input.
    sha256 (str): Its hash before it was scanned.
    parts (Path): The folder.
    RAISES (InputChanged): The input is another one now.
    RAISES (UserError): Another process has the folder.
    """
    try:
        with locked(parts):
            try:
                yield
            except Exception as error:
                # Rows that the scan has not seen may break anything.
                if hash_path(path) != sha256:
                    raise InputChanged(path) from error
                raise
    except InputChanged:
        remove(parts)
        raise


if __name__ == "__main__":
    run_command(apply)
