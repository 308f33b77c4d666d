"""CSV and TSV: a header and quoted fields, as spreadsheet programs write them."""

import csv
import io
from pathlib import Path
from typing import Iterator, Sequence

from scripts.data.tables.json_lines import dump_value
from scripts.data.tables.lines import decode_lines
from scripts.data.tables.rows import Row, check_header
from scripts.files import UserError


def read_delimited(delimiter: str, path: Path) -> Iterator[Row]:
    """Read CSV or TSV; a quoted field may hold line breaks.

    delimiter (str): Separates the fields.
    path (Path): The file.
    YIELDS (Row): Its rows; all values are text.
    RAISES (UserError): A row does not fit the header, or the quotes are wrong.
    """
    reader = csv.reader(decode_lines(path), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise UserError(f"{path}: the file is empty, expected a header line")
        check_header(path, header)
        for row in reader:
            if row and len(row) != len(header):
                raise UserError(
                    f"{path}, line {reader.line_num}: {len(row)} fields, the header has {len(header)}. "
                    "Quote fields that hold the separator."
                )
            if row:
                yield reader.line_num, dict(zip(header, row))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from error


def encode_delimited(delimiter: str, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Make CSV or TSV.

    delimiter (str): Separates the fields.
    rows (Sequence[Row]): The rows.
    columns (Sequence[str]): Columns of the file.
    RETURNS (bytes): Lines without the header; what is no text or number is JSON.
    RAISES (UserError): A value has no place in JSON.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    for line, row in rows:
        values = [row.get(column) for column in columns]
        writer.writerow(
            [
                value if value is None or isinstance(value, (str, int, float)) else dump_value(line, value)
                for value in values
            ]
        )
    return buffer.getvalue().encode("utf8")
