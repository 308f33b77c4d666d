import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any, Dict, List

import pytest
import spacy
from openpyxl import Workbook
from spacy import Language

from scripts.apply.__main__ import apply
from scripts.apply.classifier import Classifier, load_pipeline
from scripts.data.tables.file_types import WRITERS, read_rows
from scripts.data.tables.rows import Quotes
from scripts.files import UserError
from scripts.packaging.export import export_pipeline
from tests.conftest import CNN, ENSEMBLE, LABELS, ROOT, TEXTS, run_here, train

ADDED = ["predicted", "predicted_NEGATIVE", "predicted_POSITIVE"]
ENCODE = WRITERS[".jsonl"].encode
OPTIONS: Dict[str, Any] = {
    "text_column": "text",
    "label_column": "predicted",
    "n_process": None,
    "batch_size": 4,
    "part_size": 10,
    "engine": None,
    "quotes": Quotes.FIELDS,
}
# What a table, a line of JSON and a spreadsheet can all hold.
AWKWARD = ['it said "love", twice', "line one\nline two\r\nline three", "😀 awful — ça va", "tab\there, comma", ""]


@pytest.fixture(scope="module")
def nlp(student: Path) -> Language:
    """The same, loaded."""
    return spacy.load(student)


def make_rows(n: int) -> List[Dict[str, Any]]:
    """Numbered reviews with other columns, the awkward ones among them."""
    texts = [f"{TEXTS[i % len(TEXTS)][0]} {i} word{i % 7}" for i in range(n)]
    texts[3 : 3 + len(AWKWARD)] = AWKWARD
    return [{"id": i, "text": text, "price": i + 0.1, "note": "" if i % 3 else f"n{i}"} for i, text in enumerate(texts)]


def write_rows(path: Path, rows: List[Dict[str, Any]]) -> Path:
    """Write a file of any type that `apply` writes."""
    suffix = "".join(path.suffixes)
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
    columns = list(rows[0])
    part = path.with_name("only.part")
    part.write_bytes(WRITERS[suffix].encode(list(enumerate(rows, start=1)), columns))
    WRITERS[suffix].join([part], path, columns, path.with_name("source.jsonl"))
    return path


def run_apply(student: Path, source: Path, target: Path, **options: Any) -> bytes:
    apply(str(student), source, target, **{**OPTIONS, **options})
    assert not list(target.parent.glob("*.parts")) and not list(target.parent.glob("*.partial"))
    return target.read_bytes()


def check_output(target: Path, rows: List[Dict[str, Any]], nlp: Language, *, as_text: bool) -> None:
    """Every row and column is there, and the prediction is that of the pipeline."""
    predicted = [row for _, row in read_rows(target)]
    assert len(predicted) == len(rows)
    for row, found in zip(rows, predicted):
        added = [found.pop(column) for column in ADDED]
        if as_text:
            assert {key: str(value) for key, value in found.items()} == {key: str(value) for key, value in row.items()}
        else:
            assert found == row
        if not row["text"]:
            assert added in ([None] * 3, [""] * 3)
            continue
        cats = nlp(row["text"]).cats
        assert added[0] == max(LABELS, key=cats.__getitem__)
        assert [float(value) for value in added[1:]] == pytest.approx([cats[label] for label in LABELS], abs=2e-6)


@pytest.mark.parametrize(("source_type", "target_type"), zip(WRITERS, [*list(WRITERS)[1:], ".jsonl"]))
def test_every_type_goes_in_and_out_with_every_column(
    source_type: str, target_type: str, student: Path, nlp: Language, tmp_path: Path
) -> None:
    if target_type == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
    rows = make_rows(25)
    source = write_rows(tmp_path / f"in{source_type}", rows)
    run_apply(student, source, tmp_path / f"out{target_type}")
    # A .csv file knows text alone.
    as_text = any(suffix.startswith((".csv", ".tsv")) for suffix in (source_type, target_type))
    check_output(tmp_path / f"out{target_type}", rows, nlp, as_text=as_text)


