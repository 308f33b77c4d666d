from pathlib import Path
from typing import Any, Dict

import numpy
import pytest
import spacy
import srsly

from scripts.data.docbins import one_hot
from scripts.evaluation.__main__ import measure_systems
from scripts.evaluation.quality import calibration_error, compare_to_teacher, measure_gap, measure_quality
from scripts.evaluation.reference import fit_reference
from scripts.evaluation.report import render_report, write_report
from scripts.evaluation.speed import measure_speed
from tests.conftest import BOW, LABELS, TEXTS, train

PROBS = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
GOLD = numpy.array([0, 1, 1, 1])


def test_quality_by_hand() -> None:
    quality = measure_quality(PROBS, GOLD)
    assert quality["accuracy"] == 0.75
    assert quality["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    low, high = quality["accuracy_interval"]
    assert low == pytest.approx(0.3006, abs=1e-4) and high == pytest.approx(0.9544, abs=1e-4)
    # One document per bin of confidence: |1 - .9|, |0 - .8|, |1 - .6|, |1 - .7|, each of weight 1/4.
    assert quality["ece"] == pytest.approx((0.1 + 0.8 + 0.4 + 0.3) / 4)


def test_calibration_limits() -> None:
    sure = numpy.array([[1.0, 0.0]] * 4)
    assert calibration_error(sure, numpy.zeros(4, dtype=int)) == 0
    assert calibration_error(sure, numpy.ones(4, dtype=int)) == 1
    assert calibration_error(numpy.full((4, 2), 0.5), numpy.array([0, 0, 1, 1])) == 0


def test_comparison_with_the_teacher_by_hand() -> None:
    student = numpy.array([[0.5, 0.5], [0.1, 0.9]])
    teacher = numpy.array([[0.75, 0.25], [0.9, 0.1]])
    result = compare_to_teacher(student, teacher)
    assert result["agreement"] == 0.5
    first = 0.75 * numpy.log(1.5) + 0.25 * numpy.log(0.5)
    second = 0.9 * numpy.log(9) + 0.1 * numpy.log(1 / 9)
    assert result["kl"] == pytest.approx((first + second) / 2)
    assert compare_to_teacher(teacher, teacher) == {"agreement": 1.0, "kl": 0.0}


def test_gap() -> None:
    assert measure_gap(0.8, 0.86, 0.88) == pytest.approx((0.86 / 0.88, 0.75))
    assert measure_gap(0.88, 0.86, 0.88) == (pytest.approx(0.86 / 0.88), None)


def make_systems() -> Dict[str, Any]:
    pipelines = {}
    for name, steps in (("reference", 1), ("baseline", 0), ("student", 30), ("teacher", 60)):
        pipelines[name] = train(BOW, n_updates=steps)
    return pipelines


def test_report_has_every_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scripts.evaluation.speed.MIN_SECONDS", 0.01)
    docs = []
    for text, label in TEXTS:
        doc = spacy.blank("en").make_doc(text)
        doc.cats = one_hot(label, LABELS)
        docs.append(doc)
    result, n_texts = measure_systems(make_systems(), docs, LABELS, seed=0)
    assert n_texts == len(TEXTS)
    for name in ("reference", "baseline", "student", "teacher"):
        assert {"accuracy", "macro_f1", "ece", "words_per_second"} <= set(result[name])
        result[name]["size_mb"] = 1.0
    assert result["baseline"]["accuracy"] == 0.5 and result["teacher"]["accuracy"] == 1.0
    # The gap counts from the better one of reference and baseline, here the reference.
    student, best = result["student"], result["reference"]["accuracy"]
    assert best > 0.5
    assert student["gap_closed"] == (pytest.approx((student["accuracy"] - best) / (1 - best)) if best < 1 else None)
    result["reference"]["settings"] = {"C": 4.0, "dev_accuracy": 0.8}
    report: Dict[str, Any] = dict(result)
    report["provenance"] = {
        "student_kind": "bow",
        "seed": 0,
        "lang": "en",
        "counts": {"train": 10},
        "data": {"train": {"path": "t.jsonl", "sha256": "abc"}},
        "transfer_set": {"texts": 12},
        "n_speed_texts": n_texts,
        "versions": {"spacy": "3"},
        "machine": {"cores": "2"},
    }
    write_report(report, tmp_path)
    assert srsly.read_json(tmp_path / "report.json")["student"]["gap_closed"] == pytest.approx(student["gap_closed"])
    text = (tmp_path / "report.md").read_text(encoding="utf8")
    assert text == render_report(report)
    assert "| baseline | 0.500 |" in text.replace("  ", "") and "t.jsonl, sha256 abc" in text
    assert "tuned on dev: C 4.0, dev_accuracy 0.8" in text


def test_a_teacher_that_does_not_beat_the_baseline_is_said_to() -> None:
    pipelines = make_systems()
    pipelines["teacher"] = pipelines["reference"] = pipelines["baseline"]
    docs = [spacy.blank("en").make_doc(text) for text in ("love it", "awful")]
    for doc, label in zip(docs, ("POSITIVE", "NEGATIVE")):
        doc.cats = one_hot(label, LABELS)
    result, _ = measure_systems(pipelines, docs, LABELS, seed=0)
    assert result["student"]["gap_closed"] is None


def test_the_reference_learns_gold_and_is_chosen_on_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.evaluation.reference.INVERSE_L2", (10.0,))
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    gold = numpy.array([LABELS.index(label) for _, label in TEXTS])
    reference, settings = fit_reference(docs, gold, docs, gold, LABELS)
    assert settings["dev_accuracy"] == 1.0
    assert fit_reference(docs, gold, docs, 1 - gold, LABELS)[1]["dev_accuracy"] == 0.0
    for doc, label in zip(reference.pipe([text for text, _ in TEXTS]), (label for _, label in TEXTS)):
        assert doc.cats[label] > 0.5 and sum(doc.cats.values()) == pytest.approx(1)
    assert reference("love").cats["POSITIVE"] > 0.5
    component: Any = reference.get_pipe("textcat")
    assert 100 < component.size() < 1e6
    # A label that train does not have gets no probability.
    fewer, _ = fit_reference(docs, gold, docs, gold, [*LABELS, "NEUTRAL"])
    assert fewer("love").cats["NEUTRAL"] == 0


def test_speed_counts_words_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.evaluation.speed.run_pipeline", lambda nlp, texts: 0.5)
    assert measure_speed({"a": spacy.blank("en")}, ["one two three", "four"]) == {"a": 8.0}
