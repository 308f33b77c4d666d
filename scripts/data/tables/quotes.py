"""Quotes that are no quotes: a text that begins with one swallows the rows up to the next.

Nothing in a CSV or TSV file says whether its writer put fields into quotes, as spreadsheets do, or wrote quotes as they
came. A field in quotes that goes over several lines is right in the first case; in the second it is several rows.
"""

from pathlib import Path
from typing import List

from scripts.data.tables.lines import decode_lines
from scripts.files import UserError

# So many of the lines of a file whose writer did not quote have as many separators as its header.
SHARE = 0.9
REMEDY = (
    'Write a quote that belongs to a text as "" in a field in quotes; or, if no field of this file is in quotes, say '
    "so: --vars.quotes characters (apply: --quotes characters)."
)


def check_swallowed(path: Path, taken: List[str], start: int, *, header: str, delimiter: str, n_fields: int) -> None:
    """Refuse a row over several lines which look like rows of their own.

    Either all lines do, and they are three or more; or some do, and nearly all lines of the file do, so that its writer
    did not quote. A line end other than the header's is none: Excel ends rows with two characters, lines of a cell with
    one.

    path (Path): The file.
    taken (List[str]): The lines that the row was made of.
    start (int): Number of the first one.
    header (str): The line of the header.
    delimiter (str): Separates the fields.
    n_fields (int): Fields of the header.
    RAISES (UserError): The lines look like rows.
    """
    line_end = "\r\n" if header.endswith("\r\n") else "\n"
    lines = [line for line in "".join(taken).split(line_end) if line.strip()]
    # With one column there is nothing to tell a row by.
    if len(lines) < 2 or n_fields < 2:
        return
    looks = [_looks_like_row(line, header, delimiter, n_fields) for line in lines]
    if (all(looks) and len(lines) > 2) or (any(looks[:-1]) and _is_unquoted(path, delimiter, n_fields)):
        raise UserError(
            f"{path}, lines {start} to {start + len(taken) - 1}: a quote opens a field in line {start} that only ends "
            f"in line {start + len(taken) - 1}, but these lines look like rows of their own. {REMEDY}"
        )


def _looks_like_row(line: str, header: str, delimiter: str, n_fields: int) -> bool:
    """Whether a line has the separators of a row, and not those of prose, which has a space after a comma."""
    is_prose = delimiter in ",;" and f"{delimiter} " in line and f"{delimiter} " not in header
    return line.count(delimiter) == n_fields - 1 and not is_prose


def _is_unquoted(path: Path, delimiter: str, n_fields: int) -> bool:
    """Whether nearly all lines of a file have the separators of a row, if quotes are characters like any other."""
    n_rows = n_lines = 0
    for line in decode_lines(path):
        if line.strip():
            n_lines += 1
            n_rows += line.count(delimiter) == n_fields - 1
    return n_rows >= SHARE * n_lines
