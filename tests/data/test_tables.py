import gzip
import os
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.data.tables.file_types import FILE_TYPES, WRITERS, file_type, find_file, read_rows
from scripts.files import UserError
from tests.conftest import ROOT
from tests.data.table_files import WRITERS as TEST_WRITERS
from tests.data.table_files import write_text

ROWS = [{"text": "good, really", "label": "POSITIVE"}, {"text": 'bad "one"\nagain\t😀', "label": "NEGATIVE"}]
LINES = [suffix for suffix in WRITERS if suffix != ".parquet"]
GZIPPED = gzip.compress(b"".join(b'{"text": "%d"}\n' % (i**9) for i in range(2000)), mtime=0)
DELIMITED = [suffix for suffix in LINES if suffix[:4] in (".csv", ".tsv")]

# Before 3.11, Python's csv takes no NUL.
TEXT = st.text(st.characters(codec="utf8", exclude_characters="" if sys.version_info >= (3, 11) else "\0"))


def read(path: Path) -> List[Dict[str, Any]]:
    return [row for _, row in read_rows(path)]


def write(path: Path, *parts: Any, source: Path = Path("source.jsonl")) -> Path:
    """Write a file in parts, as the processes of `apply` do."""
    writer = WRITERS[file_type(path, WRITERS)]
    columns = list(dict.fromkeys(column for part in parts for row in part for column in row))
    part_paths = [path.with_name(f"{number}.part") for number in range(len(parts))]
    for part, part_path in zip(parts, part_paths):
        part_path.write_bytes(writer.encode(list(enumerate(part, start=1)), columns))
    writer.join(part_paths, path, columns, source)
    return path


def import_parquet() -> Any:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
    from pyarrow import parquet

    return parquet


@pytest.mark.parametrize("suffix", TEST_WRITERS)
def test_every_type_gives_the_same_rows_and_says_where_they_stand(suffix: str, tmp_path: Path) -> None:
    rows = list(read_rows(TEST_WRITERS[suffix](tmp_path / f"table{suffix}", ROWS)))
    assert [row for _, row in rows] == ROWS
    # A quoted field of a text file may go over lines.
    assert [line for line, _ in rows] == ([2, 4] if suffix in DELIMITED else [2, 3] if suffix == ".xlsx" else [1, 2])


