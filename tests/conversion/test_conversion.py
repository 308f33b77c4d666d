import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import spacy
import srsly

from scripts.conversion.__main__ import is_current
from scripts.conversion.problems import EMPTY, Problem, Review, shorten
from scripts.conversion.report import print_line, write_problems
from scripts.data.docbins import read_docs
from scripts.data.task import Task, find_gold
from scripts.data.texts import read_unlabelled
from scripts.provenance import hash_sources
from tests.conftest import ROOT, run_here
from tests.conversion.review_files import make_rows, make_splits, read_all, row
from tests.data.table_files import write_text


def run_convert(paths: Dict[str, Path], output: Path, **options: Any) -> int:
    """Run the command. RETURNS (int): Its exit code."""
    arguments = [part for name, value in {"lang": "en", **paths, **options}.items() for part in (f"--{name}", value)]
    return run_here("scripts.conversion", output, *arguments)


def read_csv(path: Path) -> List[Dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_convert_writes_one_hot_gold_and_skips_what_is_up_to_date(tmp_path: Path) -> None:
    paths, output = make_splits(tmp_path), tmp_path / "corpus"
    run_convert(paths, output)
    docs = read_docs(output / "gold" / "train.spacy", spacy.blank("en").vocab)
    assert len(docs) == 20 and all(sorted(doc.cats.values()) == [0.0, 1.0] for doc in docs)
    assert [find_gold(doc) for doc in docs[:2]] == ["NEGATIVE", "POSITIVE"]
    assert Task.read(output / "gold") == Task(["NEGATIVE", "POSITIVE"])
    assert len(list(read_unlabelled(output / "unlabelled.jsonl"))) == 20
    contents = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in contents}
    run_convert(paths, output)
    assert times == {path: path.stat().st_mtime_ns for path in contents}
    # A lost output is made again, byte for byte; a changed input is noticed.
    for name in ("test.spacy", "task.json"):
        (output / "gold" / name).unlink()
        run_convert(paths, output)
        assert contents == {path: path.read_bytes() for path in contents}
    run_convert({**paths, "dev": Path("none")}, output)
    assert contents[output / "gold" / "dev.spacy"] != (output / "gold" / "dev.spacy").read_bytes()


def test_convert_runs_again_when_code_that_it_uses_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, output = make_splits(tmp_path), tmp_path / "corpus"
    run_convert(paths, output)
    before = srsly.read_json(output / "data.json")
    files = "scripts/files.py"
    assert files in before["code"]
    monkeypatch.setattr("scripts.provenance.hash_sources", lambda path: {**hash_sources(path), files: "changed"})
    run_convert(paths, output)
    # Nothing else is another, so it is this change that was seen.
    after = srsly.read_json(output / "data.json")
    assert {key for key in before if before[key] != after[key]} == {"code"}


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"outputs": [', '{"outputs": ["gold/train.spacy"]}', "\ud83d"]
)
def test_a_broken_record_is_no_record(content: str, tmp_path: Path) -> None:
    paths, output = make_splits(tmp_path), tmp_path / "corpus"
    output.mkdir()
    (output / "data.json").write_bytes(content.encode("utf8", "surrogatepass"))
    assert not is_current(output, {})
    assert run_convert(paths, output) == 0 and srsly.read_json(output / "data.json")["outputs"]


@pytest.mark.parametrize("name", [".", "..", "corpus/..", "corpus/../other", str(ROOT)])
def test_what_is_no_folder_of_a_run_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = make_splits(tmp_path)
    monkeypatch.chdir(ROOT)
    assert run_convert(paths, Path(name)) == 1
    assert f"✘ {name} is no folder for a run. Give one of its own" in capsys.readouterr().err


MANY = [
    row(""),
    row("half \ud83d"),
    row("no label", None),
    row("a slip", "POSITVE"),
    row("said twice", "POSITIVE"),
    row("Said twice!", "NEGATIVE"),
    *(row(f"review 2 {i} {'yes' if i % 2 else 'no'}", "POSITIVE") for i in range(12)),
    row("Said well"),
    row("Said well."),
]
EXPECTED = {
    "empty text": [21],
    "unusable text": [22],
    "unreadable label": [23],
    "label with one text": [24],
    "conflict": [25, 26],
    "shared text": list(range(27, 39)),
    "repeated": [40],
}


def write_many(folder: Path) -> Dict[str, Path]:
    """A train file with a problem of each kind."""
    paths = make_splits(folder)
    write_text(paths["train"], "".join(f"{json.dumps(one)}\n" for one in [*make_rows("train"), *MANY]))
    return paths


def test_all_problems_are_told_of_at_once_and_ordinary_ones_end_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, output = write_many(tmp_path), tmp_path / "corpus"
    assert run_convert(paths, output) == 0
    told = capsys.readouterr().out
    found: Dict[str, List[int]] = {}
    for problem in read_csv(output / "problems.csv"):
        assert (problem["split"], problem["file"]) == ("train", str(paths["train"])) and problem["what"]
        found.setdefault(problem["kind"], []).append(int(problem["line"]))
    assert found == EXPECTED
    data = srsly.read_json(output / "data.json")
    counts = {kind: len(lines) for kind, lines in EXPECTED.items()}
    assert data["rows"]["train"] == {"read": 40, "moved": 0, "kept": 21, "dropped": counts}
    # The first ten of each kind are shown, but for what nobody needs.
    for kind, lines in EXPECTED.items():
        for place, line in enumerate(lines):
            is_shown = kind != "repeated" and place < 10
            assert (f"  {paths['train']}, line {line}: " in told) == is_shown
    assert "shared text: 12 rows (on_shared: drop)" in told and "  and 2 more" in told
    # The shared texts are in test alone.
    vocab = spacy.blank("en").vocab
    gold = {
        split: {doc.text for doc in read_docs(output / "gold" / f"{split}.spacy", vocab)}
        for split in paths
        if split != "unlabelled"
    }
    assert not gold["train"] & gold["test"] and len(gold["test"]) == 20 and len(gold["train"]) == 21


