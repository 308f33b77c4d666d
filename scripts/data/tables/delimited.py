"""CSV and TSV: a header and quoted fields, as spreadsheet programs write them."""

import csv
import io
import re
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Set

from scripts.data.tables.json_lines import dump_value, to_text
from scripts.data.tables.lines import decode_lines, remember
from scripts.data.tables.quotes import REMEDY, check_swallowed, take_survey
from scripts.data.tables.rows import Quotes, Row, check_header, name_columns
from scripts.files import UserError

# Characters. Longer than any text that a pipeline takes, so that only a quote without its end gets there.
LONGEST_FIELD = 10_000_000
SEPARATORS = ",;\t|"
# What Excel understands in a first line of its own.
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')


def read_delimited(delimiter: str, path: Path, *, quotes: Quotes = Quotes.FIELDS) -> Iterator[Row]:
    """Read CSV or TSV; a quoted field may hold line breaks.

    delimiter (str): Separates the fields, if the first line does not name another one (sep=;).
    path (Path): The file.
    quotes (Quotes): What quotes are.
    YIELDS (Row): Its rows; all values are text. Lines that are blank or separators alone are
        passed over.
    RAISES (UserError): A row does not fit the header, or the quotes are wrong.
    """
    csv.field_size_limit(LONGEST_FIELD)
    lines = decode_lines(path)
    first = next(lines, "")
    named = SEPARATOR_LINE.fullmatch(first)
    delimiter, n_skipped = (named.group(1), 1) if named else (delimiter, 0)
    # The lines of the row that is being read.
    taken: List[str] = []
    source = remember(lines if named else chain([first], lines), taken)
    reader = csv.reader(
        source,
        delimiter=delimiter,
        strict=True,
        quoting=csv.QUOTE_NONE if quotes is Quotes.CHARACTERS else csv.QUOTE_MINIMAL,
    )
    header: List[str] = []
    nameless: Set[str] = set()
    header_line = ""
    while True:
        taken.clear()
        start = reader.line_num + n_skipped + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise UserError(_explain(error, path, start, taken, header_line or "".join(taken), delimiter)) from error
        if row is None:
            break
        # Separators alone are what spreadsheets write at will; a value in quotes that is empty was written as one.
        if not any(row) and (not header or '"' not in "".join(taken)):
            continue
        end = reader.line_num + n_skipped
        is_header = not header
        if is_header:
            header, header_line = row, "".join(taken)
            # One column without a name is what pandas writes; several are empty ones.
            if header.count("") > 1:
                header, nameless = name_columns(path, header)
            check_header(path, header)
            survey = cache(partial(take_survey, path, delimiter, len(header)))
        if len(taken) > 1:
            check_swallowed(
                path, taken, start, header=header_line, n_fields=len(header), delimiter=delimiter, survey=survey
            )
        if is_header:
            continue
        if len(row) != len(header):
            separator = guess_separator([header_line], delimiter)
            title = " Line 1 must be the header, with no title above it." if len(header) == 1 else ""
            cause = ask_separator(separator) if separator else f"Quote fields that hold the separator.{title}"
            if not separator and len(row) > len(header) and not any(row[len(header) :]):
                cause = f"Take off separators at the end of the line, or name their columns. {cause}"
            raise UserError(f"{path}, line {end}: {len(row)} fields, the header has {len(header)}. {cause}")
        values = dict(zip(header, row))
        if nameless:
            values = {name: value for name, value in values.items() if value or name not in nameless}
        yield end, values
    if not header:
        raise UserError(f"{path}: the file is empty, expected a header line")


def _explain(error: csv.Error, path: Path, start: int, taken: List[str], header: str, delimiter: str) -> str:
    """What to say of a row that the csv module cannot read; its own words name no cause."""
    text, said = "".join(taken), str(error)
    separator = guess_separator([header], delimiter)
    end = start + len(taken) - 1
    if separator:
        return f"{path}, line {end}: {said}. {ask_separator(separator)}"
    if "new-line character" in said:
        return (
            f"{path}, line {end}: a carriage return stands in a field without quotes. If the lines end in carriage "
            "returns alone, as on old Macs, save the file with line feeds; else quote the field."
        )
    if "unexpected end" in said or "field limit" in said:
        return f"{path}, line {start}: a quote that opens in this row is not closed up to line {end}. {REMEDY}"
    if '\\"' in text:
        return f'{path}, line {end}: {said}. Write a quote inside a field as "", not as \\".'
    if "expected after" in said:
        place = f"lines {start} to {end}" if end > start else f"line {end}"
        return f"{path}, {place}: {said}, so a quote stands inside a field in quotes. {REMEDY}"
    return f"{path}, line {end}: {said}"


def guess_separator(names: Sequence[str], delimiter: str = "") -> Optional[str]:
    """Guess which separator a file has in place of the one that its name says.

    names (Sequence[str]): The header, in which nothing was separated if it is one name.
    delimiter (str): The separator that the name says.
    RETURNS (Optional[str]): Another one that the header holds; None if there is none.
    """
    if len(names) != 1 or (delimiter and delimiter in names[0]):
        return None
    return next((separator for separator in SEPARATORS if separator != delimiter and separator in names[0]), None)


def ask_separator(separator: str) -> str:
    """Ask whether a separator is meant, and say what to do then.

    separator (str): The separator.
    RETURNS (str): A sentence or two.
    """
    return f"Is {separator!r} the separator? Then put a line before the header: sep={separator}"


def encode_delimited(delimiter: str, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Make CSV or TSV.

    delimiter (str): Separates the fields.
    rows (Sequence[Row]): The rows.
    columns (Sequence[str]): Columns of the file.
    RETURNS (bytes): Lines without the header; dates and times as ISO text, durations and
        decimal numbers as text, and what else is no text or number as JSON.
    RAISES (UserError): A value has no place in JSON.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    for line, row in rows:
        writer.writerow([_to_field(line, row.get(column)) for column in columns])
    try:
        return buffer.getvalue().encode("utf8")
    except UnicodeEncodeError as error:
        raise UserError(f"Lines {rows[0][0]} to {rows[-1][0]} of the input cannot be written: {error}") from error


def _to_field(line: int, value: Any) -> Any:
    """What the csv module writes of a value."""
    if isinstance(value, (date, time, timedelta, Decimal)):
        return to_text(value)
    return value if value is None or isinstance(value, (str, int, float)) else dump_value(line, value)
