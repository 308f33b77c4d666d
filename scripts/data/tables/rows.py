"""What all file types share: rows, and the header that names their columns."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

from scripts.files import UserError

# Line (row of a sheet or table) of a file, and values by column.
Row = Tuple[int, Dict[str, Any]]
# From rows and the file's columns to a part of a file.
Encode = Callable[[Sequence[Row], Sequence[str]], bytes]


def check_header(path: Path, header: List[str]) -> None:
    """Refuse a header with two columns of one name, of which a row could keep one alone.

    path (Path): The file, for the message.
    header (List[str]): Names of the columns.
    RAISES (UserError): A name stands there twice.
    """
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(f"{path}, line 1: the header names {', '.join(map(repr, twice))} twice. Rename one.")