def test_rows_of_json_keep_what_a_table_could_not(student: Path, tmp_path: Path) -> None:
    rows: List[Dict[str, Any]] = [
        {"text": "love it", "tags": ["a", {"b": None}], "n": 12345678901234567890123, "x": 0.12345678901234566},
        {"more": True, "text": "awful"},
        {"text": None, "n": "no number"},
    ]
    source = write_rows(tmp_path / "in.jsonl", rows)
    run_apply(student, source, tmp_path / "out.jsonl")
    kept = [{key: row[key] for key in row if key not in ADDED} for _, row in read_rows(tmp_path / "out.jsonl")]
    assert kept == rows
    # All keys become columns, those of later rows too.
    run_apply(student, source, tmp_path / "out.csv")
    header = (tmp_path / "out.csv").read_text(encoding="utf8").splitlines()[0]
    assert header == ",".join(["text", "tags", "n", "x", "more", *ADDED])
    with pytest.raises(UserError, match=r"column '(tags|n)' cannot be written to Parquet, lines 1 to 3"):
        run_apply(student, source, tmp_path / "out.parquet")


def test_a_row_of_thousands_of_signs_costs_no_minute_and_stays_as_it_is(student: Path, tmp_path: Path) -> None:
    signs = "".join("=!(😀"[i * i % 7 % 4] for i in range(9000))
    source = write_rows(tmp_path / "in.jsonl", [{"text": signs}, {"text": "love it"}])
    start = time.process_time()
    run_apply(student, source, tmp_path / "out.jsonl")
    # spaCy alone takes half a minute.
    assert time.process_time() - start < 10
    rows = [row for _, row in read_rows(tmp_path / "out.jsonl")]
    assert [row["text"] for row in rows] == [signs, "love it"] and all(row["predicted"] in LABELS for row in rows)


@pytest.mark.parametrize("text", [None, "", " \u200b", "#N/A", "#REF!"])
def test_what_is_no_text_has_no_label(text: Any, student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"text": text}, {"text": "love it"}])
    run_apply(student, source, tmp_path / "out.jsonl")
    rows = [row for _, row in read_rows(tmp_path / "out.jsonl")]
    assert rows[0] == {"text": text, **dict.fromkeys(ADDED)} and rows[1]["predicted"] in LABELS


def test_columns_of_a_parquet_file_keep_their_types(student: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install -r requirements-ray.txt")
    from pyarrow import parquet

    types = {
        "text": pyarrow.large_string(),
        "small": pyarrow.int16(),
        "x": pyarrow.float32(),
        "day": pyarrow.date32(),
        # Empty in the first part, so that this part alone would not know its type.
        "late": pyarrow.int64(),
        "large": pyarrow.uint64(),
        "map": pyarrow.map_(pyarrow.string(), pyarrow.int64()),
        "time": pyarrow.timestamp("ns", "UTC"),
    }
    # Both are what Python has not: the map has a key twice, and a time has billionths of a second.
    more: Dict[str, Any] = {"large": 2**64 - 1, "map": [("a", 1), ("a", 2)], "time": 1700000000123456789}
    rows = [{**more, "text": "love", "small": i, "x": 0.1, "day": i, "late": i if i > 10 else None} for i in range(20)]
    table = pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(types.items()))
    parquet.write_table(table, tmp_path / "in.parquet")
    run_apply(student, tmp_path / "in.parquet", tmp_path / "out.parquet")
    written = parquet.read_table(tmp_path / "out.parquet")
    assert written.select(list(types)).equals(table)
    # Dates have a text; JSON has no dates.
    run_apply(student, tmp_path / "in.parquet", tmp_path / "out.jsonl")
    first = next(read_rows(tmp_path / "out.jsonl"))[1]
    assert (first["day"], first["time"]) == ("1970-01-01", "2023-11-14T22:13:20.123456789Z")
    # And without types to keep, a column that is empty in one part takes its type from another.
    write_rows(tmp_path / "in.jsonl", [{**row, "day": 0, "large": 0, "map": []} for row in rows])
    run_apply(student, tmp_path / "in.jsonl", tmp_path / "out.parquet")
    assert parquet.read_schema(tmp_path / "out.parquet").field("late").type == pyarrow.int64()


