"""Two at once: the second is told who is at work, or waits; a kill -9 keeps nobody out."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import srsly

from scripts.claim import RECORD, claim_run
from scripts.files import UserError
from scripts.locks import locked
from scripts.prepare import prepare
from tests.conftest import ROOT, VARIABLES

# Processes that say when they are ready, and then live on for a while.
WAIT = "print('ready', flush=True); time.sleep(float(sys.argv[1]))"
IMPORT = "import subprocess, sys, time; from pathlib import Path; "
HOLD = f"{IMPORT} from scripts.locks import locked\nwith locked(Path(sys.argv[2])): {WAIT}"
# `prepare` claims a run for what has started it.
CLAIM_ONCE = f"{IMPORT} from scripts.claim import claim_run; claim_run(Path(sys.argv[1]), set())"
CLAIM = f"{IMPORT} subprocess.run([sys.executable, '-c', {CLAIM_ONCE!r}, sys.argv[2]], check=True); {WAIT}"
COMMANDS = {"pause", "spacy train"}


class Starter:
    """Starts processes that wait, and ends them."""

    def __init__(self) -> None:
        self.processes: List[subprocess.Popen[str]] = []

    def __call__(self, *arguments: Any, cwd: Path = ROOT, seconds: float = 60) -> "subprocess.Popen[str]":
        command = [sys.executable, arguments[0], arguments[1], str(seconds), *map(str, arguments[2:])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(cwd), *sys.path])}
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True, env=environment)
        self.processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process


@pytest.fixture
def start() -> Iterator[Starter]:
    starter = Starter()
    yield starter
    for process in starter.processes:
        process.kill()
        process.communicate()


def claim(project: Path) -> None:
    claim_run(project / "training" / "en", COMMANDS)


def test_the_second_is_refused_until_the_first_is_killed(start: Starter, tmp_path: Path) -> None:
    process = start("-c", HOLD, tmp_path / "parts")
    with pytest.raises(UserError, match=r"Another process works in .*parts\. Wait until"), locked(tmp_path / "parts"):
        pass
    process.kill()
    process.wait()
    with locked(tmp_path / "parts"):
        pass


def test_who_shares_a_folder_waits(start: Starter, tmp_path: Path) -> None:
    process = start("-c", HOLD, tmp_path / "encoders", seconds=1)
    with locked(tmp_path / "encoders", wait=True):
        assert process.wait(timeout=5) == 0


def test_a_second_workflow_is_told_of_the_first_until_that_is_killed(start: Starter, tmp_path: Path) -> None:
    process = start("-c", CLAIM, tmp_path / "training" / "en")
    with pytest.raises(UserError, match=rf"Process {process.pid} works on the run 'en' since 20"):
        claim(tmp_path)
    process.kill()
    # Its end has not been asked for yet, as it is in a container whose first process does not.
    claim(tmp_path)
    # What has started this process waits for it, so it may begin a second workflow after the first.
    claim(tmp_path)


def test_the_number_of_a_process_that_was_given_again_keeps_nobody_out(start: Starter, tmp_path: Path) -> None:
    process = start("-c", f"import sys, time; {WAIT}")
    record = tmp_path / "training" / "en" / RECORD
    record.parent.mkdir(parents=True)
    srsly.write_json(record, {"pid": process.pid, "create_time": 0.5})
    claim(tmp_path)
    assert srsly.read_json(record)["pid"] == os.getppid()


@pytest.mark.parametrize(
    ("argument", "folder", "is_refused"),
    [("corpus/en/gold", "", True), ("corpus/en", "", True), ("corpus/de", "", False), ("corpus/en", "other", False)],
)
def test_a_step_that_outlives_its_workflow_keeps_the_next_one_out(
    argument: str, folder: str, is_refused: bool, start: Starter, tmp_path: Path
) -> None:
    cwd = tmp_path / folder
    cwd.mkdir(exist_ok=True)
    (cwd / "pause.py").write_text(f"import sys, time; {WAIT}")
    process = start("-m", "pause", argument, cwd=cwd)
    if not is_refused:
        claim(tmp_path)
        return
    with pytest.raises(UserError, match=f"Process {process.pid} works on the run 'en' since .* -m pause"):
        claim(tmp_path)


def test_prepare_takes_away_what_killed_steps_have_left(tmp_path: Path) -> None:
    left = tmp_path / "training" / "en" / "teacher.partial" / "model-best"
    left.mkdir(parents=True)
    (tmp_path / "corpus" / "de").mkdir(parents=True)
    other = tmp_path / "corpus" / "de" / "x.partial"
    other.touch()
    configs = ROOT / "configs"
    paths: Any = {"engine": configs / "engine.cfg", "config_dir": str(configs)}
    prepare(tmp_path / "training" / "en", student="bow", **paths, **VARIABLES)
    assert other.exists() and not left.parent.exists()
