from functools import partial
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import spacy
import srsly
from sklearn.feature_extraction.text import CountVectorizer
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, GOLD, UNLABELLED
from scripts.evaluation.__main__ import measure_systems, predict_split
from scripts.evaluation.quality import (
    brier_score,
    calibration_error,
    compare_to_teacher,
    find_untested,
    measure_gap,
    measure_quality,
)
from scripts.evaluation.reference import (
    ANALYZERS,
    fit_reference,
    measure_size,
    read_taught,
    words_and_characters,
)
from scripts.evaluation.report import describe_gap, list_limits, render_report, tell_untested, write_report
from scripts.evaluation.speed import measure_latency, measure_speed
from scripts.tokenizing import make_blank
from tests.conftest import BOW, LABELS, TEXTS, train

PROBS = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
RIGHT = numpy.array([0, 1, 1, 1])
TASK = Task(LABELS)
MAKE = partial(make_blank, "en", "default")


def test_quality_by_hand() -> None:
    quality = measure_quality(PROBS, RIGHT, TASK)
    assert quality["accuracy"] == 0.75
    assert quality["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    low, high = quality["accuracy_interval"]
    assert low == pytest.approx(0.3006, abs=1e-4) and high == pytest.approx(0.9544, abs=1e-4)
    # One document per bin of confidence: |1 - .9|, |0 - .8|, |1 - .6|, |1 - .7|, each of weight 1/4.
    assert quality["ece"] == pytest.approx((0.1 + 0.8 + 0.4 + 0.3) / 4)


def test_brier_score_by_hand_and_its_limits() -> None:
    # 2 * .1^2, 2 * .8^2, 2 * .4^2, 2 * .3^2
    assert brier_score(PROBS, RIGHT) == pytest.approx(2 * (0.01 + 0.64 + 0.16 + 0.09) / 4)
    certain = numpy.eye(2)[RIGHT]
    assert brier_score(certain, RIGHT) == 0 and brier_score(certain, 1 - RIGHT) == 2


def test_a_label_without_test_texts_is_named_and_counts_in_macro_f1() -> None:
    always = numpy.array([[0.9, 0.1]] * 3)
    gold = numpy.array([0, 0, 0])
    # All right, but nothing shows that POSITIVE is ever found.
    assert measure_quality(always, gold, TASK)["accuracy"] == 1.0
    assert measure_quality(always, gold, TASK)["macro_f1"] == 0.5
    assert find_untested(gold, TASK) == ["POSITIVE"] and find_untested(RIGHT, TASK) == []
    # As spaCy has it.
    docs = [spacy.blank("en").make_doc("a") for _ in gold]
    examples = [Example(doc, doc.copy()) for doc in docs]
    for example in examples:
        example.predicted.cats, example.reference.cats = {"NEGATIVE": 0.9, "POSITIVE": 0.1}, TASK.make_cats("NEGATIVE")
    scores = Scorer.score_cats(examples, "cats", labels=LABELS, multi_label=False)
    assert scores["cats_macro_f"] == 0.5


def test_the_report_names_labels_without_test_texts() -> None:
    assert tell_untested(["spam"]).startswith("No test text has the label spam: ")
    assert tell_untested(["a", "b"]).startswith("No test text has the labels a, b: ")


def test_calibration_limits() -> None:
    sure = numpy.ones(4)
    assert calibration_error(sure, numpy.array([True] * 4)) == 0
    assert calibration_error(sure, numpy.array([False] * 4)) == 1
    assert calibration_error(numpy.full(4, 0.5), numpy.array([True, True, False, False])) == 0


def test_comparison_with_the_teacher_by_hand() -> None:
    student = numpy.array([[0.5, 0.5], [0.1, 0.9]])
    teacher = numpy.array([[0.75, 0.25], [0.9, 0.1]])
    result = compare_to_teacher(student, teacher, TASK)
    assert result["agreement"] == 0.5
    first = 0.75 * numpy.log(1.5) + 0.25 * numpy.log(0.5)
    second = 0.9 * numpy.log(9) + 0.1 * numpy.log(1 / 9)
    assert result["kl"] == pytest.approx((first + second) / 2)
    assert compare_to_teacher(teacher, teacher, TASK) == {"agreement": 1.0, "kl": 0.0}


def test_gap() -> None:
    assert measure_gap(0.8, 0.86, 0.88) == pytest.approx((0.86 / 0.88, 0.75))
    assert measure_gap(0.88, 0.86, 0.88) == (pytest.approx(0.86 / 0.88), None)
    assert describe_gap(0.75) == "75%" and describe_gap(None) == "the teacher does not beat gold labels alone"
    assert describe_gap(-0.5).startswith("none of it") and describe_gap(1.25).startswith("125%: the student has more")


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Dict[str, Any]:
    """Stand-ins for all systems, of which speeds are taken quickly."""
    monkeypatch.setattr("scripts.evaluation.speed.MIN_SECONDS", 0.01)
    pipelines = {}
    steps_of = {"reference": 1, "reference_distilled": 2, "baseline": 0, "student": 30, "teacher": 60}
    for name, steps in steps_of.items():
        pipelines[name] = train(BOW, n_updates=steps)
    return pipelines


def make_gold() -> List[Doc]:
    docs = []
    for text, label in TEXTS:
        doc = spacy.blank("en").make_doc(text)
        doc.cats = TASK.make_cats(label)
        docs.append(doc)
    return docs


def test_report_has_every_figure(systems: Dict[str, Any], tmp_path: Path) -> None:
    test = predict_split(systems, make_gold(), TASK, name="test")
    result = measure_systems(systems, dict.fromkeys(systems, 1.5), test, TASK, seed=0)
    for name in systems:
        assert {"accuracy", "macro_f1", "ece", "brier", "words_per_second", "cores"} <= set(result[name])
        assert 0 < result[name]["latency_p50"] <= result[name]["latency_p95"]
        assert result[name]["size_mb"] == 1.5 and result[name]["speed_texts"] == len(TEXTS)
    assert result["baseline"]["accuracy"] == 0.5 and result["teacher"]["accuracy"] == 1.0
    # The gap counts from the better one of reference and baseline, here the reference.
    student, best = result["student"], result["reference"]["accuracy"]
    assert best > 0.5
    assert student["gap_closed"] == (pytest.approx((student["accuracy"] - best) / (1 - best)) if best < 1 else None)
    verdict = result["verdict"]
    assert list(verdict["against"]) == ["reference", "reference_distilled", "baseline"]
    for name, found in verdict["against"].items():
        assert found["difference"] == pytest.approx(student["accuracy"] - result[name]["accuracy"])
    for name in ("reference", "reference_distilled"):
        result[name].update(settings={"C": 4.0, "dev_accuracy": 0.8}, texts=len(name))
    tried = {"words": 0.5, "characters": 0.25}
    result["student"]["features"] = {"reads": "characters", "texts": 7, "dev": 5, "log_loss": tried, "accuracy": tried}
    result["baseline"]["features"] = {"reads": "words"}
    report: Dict[str, Any] = {**result, "labels": LABELS}
    report["limits"] = list_limits(report)
    report["provenance"] = {
        "student_kind": "bow",
        "seed": 0,
        "lang": "en",
        "counts": {"train": 10},
        "data": {"train": {"path": "t.jsonl", "sha256": "abc"}},
        "selection": {"texts": 9, "selected": 8},
        "transfer_set": {"texts": 12},
        "versions": {"spacy": "3"},
        "machine": {"cores": "2"},
    }
    write_report(report, tmp_path)
    assert srsly.read_json(tmp_path / "report.json")["student"]["gap_closed"] == pytest.approx(student["gap_closed"])
    text = (tmp_path / "report.md").read_text(encoding="utf8")
    assert text == render_report(report)
    assert "| baseline | 0.500 |" in text.replace("  ", "") and "t.jsonl, sha256 abc" in text
    assert "and the teacher's where there is no gold, 19 texts, tuned on dev: C 4.0, dev_accuracy 0.800" in text
    assert "baseline: features: words, as its config says" in text
    chosen = "characters, chosen by 5 dev texts. Log loss (and accuracy) of a linear model that learned from 7 texts"
    assert f"student: features: {chosen}: words 0.500 (50.0%), characters 0.250 (25.0%)" in text
    assert "No test text has" not in text and result["untested"] == []
    assert tell_untested(["OTHER"]) in render_report({**report, "untested": ["OTHER"]})
    assert "It knows the labels NEGATIVE, POSITIVE and gives one of them to every text" in text
    assert verdict["reason"] in text and "Student against reference_distilled: " in text


def test_a_teacher_that_does_not_beat_the_baseline_is_said_to(systems: Dict[str, Any]) -> None:
    systems["teacher"] = systems["reference"] = systems["baseline"]
    test = predict_split(systems, make_gold()[:2], TASK, name="test")
    result = measure_systems(systems, dict.fromkeys(systems, 1.0), test, TASK, seed=0)
    assert result["student"]["gap_closed"] is None


def test_the_references_read_what_students_read() -> None:
    doc = spacy.blank("en").make_doc("Isn't")
    grams = words_and_characters(doc)
    assert grams[:3] == ["is", "n't", "is n't"] and len(grams) == 3 + 5 + 4 + 3 + 2 + 1 == len(set(grams))
    assert grams[3:] == [
        f"\0{gram}" for gram in CountVectorizer(**ANALYZERS["characters, 1 to 5"]).build_analyzer()(doc)
    ]
    words = CountVectorizer(**ANALYZERS["words, 1 to 3"]).build_analyzer()
    assert grams[:3] == words(doc)


@pytest.mark.parametrize("features", list(ANALYZERS))
def test_each_kind_of_reference_classifies_and_can_be_measured(features: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.evaluation.reference.ANALYZERS", {features: ANALYZERS[features]})
    docs = make_gold()
    found, settings = fit_reference(
        docs, TASK.number_gold(docs), docs, TASK.number_gold(docs), TASK, make=MAKE, name="reference"
    )
    assert settings["features"] == features and settings["dev_accuracy"] == 1.0
    assert found("I love it").cats["POSITIVE"] > 0.5 and measure_size(found) > 0


def test_the_reference_learns_gold_and_is_chosen_on_dev() -> None:
    docs = make_gold()
    gold = TASK.number_gold(docs)
    reference, settings = fit_reference(docs, gold, docs, gold, TASK, make=MAKE, name="reference")
    assert settings["dev_accuracy"] == 1.0
    assert fit_reference(docs, gold, docs, 1 - gold, TASK, make=MAKE, name="reference")[1]["dev_accuracy"] == 0.0
    for doc, label in zip(reference.pipe([text for text, _ in TEXTS]), (label for _, label in TEXTS)):
        assert doc.cats[label] > 0.5 and sum(doc.cats.values()) == pytest.approx(1)
    assert reference("love").cats["POSITIVE"] > 0.5
    assert 0.0001 < measure_size(reference) < 1
    # A label that train does not have gets no probability.
    fewer, _ = fit_reference(docs, gold, docs, gold, Task([*LABELS, "NEUTRAL"]), make=MAKE, name="reference")
    assert fewer("love").cats["NEUTRAL"] == 0


def test_the_distilled_reference_learns_what_the_teacher_says(tmp_path: Path) -> None:
    vocab = spacy.blank("en").vocab

    def write(name: str, sources: List[str]) -> None:
        docs = []
        for number, source in enumerate(sources):
            doc = Doc(vocab, words=[source, str(number)])
            doc._.source, doc._.review = source, number
            doc._.teacher_logits = [-1.0, 1.0] if number % 2 else [1.0, -1.0]
            docs.append(doc)
        write_docs(docs, tmp_path / name)

    write("0.spacy", [GOLD, UNLABELLED, AUGMENTED, UNLABELLED])
    write("1.spacy", [UNLABELLED])
    docs, labels = read_taught(tmp_path, vocab, TASK)
    assert [doc.text for doc in docs] == ["unlabelled 1 ", "unlabelled 3 ", "unlabelled 0 "]
    assert labels.tolist() == [1, 1, 0]
    # What the student learns from where there is nothing unlabelled.
    write("0.spacy", [GOLD, AUGMENTED])
    write("1.spacy", [AUGMENTED])
    docs, labels = read_taught(tmp_path, vocab, TASK)
    assert [doc.text for doc in docs] == ["augmented 1 ", "augmented 0 "] and labels.tolist() == [1, 0]
    write("0.spacy", [GOLD])
    write("1.spacy", [GOLD])
    docs, labels = read_taught(tmp_path, vocab, TASK)
    assert not docs and labels.shape == (0,)


def test_no_more_texts_are_taken_than_can_be_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.evaluation.reference.MAX_TAUGHT", 2)
    docs = make_gold()
    for doc in docs:
        doc._.source, doc._.teacher_logits = UNLABELLED, [1.0, -1.0]
    write_docs(docs, tmp_path / "0.spacy")
    found, labels = read_taught(tmp_path, docs[0].vocab, TASK)
    assert [doc.text for doc in found] == [text for text, _ in TEXTS[:2]] and labels.tolist() == [0, 0]


def test_speed_counts_words_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.evaluation.speed.run_pipeline", lambda nlp, texts: 0.5)
    nlp = spacy.blank("en")
    (measured,) = measure_speed({"a": nlp}, ["one two three", "four"]).values()
    assert measured["words_per_second"] == 8.0 and measured["speed_texts"] == 2
    # A slow one, .01 s a text here, reads as many as it takes in a second.
    monkeypatch.setattr("scripts.evaluation.speed.run_pipeline", lambda nlp, texts: 0.01 * len(texts))
    (measured,) = measure_speed({"a": nlp}, ["one two"] * 300).values()
    assert measured["words_per_second"] == 200.0 and measured["speed_texts"] == 100


def test_latency_is_that_of_single_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(numpy.cumsum([0.0, 0.001] * 100))
    monkeypatch.setattr("scripts.evaluation.speed.perf_counter", lambda: next(clock))
    nlp = spacy.blank("en")
    (measured,) = measure_latency({"a": nlp}, ["one"] * 50).values()
    assert measured["latency_p50"] == measured["latency_p95"] == pytest.approx(1) and measured["latency_texts"] == 50
    # A slow one, 1 s a text here, reads no more than it must.
    clock = iter(numpy.cumsum([0.0, 1.0] * 100))
    (measured,) = measure_latency({"a": nlp}, ["one"] * 50).values()
    assert measured["latency_texts"] == 32
