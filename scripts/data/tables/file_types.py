"""Every type of file that holds rows, by suffix: how it is read, and how it is written where it is.

Rows are streamed both ways. A file is written in parts, so that several processes can write one: each makes bytes of
its own rows, and the parts are joined at the end.
"""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence

from scripts.data.tables.columnar import SUFFIX as PARQUET
from scripts.data.tables.columnar import encode_parquet, join_parquet, read_parquet
from scripts.data.tables.delimited import encode_delimited, read_delimited
from scripts.data.tables.json_lines import encode_jsonl, read_jsonl
from scripts.data.tables.lines import encode_gzipped, join_lines
from scripts.data.tables.rows import Encode, Row
from scripts.data.tables.spreadsheet import read_xlsx
from scripts.files import UserError


class Writer(NamedTuple):
    """How a type of file is written.

    encode (Encode): Makes a part from rows and the file's columns.
    join (Callable): Makes the file from parts, the path of the file, its columns, and the file the rows came from.
    """

    encode: Encode
    join: Callable[[Sequence[Path], Path, Sequence[str], Path], None]


class FileType(NamedTuple):
    """A type of file.

    read (Callable): Yields the rows of a file.
    writer (Optional[Writer]): How it is written; None where it is read only.
    """

    read: Callable[[Path], Iterator[Row]]
    writer: Optional[Writer] = None


def _delimited(delimiter: str, *, gzipped: bool = False) -> FileType:
    encode: Encode = partial(encode_delimited, delimiter)
    encode = partial(encode_gzipped, encode) if gzipped else encode
    return FileType(partial(read_delimited, delimiter), Writer(encode, partial(join_lines, encode)))


FILE_TYPES: Dict[str, FileType] = {
    ".jsonl": FileType(read_jsonl, Writer(encode_jsonl, partial(join_lines, None))),
    ".jsonl.gz": FileType(read_jsonl, Writer(partial(encode_gzipped, encode_jsonl), partial(join_lines, None))),
    ".csv": _delimited(","),
    ".csv.gz": _delimited(",", gzipped=True),
    ".tsv": _delimited("\t"),
    ".tsv.gz": _delimited("\t", gzipped=True),
    ".xlsx": FileType(read_xlsx),
    PARQUET: FileType(read_parquet, Writer(encode_parquet, join_parquet)),
}
WRITERS: Dict[str, Writer] = {suffix: kind.writer for suffix, kind in FILE_TYPES.items() if kind.writer is not None}


def file_type(path: Path, known: Mapping[str, Any] = FILE_TYPES) -> str:
    """The suffix that tells the type of a file.

    path (Path): For example reviews.en.jsonl.gz.
    known (Mapping[str, Any]): The types to choose from: FILE_TYPES, or WRITERS for a file to write.
    RETURNS (str): For example .jsonl.gz.
    RAISES (UserError): The type is not known.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix not in known:
        raise UserError(f"{path}: unknown file type {suffix!r}. Expected one of {', '.join(known)}.")
    return suffix


def read_rows(path: Path) -> Iterator[Row]:
    """Read the rows of one file as they are.

    path (Path): A file of a type that FILE_TYPES names; UTF-8 where it is text.
    YIELDS (Row): Line (row of a sheet or table) and values by column.
    RAISES (UserError): The file or a line of it cannot be used.
    """
    read = FILE_TYPES[file_type(path)].read
    if not path.is_file():
        raise UserError(f"{path} does not exist. Give the path of the reviews, e.g. --vars.train my/train.csv")
    yield from read(path)
