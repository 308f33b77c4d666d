"""A corpus that is read twice: once to find what is wrong with it, and once to classify it part by part."""

from itertools import islice
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional

from scripts.data.tables.file_types import describe_source, read_rows, require_column
from scripts.data.tables.rows import Quotes, Row
from scripts.data.usable import find_fault, is_empty
from scripts.engines.shards import Shard
from scripts.files import UserError


class Corpus(NamedTuple):
    """What is known of a corpus once it has been read."""

    n_rows: int
    n_empty: int
    columns: List[str]


def scan(
    rows: Iterable[Row], path: Path, *, text_column: str, option: str, max_length: int, max_bytes: Optional[int]
) -> Corpus:
    """Read a corpus once, so that a broken line is found before hours of work and not after, and the end is in sight.

    rows (Iterable[Row]): Its rows.
    path (Path): Its file, for messages.
    text_column (str): Column of the text.
    option (str): How the user names that column.
    max_length (int): Most characters of a text.
    max_bytes (Optional[int]): Most bytes that the tokenizer takes, if there is such a limit.
    RETURNS (Corpus): Its size and columns, in the order in which they first come.
    RAISES (UserError): A line cannot be used.
    """
    n_rows = n_empty = 0
    columns: Dict[str, None] = {}
    source = describe_source(path)
    for line, row in rows:
        where = f"{source}, line {line}"
        require_column(path, line, row, text_column, option=option)
        text = row[text_column]
        if not is_empty(text) and (fault := find_fault(text, max_length=max_length, max_bytes=max_bytes)):
            raise UserError(f"{where}: {fault}")
        n_rows += 1
        n_empty += is_empty(text)
        columns.update(dict.fromkeys(row))
    return Corpus(n_rows, n_empty, list(columns))


class InputChanged(UserError):
    """The input is no longer what it was when it was scanned."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} changed while it was read. Run the same command again.")


def read_again(path: Path, n_rows: int, *, quotes: Quotes) -> Iterator[Row]:
    """Read a corpus that has been scanned.

    path (Path): The corpus.
    n_rows (int): How many rows were found.
    quotes (Quotes): What quotes are in CSV and TSV.
    YIELDS (Row): Its rows.
    RAISES (InputChanged): There are more or fewer now, also where the file is as it was before and after that.
    """
    n_read = 0
    for row in read_rows(path, quotes=quotes):
        n_read += 1
        yield row
    if n_read != n_rows:
        raise InputChanged(path)


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