def test_a_workbook_becomes_a_table(student: Path, tmp_path: Path) -> None:
    workbook = Workbook()
    sheet: Any = workbook.active
    for row in (("text", "day"), ("love it", date(2024, 3, 1)), (None, None), ("awful_x000D_", date(2024, 3, 2))):
        sheet.append(row)
    workbook.save(tmp_path / "in.xlsx")
    run_apply(student, tmp_path / "in.xlsx", tmp_path / "out.CSV")
    rows = [row for _, row in read_rows(tmp_path / "out.CSV")]
    assert [(row["text"], row["day"]) for row in rows] == [("love it", "2024-03-01"), ("awful\r", "2024-03-02")]


def test_quotes_may_be_characters(student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text('text\tn\n"Love\t1\nfine\t2\nfull 15"\t3\n', encoding="utf8")
    with pytest.raises(UserError, match=r"lines 2 to 4: a quote opens a field in line 2"):
        run_apply(student, tmp_path / "in.tsv", tmp_path / "out.csv")
    run_apply(student, tmp_path / "in.tsv", tmp_path / "out.csv", quotes=Quotes.CHARACTERS)
    assert [row["text"] for _, row in read_rows(tmp_path / "out.csv")] == ['"Love', "fine", 'full 15"']


def test_ray_gives_the_same_file(student: Path, tmp_path: Path, ray_cluster: Any) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(95))
    alone = run_apply(student, source, tmp_path / "alone.jsonl")
    assert run_apply(student, source, tmp_path / "ray.jsonl", engine=ROOT / "configs" / "ray.cfg", n_process=2) == alone


# The command itself, with a pipeline that takes its time so that the kill comes in between.
SLOW = """
import sys, time
from scripts.apply import __main__ as command
from scripts.apply.classifier import Classifier
from scripts.files import run_command

work = Classifier.__call__
Classifier.__call__ = lambda self, rows: time.sleep(0.2) or work(self, rows)
if __name__ == "__main__":
    run_command(command.apply)
"""


def list_children(pid: int) -> List[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf8").split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for children in /proc")
def test_neither_kill_nine_nor_the_number_of_processes_matters(student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(200))
    expected = run_apply(student, source, tmp_path / "expected.jsonl")
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf8")
    arguments = [str(student), "in.jsonl", "out.jsonl", "--batch-size", "4", "--part-size", "10", "--n-process", "2"]
    process = subprocess.Popen(
        [sys.executable, "slow.py", *arguments], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    parts = tmp_path / "out.jsonl.parts"
    deadline = time.time() + 120
    while len(list(parts.glob("*.part"))) < 5:
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.01)
    children = list_children(process.pid)
    assert len(children) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in parts.glob("*.part")}
    assert 5 <= len(finished) < 20 and not (tmp_path / "out.jsonl").exists()
    # The processes end with the one that started them.
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.time() < deadline
        time.sleep(0.05)
    # Finished parts are read and not made again, which this mark shows. What is missing is made by one process.
    marked = min(finished)
    marked.write_bytes(b'{"mark": 1}\n' + marked.read_bytes())
    run_apply(student, source, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"mark": 1}\n' + expected


def test_parts_of_other_work_are_not_used(student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(30))
    expected = run_apply(student, source, tmp_path / "out.jsonl")
    for change in ("text", "settings"):
        parts = tmp_path / "out.jsonl.parts"
        parts.mkdir()
        (parts / "00000000.part").write_bytes(b"of other work\n")
        (parts / "started.json").write_text(json.dumps({"of": change}), encoding="utf8")
        assert run_apply(student, source, tmp_path / "out.jsonl") == expected