def test_types_are_told_by_the_suffix(tmp_path: Path) -> None:
    assert set(FILE_TYPES) == {*TEST_WRITERS, ".parquet"}
    assert file_type(Path("reviews.en.csv.gz")) == ".csv.gz"
    with pytest.raises(
        UserError, match=r"reviews.txt: the file type '.txt' is unknown. Expected one of .jsonl, .*.xlsx"
    ):
        next(read_rows(tmp_path / "reviews.txt"))
    with pytest.raises(
        UserError, match=r"the file type '.xlsx' is read, not written. Expected one of .jsonl, .*.parquet.$"
    ):
        file_type(Path("out.xlsx"), WRITERS)
    with pytest.raises(UserError, match=r"absent.csv does not exist"):
        next(read_rows(tmp_path / "absent.csv"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "fine"}\n{"text": "caf\xe9"}\n', "line 2: byte 0xe9 is not UTF-8"),
        ("a.jsonl", b'\n{"text": "x"\n', "line 2: not valid JSON"),
        ("a.jsonl", b'{"text": "x"}\n[1, 2]\n', r"line 2: expected a JSON object such as .*, got '\[1, 2\]"),
        ("a.jsonl.gz", b"no gzip", "broken gzip file"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "cut off"}', mtime=0)[:-9], "broken gzip file"),
        ("a.csv", b"text,label\nfine,POSITIVE\ncaf\xe9,POSITIVE\n", "line 3: byte 0xe9 is not UTF-8"),
        ("a.csv", b"text,label\nfine, but unquoted,POSITIVE\n", "line 2: 3 fields, the header has 2. Quote fields"),
        ("a.tsv", b'text\tlabel\n"stray" quote\tPOSITIVE\n', "line 2: '\t' expected after '\"'"),
        ("a.csv", b"text,a,a\nb,c,d\n", "line 1: the header names 'a' twice. Rename one"),
        ("a.csv", b"", "the file is empty, expected a header line"),
        ("a.xlsx", b"no zip", "not a readable .xlsx file"),
        (
            "a.jsonl",
            b'{"text": "x", "text": "y"}\n',
            "line 1: not valid JSON .an object names 'text' twice.. Rename one",
        ),
        ("a.jsonl", b"[" * 200_000, "line 1: not valid JSON .maximum recursion depth"),
        ("a.jsonl", b'[{"text": "x"}]', r"line 1: expected a JSON object .* one long list: write one object a line"),
        ("a.jsonl", b'[\n {"text": "x"}\n]', r"line 1: not valid JSON .* one long list: write one object a line"),
        (
            "a.jsonl",
            b'{\n "text": "x"\n}',
            r"line 1: not valid JSON .* goes over several lines: write one object a line",
        ),
        (
            "a.jsonl",
            b'{"text": "x"}\r{"text": "y"}\r',
            "line 1: not valid JSON .* old Macs: save the file with line feeds",
        ),
        ("a.jsonl", b'{"text": "x"}{"text": "y"}\n', "line 1: not valid JSON .*Extra data.* Write one object a line"),
        ("a.jsonl", b'{"text": "x"},\n', "line 1: not valid JSON .* Lines end without a comma: take it off"),
        ("a.jsonl", b'{"text": "x\ty"}\n', r"line 1: not valid JSON .* Write tabs and line ends in a text as \\t"),
        ("a.jsonl", b'{"n": ' + b"9" * 5000 + b"}", "line 1: not valid JSON .* Write so long a number as a text"),
        ("a.jsonl", b"", "a.jsonl holds no rows"),
        ("a.jsonl.gz", b"", "a.jsonl.gz holds no rows"),
        ("a.jsonl.gz", GZIPPED[:-12], r"broken gzip file .* readable up to line 1999"),
        (
            "a.csv.gz",
            GZIPPED[:40] + bytes(30) + GZIPPED[70:],
            r"broken gzip file .*, readable up to line \d+. Copy it again",
        ),
        ("a.jsonl", GZIPPED, "the file is gzip, not what its name says. Add .gz to its name"),
        ("a.csv.gz", gzip.compress(GZIPPED, mtime=0), "the file is gzip, not what its name says"),
        ("a.csv", b"PK\x03\x04...", "the file is a ZIP archive, as .xlsx files are, not what its name says"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0...", "the file is an old .xls workbook, or one with a password"),
        ("a.csv", "text,label\n".encode("utf-16"), "the file is UTF-16 text, not what its name says. Save it as UTF-8"),
        ("a.csv", "text,label\n".encode("utf-16-le"), "the file is UTF-16 text, not what its name says"),
        ("a.csv", b"<!DOCTYPE html>\n", "the file is a web page"),
    ],
)
def test_broken_files_name_file_line_and_cause(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"({name}(:|,) )?{message}"):
        read(tmp_path / name)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    import_parquet()
    (tmp_path / "a.parquet").write_bytes(b"no table")
    with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file"):
        read(tmp_path / "a.parquet")


def test_damage_inside_a_parquet_file_is_told(tmp_path: Path) -> None:
    import_parquet()
    path = write(tmp_path / "a.parquet", [{"text": f"{i} words " * 9} for i in range(200)])
    content = bytearray(path.read_bytes())
    content[40:300] = bytes(260)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.parquet: broken Parquet file \(.*\), readable up to row 0"):
        read(path)


def test_a_parquet_file_holds_the_rows_that_its_footer_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = import_parquet()
    import pyarrow

    path = write(tmp_path / "a.parquet", ROWS)
    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", lambda *_, **__: iter([]))
    with pytest.raises(UserError, match=r"broken Parquet file: 0 rows, its footer has 2"):
        read(path)
    column = pyarrow.array(["a"])
    parquet.write_table(pyarrow.Table.from_arrays([column, column], names=["text", "text"]), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"the header names 'text' twice"):
        read(tmp_path / "b.parquet")


