"""Whether thresholds hold on test."""

from pathlib import Path

import numpy
import pytest
import spacy
import srsly

import benchmarks.cascades as benchmark
from scripts.data.task import Task
from scripts.evaluation.predictions import Predictions, write_predictions
from tests.conftest import LABELS

TASK = Task(LABELS)


def make_predictions(seed: int, n_texts: int = 800) -> Predictions:
    """A student that is wrong in half of the texts of which it is not sure, and a teacher that is never wrong."""
    rng = numpy.random.default_rng(seed)
    gold = rng.integers(0, 2, n_texts)
    sure = rng.uniform(size=n_texts) < 0.75
    said = numpy.where(sure | (rng.uniform(size=n_texts) < 0.5), gold, 1 - gold)
    confidence = numpy.where(sure, 0.95, 0.6)[:, None]
    student = numpy.where(numpy.eye(2)[said] > 0, confidence, 1 - confidence)
    teacher = numpy.where(numpy.eye(2)[gold] > 0, 0.9, 0.1)
    return Predictions(["a text"] * n_texts, gold, {"student": student, "teacher": teacher})


def test_a_threshold_is_chosen_on_dev_and_told_of_on_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "read_pipeline", lambda path: spacy.blank("en"))
    TASK.write(tmp_path / "en" / "gold")
    said = {"dev": make_predictions(0), "test": make_predictions(1)}
    (tmp_path / "en" / "report").mkdir()
    write_predictions(tmp_path / "en" / "report" / "predictions.jsonl", said, TASK)
    output = tmp_path / "cascades.json"
    benchmark.measure_all(["en"], max_loss=0.5, corpus=tmp_path, training=tmp_path, output=output)
    record = srsly.read_json(output)
    (run,) = record["runs"]
    assert run["teacher"]["accuracy"] == run["cascade"]["accuracy"] == 1.0 > 0.95 > run["student"]["accuracy"]
    assert 0.2 < run["cascade"]["escalated"] < 0.3 and run["student"]["words"] == 0.0
    (row,) = benchmark.make_table(record).rows
    assert row[0] == "en" and row[4] == "+0.0"
