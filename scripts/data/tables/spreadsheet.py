"""XLSX, which is read only."""

from pathlib import Path
from typing import Iterator

from openpyxl import load_workbook

from scripts.data.tables.rows import Row, check_header
from scripts.files import UserError


def read_xlsx(path: Path) -> Iterator[Row]:
    """Read the first sheet; its first row is the header, empty rows are passed over.

    path (Path): The file.
    YIELDS (Row): Its rows.
    RAISES (UserError): It is no workbook.
    """
    try:
        workbook = load_workbook(path, read_only=True)
    except Exception as error:
        raise UserError(f"{path}: not a readable .xlsx file ({error})") from error
    rows = workbook.worksheets[0].iter_rows(values_only=True)
    header = [str(name) for name in next(rows, ())]
    check_header(path, header)
    for number, values in enumerate(rows, start=2):
        if any(value is not None for value in values):
            yield number, dict(zip(header, values))
    workbook.close()
