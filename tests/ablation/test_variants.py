from typing import Any, List

import numpy
import pytest
import spacy
from spacy.tokens import Doc

from scripts.ablation.variants import take_labels, take_share
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, GOLD, UNLABELLED
from scripts.distillation.losses import SoftTargets

VOCAB = spacy.blank("en").vocab
TASK = Task(["a", "b", "c"])


def make_docs(n_docs: int, source: str) -> List[Doc]:
    rng = numpy.random.default_rng(0)
    docs = [Doc(VOCAB, words=["word"]) for _ in range(n_docs)]
    for number, doc in enumerate(docs):
        doc._.source, doc._.review = source, number
        doc._.teacher_logits = rng.normal(size=3).tolist()
    return docs


def test_a_share_of_the_unlabelled_texts_is_part_of_a_larger_one() -> None:
    docs = [doc for source in (GOLD, UNLABELLED, AUGMENTED) for doc in make_docs(400, source)]
    taken = [{(doc._.source, doc._.review) for doc in take_share(docs, share=share)} for share in (0.0, 0.25, 0.5, 1.0)]
    assert taken[0] < taken[1] < taken[2] < taken[3]
    n_unlabelled = [len(some) - 800 for some in taken]
    assert (
        n_unlabelled[0] == 0 and 60 < n_unlabelled[1] < 140 and 160 < n_unlabelled[2] < 240 and n_unlabelled[3] == 400
    )
    assert {source for source, _ in taken[0]} == {GOLD, AUGMENTED}


def test_soft_targets_of_labels_are_cross_entropy_with_them() -> None:
    docs = make_docs(5, GOLD)
    labels = numpy.array([doc._.teacher_logits for doc in docs]).argmax(axis=1)
    teacher: Any = numpy.array([doc._.teacher_logits for doc in take_labels(docs, task=TASK)])
    assert teacher.sum(axis=1) == pytest.approx(numpy.zeros(5))
    logits: Any = numpy.random.default_rng(1).normal(size=(5, 3))
    gold: Any = numpy.eye(3)[labels]
    soft = SoftTargets(objective="kl", temperature=1.0, hard_weight=0.0)(logits, teacher, 0 * gold)
    hard = SoftTargets(objective="kl", temperature=1.0, hard_weight=1.0)(logits, None, gold)
    assert soft[1] == pytest.approx(hard[1]) and soft[0] == pytest.approx(hard[0], abs=1e-12)
