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
    batches = list(create_length_batcher(size=2, max_words=100, buffer=4)(texts))
    assert sorted(batches[:2]) == [["b", "cc"], ["ddd", "aaaa"]]
    assert sorted(batches[2:]) == [["eeeeee"], ["f", "gg"]]


def test_batches_of_long_texts_hold_fewer() -> None:
    texts = ["a" * n for n in (1, 1, 1, 2, 4, 5, 9, 12)]
    batches = create_length_batcher(size=4, max_words=9, buffer=8)(texts)
    assert sorted([len(text) for text in batch] for batch in batches) == [[1, 1, 1, 2], [4, 5], [9], [12]]


@given(st.lists(st.text(max_size=20)), st.integers(1, 5), st.integers(1, 40), st.integers(0, 20), st.integers(0, 9))
def test_every_text_comes_once_and_the_seed_decides_on_the_order(
    texts: List[str], size: int, max_words: int, more: int, seed: int
) -> None:
    batcher = create_length_batcher(size=size, max_words=max_words, buffer=size + more)
    random.seed(seed)
    batches = list(batcher(texts))
    random.seed(seed)
    assert list(batcher(iter(texts))) == batches
    assert sorted(text for batch in batches for text in batch) == sorted(texts)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert all(len(batch) == 1 or sum(map(len, batch)) <= max_words for batch in batches)


def test_the_order_of_batches_is_random() -> None:
    random.seed(0)
    batcher = create_length_batcher(size=1, max_words=100, buffer=100)
    first = [len(batch[0]) for batch in batcher("a" * n for n in range(100))]
    assert first != sorted(first)


@pytest.mark.parametrize("size, max_words, buffer", [(0, 9, 8), (16, 9, 8), (2, 0, 8)])
def test_numbers_that_make_no_batch_are_refused(size: int, max_words: int, buffer: int) -> None:
    with pytest.raises(ValueError, match="needs 1 <= size <= buffer and max_words >= 1"):
        create_length_batcher(size=size, max_words=max_words, buffer=buffer)
