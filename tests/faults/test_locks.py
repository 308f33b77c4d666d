"""Two at once: the second is told who is at work, or waits; a kill -9 leaves nothing locked."""

import subprocess
import sys
from pathlib import Path
from typing import List, Optional

import pytest

from scripts.files import UserError
from scripts.locks import find_run, hold_run, locked
from scripts.run import run_workflow
from tests.conftest import ROOT, run_here

HOLD = """
import sys, time
from pathlib import Path
from scripts.locks import locked
with locked(Path(sys.argv[1]), "the run"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(path: Path, seconds: float = 60) -> "subprocess.Popen[str]":
    """Start a process that holds a lock, and wait until it does."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_and_told_of_the_first_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / ".locks" / "en.step"
    process = hold(path)
    told = rf"the run is in use by process {process.pid} on .* Wait until"
    with pytest.raises(UserError, match=told), locked(path, "the run"):
        pass
    process.kill()
    process.communicate()
    with locked(path, "the run"):
        pass


def test_who_shares_a_folder_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = hold(tmp_path / ".lock", seconds=1)
    with locked(tmp_path / ".lock", "assets/encoders", wait=True):
        assert process.wait(timeout=5) == 0
    assert f"Waiting for process {process.pid}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        (["corpus/my run", "--lang", "en", "--train", "x/train.jsonl"], "my run"),
        (["default", "training/de/encoder.json", "--lang", "de"], "de"),
        (["configs/teacher.cfg", "--output", "training/en/teacher"], "en"),
        (["packages/en"], "en"),
        (["/home/me/corpus/en", "--lang", "en"], None),
        (["corpus", "-1", ""], None),
    ],
)
def test_the_run_of_a_step_is_read_out_of_its_arguments(arguments: List[str], run: Optional[str]) -> None:
    assert find_run(arguments) == run


def test_a_step_is_refused_while_another_of_its_run_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--engine", ROOT / "configs" / "engine.cfg", "--config-dir", ROOT / "configs", "--student", "bow"]
    with hold_run(["training/en/report"]):
        # Another run is another matter.
        assert run_here("scripts.prepare", "training/de", *options) == 0
        assert run_here("scripts.prepare", "training/en", *options) == 1
    assert "The run 'en' is in use by process" in capsys.readouterr().err
    assert not (tmp_path / "training" / "en").exists()


def test_a_second_workflow_is_refused_between_two_steps_of_the_first_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.yml").write_text((ROOT / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    with locked(Path(".locks/en.workflow"), "x"), pytest.raises(UserError, match="The run 'en' is in use"):
        run_workflow(tmp_path, "all", {})
