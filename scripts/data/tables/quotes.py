"""Quotes that are no quotes: a text that begins with one swallows the rows up to the next.

Nothing in a CSV or TSV file says whether its writer put fields into quotes, as spreadsheets do, or wrote quotes as they
came. A field in quotes that goes over several lines is right in the first case; in the second it is several rows. So
its lines are compared with all lines of the file.
"""

from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Set

from scripts.data.tables.lines import decode_lines
from scripts.files import UserError

# So many of the lines of a file whose writer did not quote have as many separators as its header.
UNQUOTED = 0.9
# A value is common, as labels are, if it stands in so many of the rows; and a column with more values has none.
COMMON = 0.005
MAX_VALUES = 10_000
REMEDY = (
    'Write a quote that belongs to a text as "" in a field in quotes; or, if no field of this file is in quotes, say '
    "so: --vars.quotes characters (apply: --quotes characters)."
)


class Survey(NamedTuple):
    """The lines of a file, each taken for a row, with quotes for characters like any other.

    share (float): Of the lines, those that have as many fields as the header.
    common (List[Set[str]]): By column the values that are common there.
    """

    share: float
    common: List[Set[str]]


def take_survey(path: Path, delimiter: str, n_fields: int) -> Survey:
    """Read a file line by line.

    path (Path): The file.
    delimiter (str): Separates the fields.
    n_fields (int): Fields of the header.
    RETURNS (Survey): What its lines are like.
    """
    n_lines = n_rows = 0
    counts: List[Dict[str, int]] = [Counter() for _ in range(n_fields)]
    for line in decode_lines(path):
        fields = _split(line, delimiter)
        n_lines += bool(line.strip())
        if len(fields) == n_fields:
            n_rows += 1
            for field, count in zip(fields, counts):
                if field in count or len(count) < MAX_VALUES:
                    count[field] = count.get(field, 0) + 1
    least = max(2, COMMON * n_rows)
    common = [{field for field, n in count.items() if field and n >= least} for count in counts]
    return Survey(n_rows / max(n_lines, 1), common)


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
    has them by right, where the field in quotes is the first or the last. Or all lines between the first and the last
    have a value that is common in its column. A line end other than the header's is none: Excel ends rows with two
    characters, lines of a cell with one.

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
    # With one column there is nothing to tell a row by.
    if len(lines) < 2 or n_fields < 2:
        return
    # In prose, a space follows a comma.
    prose = delimiter in ",;" and f"{delimiter} " not in header
    looks = [len(line) == n_fields and not (prose and any(f[:1] == " " for f in line[1:])) for line in lines]
    between = lines[1:-1]
    if (sum(looks) > 1 and survey().share >= UNQUOTED) or (
        between and all(looks[1:-1]) and all(_has_common(line, survey().common) for line in between)
    ):
        end = start + len(taken) - 1
        raise UserError(
            f"{path}, lines {start} to {end}: a quote opens a field in line {start} that only ends in line {end}, but "
            f"these lines look like rows of their own. {REMEDY}"
        )


def _split(line: str, delimiter: str) -> List[str]:
    """The fields of a line in which quotes are characters."""
    return line.rstrip("\r\n").split(delimiter)


def _has_common(fields: List[str], common: List[Set[str]]) -> bool:
    """Whether a field of a line is common in its column."""
    return any(field in values for field, values in zip(fields, common))
