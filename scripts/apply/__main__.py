"""Classifies a corpus with a student: every column kept, the label and the probability of each label added.

spaCy's own `spacy apply` holds all documents in memory until the end, writes a DocBin without the other columns, and
starts again when it was killed. Here the corpus is cut into parts. A part is classified by one process and written
whole; finished parts are skipped, and put together at the end. So memory is flat, a kill costs the parts at work, and
the output is the same whatever the number of processes (`nlp.pipe(n_process=...)` would also send every document
through a pipe; here only rows travel). On Ray, actors take the same parts: of a killed run, Ray Data keeps only what
its checkpoints hold, which are in beta and need a column of ids.
"""

from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional

import spacy
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.apply.classifier import load_pipeline, make_classifier, model_folder, read_labels
from scripts.data.tables.file_types import FILE_TYPES, WRITERS, file_type, read_rows
from scripts.data.tables.rows import Row
from scripts.data.usable import find_fault, is_empty
from scripts.engines.config import read_engine
from scripts.engines.shards import PackedFolder, Shard, prepare_folder, run_shards
from scripts.files import UserError, hash_path, remove, replaced, run_command


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
) -> None:
    """Classify a corpus: every column kept, the label and the probability of each label added."""
    where = read_engine(engine)
    if n_process is not None:
        where = where._replace(n_workers=n_process)
    suffix = file_type(output, WRITERS)
    if output.exists() and output.samefile(input_path):
        raise UserError(f"{output} is the input. Give the output another name.")
    nlp = load_pipeline(model)
    corpus = scan(input_path, text_column=text_column, max_length=nlp.max_length)
    added = [label_column, *(f"{label_column}_{label}" for label in read_labels(nlp))]
    taken = [column for column in added if column in corpus.columns]
    if taken:
        raise UserError(f"{input_path} has the column {taken[0]!r} already. Name another with --label-column.")
    settings: Dict[str, Any] = {
        "text_column": text_column,
        "columns": [*corpus.columns, *added],
        "added": added,
        "batch_size": batch_size,
        "suffix": suffix,
    }
    folder = model_folder(model, nlp)
    parts = output.with_name(f"{output.name}.parts")
    kept = prepare_folder(
        str(parts),
        {
            **settings,
            "part_size": part_size,
            "model_sha256": hash_path(folder),
            "input_sha256": hash_path(input_path),
            "spacy": spacy.__version__,
        },
    )
    if kept:
        msg.info(f"Going on with the {len(kept)} parts in {parts}")
    run_shards(
        partial(make_classifier, PackedFolder.pack(folder) if where.name == "ray" else model, **settings),
        cut_parts(read_rows(input_path), part_size),
        str(parts),
        engine=where,
        total=corpus.n_rows,
        desc="Classifying",
    )
    with replaced(output) as partial_output:
        WRITERS[suffix].join(sorted(parts.glob("*.part")), partial_output, settings["columns"], input_path)
    remove(parts)
    msg.good(f"Classified {corpus.n_rows - corpus.n_empty} texts: {output}")
    if corpus.n_empty:
        msg.warn(f"{corpus.n_empty} texts are empty, so they have no label")


class Corpus(NamedTuple):
    """What is known of a corpus once it has been read."""

    n_rows: int
    n_empty: int
    columns: List[str]


def scan(path: Path, *, text_column: str, max_length: int) -> Corpus:
    """Read a corpus once, so that a broken line is found before hours of work and not after, and the end is in sight.

    path (Path): The corpus.
    text_column (str): Column of the text.
    max_length (int): Most characters that the pipeline takes.
    RETURNS (Corpus): Its size and columns, in the order in which they first come.
    RAISES (UserError): A line cannot be used.
    """
    n_rows = n_empty = 0
    columns: Dict[str, None] = {}
    for line, row in tqdm(read_rows(path), desc="Checking", unit="text", disable=None):
        where = f"{path}, line {line}"
        if text_column not in row:
            raise UserError(
                f"{where}: no column {text_column!r}, found {', '.join(map(str, row)) or 'none'}. "
                "Name it with --text-column"
            )
        text = row[text_column]
        if not is_empty(text) and (fault := find_fault(text, max_length=max_length)):
            raise UserError(f"{where}: {fault}")
        n_rows += 1
        n_empty += is_empty(text)
        columns.update(dict.fromkeys(row))
    if not n_rows:
        raise UserError(f"{path} holds no rows")
    return Corpus(n_rows, n_empty, list(columns))


def cut_parts(rows: Iterable[Row], size: int) -> Iterator[Shard]:
    """Cut a corpus into parts.

    rows (Iterable[Row]): Read once.
    size (int): Rows of each part but the last.
    YIELDS (Shard): Parts, named so that their names sort as they follow each other.
    """
    stream = iter(rows)
    number = 0
    while block := list(islice(stream, size)):
        yield Shard(f"{number:08}.part", len(block), block)
        number += 1


if __name__ == "__main__":
    run_command(apply)