def test_a_path_that_is_no_file_names_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.csv").mkdir()
    for path, message in [
        (tmp_path / "folder.csv", r"folder.csv is a folder. Give the path of a file in it"),
        (Path("s3://bucket/a.csv"), r"s3:/bucket/a.csv is a URL. Load the file to this machine"),
        (tmp_path / ("long" * 100 + ".csv"), r".csv cannot be read \(File name too long\)"),
        (
            Path("a.json"),
            r"the file type '.json' is unknown. .* write it so, e.g. with jq -c '.\[\]', and name it .jsonl",
        ),
    ]:
        with pytest.raises(UserError, match=message):
            read(path)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = write_text(tmp_path / "a.csv", "text\na\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(
        UserError, match=r"a.csv cannot be read \(Permission denied\). Check the path, and who may read"
    ):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"a.csv is a pipe or a device, and files are read more than once. Save it as"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", TEST_WRITERS)
def test_the_case_of_a_suffix_does_not_matter(suffix: str, tmp_path: Path) -> None:
    path = TEST_WRITERS[suffix](tmp_path / f"dev{suffix}", ROWS)
    upper = path.rename(path.with_name(f"dev{suffix.upper()}"))
    assert read(upper) == ROWS
    assert find_file(tmp_path, "dev") == upper
    assert file_type(Path("OUT.CSV.GZ"), WRITERS) == ".csv.gz"


def test_a_file_is_found_by_its_stem(tmp_path: Path) -> None:
    assert find_file(tmp_path / "absent", "dev") is None
    (tmp_path / "dev.csv").mkdir()
    for name in ("dev.txt", "old_dev.csv", "dev.csv.bak"):
        (tmp_path / name).touch()
    assert find_file(tmp_path, "dev") is None
    (tmp_path / "dev.tsv").touch()
    assert find_file(tmp_path, "dev") == tmp_path / "dev.tsv"
    (tmp_path / "dev.JSONL.gz").touch()
    with pytest.raises(UserError, match=r"holds dev.JSONL.gz and dev.tsv. Remove all but one, or name the one to read"):
        find_file(tmp_path, "dev")


def test_rows_are_streamed(tmp_path: Path) -> None:
    rows = read_rows(write_text(tmp_path / "a.jsonl", '{"text": "first"}\nbroken\n'))
    assert next(rows) == (1, {"text": "first"})
    with pytest.raises(UserError, match="line 2"):
        next(rows)


