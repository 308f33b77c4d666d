"""`apply`: inputs that change meanwhile, and outputs that cannot be written."""

import os
from pathlib import Path
from typing import Any, List, Optional

import pytest

from scripts.apply.__main__ import apply, check_output
from scripts.apply.corpus import scan
from scripts.data.tables.file_types import read_rows
from scripts.files import UserError, replaced
from tests.apply.test_apply import OPTIONS, make_rows, run_apply, write_rows


def change_when_scanned(monkeypatch: pytest.MonkeyPatch, path: Path, content: str, after: Optional[str] = None) -> None:
    """Have another program write to the input once it has been scanned, and again when all of it has been read."""

    def scan_and_change(*arguments: Any, **options: Any) -> Any:
        corpus = scan(*arguments, **options)
        path.write_text(content, encoding="utf8")
        return corpus

    def read_and_change(*arguments: Any, **options: Any) -> Any:
        yield from read_rows(*arguments, **options)
        if after is not None:
            path.write_text(after, encoding="utf8")

    monkeypatch.setattr("scripts.apply.__main__.scan", scan_and_change)
    monkeypatch.setattr("scripts.apply.corpus.read_rows", read_and_change)


LINES = [f'{{"text": "love it {i}"}}\n' for i in range(30)]


@pytest.mark.parametrize(
    ("lines", "is_mended"),
    [
        (LINES[:25], False),
        ([], False),
        ([*LINES[:25], '{"text": "love it", "more": 1}\n', *LINES[26:]], False),
        ([*LINES[:25], '{"other": "love it"}\n', *LINES[26:]], False),
        ([*LINES[:25], '{"text": "lo'], False),
        # As it was, before anybody looks again.
        (LINES[:25], True),
    ],
)
def test_an_input_that_changes_meanwhile_leaves_nothing(
    lines: List[str], is_mended: bool, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, whole = tmp_path / "in.jsonl", "".join(LINES)
    source.write_text(whole, encoding="utf8")
    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"in.jsonl changed while it was read. Run"):
        change_when_scanned(patch, source, "".join(lines), whole if is_mended else None)
        apply(str(student), source, tmp_path / "out.jsonl", **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    source.write_text(whole, encoding="utf8")
    assert len(run_apply(student, source, tmp_path / "out.jsonl").splitlines()) == 30


def test_a_link_stays_and_what_it_leads_to_is_written(student: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(10))
    (tmp_path / "far").mkdir()
    (tmp_path / "out.jsonl").symlink_to(tmp_path / "far" / "out.jsonl")
    for _ in range(2):
        run_apply(student, source, tmp_path / "out.jsonl")
        assert (tmp_path / "out.jsonl").is_symlink() and not (tmp_path / "far" / "out.jsonl").is_symlink()
        assert len((tmp_path / "far" / "out.jsonl").read_bytes().splitlines()) == 10
        assert [path.name for path in (tmp_path / "far").iterdir()] == ["out.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes in folders")
def test_no_device_or_pipe_is_replaced_by_a_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(10))
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "out.jsonl").symlink_to(os.devnull)
    for name in ("pipe.jsonl", "out.jsonl"):
        with pytest.raises(UserError, match=f"{name} is a device or a pipe. Give the name of a file"):
            check_output(tmp_path / name, source)


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", make_rows(10))
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\). Give a shorter name"):
        check_output(tmp_path / f"{'n' * 235}.jsonl", source)
    longest = tmp_path / f"{'n' * 232}.jsonl"
    check_output(longest, source)
    with replaced(longest) as partial:
        partial.write_text("", encoding="utf8")
