"""The teacher's batches."""

import random
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.teacher.batcher import create_length_batcher


def test_each_buffer_is_cut_into_batches_of_similar_length() -> None:
    texts = ["aaaa", "b", "cc", "ddd", "eeeeee", "f", "gg"]
    random.seed(0)
    batches = list(create_length_batcher(size=2, buffer=4)(texts))
    assert sorted(batches[:2]) == [["b", "cc"], ["ddd", "aaaa"]]
    assert sorted(batches[2:]) == [["eeeeee"], ["f", "gg"]]


@given(st.lists(st.text(max_size=20)), st.integers(1, 5), st.integers(0, 20), st.integers(0, 9))
def test_every_text_comes_once_and_the_seed_decides_on_the_order(
    texts: List[str], size: int, more: int, seed: int
) -> None:
    batcher = create_length_batcher(size=size, buffer=size + more)
    random.seed(seed)
    batches = list(batcher(texts))
    random.seed(seed)
    assert list(batcher(iter(texts))) == batches
    assert sorted(text for batch in batches for text in batch) == sorted(texts)
    assert all(1 <= len(batch) <= size for batch in batches)


def test_the_order_of_batches_is_random() -> None:
    random.seed(0)
    first = [len(batch[0]) for batch in create_length_batcher(size=1, buffer=100)("a" * n for n in range(100))]
    assert first != sorted(first)


@pytest.mark.parametrize("size, buffer", [(0, 8), (16, 8)])
def test_a_buffer_without_a_batch_is_refused(size: int, buffer: int) -> None:
    with pytest.raises(ValueError, match="needs 1 <= size <= buffer"):
        create_length_batcher(size=size, buffer=buffer)
