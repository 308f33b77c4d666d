"""One real run of the whole project with configs/test, on a part of the demo, in a copied folder; tests share it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, List, Set

import psutil
import pytest
import srsly
from weasel.cli.run import check_rerun, project_run
from weasel.util import load_project_config

from benchmarks.small_project import CONFIGS, copy_project, start
from scripts.files import hash_path

STEPS = [
    "train-teacher",
    "lexicon",
    "select",
    "augment",
    "score",
    "train-baseline",
    "train-student",
    "export",
    "compress",
    "evaluate",
    "package",
]
# What says who works on the run, and the folder in which it does.
CLAIM = ("training/en", "training/en/running.json")

pytestmark = pytest.mark.slow


def run_in_process(project: Path, step: str, **variables: Any) -> None:
    """Run a step or a workflow as `spacy project run` does: without its seconds of imports, but for the steps' own."""
    project_run(project, step, overrides={"vars.config_dir": CONFIGS, **variables})


def find_steps_to_run(project: Path) -> List[str]:
    """The steps that `all` would run and not skip, of those that it may skip.

    RETURNS (List[str]): Those that Weasel takes to have changed, and those that read what one of these writes.
    """
    config = load_project_config(project, overrides={"vars.config_dir": CONFIGS})
    commands = {command["name"]: command for command in config["commands"]}
    steps: List[str] = []
    written: Set[str] = set()
    for command in (commands[name] for name in config["workflows"]["all"]):
        reads = {str(path) for dep in command.get("deps", []) for path in (Path(dep), *Path(dep).parents)}
        if not command.get("no_skip") and (reads & written or check_rerun(project, command)):
            steps.append(command["name"].removesuffix("-en"))
            written.update(command["outputs"])
    return steps


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with few reviews, after `all`."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    process = start(folder, "all")
    output, _ = process.communicate()
    assert process.returncode == 0, output[-6000:]
    return folder


def test_all_outputs_are_there(project: Path) -> None:
    for path in (
        "corpus/en/gold/train.spacy",
        "corpus/en/selected.jsonl",
        "corpus/en/left_out.jsonl",
        "corpus/en/selection.json",
        "corpus/en/transfer/texts.jsonl",
        "corpus/en/transfer/00000.spacy",
        "training/en/teacher/model-best",
        "training/en/baseline/model-best",
        "training/en/student_ensemble/model-best",
        "training/en/export/config.cfg",
        "training/en/report/report.md",
        "training/en/report/predictions.jsonl",
        "training/en/report/index.html",
        "training/en/teacher/log.jsonl",
        "training/en/baseline/log.jsonl",
        "training/en/student_ensemble/log.jsonl",
        "assets/encoders",
    ):
        assert (project / path).exists(), path
    assert not list(project.rglob("*.partial"))
    assert [step for step in srsly.read_json(project / "training" / "en" / "times.json") if step in STEPS] == STEPS


def test_report_has_what_others_read(project: Path) -> None:
    report = srsly.read_json(project / "training" / "en" / "report" / "report.json")
    for system in ("reference", "baseline", "student", "teacher"):
        assert 0 <= report[system]["accuracy"] <= 1 and 0 <= report[system]["macro_f1"] <= 1
        assert report[system]["words_per_second"] > 0 and report[system]["size_mb"] > 0
    assert report["student"]["words_per_second"] > report["teacher"]["words_per_second"]
    assert {"agreement", "kl", "retained", "gap_closed"} <= set(report["student"])
    train = project / "assets" / "reviews" / "en" / "train.jsonl.gz"
    assert report["provenance"]["data"]["train"]["sha256"] == hash_path(train)
    assert report["provenance"]["student_kind"] == "ensemble"
    assert {"versions", "seed", "machine"} <= set(report["provenance"])


def test_the_wheel_works_where_the_project_is_not(project: Path, tmp_path: Path) -> None:
    (wheel,) = (project / "packages").rglob("*.whl")
    record = srsly.read_json(project / "training" / "en" / "wheel.json")
    assert wheel == project / record["wheel"] and hash_path(wheel) == record["sha256"]
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(tmp_path), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    code = "import sys, json; sys.path.insert(0, sys.argv[1]); import spacy; "
    code += "print(json.dumps(spacy.load('en_reviews')('fine').cats))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert set(json.loads(done.stdout)) == {"NEGATIVE", "POSITIVE"}, done.stderr


