"""Every type of file that holds rows, by suffix: how it is read, and how it is written where it is.

Rows are streamed both ways. A file is written in parts, so that several processes can write one: each makes bytes of
its own rows, and the parts are joined at the end.
"""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence

from scripts.data.tables.columnar import SUFFIX as PARQUET
from scripts.data.tables.columnar import encode_parquet, join_parquet, read_parquet, read_schema
from scripts.data.tables.contents import check_file, make_unreadable
from scripts.data.tables.delimited import ask_separator, encode_delimited, guess_separator, read_delimited
from scripts.data.tables.json_lines import encode_jsonl, read_jsonl
from scripts.data.tables.lines import encode_gzipped, join_lines
from scripts.data.tables.rows import Encode, Quotes, Row
from scripts.data.tables.spreadsheet import SUFFIX as XLSX
from scripts.data.tables.spreadsheet import find_sheet, list_sheets, read_xlsx
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
    has_quotes (bool): Whether `read` must be told what quotes are.
    """

    read: Callable[..., Iterator[Row]]
    writer: Optional[Writer] = None
    has_quotes: bool = False


def _delimited(delimiter: str, *, gzipped: bool = False) -> FileType:
    encode: Encode = partial(encode_delimited, delimiter)
    encode = partial(encode_gzipped, encode) if gzipped else encode
    return FileType(partial(read_delimited, delimiter), Writer(encode, partial(join_lines, encode)), has_quotes=True)


FILE_TYPES: Dict[str, FileType] = {
    ".jsonl": FileType(read_jsonl, Writer(encode_jsonl, partial(join_lines, None))),
    ".jsonl.gz": FileType(read_jsonl, Writer(partial(encode_gzipped, encode_jsonl), partial(join_lines, None))),
    ".csv": _delimited(","),
    ".csv.gz": _delimited(",", gzipped=True),
    ".tsv": _delimited("\t"),
    ".tsv.gz": _delimited("\t", gzipped=True),
    XLSX: FileType(read_xlsx),
    PARQUET: FileType(read_parquet, Writer(encode_parquet, join_parquet)),
}
WRITERS: Dict[str, Writer] = {suffix: kind.writer for suffix, kind in FILE_TYPES.items() if kind.writer is not None}


def choose_encode(output: Path, source: Path) -> Encode:
    """How rows of one file are encoded for another: what goes from Parquet to Parquet keeps its types.

    output (Path): The file to write.
    source (Path): The file that the rows came from.
    RETURNS (Encode): Makes a part of it.
    RAISES (UserError): The type is not known, or the source is broken.
    """
    suffix = file_type(output, WRITERS)
    if suffix == file_type(source) == PARQUET:
        return partial(encode_parquet, schema=read_schema(source))
    return WRITERS[suffix].encode


# Columns or sheets that a message names.
MAX_NAMES = 5

# What is often tried in their place.
NEIGHBOURS = {
    ".json": "JSON is read with one object a line: write it so, e.g. with jq -c '.[]', and name it .jsonl.",
    ".ndjson": "Name it .jsonl.",
    ".xls": "Save it as .xlsx.",
    ".txt": "Name it .tsv or .csv if its first line is a header.",
}


def file_type(path: Path, known: Mapping[str, Any] = FILE_TYPES) -> str:
    """The suffix that tells the type of a file, in lower case.

    path (Path): For example reviews.en.jsonl.gz.
    known (Mapping[str, Any]): The types to choose from: FILE_TYPES, or WRITERS for a file to write.
    RETURNS (str): For example .jsonl.gz.
    RAISES (UserError): The type is not known.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    if suffix.lower() not in known:
        hint = f" {NEIGHBOURS[suffix.lower()]}" if suffix.lower() in NEIGHBOURS else ""
        what = "read, not written" if suffix.lower() in FILE_TYPES else "unknown"
        raise UserError(f"{path}: the file type {suffix!r} is {what}. Expected one of {', '.join(known)}.{hint}")
    return suffix.lower()


