import gzip
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.data.tables.file_types import FILE_TYPES, WRITERS, file_type, read_rows
from scripts.files import UserError
from tests.conftest import ROOT
from tests.data.table_files import WRITERS as TEST_WRITERS
from tests.data.table_files import write_text

ROWS = [{"text": "good, really", "label": "POSITIVE"}, {"text": 'bad "one"\nagain\t😀', "label": "NEGATIVE"}]
LINES = [suffix for suffix in WRITERS if suffix != ".parquet"]
DELIMITED = [suffix for suffix in LINES if suffix[:4] in (".csv", ".tsv")]


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
    with pytest.raises(UserError, match=r"reviews.txt: unknown file type '.txt'. Expected one of .jsonl, .*.xlsx"):
        next(read_rows(tmp_path / "reviews.txt"))
    with pytest.raises(UserError, match=r"unknown file type '.xlsx'. Expected one of .jsonl, .*.parquet.$"):
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
    ],
)
def test_broken_files_name_file_line_and_cause(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}(:|,) {message}"):
        read(tmp_path / name)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    import_parquet()
    (tmp_path / "a.parquet").write_bytes(b"no table")
    with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file"):
        read(tmp_path / "a.parquet")


def test_rows_are_streamed(tmp_path: Path) -> None:
    rows = read_rows(write_text(tmp_path / "a.jsonl", '{"text": "first"}\nbroken\n'))
    assert next(rows) == (1, {"text": "first"})
    with pytest.raises(UserError, match="line 2"):
        next(rows)


@pytest.mark.parametrize("suffix", LINES)
@settings(deadline=None, max_examples=30)
@given(parts=st.lists(st.lists(st.fixed_dictionaries({"text": st.text(), "note, it": st.text()})), min_size=1))
def test_what_is_written_in_parts_reads_as_it_was(
    suffix: str, parts: List[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.getbasetemp() / f"round{suffix}", [{"text": "a", "note, it": ""}], *parts)
    rows = [{"text": "a", "note, it": ""}, *(row for part in parts for row in part)]
    # A row of separators alone is taken for none.
    assert read(path) == [row for row in rows if suffix not in DELIMITED or any(row.values())]


@pytest.mark.parametrize("suffix", DELIMITED)
def test_a_table_of_text_holds_everything_as_text(suffix: str, tmp_path: Path) -> None:
    rows = [{"text": "a", "n": 1, "x": 0.1, "tags": ["b", {"c": None}]}, {"n": None, "text": "d"}]
    path = write(tmp_path / f"table{suffix}", rows[:1], rows[1:])
    assert read(path) == [
        {"text": "a", "n": "1", "x": "0.1", "tags": '["b", {"c": null}]'},
        {"text": "d", "n": "", "x": "", "tags": ""},
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


def test_every_type_is_in_the_docs() -> None:
    documented = (ROOT / "docs" / "data.md").read_text(encoding="utf8")
    assert [suffix for suffix in FILE_TYPES if f"`{suffix}`" not in documented] == []
