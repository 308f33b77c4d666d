"""Files of every type with what is hard to hold, and files that are damaged: the right rows, or an error."""

import random
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from scripts.data.tables.file_types import FILE_TYPES, WRITERS, read_rows
from scripts.files import UserError
from tests.data.table_files import WRITERS as TEST_WRITERS

# Each with a comma, a space, a quote or a line end somewhere, and with none.
ROWS = [
    (f"{'well, ' * (i % 3)}this {'is ' * (i % 7)}review {i}{' of 15 ' + chr(34) if i % 5 == 0 else ''}", "NP"[i % 2])
    for i in range(40)
]
NAMES = ["text", "note, it", "label"]
TABLES = st.lists(st.tuples(*[st.text("ab,;|\t\"'\\= \n\r😀é", max_size=9)] * 3), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def subjects() -> Dict[str, fuzz.Subject]:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
    return fuzz.make_subjects(ROWS)


@pytest.mark.parametrize("suffix", FILE_TYPES)
@settings(deadline=None, max_examples=60)
@given(rows=TABLES)
@example(rows=[("a", "b\tc\nd", "e"), ('"', "\n", "\r\n"), ('"a', 'b"', "\\")])
def test_no_row_is_lost_on_the_way_through_a_file(
    suffix: str, rows: List[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzzed{suffix}"
    if suffix == ".xlsx":
        # XML has no other line ends, and openpyxl writes formulas.
        rows = [tuple(value.replace("\r", "\n").replace("=", "-") for value in row) for row in rows]
    rows = [dict(zip(NAMES, row)) for row in [("a", "b", "c"), *rows] if any(row)]
    if suffix in WRITERS:
        if suffix == ".parquet":
            pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
        part = path.with_name("fuzzed.part")
        part.write_bytes(WRITERS[suffix].encode(list(enumerate(rows, start=1)), NAMES))
        WRITERS[suffix].join([part], path, NAMES, path.with_name("source.jsonl"))
    else:
        TEST_WRITERS[suffix](path, rows)
    try:
        read = [row for _, row in read_rows(path)]
    except UserError as error:
        # Line ends as the file's own and separators as in a row: nobody can tell it from one.
        assert "look like rows of their own" in str(error)
        assert any("\r\n" in value for row in rows for value in row.values())
        return
    assert read == [{name: value or None for name, value in row.items()} if suffix == ".xlsx" else row for row in rows]


@pytest.mark.parametrize("name", [*WRITERS, ".xlsx", ".xlsx, the sheet in it"])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_gives_the_right_rows_or_an_error_that_names_it(
    name: str, seed: int, subjects: Dict[str, fuzz.Subject], tmp_path_factory: pytest.TempPathFactory
) -> None:
    subject = subjects[name]
    damaged = fuzz.damage(subject.content, random.Random(seed))
    path = tmp_path_factory.getbasetemp() / f"damaged{subject.suffix}"
    outcome, told = fuzz.judge(subject, damaged, path)
    assert outcome not in (fuzz.LOST, fuzz.EXCEPTION), told


def test_what_is_lost_is_seen(subjects: Dict[str, fuzz.Subject], tmp_path: Path) -> None:
    subject = subjects[".csv"]
    path = tmp_path / "reviews.csv"
    assert fuzz.judge(subject, subject.content, path)[0] == fuzz.SAME
    lines = subject.content.splitlines(keepends=True)
    # A row that is not there is not lost; the last one here is there, and not read.
    assert fuzz.judge(subject, b"".join(lines[:-1]), path)[0] == fuzz.CHANGED
    blind = subject._replace(rows=[*ROWS, ("more", "N")], pieces=[*(subject.pieces or []), lines[-1]])
    assert fuzz.judge(blind, subject.content, path) == (fuzz.LOST, "('more', 'N')")
    packed = subjects[".csv.gz"]
    assert fuzz.judge(packed._replace(rows=[*ROWS, ("more", "N")]), packed.content, path.with_suffix(".csv.gz"))[0] == (
        fuzz.LOST
    )
