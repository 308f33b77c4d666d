from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from scripts.data.tables.delimited import encode_delimited
from scripts.data.tables.file_types import read_rows, require_column
from scripts.data.tables.rows import Quotes
from scripts.files import UserError
from tests.data.table_files import write_text

# A row and what Excel, pandas or a person may have made of it.
PLAIN = [f"fine{i}\tPOSITIVE" for i in range(20)]


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode("utf8"))
    return path


def read(path: Path, **options: Any) -> List[Dict[str, Any]]:
    return [row for _, row in read_rows(path, **options)]


def swallow(separator: str, n_between: int, end: str = "\n") -> str:
    """A file whose fourth row begins with a quote; the next one is at the end of a text some rows below."""
    rows = [line.replace("\t", separator) for line in PLAIN]
    rows[3] = f'"Best of the year{separator}POSITIVE'
    rows[4 + n_between] = f'Full 15"{separator}POSITIVE'
    return "".join(line + end for line in (f"text{separator}label", *rows))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("n_between", [0, 1, 9])
@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ","), ("a.csv.gz", ",")])
def test_a_quote_that_swallows_rows_is_refused(
    name: str, separator: str, n_between: int, end: str, tmp_path: Path
) -> None:
    path = write_text(tmp_path / name, swallow(separator, n_between, end))
    with pytest.raises(UserError, match=rf"{name}, lines 5 to {6 + n_between}: a quote opens a field in line 5"):
        read(path)
    rows = read(path, quotes=Quotes.CHARACTERS)
    assert len(rows) == 20 and rows[3] == {"text": '"Best of the year', "label": "POSITIVE"}


def test_a_quote_swallows_no_rows_among_others_that_are_quoted(tmp_path: Path) -> None:
    # That some fields are quoted as they must be does not make rows of three lines one review.
    lines = swallow(",", 1).splitlines()
    quoted = [f'"well, well {i}",NEGATIVE' for i in range(20)]
    with pytest.raises(UserError, match=r"lines 25 to 27"):
        read(write(tmp_path / "a.csv", lines[0], *quoted, *lines[1:]))


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        # Excel: rows end in two characters, lines of a cell in one.
        (['"Good, then,bad\nso,three stars",3', "fine,4"], "\r\n"),
        # pandas: all in one. What looks like a row is prose: a space follows the comma.
        (['"I liked it, mostly\nso three stars",3', "fine,4"], "\n"),
        # One line of it looks like a row, but the file has texts with commas in quotes.
        (['"well,then\nbad",3', '"a, b, c",4', '"d, e",5'], "\n"),
        (['"one\n\ntwo ""quoted""\n",3', "fine,4"], "\n"),
    ],
)
def test_a_review_of_several_lines_is_one_row(lines: List[str], end: str, tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a.csv", "text,stars", *lines, end=end))
    assert [row["stars"] for row in rows] == [line[-1] for line in lines]
    assert rows[0]["text"] == lines[0][1:-3].replace('""', '"')


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_one_review_of_several_lines_among_short_ones_is_one_row(
    name: str, separator: str, order: Tuple[int, int], tmp_path: Path
) -> None:
    # Its first or its last line has the separators of a row, whichever column the text is.
    rows = [["text", "label"], *(line.split("\t") for line in PLAIN), ['"one\n\ntwo"', "POSITIVE"]]
    rows = [[row[i] for i in order] for row in rows]
    read_back = read(write(tmp_path / name, *(separator.join(row) for row in rows)))
    assert len(read_back) == 21 and read_back[-1]["text"] == "one\n\ntwo"


def test_what_many_reviews_say_in_their_second_line_makes_no_rows_of_them(tmp_path: Path) -> None:
    rows = [*(f'{i},"fine {i}\nVerdict,buy {i}"' for i in range(20)), *(f'{i},"well, so"' for i in range(20))]
    assert len(read(write(tmp_path / "a.csv", "id,text", *rows))) == 40


def test_a_header_may_go_over_lines_but_swallows_no_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.csv", 'text,"stars\n(1 to 5)"', "fine,4")) == [
        {"text": "fine", "stars\n(1 to 5)": "4"}
    ]
    rows = [line.replace("\t", ",") for line in PLAIN]
    with pytest.raises(UserError, match=r"lines 1 to 5: a quote opens a field in line 1"):
        read(write(tmp_path / "b.csv", 'text,"label', *rows[:3], 'fine,POSITIVE"', *rows))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("others", [[], ['"good (so it says)"'], [*['"he said ""no"""'] * 3, '15" wide']])
def test_a_quote_swallows_no_rows_of_one_column(name: str, others: List[str], tmp_path: Path) -> None:
    lines = ['"Best of the year', *(f"fine {i}" for i in range(20)), 'Full 15"', "last one"]
    path = write(tmp_path / name, "text", *lines, *others)
    with pytest.raises(UserError, match=r"lines 2 to 23: a quote opens .* In a file of one column, nothing tells"):
        read(path)
    assert [row["text"] for row in read(path, quotes=Quotes.CHARACTERS)] == [*lines, *others]


@pytest.mark.parametrize(
    ("header", "others", "end"),
    [
        ("text", ['"one, so"', '"he said ""no"""'], "\n"),
        ("text", ['"one\n\ntwo"', '"three\nfour"'], "\n"),
        # The writer quotes everything.
        ('"text"', ['"three"'], "\n"),
        # Excel.
        ("text", ["three"], "\r\n"),
    ],
)
def test_a_text_of_several_lines_in_one_column_is_one_row(
    header: str, others: List[str], end: str, tmp_path: Path
) -> None:
    rows = read(write(tmp_path / "a.csv", header, "fine", '"one\ntwo"', *others, end=end))
    assert len(rows) == 2 + len(others) and rows[1] == {"text": "one\ntwo"}