def find_file(folder: Path, stem: str) -> Optional[Path]:
    """Find a file of a known type by its name without suffix, whatever the case of its letters.

    folder (Path): Where to look; it may not exist.
    stem (str): For example dev.
    RETURNS (Optional[Path]): For example folder/dev.CSV; None if there is none.
    RAISES (UserError): There are several, or the folder cannot be read.
    """
    names = {f"{stem}{suffix}".lower() for suffix in FILE_TYPES}
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise make_unreadable(folder, error) from error
    found = [path for path in entries if path.name.lower() in names and path.is_file()]
    if len(found) > 1:
        raise UserError(
            f"{folder} holds {' and '.join(path.name for path in found)}. Remove all but one, or name the one to read."
        )
    return found[0] if found else None


def read_rows(path: Path, *, quotes: Quotes = Quotes.FIELDS) -> Iterator[Row]:
    """Read the rows of one file as they are.

    path (Path): A file of a type that FILE_TYPES names; UTF-8 where it is text.
    quotes (Quotes): What quotes are in CSV and TSV.
    YIELDS (Row): Line (row of a sheet or table) and values by column. Rows without any value, which spreadsheets
        write at will, are passed over: lines of separators alone, and rows of empty cells.
    RAISES (UserError): The file or a line of it cannot be used, or it holds no rows.
    """
    kind = FILE_TYPES[file_type(path)]
    check_file(path)
    number = None
    try:
        for number, row in kind.read(path, quotes=quotes) if kind.has_quotes else kind.read(path):
            yield number, row
    except OSError as error:
        raise make_unreadable(path, error) from error
    if number is None:
        raise UserError(f"{describe_source(path)} holds no rows.{_ask_sheet(path)}")


def describe_source(path: Path) -> str:
    """How messages name a file.

    path (Path): A file of a type that FILE_TYPES names.
    RETURNS (str): Its path, and the sheet that is read where a workbook has several.
    RAISES (UserError): It is no workbook.
    """
    sheets = list_sheets(path) if file_type(path) == XLSX else []
    return f"{path}, sheet {find_sheet(path, sheets).name!r}" if len(sheets) > 1 else str(path)


def require_column(path: Path, line: int, row: Mapping[str, Any], column: str, *, option: str) -> None:
    """Refuse a row without a column.

    path (Path): Its file.
    line (int): Where it stands there.
    row (Mapping[str, Any]): Values by column.
    column (str): The column.
    option (str): How the user names the column, e.g. --vars.text_column.
    RAISES (UserError): The row has no such column.
    """
    if column in row:
        return
    suffix, names = file_type(path), list(map(str, row))
    alike = [name for name in names if _loosen(name) == _loosen(column)]
    cause = ""
    if alike:
        cause = f" Is {alike[0]!r} meant?"
    elif suffix == XLSX:
        cause = f" Row 1 must be the header, with no title above it.{_ask_sheet(path)}"
    elif FILE_TYPES[suffix].has_quotes:
        separator = guess_separator(names)
        cause = f" {ask_separator(separator)}." if separator else " Line 1 must be the header, with no title above it."
    raise UserError(
        f"{describe_source(path)}, line {line}: no column {column!r}, found {_list_names(names)}. "
        f"Name it with {option}.{cause}"
    )


def _loosen(name: str) -> str:
    """A name without what is easily overlooked: the case of letters, and signs that cannot be seen."""
    return "".join(sign for sign in name.casefold() if sign.isprintable() and not sign.isspace())


def _list_names(names: Sequence[str], joint: str = ", ") -> str:
    """A few names, with signs that cannot be seen written out."""
    rest = [f"{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return joint.join([*map(repr, names[:MAX_NAMES]), *rest]) or "none"


def _ask_sheet(path: Path) -> str:
    """Ask whether the reviews stand in another sheet, where there are several."""
    sheets = list_sheets(path) if file_type(path) == XLSX else []
    others = [sheet.name for sheet in sheets if sheet != find_sheet(path, sheets)]
    return f" If the reviews stand in {_list_names(others, ' or ')}, make it the first visible sheet." if others else ""
