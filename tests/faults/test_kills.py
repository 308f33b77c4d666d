"""What a kill -9 leaves behind, at whatever moment, does no harm and goes away."""

from pathlib import Path
from typing import Any, Dict, List

import pytest
import srsly

from scripts.engines.shards import STARTED, prepare_folder, write_bytes
from scripts.files import replaced
from scripts.lock_file import mend_lock_file


def make_entry(step: str) -> Dict[str, Any]:
    """What Weasel writes for a command."""
    files = [{"path": f"corpus/en/{step}", "md5": "09e404be6c094aef2aa64afa3c0d4836"}]
    return {"cmd": f"python -m weasel run {step}", "script": [f'python -m x "{step}"'], "deps": files, "outs": files}


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path) -> None:
    for name in ("model.0123abcd.partial", "model.json.0123abcd.partial", "model.backup.partial"):
        (tmp_path / name).mkdir()
    with replaced(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "meta.json").write_text("{}")
    # Those of other files are not touched: they may be at work.
    left = ["model", "model.backup.partial", "model.json.0123abcd.partial"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    with pytest.raises(FileNotFoundError), replaced(path) as first:
        first.write_text("half of")
        with replaced(path) as second:
            second.write_text("whole")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("names", [[], [STARTED], [STARTED, "00000.spacy"]])
def test_a_folder_of_shards_goes_on_after_a_kill_at_any_moment(tmp_path: Path, names: List[str]) -> None:
    folder, identity = tmp_path / "transfer", {"seed": 1}
    folder.mkdir()
    if names:
        prepare_folder(str(folder), identity, suffix="")
    for name in names[1:]:
        write_bytes(f"{folder}/{name}", b"whole")
    # It was writing the next of these.
    (folder / f"{[STARTED, *names, '00001.spacy'][-1 if names else 0]}.{'0' * 32}.partial").write_bytes(b"ha")
    assert prepare_folder(str(folder), identity) == set(names[1:])
    assert prepare_folder(str(folder), identity) == set(names[1:])
    assert not names or not list(folder.glob("*.partial"))
    assert prepare_folder(str(folder), {"seed": 2}) == set()
    assert [path.name for path in folder.iterdir() if path.suffix != ".partial"] == [STARTED]


def test_a_lock_file_that_was_cut_off_anywhere_keeps_its_whole_entries(tmp_path: Path) -> None:
    path = tmp_path / "project.lock"
    entries = {f"{step}-en": make_entry(step) for step in ("convert", "score")}
    srsly.write_yaml(path, entries)
    assert not mend_lock_file(path)
    text = path.read_text(encoding="utf8")
    for end in range(0, len(text), 5):
        path.write_text(text[:end], encoding="utf8")
        mend_lock_file(path)
        kept = srsly.read_yaml(path)
        assert isinstance(kept, dict) and set(kept) <= set(entries) and all("outs" in entry for entry in kept.values())
        if end > text.index("score-en"):
            assert kept["convert-en"] == entries["convert-en"]
    path.unlink()
    assert not mend_lock_file(path) and not path.exists()
