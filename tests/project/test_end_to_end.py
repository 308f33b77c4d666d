"""One real run of the whole project, on a part of the demo with a few training steps, in a copied folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
import srsly
from spacy.util import load_config

from scripts.files import hash_path
from tests.conftest import ROOT

STEPS = [
    "train-teacher",
    "augment",
    "score",
    "lexicon",
    "train-baseline",
    "train-student",
    "export",
    "compress",
    "evaluate",
    "package",
]
SIZES = {"train": 48, "dev": 24, "test": 24, "unlabelled": 24}

pytestmark = pytest.mark.slow


def run_project(project: Path, workflow: str = "all", **variables: Any) -> "subprocess.CompletedProcess[str]":
    options = [part for name, value in variables.items() for part in (f"--vars.{name}", str(value))]
    command = [sys.executable, "-m", "spacy", "project", "run", workflow, ".", *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def steps_run(output: str) -> List[str]:
    """The steps that were run and not skipped, of those that may be skipped."""
    return [step for step in STEPS if f"Skipping '{step}-en': nothing changed" not in output]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with few reviews and short trainings, after `run all`."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "project.yml", folder)
    for name in ("scripts", "configs", "assets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "encoders"))
    reviews = folder / "assets" / "reviews" / "en"
    for split, size in SIZES.items():
        rows = list(srsly.read_gzip_jsonl(reviews / f"{split}.jsonl.gz"))[:size]
        srsly.write_gzip_jsonl(reviews / f"{split}.jsonl.gz", rows)
    shorten(folder / "configs" / "teacher.cfg", {"training.max_steps": 4, "training.eval_frequency": 4})
    shorten(folder / "configs" / "augment.cfg", {"augmentation.fill_to": 150})
    for student in ("bow", "ensemble"):
        path = folder / "configs" / f"student_{student}.cfg"
        shorten(path, {"training.max_steps": 20, "training.eval_frequency": 10})
    done = run_project(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def shorten(path: Path, overrides: Dict[str, Any]) -> None:
    config = load_config(path, overrides=overrides)
    path.write_text(config.to_str(interpolate=False), encoding="utf8")


def test_all_outputs_are_there(project: Path) -> None:
    for path in (
        "corpus/en/gold/train.spacy",
        "corpus/en/transfer/texts.jsonl",
        "corpus/en/transfer/00000.spacy",
        "training/en/teacher/model-best",
        "training/en/baseline/model-best",
        "training/en/student_ensemble/model-best",
        "training/en/export/config.cfg",
        "training/en/report/report.md",
        "assets/encoders/all-MiniLM-L6-v2/model.safetensors",
    ):
        assert (project / path).exists(), path
    assert not list(project.rglob("*.partial"))


def test_report_has_what_others_read(project: Path) -> None:
    report = srsly.read_json(project / "training" / "en" / "report" / "report.json")
    for system in ("reference", "baseline", "student", "teacher"):
        assert 0 <= report[system]["accuracy"] <= 1 and 0 <= report[system]["macro_f1"] <= 1
        assert report[system]["words_per_second"] > 0 and report[system]["size_mb"] > 0
    assert report["student"]["words_per_second"] > report["teacher"]["words_per_second"]
    assert {"agreement", "kl", "retained", "gap_closed"} <= set(report["student"])
    train = project / "assets" / "reviews" / "en" / "train.jsonl.gz"
    assert report["provenance"]["data"]["train"]["sha256"] == hash_path(train)
    assert {"versions", "seed", "machine"} <= set(report["provenance"])


def test_the_wheel_works_where_the_project_is_not(project: Path, tmp_path: Path) -> None:
    (wheel,) = (project / "packages").rglob("*.whl")
    assert wheel == project / srsly.read_json(project / "training" / "en" / "wheel.json")["wheel"]
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(tmp_path), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    code = "import sys, json; sys.path.insert(0, sys.argv[1]); import spacy; "
    code += "print(json.dumps(spacy.load('en_reviews')('fine').cats))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert set(json.loads(done.stdout)) == {"NEGATIVE", "POSITIVE"}, done.stderr


def test_a_second_run_does_nothing(project: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for folder in ("corpus", "training", "packages")
        for path in (project / folder).rglob("*")
    }
    done = run_project(project)
    assert done.returncode == 0 and steps_run(done.stdout) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_changed_input_runs_only_what_depends_on_it(project: Path) -> None:
    quality = project / "scripts" / "evaluation" / "quality.py"
    quality.write_text(quality.read_text(encoding="utf8") + "\n# changed\n", encoding="utf8")
    assert steps_run(run_project(project).stdout) == ["evaluate"]
    unlabelled = project / "assets" / "reviews" / "en" / "unlabelled.jsonl.gz"
    rows = list(srsly.read_gzip_jsonl(unlabelled))
    srsly.write_gzip_jsonl(unlabelled, rows[:-1])
    changed = steps_run(run_project(project).stdout)
    assert changed == ["augment", "score", "lexicon", "train-student", "export", "compress", "evaluate", "package"]


def test_another_student_and_another_run_leave_the_first_alone(project: Path) -> None:
    done = run_project(project, "train-student", student="bow")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (project / "training" / "en" / "student_bow" / "model-best").is_dir()
    assert (project / "training" / "en" / "student_ensemble" / "model-best").is_dir()
    assert run_project(project, "convert", run="other", seed=1).returncode == 0
    assert (project / "corpus" / "other" / "gold" / "labels.json").is_file()
    assert run_project(project, "convert").returncode == 0
    report = srsly.read_json(project / "training" / "en" / "report" / "report.json")
    assert report["provenance"]["student_kind"] == "ensemble"


def test_kill_nine_during_training_loses_nothing_that_was_finished(project: Path) -> None:
    config = project / "configs" / "student_ensemble.cfg"
    original = config.read_text(encoding="utf8")
    student = project / "training" / "en" / "student_ensemble"
    finished = hash_path(student / "model-best")
    # The bow student has taken the lock entry of the step. The same seed trains the same ensemble again.
    assert steps_run(run_project(project).stdout) == ["train-student"]
    assert hash_path(student / "model-best") == finished
    shorten(config, {"training.max_steps": 100000, "training.patience": 0})
    command = [sys.executable, "-m", "spacy", "project", "run", "train-student", "."]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.time() + 120
    while not (student.with_name("student_ensemble.partial") / "model-best" / "meta.json").is_file():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert hash_path(student / "model-best") == finished
    config.write_text(original, encoding="utf8")
    assert steps_run(run_project(project).stdout) == []


def test_a_user_mistake_ends_the_run_with_its_message(project: Path) -> None:
    done = run_project(project, "convert", run="mistake", text_column="review")
    assert done.returncode == 1
    assert "no column 'review', found text, label, stars, source" in done.stderr
    assert "Traceback" not in done.stderr
    done = run_project(project, "fetch-encoder", run="mistake", encoder="assets")
    assert done.returncode == 1 and "assets holds no encoder" in done.stderr and "Traceback" not in done.stderr
