import math
from typing import Any, Dict

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from scripts.docbins import one_hot
from scripts.packaging.calibration import calibrate, fit_factors
from tests.conftest import LABELS, TEXTS, train

# Two logits of which the first is greater by 1.
SURE = [1.0, 0.0]


def negative_log_likelihood(logits: Any, gold: Any) -> float:
    return -log_softmax(logits, axis=1)[numpy.arange(len(gold)), gold].mean()


def test_factors_by_hand() -> None:
    # Right on three of four: sure of .75 is best, and the logistic function is that at ln 3.
    gold = numpy.array([0, 0, 0, 1])
    assert fit_factors(numpy.array([[SURE] * 4]), gold) == pytest.approx([math.log(3)], rel=1e-4)
    # Right on one of four: better say nothing. Never wrong: all but sure, and not without end.
    assert fit_factors(numpy.array([[SURE] * 4]), 1 - gold) == pytest.approx([0.0])
    assert 7 < fit_factors(numpy.array([[SURE] * 4]), numpy.zeros(4, dtype=int))[0] < 20
    # Two members: one knows, the other is noise that is as often right as wrong on both labels.
    knows = [SURE, SURE, SURE, SURE, SURE[::-1], SURE[::-1], SURE[::-1], SURE[::-1]]
    noise = [SURE, SURE[::-1]] * 4
    gold = numpy.array([0, 0, 0, 0, 1, 1, 1, 1])
    wrong = gold.copy()
    wrong[[0, 1, 4, 5]] = 1 - wrong[[0, 1, 4, 5]]
    knows_most = numpy.array([knows * 3, noise * 3])
    labels = numpy.concatenate([gold, gold, wrong])
    # Right on 20 of 24 texts: ln 5.
    assert fit_factors(knows_most, labels) == pytest.approx([math.log(5), 0.0], abs=1e-3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 4))
def test_no_factors_nearby_are_better(seed: int, n_members: int, n_labels: int) -> None:
    rng = numpy.random.default_rng(seed)
    logits, gold = rng.normal(size=(n_members, 40, n_labels)), rng.integers(n_labels, size=40)
    factors = fit_factors(logits, gold)
    best = negative_log_likelihood(numpy.tensordot(factors, logits, 1), gold)
    assert (factors >= 0).all()
    for member in range(n_members):
        for step in (-0.05, 0.05):
            other = factors.copy()
            other[member] = max(0.0, other[member] + step)
            assert best <= negative_log_likelihood(numpy.tensordot(other, logits, 1), gold) + 1e-6


def test_a_student_has_its_logits_times_the_factors(architecture: Dict[str, Any]) -> None:
    nlp = train(architecture)
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    for number, (doc, (_, label)) in enumerate(zip(docs, TEXTS)):
        # One label is wrong, so that no student is right on all.
        doc.cats = one_hot(LABELS[0] if number == 0 else label, LABELS)
    model: Any = nlp.get_pipe("textcat").model  # type: ignore[attr-defined]
    members = model.layers if "members" in model.attrs else [model]
    before = [member.predict(docs) for member in members]
    factors = calibrate(nlp, docs)
    assert len(factors) == len(members)
    expected = sum(factor * logits for factor, logits in zip(factors, before))
    assert numpy.allclose(model.predict(docs), expected, atol=1e-5)
    # Nothing is left to do.
    assert calibrate(nlp, docs) == pytest.approx([1.0] * len(factors), abs=0.05)