BROKEN = [
    ('{"text": "a"}\n{"text": 1}\n', r"in.jsonl, line 2: the text must be a string, got 1"),
    ('{"text": "a"}\n{"other": "b"}\n', r"line 2: no column 'text', found 'other'. Name it with --text-column"),
    ('{"text": "a"}\n\n{"text": \n', r"in.jsonl, line 3: not valid JSON"),
    ('{"text": "a", "predicted": 1}\n', r"has the column 'predicted' already. Name another with --label-column"),
    ('{"text": "half \\ud83d"}\n', r"line 1: the text holds half a character"),
    ('{"text": "a", "note": "half \\ud83d"}\n', r"Line 1 of the input cannot be written: .*surrogates not allowed"),
    ("", r"in.jsonl holds no rows"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_broken_input_names_file_and_line(content: str, message: str, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(content, encoding="utf8")
    with pytest.raises(UserError, match=message):
        run_apply(student, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_broken_input_is_found_before_the_work_begins(student: Path, tmp_path: Path) -> None:
    rows = make_rows(50)
    rows[-1]["text"] = "too long " * 200_000
    source = write_rows(tmp_path / "in.jsonl", rows)
    with pytest.raises(UserError, match=r"line 50: the text has 1,800,000 characters, spaCy takes 1,000,000"):
        run_apply(student, source, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_other_mistakes_name_the_next_step(student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(10))
    (tmp_path / "folder.csv").mkdir()
    for target, message in [
        ("out.xml", r"the file type '.xml' is unknown. Expected one of .jsonl,"),
        ("in.jsonl", "is the input"),
        ("folder.csv", r"folder.csv is a folder. Give the name of a file in it, e.g. .*labelled.csv"),
        (
            "in.jsonl/out.csv",
            r"in.jsonl/out.csv cannot be written \(File exists\). Name a file in a folder that you may",
        ),
        ("a::b.csv", r"a::b.csv is a URL, or has '::' in its path. Write to this machine"),
    ]:
        with pytest.raises(UserError, match=message):
            run_apply(student, source, tmp_path / target)
    for url in ("s3://bucket/out.csv", "file:///out.csv", "memory://out.csv"):
        with pytest.raises(UserError, match="is a URL"):
            run_apply(student, source, Path(url))
    with pytest.raises(UserError, match=r"absent.csv does not exist"):
        run_apply(student, tmp_path / "absent.csv", source)
    with pytest.raises(UserError, match=r"'nowhere' cannot be loaded: (?s:.*)Give the name of an installed package"):
        load_pipeline("nowhere")
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match=r"sets no doc.cats; its components are: none"):
        run_apply(tmp_path / "blank", source, tmp_path / "out.jsonl")


def test_a_part_does_not_depend_on_those_before_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Wide enough, and with enough digits, for the rounding of a product to show.
    monkeypatch.setattr("scripts.apply.classifier.DIGITS", 17)
    export_pipeline(train({**ENSEMBLE, "cnn": {**CNN, "width": 96}})).to_disk(tmp_path)
    texts = [" ".join(f"word{(i * j) % 997} {TEXTS[j % 10][0]}" for j in range(i)) for i in range(1, 80)]
    rows = [(line, {"text": text}) for line, text in enumerate(texts)]

    def make_worker() -> Classifier:
        settings: Dict[str, Any] = {"columns": ["text", *ADDED], "added": ADDED, "batch_size": 8, "encode": ENCODE}
        return Classifier(load_pipeline(str(tmp_path)), text_column="text", **settings)

    worker = make_worker()
    for start in (30, 7, 50):
        worker(rows[start : start + 29])
    assert worker(rows[40:]) == make_worker()(rows[40:])


def test_memory_stays_flat(student: Path) -> None:
    nlp = load_pipeline(str(student))
    classify = Classifier(nlp, text_column="text", columns=["text", *ADDED], added=ADDED, batch_size=8, encode=ENCODE)
    classify([(1, {"text": "warm up"})])
    size = len(nlp.vocab.strings), len(list(nlp.vocab))
    for i in range(20):
        classify([(1, {"text": f"never{i} seen{i} before{i}"})])
    assert (len(nlp.vocab.strings), len(list(nlp.vocab))) == size


def test_the_command_reads_its_options(student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(12))
    options = ["--text-column", "note", "--label-column", "says"]
    assert run_here("scripts.apply", student, source, tmp_path / "out.csv", *options) == 0
    header, first = (tmp_path / "out.csv").read_text(encoding="utf8").splitlines()[:2]
    assert header == "id,text,price,note,says,says_NEGATIVE,says_POSITIVE"
    assert re.fullmatch(r"0,.*,0.1,n0,(NEGATIVE|POSITIVE),0\.\d+,0\.\d+", first)
