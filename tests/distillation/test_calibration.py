import math
from typing import Any, Dict, List

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from spacy import Language
from spacy.tokens import Doc
from spacy.training import Example

from scripts.architectures.ngrams import build_ngram_linear, weigh_ngrams
from scripts.data.task import Task
from scripts.distillation.calibration import INVERSE_L2, calibrate, fit_factors, fit_gold, set_weights
from tests.conftest import BOW, ENSEMBLE, LABELS, TEXTS, make_examples, make_pipeline, make_teacher_logits, train

TASK = Task(LABELS)
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


def test_training_is_scored_as_members_are_calibrated() -> None:
    nlp = make_pipeline(ENSEMBLE)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    textcat: Any = nlp.get_pipe("textcat")
    bow, cnn = textcat.model.layers
    # One member is right and unsure, the other the same for all texts and loud: the sum is always NEGATIVE.
    signs = 1 - 2 * TASK.number_gold([eg.reference for eg in examples])[:, None]
    logits = {id(bow): signs * numpy.array(SURE), id(cnn): numpy.ones_like(signs) * numpy.array([9.0, 0.0])}
    numbers = {eg.reference.text: number for number, eg in enumerate(examples)}
    for member in (bow, cnn):
        known = logits[id(member)]
        member._func = lambda model, docs, is_train, known=known: (
            known[[numbers[doc.text] for doc in docs]].astype("float32"),
            lambda d_logits: docs,
        )
    scored = [Example(nlp(eg.reference.copy()), eg.reference) for eg in examples]
    scores = textcat.score(scored)
    assert scores["cats_score"] == pytest.approx(1 / 3) and scores["cats_calibrated_f"] == 1.0
    # Texts without a label have no part in it, and without any there is no such score.
    unlabelled = Doc(nlp.vocab, words=["no", "label"])
    assert textcat.score([*scored, Example(unlabelled, unlabelled)])["cats_calibrated_f"] == 1.0
    assert "cats_calibrated_f" not in textcat.score([Example(unlabelled, unlabelled)])


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


def make_gold(nlp: Language, *, wrong: bool = False) -> List[Doc]:
    """TEXTS with their labels, or each with the other one."""
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    for doc, (_, label) in zip(docs, TEXTS):
        doc.cats = TASK.make_cats(LABELS[1 - LABELS.index(label)] if wrong else label)
    return docs


def test_a_student_has_its_logits_times_the_factors(architecture: Dict[str, Any]) -> None:
    nlp = train(architecture)
    docs = make_gold(nlp)
    # One label in four is wrong of each text, so that no student is best without end, whatever it has learned.
    dev = 3 * docs + make_gold(nlp, wrong=True)
    model: Any = nlp.get_pipe("textcat").model  # type: ignore[attr-defined]
    members = model.layers if "members" in model.attrs else [model]
    logits = [member.predict(dev) for member in members]
    for table in (node for node in model.walk() if "features" in node.attrs):
        learned = {name: table.get_param(name) for name in ("W", "b")}
        set_weights(table, *fit_gold(table, docs, TASK.number_gold(docs)))
        logits.append(table.predict(dev))
        set_weights(table, **learned)
    factors = calibrate(nlp, docs, dev)
    assert len(factors) == len(logits)
    expected = sum(factor * rows for factor, rows in zip(factors, logits))
    assert numpy.allclose(model.predict(dev), expected, atol=1e-4)
    # Nothing is left to do, though members that are much alike may share it otherwise.
    calibrate(nlp, docs, dev)
    assert numpy.allclose(model.predict(dev), expected, atol=0.05)


def make_table(docs: List[Doc], n_labels: int) -> Any:
    """The layer of an n-gram table, with weights of zero."""
    model = build_ngram_linear("words", 2, char_ngram_size=3, min_docs=1, max_ngrams=500, scale=3.0, nO=n_labels)
    model.initialize(X=docs)
    return model.get_ref("output_layer")


def test_weights_of_gold_labels() -> None:
    docs = make_gold(spacy.blank("en"))
    table, gold = make_table(docs, 2), TASK.number_gold(docs)
    W, b = fit_gold(table, docs, gold)
    set_weights(table, W, b)
    logits = table.predict(docs)
    assert (logits.argmax(axis=1) == gold).all()
    # Centred, and where the gradient of the regularised likelihood is 0: W = C * sum of (gold - p) x.
    assert numpy.allclose(W.sum(axis=1), 0, atol=1e-6) and b.sum() == pytest.approx(0, abs=1e-6)
    doc_ids, rows, values = weigh_ngrams(table, docs)
    errors = numpy.eye(2)[gold] - softmax(logits, axis=1)
    assert numpy.allclose(errors.sum(axis=0), 0, atol=1e-3)
    steps = numpy.stack([numpy.bincount(rows, values * errors[doc_ids, n], minlength=len(W)) for n in (0, 1)], axis=1)
    assert numpy.allclose(W, INVERSE_L2 * steps / 2, atol=1e-2)


def test_weights_of_gold_labels_that_no_document_has() -> None:
    docs = make_gold(spacy.blank("en"))
    table, gold = make_table(docs, 4), numpy.array([3, 1] * 5)
    W, b = fit_gold(table, docs, gold)
    assert not W[:, [0, 2]].any() and not b[[0, 2]].any()
    set_weights(table, W, b)
    assert (table.predict(docs).argmax(axis=1) == gold).all()
    # Three labels have a logit each.
    gold = numpy.array([0, 1, 3, 0, 1, 3, 0, 1, 3, 0])
    set_weights(table, *fit_gold(table, docs, gold))
    assert (table.predict(docs).argmax(axis=1) == gold).all()
    # One label teaches nothing.
    assert not any(weights.any() for weights in fit_gold(table, docs, numpy.zeros(10, dtype=int)))


def test_gold_labels_mend_what_a_teacher_without_a_clue_has_taught() -> None:
    nlp = make_pipeline(BOW, hard_weight=0.0)
    wrong = make_teacher_logits()
    wrong[::2] *= -1
    examples = make_examples(nlp, teacher_logits=wrong)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    docs, gold = make_gold(nlp), TASK.number_gold(make_gold(nlp))
    textcat: Any = nlp.get_pipe("textcat")
    assert (textcat.predict(docs).argmax(axis=1) == gold).mean() < 0.8
    factor, gold_factor = calibrate(nlp, docs, docs)
    assert gold_factor > factor
    assert (textcat.predict(docs).argmax(axis=1) == gold).all()
