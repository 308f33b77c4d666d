from typing import Any, List

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from scripts.data.task import Task
from scripts.teacher import runtimes
from scripts.teacher.runtimes import wrap_pipeline
from scripts.teacher.windows import batch_by_length, batch_by_tokens
from tests.conftest import BOW, LABELS, make_examples, make_pipeline, make_teacher_logits

NLP = spacy.blank("en")


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 120))
def test_batches_stay_within_the_budget(lengths: List[int], max_tokens: int) -> None:
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches = list(batch_by_tokens(order, lengths, max_tokens=max_tokens))
    assert [i for batch in batches for i in batch] == order
    docs = [Doc(NLP.vocab, words=["a"] * length) for length in lengths]
    assert list(batch_by_length(docs, max_tokens)) == batches
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= max_tokens


def test_the_pipeline_is_given_texts_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    docs = [nlp.make_doc("love " * length) for length in (1, 30, 2, 29, 3)]
    expected = wrap_pipeline(nlp, Task(LABELS))(docs)
    batches: List[List[int]] = []
    pipe = nlp.pipe

    def watch(copies: List[Doc], **options: Any) -> Any:
        batches.append([len(doc) for doc in copies])
        return pipe(copies, **options)

    monkeypatch.setattr(nlp, "pipe", watch)
    monkeypatch.setattr(runtimes, "PIPELINE_BATCH_TOKENS", 60)
    assert wrap_pipeline(nlp, Task(LABELS))(docs) == pytest.approx(expected, abs=1e-6)
    assert batches == [[30, 29], [3, 2, 1]]
