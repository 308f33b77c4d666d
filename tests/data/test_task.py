from pathlib import Path
from typing import Any, List

import numpy
import pytest
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from scripts.data.task import Task, find_gold
from scripts.files import UserError

TASK = Task(["a", "b", "c"])


def make_doc(label: str) -> Doc:
    doc = Doc(Vocab(), words=["word"])
    doc.cats = TASK.make_cats(label) if label else {}
    return doc


def test_a_task_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert TASK.write(tmp_path / "gold") == [tmp_path / "gold" / name for name in ("labels.json", "task.json")]
    assert Task.read(tmp_path / "gold") == TASK
    # What spaCy's own reader of labels expects.
    assert srsly.read_json(tmp_path / "gold" / "labels.json") == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["labels.json", "task.json"])
def test_a_missing_file_names_the_step(name: str, tmp_path: Path) -> None:
    TASK.write(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"{name} does not exist. Run the `convert` step first"):
        Task.read(tmp_path)


def test_a_task_that_nothing_can_learn_is_refused(tmp_path: Path) -> None:
    Task(["a", "b"], exclusive=False).write(tmp_path)
    with pytest.raises(UserError, match=r"task.json: only labels that exclude each other can be learned"):
        Task.read(tmp_path)


def test_gold_as_cats_and_as_numbers() -> None:
    assert TASK.make_cats("b") == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert TASK.make_cats(None) == {}
    with pytest.raises(ValueError, match="Label 'd' is not one of a, b, c"):
        TASK.make_cats("d")
    assert [find_gold(make_doc(label)) for label in ("c", "a", "")] == ["c", "a", None]
    numbers = TASK.number_gold([make_doc(label) for label in ("c", "a", "b", "a")])
    assert numbers.tolist() == [2, 0, 1, 0] and numbers.dtype.kind == "i"


def test_probabilities_and_decisions() -> None:
    logits: Any = numpy.log([[1.0, 1.0, 2.0], [6.0, 3.0, 1.0]])
    assert TASK.activate(logits) == pytest.approx(numpy.array([[0.25, 0.25, 0.5], [0.6, 0.3, 0.1]]))
    assert TASK.decide(logits).tolist() == TASK.decide(TASK.activate(logits)).tolist() == [2, 0]
    large: Any = numpy.array([[1000.0, 0.0, 1000.0]])
    # Of equal ones, the first; and large ones do not overflow.
    assert TASK.decide(numpy.zeros((1, 3))).tolist() == [0]
    assert TASK.activate(large) == pytest.approx(numpy.array([[0.5, 0.0, 0.5]]))


def test_logits_are_centred_and_finite() -> None:
    # log 1, log 2, log 4 are 0, 1, 2 times log 2, whose mean is log 2.
    logits = TASK.recover_logits(numpy.array([[1 / 7, 2 / 7, 4 / 7]]))
    assert logits == pytest.approx(numpy.array([[-1.0, 0.0, 1.0]]) * numpy.log(2), abs=1e-6)
    assert logits.dtype == numpy.float32
    zero: Any = TASK.recover_logits(numpy.array([[1.0, 0.0, 0.0]]))
    assert numpy.isfinite(zero).all() and TASK.activate(zero) == pytest.approx(numpy.array([[1.0, 0.0, 0.0]]))


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=8))
def test_logits_give_the_probabilities_that_they_came_from(weights: List[float]) -> None:
    probs = numpy.array([weights]) / sum(weights)
    logits: Any = TASK.recover_logits(probs)
    assert float(logits.sum()) == pytest.approx(0.0, abs=1e-4)
    assert TASK.activate(logits) == pytest.approx(probs, abs=1e-6)
