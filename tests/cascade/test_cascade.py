"""The `cascade` step: from what `evaluate` leaves to a pipeline and its report."""

from pathlib import Path
from typing import Any, Dict

import numpy
import pytest
import spacy
import srsly

from benchmarks.tables import runs
from scripts.cascade.curve import ALWAYS
from scripts.cascade.report import curve_rows, explain, render
from scripts.data.task import Task
from scripts.evaluation import speed
from scripts.evaluation.predictions import Predictions, write_predictions
from scripts.pipelines import read_pipeline
from tests.conftest import LABELS, TEXTS, run_here

TASK = Task(LABELS)


@pytest.fixture(scope="module")
def made(paths: Dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the step has left a cascade."""
    folder = tmp_path_factory.mktemp("run")
    texts = [f"{text} {more}" for text, _ in TEXTS for more in ("", "and so on", "but then it broke", "lovely")]
    probs = {
        name: numpy.array([[doc.cats[label] for label in LABELS] for doc in spacy.load(path).pipe(texts)])
        for name, path in paths.items()
    }
    # The student is wrong in the third of the texts of which it is least sure, the teacher in none.
    order = probs["student"].max(axis=1).argsort()
    gold = TASK.decide(probs["student"])
    gold[order[: len(texts) // 3]] ^= 1
    probs["teacher"] = numpy.where(numpy.eye(2)[gold] > 0, 0.9, 0.1)
    TASK.write(folder / "gold")
    write_predictions(
        folder / "predictions.jsonl", {split: Predictions(texts, gold, probs) for split in ("dev", "test")}, TASK
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "MIN_SECONDS", 0.0)
        patch.setattr(speed, "N_ROUNDS", 1)
        arguments = ["--student", paths["student"], "--teacher", paths["teacher"], "--max-words", 0.9]
        arguments += ["--predictions", folder / "predictions.jsonl", "--max-loss", 10]
        assert run_here("scripts.cascade", folder / "gold", folder / "cascade", *arguments) == 0
    return folder


def test_the_step_leaves_one_pipeline_and_what_it_is_worth(made: Path) -> None:
    record = srsly.read_json(made / "cascade.json")
    nlp = read_pipeline(made / "cascade")
    assert nlp.pipe_names == ["textcat", "textcat_cascade"]
    assert nlp.config["components"]["textcat_cascade"]["threshold"] == record["threshold"] > 0
    texts = [row["text"] for row in srsly.read_jsonl(made / "predictions.jsonl") if row["split"] == "test"]
    answered = [doc._.textcat_answered_by for doc in nlp.pipe(texts)]
    test = record["test"]
    assert test["cascade"]["escalated"] == pytest.approx(answered.count("teacher") / len(texts))
    assert (
        record["reached"]
        and 0.2 < test["cascade"]["words"] < 0.6
        and test["teacher"]["words"] == 1
        and test["student"]["words"] == 0
    )
    assert test["cascade"]["size_mb"] > test["student"]["size_mb"]
    assert record["dev"]["cascade"] > 0.9 > record["dev"]["student"] and "right" not in test["cascade"]
    assert {point["threshold"] for point in record["curve"]} >= {0.0, record["threshold"]}


def test_the_report_says_so(made: Path) -> None:
    record = srsly.read_json(made / "cascade.json")
    text = (made / "cascade.md").read_text(encoding="utf8")
    assert text == render(record) and explain(record) in text
    assert f"at least {record['threshold']:g}" in text and "| cascade |" in text.replace("  ", " ")
    (chosen,) = [row for row in curve_rows(record) if "**" in row[0]]
    assert float(chosen[0].strip("*")) == record["threshold"]
    shown = runs.cascade(record).to_markdown()
    assert "| cascade | " in shown and explain(record) in shown
    assert (made / "cascade.png").read_bytes().startswith(b"\x89PNG")


def test_a_choice_that_misses_the_target_is_told(made: Path) -> None:
    record: Dict[str, Any] = srsly.read_json(made / "cascade.json")
    assert "the lowest that does not lose more than 10 points" in explain(record)
    assert "within the budget" in explain({**record, "reached": False})
    assert "cascade_loss" not in explain({**record, "reached": False, "n_dev": 1000})


def test_too_few_texts_for_so_small_a_loss_are_told(made: Path) -> None:
    record: Dict[str, Any] = srsly.read_json(made / "cascade.json")
    few = {**record, "n_dev": 50, "max_loss": 0.5}
    assert "So few dev texts" in explain(few) and "So few" not in explain({**few, "n_dev": 1000})
    told = explain({**few, "threshold": ALWAYS})
    assert told.startswith("The teacher answers always") and "So few dev texts rule out 3.2 points at best" in told


def test_without_predictions_evaluate_is_named(
    paths: Dict[str, Path], made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--student", paths["student"], "--teacher", paths["teacher"], "--predictions", tmp_path / "no.jsonl"]
    assert run_here("scripts.cascade", made / "gold", tmp_path / "cascade", *arguments) == 1
    assert "Run the `evaluate` step first" in capsys.readouterr().err