@pytest.mark.parametrize("suffix", LINES)
@settings(deadline=None, max_examples=30)
@given(parts=st.lists(st.lists(st.fixed_dictionaries({"text": TEXT, "note, it": TEXT})), min_size=1))
def test_what_is_written_in_parts_reads_as_it_was(
    suffix: str, parts: List[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp() / f"round{suffix}", [{"text": "a", "note, it": ""}], *parts)
    rows = [{"text": "a", "note, it": ""}, *(row for part in parts for row in part)]
    # A row of separators alone is taken for none.
    assert read(path) == [row for row in rows if suffix not in DELIMITED or any(row.values())]


@pytest.mark.parametrize("suffix", DELIMITED)
def test_a_table_of_text_holds_everything_as_text(suffix: str, tmp_path: Path) -> None:
    rows: List[Any] = [
        {"text": "a", "n": 1, "x": 0.1, "tags": ["b", {"c": None}], "day": date(2024, 3, 1)},
        {"n": None, "text": "d"},
    ]
    path = write(tmp_path / f"table{suffix}", rows[:1], rows[1:])
    assert read(path) == [
        {"text": "a", "n": "1", "x": "0.1", "tags": '["b", {"c": null}]', "day": "2024-03-01"},
        {"text": "d", "n": "", "x": "", "tags": "", "day": ""},
    ]


def test_json_keeps_every_number_and_leaves_absent_keys_away(tmp_path: Path) -> None:
    rows = [{"n": 12345678901234567890123, "x": 0.12345678901234566}, {"text": None, "yes": True}]
    assert read(write(tmp_path / "a.jsonl", rows)) == rows


def test_gzipped_files_do_not_hold_the_time_of_writing(tmp_path: Path) -> None:
    assert write(tmp_path / "a.jsonl.gz", ROWS).read_bytes()[4:8] == bytes(4)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_what_has_no_place_names_its_line(suffix: str) -> None:
    for value, message in (({"a": "half \ud83d"}, "surrogates not allowed"), (b"raw", "type bytes.*write .parquet")):
        with pytest.raises(UserError, match=rf"Line 7 of the input cannot be written: .*{message}"):
            WRITERS[suffix].encode([(7, {"text": value})], ["text"])


def test_parts_of_a_parquet_file_find_a_common_type_and_keep_that_of_the_source(tmp_path: Path) -> None:
    parquet = import_parquet()
    import pyarrow

    # Empty in the first part, and whole numbers in the first part only.
    parts: List[Any] = [[{"text": "a", "late": None, "x": 1}], [{"text": "b", "late": 2, "x": 0.5}]]
    path = write(tmp_path / "a.parquet", *parts)
    assert read(path) == [row for part in parts for row in part]
    assert [parquet.read_schema(path).field(name).type for name in ("late", "x")] == [
        pyarrow.int64(),
        pyarrow.float64(),
    ]
    source = tmp_path / "source.parquet"
    schema = pyarrow.schema({"text": pyarrow.large_string(), "late": pyarrow.int16()})
    parquet.write_table(pyarrow.Table.from_pylist([], schema=schema), source)
    path = write(tmp_path / "b.parquet", *parts, source=source)
    assert parquet.read_schema(path) == schema.append(pyarrow.field("x", pyarrow.float64()))
    with pytest.raises(UserError, match=r"The parts have columns of different types: .* Write .jsonl instead"):
        write(tmp_path / "c.parquet", [{"text": "a"}], [{"text": 1}])
    with pytest.raises(UserError, match=r"column 'text' cannot be written to Parquet, lines 1 to 2: .*one type"):
        write(tmp_path / "d.parquet", [{"text": "a"}, {"text": 1}])


def test_a_value_that_parquet_cannot_hold_names_its_column() -> None:
    import_parquet()
    values: List[Any] = [{}, [{}]]
    for value in values:
        with pytest.raises(UserError, match=r"The column 'meta' cannot be written to Parquet, lines 1 to 1: .*struct"):
            WRITERS[".parquet"].encode([(1, {"text": "a", "meta": value})], ["text", "meta"])


def test_a_column_that_python_cannot_hold_is_named(tmp_path: Path) -> None:
    parquet = import_parquet()
    import pyarrow

    column = pyarrow.StructArray.from_arrays([pyarrow.array([1])] * 2, names=["a", "a"])
    parquet.write_table(pyarrow.table({"text": ["x"], "meta": column}), tmp_path / "a.parquet")
    with pytest.raises(
        UserError, match=r"a.parquet: the column 'meta' of the type struct.* cannot be read .*duplicate"
    ):
        read(tmp_path / "a.parquet")
    times = pyarrow.array([1700000000123456789, None], pyarrow.timestamp("ns"))
    parquet.write_table(pyarrow.table({"time": times, "n": [1, 2]}), tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet") == [{"time": "2023-11-14T22:13:20.123456789", "n": 1}, {"time": None, "n": 2}]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_decimal_numbers_and_durations_are_text(suffix: str, tmp_path: Path) -> None:
    row = {"price": Decimal("9.90"), "took": timedelta(days=1, hours=2)}
    assert read(write(tmp_path / f"a{suffix}", [row])) == [{"price": "9.90", "took": "1 day, 2:00:00"}]


def test_numbers_that_json_has_not_are_written_so_that_others_read_them(tmp_path: Path) -> None:
    source = write_text(tmp_path / "a.jsonl", '{"a": 1e400, "b": [NaN, {"c": -1e400}], "d": 0.5}\n')
    path = write(tmp_path / "b.jsonl", read(source))
    assert path.read_text(encoding="utf8") == '{"a": "Infinity", "b": [null, {"c": "-Infinity"}], "d": 0.5}\n'


def test_every_type_is_in_the_docs() -> None:
    documented = (ROOT / "docs" / "data.md").read_text(encoding="utf8")
    assert [suffix for suffix in FILE_TYPES if f"`{suffix}`" not in documented] == []