def test_a_policy_that_says_stop_ends_the_command_after_all_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, output = write_many(tmp_path), tmp_path / "corpus"
    assert run_convert(paths, output, **{"on-text": "stop", "on-conflict": "stop"}) == 1
    printed = capsys.readouterr()
    assert "✘ empty text: 1 row, and --vars.on_text is stop" in printed.err
    assert "✘ conflict: 2 rows, and --vars.on_conflict is stop. Mend them, or choose another of" in printed.err
    assert "Traceback" not in printed.out + printed.err and "shared text: 12 rows" in printed.out
    assert len(read_csv(output / "problems.csv")) == sum(map(len, EXPECTED.values()))
    assert [path.name for path in output.iterdir()] == ["problems.csv"]
    assert run_convert(paths, output) == 0 and (output / "data.json").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on-conflict": "first"}, "--vars.on_conflict is 'first', .* majority, drop, keep, stop"),
        ({"on-shared": "keep"}, "--vars.on_shared is 'keep', .* Give one of drop, stop"),
        ({"max-unusable": "2"}, "--vars.max_unusable is 2.0. Give a share"),
    ],
)
def test_a_policy_that_there_is_not_is_refused(
    options: Dict[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_convert(make_splits(tmp_path), tmp_path / "corpus", **options) == 1
    assert re.search(message, capsys.readouterr().err)


def test_a_broken_file_ends_the_command_with_code_one_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = make_splits(tmp_path)
    write_text(paths["dev"], '{"text": "cut o')
    assert run_convert(paths, tmp_path / "corpus") == 1
    printed = capsys.readouterr()
    assert "dev.jsonl, line 1: " in printed.err and "Traceback" not in printed.out + printed.err
    assert not (tmp_path / "corpus").exists()


def test_train_alone_reads_what_stands_beside_it_and_names_what_it_does_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, output = make_splits(tmp_path, test=None), tmp_path / "corpus"
    write_text(tmp_path / "dev_old.csv", "text,label\n")
    assert run_convert({"train": paths["train"]}, output) == 0
    printed = capsys.readouterr().out
    rows = srsly.read_json(output / "data.json")["rows"]
    assert {split: (rows[split]["read"], rows[split]["moved"]) for split in rows} == {
        "train": (20, -3),
        "dev": (20, 0),
        "test": (0, 3),
        "unlabelled": (20, 0),
    }
    assert "Beside train.jsonl, but not read: dev_old.csv" in printed


def test_of_many_classes_the_smallest_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(f"class {i} text {j}", f"c{i:02}") for i in range(30) for j in range(2 + i // 20)]
    assert run_convert(make_splits(tmp_path, train=rows, dev=rows[:0] or None, test=None), tmp_path / "corpus") == 0
    printed = capsys.readouterr().out
    assert "30 classes; the 20 that have the fewest texts in train" in printed
    assert len([line for line in printed.splitlines() if line.startswith("c")]) == 21


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_a_spreadsheet_program_computes_nothing_of_problems(text: str, tmp_path: Path) -> None:
    review = Review(Path("r.csv"), 2, text, text)
    write_problems(tmp_path / "problems.csv", [Problem(EMPTY, "train", review, f"as -1: {text}")])
    (found,) = read_csv(tmp_path / "problems.csv")
    assert found["text"] == found["label"] == f"'{text}"
    assert (found["file"], found["line"], found["what"]) == ("r.csv", "2", f"as -1: {text}")


def test_shown_texts_are_one_short_line_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shorten("a\n b") == "a b" and shorten("word " * 100) == ("word " * 16)[:80] + "…"
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_line("so gut wie 新")
    terminal.seek(0)
    assert terminal.read() == "so gut wie \\u65b0\n"


def test_real_reviews_of_a_language_are_read(real_reviews: Path) -> None:
    paths = {split: real_reviews / "nl" / f"{split}.jsonl.gz" for split in ("train", "dev", "test", "unlabelled")}
    splits = read_all(paths)
    assert [len(splits.reviews[split]) for split in ("dev", "test")] == [1000, 1000]
    assert 990 <= len(splits.reviews["train"]) <= 1000  # a few are near copies of dev or test
    assert len(splits.reviews["unlabelled"]) > 4000


def test_a_text_that_the_tokenizer_does_not_take_is_dropped_and_told_of(tmp_path: Path) -> None:
    pytest.importorskip("sudachipy", reason="SudachiPy is not installed: pip install -r requirements-ja.txt")
    rows = [{"text": f"これは{char}です。", "label": label} for char, label in zip("一二三四五六七八九十", "ab" * 5)]
    rows.append({"text": "長い" * 10_000, "label": "a"})
    srsly.write_jsonl(tmp_path / "train.jsonl", rows)
    assert run_convert({"train": tmp_path / "train.jsonl"}, tmp_path / "corpus", lang="ja") == 0
    (problem,) = read_csv(tmp_path / "corpus" / "problems.csv")
    assert problem["line"] == "11" and "60,000 bytes, the tokenizer of its language takes 49,149" in problem["what"]
    # Characters have no such limit.
    assert run_convert({"train": tmp_path / "train.jsonl"}, tmp_path / "corpus", lang="ja", segmenter="char") == 0
    assert read_csv(tmp_path / "corpus" / "problems.csv") == []
    docs = read_docs(tmp_path / "corpus" / "gold" / "train.spacy", spacy.blank("en").vocab)
    assert {"こ", "れ"} <= {token.text for doc in docs for token in doc}
