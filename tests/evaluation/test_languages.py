"""The part of the report that tells languages apart."""

import numpy

from scripts.data.task import Task
from scripts.evaluation.languages import measure_languages, tabulate_languages
from scripts.evaluation.predictions import Predictions
from tests.conftest import LABELS

PROBS = {
    "student": numpy.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1]]),
    "teacher": numpy.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]),
}
GOLD = numpy.array([0, 1, 1])


def test_each_language_is_measured_on_its_own_texts() -> None:
    measured = measure_languages(Predictions(["a", "b", "c"], GOLD, PROBS, ["nl", "de", "nl"]), Task(LABELS))
    rows, header = tabulate_languages(measured, ("student", "teacher"))
    assert header == ["", "texts", "student", "teacher"]
    assert rows == [("de", "1", "1.000", "0.000"), ("nl", "2", "0.500", "1.000")]


def test_texts_that_do_not_tell_their_language_have_no_table() -> None:
    assert measure_languages(Predictions(["a", "b", "c"], GOLD, PROBS), Task(LABELS)) == {}
