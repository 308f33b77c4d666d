"""`scripts.run`: Weasel's own steps, and what each took."""

from pathlib import Path
from typing import List

import pytest
import srsly
from weasel.cli.run import project_run

from scripts.run import run_workflow
from tests.conftest import run_here

PROJECT = """
vars:
  run: "en"
  text: "some"
workflows:
  all: ["prepare-${vars.run}", "work-${vars.run}", "fail-${vars.run}"]
  good: ["prepare-${vars.run}", "work-${vars.run}"]
commands:
  - name: "prepare-${vars.run}"
    no_skip: true
    script: ["python nothing.py"]
  - name: "work-${vars.run}"
    script: ["python work.py ${vars.text}"]
    outputs: ["${vars.text}"]
  - name: "fail-${vars.run}"
    script: ["python fail.py"]
"""

SCRIPTS = {
    "nothing.py": "",
    "work.py": "import sys\nsum(range(20_000_000))\nopen(sys.argv[1], 'w').close()\n",
    "fail.py": "exit(3)\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"project.yml": PROJECT, **SCRIPTS}.items():
        (tmp_path / name).write_text(text, encoding="utf8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_table(text: str) -> List[List[str]]:
    """The rows of the table under the divider."""
    return [line.split() for line in text.partition("Times")[2].splitlines()[1:] if ":" in line or "skipped" in line]


def test_each_step_is_timed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_workflow(project, "good", {"vars.run": "x-y", "vars.text": "other"})
    assert (project / "other").is_file()
    times = srsly.read_json(project / "training" / "x-y" / "times.json")
    assert set(times) == {"prepare", "work"}
    assert 0 < times["work"]["cpu"] <= times["work"]["wall"] + 1 and times["prepare"]["cpu"] < times["work"]["cpu"]
    assert [row[0] for row in read_table(capsys.readouterr().out)] == ["prepare", "work", "together"]


def test_the_folder_of_the_project_may_stand_before_the_variables(project: Path) -> None:
    assert run_here("scripts.run", "good", ".", "--vars.text", "other") == 0
    assert (project / "other").is_file()


def test_a_skipped_step_keeps_its_time(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_workflow(project, "good", {})
    before = srsly.read_json(project / "training" / "en" / "times.json")
    capsys.readouterr()
    # Weasel has the same lock file, whoever runs the step.
    project_run(project, "work-en", capture=True)
    assert "Skipping 'work-en'" in capsys.readouterr().out
    run_workflow(project, "good", {})
    assert srsly.read_json(project / "training" / "en" / "times.json")["work"] == before["work"]
    assert read_table(capsys.readouterr().out)[1] == ["work", "skipped"]


def test_weasels_own_options_are_passed_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("scripts.run", "good", "--dry") == 0
    assert "python work.py some" in capsys.readouterr().out
    assert {path.name for path in project.iterdir()} == {"project.yml", *SCRIPTS}
    assert run_here("scripts.run", "good") == 0 and run_here("scripts.run", "good", "-F") == 0
    assert "skipped" not in capsys.readouterr().out
    assert run_here("scripts.run", "good", "--dri") == 1
    printed = capsys.readouterr()
    assert "There is no option --dri. Give --force, --dry, or" in printed.out and not printed.err


def test_a_failure_is_passed_on_after_the_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        run_workflow(project, "all", {})
    assert error.value.code == 3
    assert [row[0] for row in read_table(capsys.readouterr().out)] == ["prepare", "work", "fail", "together"]
    assert set(srsly.read_json(project / "training" / "en" / "times.json")) == {"prepare", "work"}