@pytest.mark.parametrize(
    "rows",
    [
        [*(f'{i},"words, so",{"NP"[i % 2]}' for i in range(40)), '41,"Best of the year,N', '42,Full 15",P', "43,x,N"],
        # Without a label, the number of the row is what they have in common.
        [*(f'{i},"words, so"' for i in range(40)), '41,"Best of the year', '42,Full 15"', "43,x"],
    ],
)
def test_a_quote_swallows_no_row_between_quoted_ones(rows: List[str], tmp_path: Path) -> None:
    header = ",".join(("id", "text", "label")[: rows[-1].count(",") + 1])
    with pytest.raises(UserError, match=r"lines 42 to 43: a quote opens a field in line 42"):
        read(write(tmp_path / "a.csv", header, *rows))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.csv", ["text;label", "good, so;N"], "line 2: 2 fields, the header has 1. Is ';' the separator"),
        ("a.csv", ['"text";"label"', "good;N"], "line 1: ',' expected after '\"'. Is ';' the separator"),
        ("a.tsv", ["text,label", '"good, so",N'], "line 2: '\t' expected after '\"'. Is ',' the separator"),
        ("a.csv", ["text,label", '"a \\"b\\" c",N'], 'line 2: .* Write a quote inside a field as "", not as'),
        ("a.csv", ["text,label", '"a "b" c",N'], "line 2: .*a quote stands inside a field in quotes. Write a quote"),
        ("a.csv", ["text,label", '"a,N', 'b,"N'], "lines 2 to 3: .*a quote stands inside a field in quotes"),
        ("a.csv", ["text,label", "a,N", '"b,N', "c,N"], "line 3: a quote that opens in this row .* up to line 4"),
        ("a.csv", ["text,label\ra,N\r"], "line 1: a carriage return stands in a field without quotes.* old Macs"),
        ("a.csv", ["Spring", "text,label", "a,N"], "line 2: 2 fields, the header has 1. .* with no title above it"),
        (
            "a.csv",
            ["text,label", "a,N,"],
            "line 2: 3 fields, the header has 2. Take off separators at the .* Quote fields",
        ),
        ("a.csv", ["", ",", ""], "the file is empty, expected a header line"),
        ("a.csv", ["text,label", "", ","], "holds no rows"),
        ("a.csv", ["sep=;", "text;label", "a,b;c;N"], "line 3: 3 fields, the header has 2. Quote fields"),
    ],
)
def test_what_cannot_be_read_names_line_and_cause(name: str, lines: List[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read(write(tmp_path / name, *lines))


def test_an_endless_field_is_a_quote_without_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "word " * 240_000
    assert read(write(tmp_path / "a.csv", "text,label", f"{long},N"))[0]["text"] == long
    monkeypatch.setattr("scripts.data.tables.delimited.LONGEST_FIELD", 1000)
    with pytest.raises(UserError, match=r"line 2: a quote that opens in this row is not closed up to line 10\d"):
        read(write(tmp_path / "b.csv", "text,label", *['"1 2 3 4,N'] + ["6 7 8 9,N"] * 200))


def test_the_first_line_may_name_the_separator(tmp_path: Path) -> None:
    for first, separator in (("sep=,", ","), ("sep=;", ";"), ('"sep=|"', "|"), ("\ufeffsep=\t", "\t")):
        path = write(tmp_path / "a.csv", first, f"text{separator}label", f"a{separator}N", end="\r\n")
        assert list(read_rows(path)) == [(3, {"text": "a", "label": "N"})]


def test_empty_rows_are_passed_over_and_columns_without_a_name_count_where_they_hold_something(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ",,,", "text,label,,", "a,N,,", "", ",,,", "b,P,,x")
    assert list(read_rows(path)) == [
        (3, {"text": "a", "label": "N"}),
        (6, {"text": "b", "label": "P", "column 4": "x"}),
    ]
    # The index that pandas writes.
    assert read(write(tmp_path / "b.csv", ",text", "0,a")) == [{"": "0", "text": "a"}]


def test_an_empty_text_in_quotes_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '""', "text", '""', "a", "", '""')
    assert list(read_rows(path)) == [(3, {"text": ""}), (4, {"text": "a"}), (6, {"text": ""})]
    assert read(write(tmp_path / "b.csv", "text,label", '"",""', ",", "a,N")) == [
        {"text": "", "label": ""},
        {"text": "a", "label": "N"},
    ]


def test_a_missing_column_tells_the_likely_cause(tmp_path: Path) -> None:
    for lines, message in (
        (["text;label", "good;N"], r"line 2: no column 'text', found 'text;label'. Name it .* Is ';' the separator\?"),
        (["\ufefftext\u200b ,label", "a,N"], r"found 'text\\u200b ', 'label'. .* Is 'text\\u200b ' meant\?"),
        (["TEXT,label", "a,N"], r"found 'TEXT', 'label'. .* Is 'TEXT' meant\?"),
        ([",".join("abcdefgh"), ",".join("abcdefgh")], r"found 'a', 'b', 'c', 'd', 'e', 3 more. Name"),
        (
            ["Spring,", "text,label"],
            r"line 2: no column 'text', found 'Spring', ''. Name it .* Line 1 must be the header",
        ),
    ):
        path = write(tmp_path / "a.csv", *lines)
        line, row = next(read_rows(path))
        with pytest.raises(UserError, match=message):
            require_column(path, line, row, "text", option="--text-column")


def test_half_a_character_cannot_be_written() -> None:
    with pytest.raises(UserError, match=r"Lines 7 to 7 of the input cannot be written: .*surrogates not allowed"):
        encode_delimited(",", [(7, {"text": "half \ud83d"})], ["text"])
