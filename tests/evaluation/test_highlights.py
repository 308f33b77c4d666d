from pathlib import Path
from typing import List

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc

from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.data.texts import GOLD, UNLABELLED
from scripts.evaluation.highlights import DISAGREEMENT, GOLD_ERROR, MISTAKE, choose_texts, write_highlights
from scripts.evaluation.label_errors import find_label_errors
from scripts.evaluation.predictions import Predictions, read_predictions, write_predictions
from scripts.evaluation.transfer import describe_transfer
from scripts.files import UserError
from tests.conftest import BOW, LABELS, train

TASK = Task(LABELS)


def make_predictions(positive: List[float], teacher: List[float], gold: List[int]) -> Predictions:
    """Predictions of which the probabilities of POSITIVE are given."""
    probs = {
        "student": numpy.array([[1 - p, p] for p in positive]),
        "teacher": numpy.array([[1 - p, p] for p in teacher]),
    }
    return Predictions([f"I love it {number}" for number in range(len(gold))], numpy.array(gold), probs)


def test_label_errors_by_hand() -> None:
    # Thresholds: .75 for label 0 (mean of .9, .8, .9, .4) and .7 for label 1 (mean of .8, .6).
    probs = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.4, 0.6]])
    gold = numpy.array([0, 0, 0, 0, 1, 1])
    assert find_label_errors(probs, gold) == []
    # The fourth is doubted where the teacher is as sure of label 1 as it is of texts that have it.
    probs[3] = [0.2, 0.8]
    assert find_label_errors(probs, gold) == [3]
    # The more probable the other label, the more doubtful.
    probs[1] = [0.05, 0.95]
    assert find_label_errors(probs, gold) == [1, 3]


def test_a_label_without_texts_is_never_what_gold_should_be() -> None:
    probs = numpy.array([[0.1, 0.0, 0.9], [0.8, 0.1, 0.1], [0.1, 0.9, 0.0]])
    assert find_label_errors(probs, numpy.array([0, 0, 1])) == []


def test_texts_are_chosen_by_what_is_wrong_with_them() -> None:
    #                         right  wrong  very wrong  apart
    test = make_predictions([0.9, 0.4, 0.05, 0.2], [0.9, 0.6, 0.1, 0.8], [1, 1, 1, 0])
    dev = make_predictions([0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [1, 1, 0])
    rows = {(row["split"], row["number"]): row["kinds"] for row in choose_texts({"dev": dev, "test": test}, TASK)}
    assert list(rows) == [("test", 2), ("test", 1), ("test", 3)]
    # The teacher is sure of another label for the third, too.
    assert rows["test", 2] == {MISTAKE: 0, GOLD_ERROR: 0} and rows["test", 1] == {MISTAKE: 1, DISAGREEMENT: 1}
    assert rows["test", 3] == {DISAGREEMENT: 0, GOLD_ERROR: 1}


def test_highlights_say_what_each_word_adds_to_what_the_student_says(tmp_path: Path) -> None:
    student = train(BOW)
    test = make_predictions([0.9, 0.1], [0.9, 0.9], [0, 1])
    write_highlights(tmp_path / "highlights.jsonl", student, {"dev": test, "test": test}, TASK)
    rows = list(srsly.read_jsonl(tmp_path / "highlights.jsonl"))
    assert [row["label"] for row in rows if row["split"] == "test"] == ["POSITIVE", "NEGATIVE"]
    for row in rows:
        words = [test.texts[row["number"]][start:end] for start, end, _ in row["words"]]
        assert words == ["I", "love", "it", str(row["number"])]
        # It speaks for POSITIVE, whatever the student says.
        share = row["words"][1][2]
        assert share > 0.01 if row["label"] == "POSITIVE" else share < -0.01


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    splits = {"dev": make_predictions([0.25], [0.5], [1]), "test": make_predictions([0.125, 0.9], [0.5, 1.0], [0, 1])}
    write_predictions(tmp_path / "predictions.jsonl", splits, TASK)
    first = next(iter(srsly.read_jsonl(tmp_path / "predictions.jsonl")))
    probs = {"student": [0.75, 0.25], "teacher": [0.5, 0.5]}
    assert first == {"split": "dev", "text": "I love it 0", "gold": "POSITIVE", "probs": probs}
    found = read_predictions(tmp_path / "predictions.jsonl", TASK)
    for split, predicted in splits.items():
        assert found[split].texts == predicted.texts and (found[split].gold == predicted.gold).all()
        assert all(numpy.allclose(found[split].probs[name], probs) for name, probs in predicted.probs.items())
    with pytest.raises(UserError, match="Run the `evaluate` step first"):
        read_predictions(tmp_path / "none.jsonl", TASK)


def test_the_transfer_set_is_counted_by_source(tmp_path: Path) -> None:
    vocab = spacy.blank("en").vocab
    docs = []
    for source, logits in [(GOLD, [1.0, -1.0]), (UNLABELLED, [0.0, 0.5]), (UNLABELLED, [2.0, -2.0])]:
        doc = Doc(vocab, words=["a"])
        doc._.source, doc._.teacher_logits = source, logits
        docs.append(doc)
    write_docs(docs[:2], tmp_path / "0.spacy")
    write_docs(docs[2:], tmp_path / "1.spacy")
    found = describe_transfer(tmp_path, vocab, TASK)
    assert list(found) == [GOLD, UNLABELLED]
    assert found[UNLABELLED]["texts"] == 2 and found[UNLABELLED]["labels"] == {"NEGATIVE": 1, "POSITIVE": 1}
    assert found[GOLD]["confidence"] == pytest.approx(1 / (1 + numpy.exp(-2)), abs=1e-6)
