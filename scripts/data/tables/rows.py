"""What all file types share: rows, and the header that names their columns."""

from enum import Enum
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple

from scripts.files import UserError

# Line (row of a sheet or table) of a file, and values by column.
Row = Tuple[int, Dict[str, Any]]
# From rows and the file's columns to a part of a file.
Encode = Callable[[Sequence[Row], Sequence[str]], bytes]


class Quotes(str, Enum):
    """What quotes are in CSV and TSV: around fields, as spreadsheets write them, or characters like any other."""

    FIELDS = "fields"
    CHARACTERS = "characters"


def check_header(path: Path, header: List[str]) -> None:
    """Refuse a header with two columns of one name, of which a row could keep one alone.

    path (Path): The file, for the message.
    header (List[str]): Names of the columns.
    RAISES (UserError): A name stands there twice.
    """
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(
            f"{path}, line 1: the header names {', '.join(map(repr, twice))} twice. Rename one; a column without "
            "a name is called by its number."
        )


def name_columns(path: Path, header: Sequence[Any]) -> Tuple[List[str], Set[str]]:
    """Name the columns of a table as its header does; a column without a name has its number.

    path (Path): The file, for the message.
    header (Sequence[Any]): The first row; None or empty where a column has no name.
    RETURNS (Tuple[List[str], Set[str]]): All names, and those that the header has not: such a column counts only in
        rows that have a value there, as spreadsheets write empty ones at will.
    RAISES (UserError): A name stands there twice.
    """
    numbered = {index: f"column {index + 1}" for index, name in enumerate(header) if name in (None, "")}
    names = [numbered.get(index, str(name)) for index, name in enumerate(header)]
    check_header(path, names)
    return names, set(numbered.values())