def test_a_second_run_does_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = {path for folder in ("corpus", "training", "packages") for path in (project / folder).rglob("*")}
    before = {path: path.stat().st_mtime_ns for path in paths - {project / name for name in CLAIM}}
    run_in_process(project, "all")
    output = capfd.readouterr().out
    assert [step for step in STEPS if f"Skipping '{step}-en': nothing changed" in output] == STEPS
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_languages_skip_what_is_finished_and_go_on_after_one_that_is_busy(project: Path) -> None:
    training = project / "training"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        claim = {"pid": other.pid, "create_time": psutil.Process(other.pid).create_time()}
        (training / "de").mkdir()
        srsly.write_json(training / "de" / "running.json", claim)
        command = [sys.executable, "-m", "spacy", "project", "run", "languages", ".", "--vars.langs", "de en"]
        done = subprocess.run(
            [*command, "--vars.config_dir", CONFIGS],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        other.kill()
    said = " ".join(done.stdout.split())
    assert done.returncode == 1 and "Traceback" not in said
    assert f"Process {other.pid} works on the run 'de'" in said and "1 of 2 languages failed: de (prepare)." in said
    assert [step for step in STEPS if f"Skipping '{step}-en': nothing changed" in said] == STEPS
    de, en = srsly.read_json(training / "languages.json")["languages"]
    assert de == {"lang": "de", "run": "de", "failed": "prepare"}
    report, encoder = (srsly.read_json(training / "en" / name) for name in ("report/report.json", "encoder.json"))
    assert en["student"]["accuracy"] == report["student"]["accuracy"] and en["encoder"] == encoder["encoder"]
    assert (training / "languages.md").is_file() and (training / "languages.png").is_file()


def test_kill_nine_during_training_loses_nothing_that_was_finished(project: Path) -> None:
    config = project / CONFIGS / "student_ensemble.cfg"
    original = config.read_text(encoding="utf8")
    student = project / "training" / "en" / "student_ensemble"
    finished = hash_path(student / "model-best")
    endless = {"max_steps": 10**6, "eval_frequency": 10, "patience": 10**6}
    text = original
    for name, value in endless.items():
        text = text.replace(f"{name} = 0\n", f"{name} = {value}\n")
    config.write_text(text, encoding="utf8")
    changed = ["train-baseline", "train-student", "export", "compress", "evaluate", "package"]
    assert find_steps_to_run(project) == changed
    process = start(project, "train-student", start_new_session=True)
    deadline = time.time() + 120
    while not (student.with_name("student_ensemble.partial") / "model-best" / "meta.json").is_file():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert hash_path(student / "model-best") == finished
    config.write_text(original, encoding="utf8")
    assert find_steps_to_run(project) == []


def test_another_student_leaves_the_first_alone_and_a_seed_trains_the_same_again(project: Path) -> None:
    bow, ensemble = (project / "training" / "en" / f"student_{kind}" / "model-best" for kind in ("bow", "ensemble"))
    finished = hash_path(ensemble)
    run_in_process(project, "train-student", **{"vars.student": "bow"})
    assert bow.is_dir() and hash_path(ensemble) == finished
    # The other one has taken the lock entry of the step, and the file that says what it follows from.
    run_in_process(project, "prepare-en")
    assert find_steps_to_run(project)[0] == "train-student"
    trained = ensemble.stat().st_mtime_ns
    run_in_process(project, "train-student-en")
    assert hash_path(ensemble) == finished and ensemble.stat().st_mtime_ns > trained
    assert find_steps_to_run(project) == []


def test_another_run_leaves_the_first_alone(project: Path) -> None:
    corpus = project / "corpus" / "en"
    before = hash_path(corpus)
    run_in_process(project, "convert-other", **{"vars.run": "other", "vars.seed": 1})
    assert (project / "corpus" / "other" / "gold" / "labels.json").is_file()
    assert hash_path(corpus) == before and find_steps_to_run(project) == []


def test_a_user_mistake_ends_the_run_with_its_message(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for step, run, variable, value, message in (
        ("convert", "mistake", "text_column", "review", "no column 'review', found 'text', 'label', 'stars', 'source'"),
        ("fetch-encoder", "en", "encoder", "assets", "assets holds no encoder"),
    ):
        with pytest.raises(SystemExit) as ended:
            run_in_process(project, f"{step}-{run}", **{"vars.run": run, f"vars.{variable}": value})
        error = capfd.readouterr().err
        assert ended.value.code == 1 and message in error and "Traceback" not in error


def test_a_changed_input_runs_only_what_depends_on_it(project: Path) -> None:
    quality = project / "scripts" / "evaluation" / "quality.py"
    quality.write_text(quality.read_text(encoding="utf8") + "\n# changed\n", encoding="utf8")
    run_in_process(project, "prepare-en")
    assert find_steps_to_run(project) == ["evaluate", "package"]
    unlabelled = project / "assets" / "reviews" / "en" / "unlabelled.jsonl.gz"
    rows = list(srsly.read_gzip_jsonl(unlabelled))
    srsly.write_gzip_jsonl(unlabelled, rows[:-1])
    run_in_process(project, "convert-en")
    expected = ["lexicon", "select", "augment", "score", "train-student", "export", "compress", "evaluate", "package"]
    assert find_steps_to_run(project) == expected
    # Some of them are run: what they write is other texts, and those after them see that.
    for step in expected[:3]:
        run_in_process(project, f"{step}-en")
    texts = (project / "corpus" / "en" / "transfer" / "texts.jsonl").read_text(encoding="utf8")
    assert srsly.json_dumps(rows[-1]["text"]) not in texts and srsly.json_dumps(rows[-2]["text"]) in texts
    assert find_steps_to_run(project) == expected[3:]
