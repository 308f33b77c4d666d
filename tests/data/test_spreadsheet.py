import datetime
import re
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from openpyxl import Workbook
from openpyxl.xml.constants import SHARED_STRINGS

from scripts.data.tables.file_types import describe_source, read_rows, require_column
from scripts.files import UserError

HEADER = ("text", "label")
ROWS = [(f"review {i}", ("NEGATIVE", "POSITIVE")[i % 2]) for i in range(20)]
Change = Callable[[Workbook, Any], Any]


def write(path: Path, rows: List[Any], change: Optional[Change] = None) -> Path:
    workbook = Workbook()
    sheet: Any = workbook.active
    for row in rows:
        sheet.append(row)
    if change:
        change(workbook, sheet)
    workbook.save(path)
    return path


def patch(path: Path, old: str, new: str, part: str = "xl/worksheets/sheet1.xml") -> Path:
    """Change the XML of a sheet, with checksums that are right, as other programs write sheets."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    before = parts.get(part, b"").decode("utf8")
    changed = re.sub(old, new, before)
    assert changed != before
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, part: changed.encode("utf8")}.items():
            archive.writestr(name, content)
    return path


def read(path: Path) -> List[Dict[str, Any]]:
    return [row for _, row in read_rows(path)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r'ref="A1:B21"', 'ref="A1:B11"'),
        (r'ref="A1:B21"', 'ref="A1"'),
        (r'<dimension ref="A1:B21" ?/>', ""),
        (r'<row r="\d+"', "<row"),
        (r'(<row|<c) r="\w+"', r"\1"),
        (r'<row r="1\d"', '<row r="4"'),
    ],
)
def test_every_row_is_read_whatever_the_sheet_says_of_its_size_and_order(old: str, new: str, tmp_path: Path) -> None:
    path = patch(write(tmp_path / "a.xlsx", [HEADER, *ROWS]), old, new)
    assert [tuple(row.values()) for row in read(path)] == ROWS


def test_a_formula_gives_its_stored_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, ("=1+1", "x"), ("=A9", "y")])
    patch(path, r'<c r="A2"><f>1\+1</f><v ?/>', '<c r="A2" t="str"><f>A9</f><v>two</v>')
    with pytest.raises(UserError, match=r"a.xlsx, sheet 'Sheet', cell A3: the formula has no stored value"):
        read(path)
    # What a formula gives that says "nothing".
    patch(path, r'<c r="A3"><f>A9</f><v ?/>', '<c r="A3" t="str"><f>A9</f><v></v>')
    assert read(path) == [{"text": "two", "label": "x"}, {"text": None, "label": "y"}]


def test_dates_and_times_are_text(tmp_path: Path) -> None:
    values = [datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1), datetime.datetime(2024, 3, 1, 9, 30)]
    row = ["a", *values, datetime.time(9, 30), datetime.timedelta(hours=26), 1.5, True, None]
    # A number that is no date, in a cell that is formatted as one.
    path = write(tmp_path / "a.xlsx", [[*"tdefghijk"], row], lambda _, s: setattr(s["I2"], "number_format", "yyyy"))
    found = read(patch(path, r'(<c r="I2"[^/]*)/>', r"\1><v>99999999</v></c>"))
    assert list(found[0].values()) == [
        *("a", "2024-03-01", "2024-03-01T00:00:00", "2024-03-01T09:30:00", "09:30:00", "1 day, 2:00:00"),
        *(1.5, True, 99999999),
    ]


def test_what_xml_cannot_hold_is_unescaped_once(tmp_path: Path) -> None:
    rows = [("text_x000D_", "b"), ("one_x000D_\ntwo", "_x005F_x000D_"), ("x005F_", "#REF!")]
    assert read(write(tmp_path / "a.xlsx", rows)) == [
        {"text\r": "one\r\ntwo", "b": "_x000D_"},
        {"text\r": "x005F_", "b": "#REF!"},
    ]


def test_texts_may_stand_in_a_part_of_their_own(tmp_path: Path) -> None:
    path = patch(
        write(tmp_path / "a.xlsx", [HEADER, *ROWS]), r't="inlineStr"><is><t>review 5</t></is>', 't="s"><v>1</v>'
    )
    texts = "<si><t>no</t></si><si><r><t>_x005F_x000D_, </t></r><r><t>x005F_ and_x000D_</t></r></si>"
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    patch(path, "^$", f'<sst xmlns="{namespace}">{texts}</sst>', "xl/sharedStrings.xml")
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHARED_STRINGS}"/></Types>'
    patch(path, "</Types>", override, "[Content_Types].xml")
    assert [row["text"] for row in read(path)][4:6] == ["review 4", "_x000D_, x005F_ and\r"]


def test_the_first_visible_sheet_is_read_and_named(tmp_path: Path) -> None:
    def hide(workbook: Workbook, sheet: Any) -> None:
        sheet.sheet_state = "hidden"
        for name in ("now", "later"):
            workbook.create_sheet(name).append(HEADER)
        workbook["now"].append(ROWS[0])

    path = write(tmp_path / "a.xlsx", [HEADER, ("old", "old")], hide)
    assert [tuple(row.values()) for row in read(path)] == ROWS[:1]
    assert describe_source(path) == f"{path}, sheet 'now'"
    assert describe_source(write(tmp_path / "one.xlsx", [HEADER])) == str(tmp_path / "one.xlsx")


def test_a_sheet_without_rows_is_named_and_so_are_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [("Exported on Monday",)], lambda workbook, _: workbook.create_sheet("data"))
    with pytest.raises(UserError, match=r"a.xlsx, sheet 'Sheet' holds no rows. If the reviews stand in 'data', make"):
        read(path)
    many = write(tmp_path / "c.xlsx", [], lambda workbook, _: [workbook.create_sheet(str(i)) for i in range(9)])
    with pytest.raises(UserError, match=r"stand in '0' or '1' or '2' or '3' or '4' or 4 more, make"):
        read(many)
    with pytest.raises(UserError, match=r"b.xlsx holds no rows\.$"):
        read(write(tmp_path / "b.xlsx", []))


def test_columns_without_a_name_count_only_where_they_hold_something(tmp_path: Path) -> None:
    def format_cells(_: Workbook, sheet: Any) -> None:
        for place in ("C1", "D1", "XFD3", "A9"):
            sheet[place].number_format = "0.00"

    path = write(tmp_path / "a.xlsx", [(), (*HEADER, None, "n"), *ROWS[:2], (None, ""), ("a", "b", 1, None, 2)])
    assert read(path) == [
        *({"text": text, "label": label, "n": None} for text, label in ROWS[:2]),
        {"text": "a", "label": "b", "n": None, "column 3": 1, "column 5": 2},
    ]
    path = write(tmp_path / "b.xlsx", [HEADER, *ROWS[:2]], format_cells)
    assert [list(row) for row in read(path)] == [list(HEADER)] * 2
    with pytest.raises(UserError, match=r"the header names 'text' twice"):
        read(write(tmp_path / "c.xlsx", [("text", None, "text"), ("a", "b", "c")]))


def test_a_column_without_a_name_takes_none_from_another(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [("text", "label", "column 4", None), ("a", "N", "b", "z")])
    with pytest.raises(
        UserError, match=r"the header names 'column 4' twice. Rename one; a column without a name is called"
    ):
        read(path)
    assert read(write(path, [("text", "label", "column 4", None), ("a", "N", "b", None)])) == [
        {"text": "a", "label": "N", "column 4": "b"}
    ]


def test_a_title_above_the_header_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [("Spring", None), HEADER, *ROWS])
    line, row = next(read_rows(path))
    with pytest.raises(
        UserError, match=r"line 2: no column 'text', found 'Spring', 'column 2'. Name .* Row 1 must be the"
    ):
        require_column(path, line, row, "text", option="--text-column")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r"(?s)<row r=.9.*", "", r"sheet 'Sheet': broken .xlsx file \(.*\), readable up to row 8"),
        (r"(?s)</sheetData>.*", "", r"broken .xlsx file"),
        (r't="inlineStr"><is><t>review 5.*?</is>', 't="s"><v>500</v>', r"broken .xlsx file .*readable up to row 6"),
        (r'<c r="B7"', '<c r="A7"', r"the cell A7 is there twice"),
    ],
)
def test_a_damaged_sheet_is_told_with_the_row_reached(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = patch(write(tmp_path / "a.xlsx", [HEADER, *ROWS]), old, new)
    with pytest.raises(UserError, match=message):
        read(path)


def test_damage_in_the_archive_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, *ROWS])
    content = bytearray(path.read_bytes())
    start = content.index(b"xl/worksheets/sheet1.xml") + 60
    content[start : start + 9] = bytes(9)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.xlsx, sheet 'Sheet': broken .xlsx file"):
        read(path)
    path.write_bytes(content[:900])
    with pytest.raises(UserError, match=r"a.xlsx: not a readable .xlsx file"):
        read(path)
