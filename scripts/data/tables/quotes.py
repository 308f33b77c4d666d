"""Quotes that are no quotes: a text that begins with one swallows the rows up to the next.

Nothing in a CSV or TSV file says whether its writer put fields into quotes, as spreadsheets do, or wrote quotes as they
came. A field in quotes that goes over several lines is right in the first case; in the second it is several rows. So
its lines are compared with all lines of the file.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Set, Tuple

from scripts.data.tables.lines import decode_lines, remember
from scripts.files import UserError

# So many of the lines of a file whose writer did not quote have as many separators as its header.
UNQUOTED = 0.9
# A value is common, as labels are, if it stands in so many of the rows; and a column with more values has none.
COMMON = 0.005
MAX_VALUES = 10_000
# In a file of one column: so many fields but the doubtful one must be in quotes.
LEAST_OTHERS = 2
REMEDY = (
    'Write a quote that belongs to a text as "" in a field in quotes; or, if no field of this file is in quotes, say '
    "so: --vars.quotes characters (apply: --quotes characters)."
)


class Survey(NamedTuple):
    """What the lines and rows of a file are like.

    share (float): Of the lines, those that have as many fields as the header, where quotes are characters.
    common (List[Set[str]]): By column the values that are common in rows of one line; all whole numbers are one.
    n_quoted (int): The rows that begin with a quote as they must, since they hold a separator, a quote or a line end.
        None, if another one holds a quote. It says something of a file of one column.
    """

    share: float
    common: List[Set[str]]
    n_quoted: int


def take_survey(path: Path, delimiter: str, n_fields: int) -> Survey:
    """Read a file line by line, and row by row.

    path (Path): The file.
    delimiter (str): Separates the fields.
    n_fields (int): Fields of the header.
    RETURNS (Survey): What it is like.
    """
    n_lines = n_plain = n_rows = n_quoted = 0
    for line in decode_lines(path):
        n_lines += bool(line.strip())
        n_plain += len(_split(line, delimiter)) == n_fields
    counts: List[Dict[str, int]] = [Counter() for _ in range(n_fields)]
    is_quoting = True
    for row, lines in _read_rows(path, delimiter):
        is_quoted = lines[0].startswith('"')
        # A writer that quotes would have put such a field into quotes.
        is_quoting = is_quoting and (is_quoted or '"' not in "".join(row))
        n_quoted += is_quoted and any(sign in "".join(row) for sign in (delimiter, '"', "\n"))
        if len(lines) == 1 and len(row) == n_fields:
            n_rows += 1
            for field, count in zip(map(_to_kind, row), counts):
                if field in count or len(count) < MAX_VALUES:
                    count[field] = count.get(field, 0) + 1
    least = max(2, COMMON * n_rows)
    common = [{field for field, n in count.items() if field and n >= least} for count in counts]
    return Survey(n_plain / max(n_lines, 1), common, n_quoted if is_quoting else 0)


def _read_rows(path: Path, delimiter: str) -> Iterator[Tuple[List[str], List[str]]]:
    """Rows and their lines, up to one that is wrong: the reader tells of it."""
    taken: List[str] = []
    try:
        for row in csv.reader(remember(decode_lines(path), taken), delimiter=delimiter, strict=True):
            yield row, taken
            taken.clear()
    except csv.Error:
        return


def check_swallowed(
    path: Path,
    taken: List[str],
    start: int,
    *,
    header: str,
    n_fields: int,
    delimiter: str,
    survey: Callable[[], Survey],
) -> None:
    """Refuse a row over several lines which look like rows of their own.

    Either the file's writer did not quote, and two of the lines have the separators of a row, not those of prose: one
    has them by right, where the field in quotes is the first or the last. Or all lines between the first and the last,
    or both if there is none between, have a value that is common in its column. A line end other than the header's is
    none: Excel ends rows with two characters, lines of a cell with one.

    In a file of one column, every line looks like a row. There, two other fields must be in quotes with good reason, or
    the header must be in quotes. That is so in most files of a writer that quotes; a few right ones are refused.

    path (Path): The file.
    taken (List[str]): The lines that the row was made of.
    start (int): Number of the first one.
    header (str): The line of the header.
    n_fields (int): Its fields.
    delimiter (str): Separates the fields.
    survey (Callable[[], Survey]): Takes the survey of the file, which is hardly ever needed.
    RAISES (UserError): The lines look like rows.
    """
    line_end = "\r\n" if header.endswith("\r\n") else "\n"
    lines = [_split(line, delimiter) for line in "".join(taken).split(line_end) if line.strip()]
    if "".join(taken) == header:
        # Its first line has the separators of a row in any case: a name of a column may go over lines.
        lines = lines[1:]
    if len(lines) < 2:
        return
    end = start + len(taken) - 1
    place = f"{path}, lines {start} to {end}: a quote opens a field in line {start} that only ends in line {end}"
    if n_fields == 1:
        if header.startswith('"') or survey().n_quoted > LEAST_OTHERS:
            return
        raise UserError(
            f"{place}. In a file of one column, nothing tells whether that is one text or several rows. If it is one, "
            f"put the name of the column in line 1 into quotes, too. {REMEDY}"
        )
    # In prose, a space follows a comma.
    prose = delimiter in ",;" and f"{delimiter} " not in header
    looks = [len(line) == n_fields and not (prose and any(f[:1] == " " for f in line[1:])) for line in lines]
    middle = slice(1, -1) if len(lines) > 2 else slice(None)
    if (sum(looks) > 1 and survey().share >= UNQUOTED) or (
        all(looks[middle]) and all(_has_common(line, survey().common) for line in lines[middle])
    ):
        raise UserError(f"{place}, but these lines look like rows of their own. {REMEDY}")


def _split(line: str, delimiter: str) -> List[str]:
    """The fields of a line in which quotes are characters."""
    return line.rstrip("\r\n").split(delimiter)


def _has_common(fields: List[str], common: List[Set[str]]) -> bool:
    """Whether a field of a line is common in its column."""
    return any(_to_kind(field) in values for field, values in zip(fields, common))


def _to_kind(field: str) -> str:
    """What a field counts as: numbers of rows have nothing else in common."""
    return "0" if field.isdigit() else field
