"""The `languages` command on a project of two steps: a run for each language, and what becomes of those that fail."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
import srsly

from scripts.files import UserError
from scripts.languages import __main__ as command
from scripts.languages.order import read_line
from scripts.locks import locked
from tests.conftest import ROOT
from tests.languages.reports import make_report

PROJECT = """
vars:
  lang: "en"
  langs: "en de"
  run: "${vars.lang}"
  reviews: "assets"
  train: "${vars.reviews}/${vars.lang}"
  fail: ""
workflows:
  all: ["prepare-${vars.run}", "evaluate-${vars.run}"]
commands:
  - name: "prepare-${vars.run}"
    no_skip: true
    script: ["python prepare.py ${vars.run} ${vars.train}"]
  - name: "evaluate-${vars.run}"
    script: ["python evaluate.py ${vars.run} ${vars.fail}"]
    outputs: ["training/${vars.run}/report/report.json"]
"""

SCRIPTS = {
    "prepare.py": "import sys\nopen('prepared.txt', 'a').write(' '.join(sys.argv[1:]) + '\\n')\n",
    "evaluate.py": "import pathlib, shutil, sys\nrun, *fail = sys.argv[1:]\nif run in fail: exit(3)\n"
    "folder = pathlib.Path('training', run, 'report')\nfolder.mkdir(parents=True, exist_ok=True)\n"
    "shutil.copy('report.json', folder)\nfolder.with_name('encoder.json').write_text('{\"encoder\": \"E5\"}')\n",
}
TRAINING = Path("training")
STEPS, LANGS = ("prepare", "evaluate"), ("de", "fr")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"project.yml": PROJECT, **SCRIPTS}.items():
        (tmp_path / name).write_text(text, encoding="utf8")
    srsly.write_json(tmp_path / "report.json", make_report())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, langs: str, *line: str) -> None:
    """Run the command as if it had been started by this line."""
    monkeypatch.setattr(command, "read_line", lambda: ["languages", ".", "--vars.langs", langs, *line])
    command.languages(langs, TRAINING)


def test_each_language_is_a_run_of_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "de fr", "--vars.reviews", "my reviews")
    assert (project / "prepared.txt").read_text().splitlines() == ["de my reviews/de", "fr my reviews/fr"]
    assert set(srsly.read_yaml(project / "project.lock")) == {f"{step}-{lang}" for step in STEPS for lang in LANGS}
    for lang in LANGS:
        assert set(srsly.read_json(TRAINING / lang / "times.json")) == set(STEPS)
    rows = srsly.read_json(TRAINING / "languages.json")["languages"]
    assert [(row["lang"], row["run"], row["encoder"]) for row in rows] == [("de", "de", "E5"), ("fr", "fr", "E5")]
    assert (TRAINING / "languages.png").read_bytes()[:4] == b"\x89PNG"
    assert "| fr" in (TRAINING / "languages.md").read_text(encoding="utf8")


def test_a_finished_run_is_skipped(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "de fr")
    written = (TRAINING / "de" / "report" / "report.json").stat().st_mtime_ns
    capsys.readouterr()
    run(monkeypatch, "de fr it")
    said = capsys.readouterr().out
    assert [lang for lang in ("de", "fr", "it") if f"Skipping 'evaluate-{lang}': nothing changed" in said] == [*LANGS]
    assert (TRAINING / "de" / "report" / "report.json").stat().st_mtime_ns == written
    run(monkeypatch, "de", "--force")
    assert (TRAINING / "de" / "report" / "report.json").stat().st_mtime_ns > written


def test_a_language_that_fails_stops_no_other_and_is_told_at_the_end(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # It has a report, of another time.
    run(monkeypatch, "de", "--vars.run", "mine")
    with pytest.raises(UserError, match=r"1 of 3 languages failed: de \(evaluate\)\. .* run the same command again"):
        run(monkeypatch, "de fr it", "--vars.run", "mine", "--vars.fail", "de-mine")
    rows = srsly.read_json(TRAINING / "languages-mine.json")["languages"]
    assert rows[0] == {"lang": "de", "run": "de-mine", "failed": "evaluate"}
    assert [row["run"] for row in rows if "failed" not in row] == ["fr-mine", "it-mine"]
    assert "failed: evaluate" in (TRAINING / "languages-mine.md").read_text(encoding="utf8")
    assert "de: evaluate failed" in capsys.readouterr().out


def test_where_all_fail_the_table_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"1 of 1 languages failed: de \(evaluate\)"):
        run(monkeypatch, "de", "--vars.fail", "de")
    assert srsly.read_json(TRAINING / "languages.json")["languages"] == [
        {"lang": "de", "run": "de", "failed": "evaluate"}
    ]


def test_a_second_one_is_refused_before_it_runs_anything(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked(TRAINING), pytest.raises(UserError, match="Another process works in training"):
        run(monkeypatch, "de fr")
    assert not (project / "prepared.txt").exists()


def test_a_slip_is_told_before_anything_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="spaCy has no language 'xy'"):
        run(monkeypatch, "de xy")
    assert not (project / "prepared.txt").exists()


def test_the_line_is_found_however_many_processes_are_between(tmp_path: Path) -> None:
    typed = ["run", "languages", ".", "--vars.langs", "de fr", "--vars.text_column", "my text"]
    inner = "from scripts.languages.order import read_line, read_variables; print(read_variables(read_line()))"
    between = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {between!r}, 'x'], check=True)"
    environment: Any = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", outer, *typed], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str({"vars.langs": "de fr", "vars.text_column": "my text"}), done.stderr


def test_a_line_that_nobody_tells_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: List[Any] = [["python", "-m", "pytest", "tests/languages"], PermissionError]

    class Other:
        def __init__(self, line: Any) -> None:
            self.line = line

        def cmdline(self) -> List[str]:
            import psutil

            if self.line is PermissionError:
                raise psutil.AccessDenied(1)
            return list(self.line)

    monkeypatch.setattr("psutil.Process.parents", lambda self: [Other(line) for line in lines])
    assert read_line() == []
