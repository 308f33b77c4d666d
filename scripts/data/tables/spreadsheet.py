"""XLSX, which is read only: openpyxl parses its cells, one row at a time.

openpyxl's own way to read a sheet row by row believes the size that the sheet states, and leaves out rows whose number
is not above the one before. Here every row element of the sheet is a row.
"""

import warnings
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple
from xml.etree.ElementTree import Element, iterparse

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_datetime
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.escape import unescape
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from scripts.data.tables.contents import ZIP, check_content, check_file
from scripts.data.tables.rows import Row, check_header, name_columns
from scripts.files import UserError

SUFFIX = ".xlsx"
STRING_TAG = f"{{{SHEET_MAIN_NS}}}si"


class Sheet(NamedTuple):
    """A sheet of a workbook: its name, whether it is shown, and the file in the archive that holds it."""

    name: str
    is_visible: bool
    part: str


def list_sheets(path: Path) -> List[Sheet]:
    """List the sheets of a workbook, without those that hold a chart alone.

    path (Path): The file.
    RETURNS (List[Sheet]): The sheets in their order.
    RAISES (UserError): It is no workbook.
    """
    with _open_workbook(path) as (_, sheets):
        return sheets


def find_sheet(path: Path, sheets: List[Sheet]) -> Sheet:
    """The sheet that is read: the first that is not hidden.

    path (Path): The workbook, for the message.
    sheets (List[Sheet]): Its sheets.
    RETURNS (Sheet): The sheet.
    RAISES (UserError): There is none.
    """
    visible = [sheet for sheet in sheets if sheet.is_visible]
    if not visible:
        raise UserError(f"{path} holds no visible sheet. Save it as an ordinary .xlsx workbook (not Strict Open XML).")
    return visible[0]


def read_xlsx(path: Path) -> Iterator[Row]:
    """Read the first visible sheet; its first row is the header, empty rows are passed over.

    path (Path): The file.
    YIELDS (Row): Its rows. Dates and times are ISO text, as they are in every other type of file.
    RAISES (UserError): It is no workbook, it is damaged, or a formula has no value.
    """
    with _open_workbook(path) as (reader, sheets):
        sheet = find_sheet(path, sheets)
        number = 0
        try:
            for number, row in _name_values(path, _read_cells(reader, sheet, f"{path}, sheet {sheet.name!r}")):
                yield number, row
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{path}, sheet {sheet.name!r}: broken .xlsx file ({error}), readable up to row {number}. "
                "Copy it again, or open and save it in a spreadsheet program."
            ) from error


@contextmanager
def _open_workbook(path: Path) -> Iterator[Tuple[ExcelReader, List[Sheet]]]:
    """Open a workbook and list its sheets; their content is not read."""
    check_file(path)
    with path.open("rb") as file:
        check_content(path, file.read(64), expected=ZIP)
        try:
            reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
            reader.read_manifest()
            reader.read_workbook()
            found = [(sheet, link) for sheet, link in reader.parser.find_sheets() if "worksheet" in link.Type]
        except Exception as error:
            raise UserError(
                f"{path}: not a readable .xlsx file ({error}). Save it anew in a spreadsheet program."
            ) from error
        yield reader, [Sheet(sheet.name, sheet.state == "visible", link.target) for sheet, link in found]


def _name_values(path: Path, rows: Iterable[Tuple[int, Dict[int, Any]]]) -> Iterator[Row]:
    """Name the values of each row as the first row does; rows without any value are passed over."""
    names: List[str] = []
    nameless: Set[str] = set()
    for number, cells in rows:
        values = {column: value for column, value in cells.items() if value not in (None, "")}
        if values and not names:
            names, nameless = name_columns(path, [values.get(column) for column in range(1, max(values) + 1)])
        elif values:
            row = {
                name: cells.get(column)
                for column, name in enumerate(names, start=1)
                if name not in nameless or column in values
            }
            right = {f"column {column}": values[column] for column in sorted(values) if column > len(names)}
            if right:
                check_header(path, [*names, *right])
            yield number, {**row, **right}


def _read_cells(reader: ExcelReader, sheet: Sheet, where: str) -> Iterator[Tuple[int, Dict[int, Any]]]:
    """Read the rows of a sheet: their numbers, and values by the number of the column, from 1."""
    workbook = reader.wb
    strings = _read_strings(reader)
    # Tells which numbers are dates. It warns of workbooks without a default style.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apply_stylesheet(reader.archive, workbook)
    # Without date formats: openpyxl makes "#VALUE!" of a number that is no date.
    parser = WorkSheetParser(None, strings, data_only=True, epoch=workbook.epoch)
    with reader.archive.open(sheet.part) as file:
        for event, element in iterparse(file, events=("start", "end")):
            if event == "start" and element.tag == DATA_TAG:
                data = element
            if event == "start" or element.tag != ROW_TAG:
                continue
            parser.row_counter = int(float(element.get("r", parser.row_counter + 1)))
            parser.col_counter = 0
            values: Dict[int, Any] = {}
            for child in element:
                cell = parser.parse_cell(child)
                if cell["value"] is None and _lacks_value(child):
                    raise UserError(
                        f"{where}, cell {_name_cell(cell, parser)}: the formula has no stored value. "
                        "Open the file in a spreadsheet program and save it, or put values in place of formulas."
                    )
                if cell["column"] in values:
                    raise UserError(f"{where}: the cell {_name_cell(cell, parser)} is there twice. Save the file anew.")
                values[cell["column"]] = _to_value(cell, workbook)
            yield parser.row_counter, values
            # Else the rows that were read would stay in memory.
            data.clear()


def _read_strings(reader: ExcelReader) -> List[str]:
    """Read the texts of all cells; openpyxl's function undoes a half of how they are escaped."""
    part = reader.package.find(SHARED_STRINGS)
    if part is None:
        return []
    with reader.archive.open(part.PartName[1:]) as file:
        strings = []
        for _, element in iterparse(file):
            if element.tag == STRING_TAG:
                strings.append(Text.from_tree(element).content)
                element.clear()
        return strings


def _name_cell(cell: Dict[str, Any], parser: WorkSheetParser) -> str:
    """A cell as spreadsheet programs name it, e.g. B2."""
    return f"{get_column_letter(cell['column'])}{parser.row_counter}"


def _lacks_value(cell: Element) -> bool:
    """Whether an empty cell is a formula that was never calculated; one that gives no text is stored as empty text."""
    return cell.find(FORMULA_TAG) is not None and (cell.get("t") != "str" or cell.find(VALUE_TAG) is None)


def _to_value(cell: Dict[str, Any], workbook: Any) -> Any:
    """The value of a cell, as text where it is a date or a time."""
    value, style = cell["value"], cell["style_id"]
    if isinstance(value, str):
        # How XML keeps characters that it may not hold, such as carriage returns.
        return unescape(value)
    if cell["data_type"] == "n" and value is not None and style in workbook._date_formats:
        try:
            value = from_excel(value, workbook.epoch, timedelta=style in workbook._timedelta_formats)
        except (OverflowError, ValueError):
            return value
        if isinstance(value, datetime) and not any((value.hour, value.minute, value.second, value.microsecond)):
            number = workbook._cell_styles[style].numFmtId
            known = BUILTIN_FORMATS.get(number) if number < 164 else workbook._number_formats[number - 164]
            value = value.date() if is_datetime(known) == "date" else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
