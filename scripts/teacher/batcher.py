"""Batches of texts of similar length, so that a transformer computes little padding."""

import random
from typing import Callable, Iterable, Iterator, List, Sized, TypeVar

from spacy.training.batchers import minibatch_by_words
from spacy.util import minibatch, registry

ItemT = TypeVar("ItemT", bound=Sized)


@registry.batchers("textdistill.BatchByLength.v1")
def create_length_batcher(size: int, max_words: int, buffer: int) -> Callable[[Iterable[ItemT]], Iterator[List[ItemT]]]:
    """Create a batcher that groups texts by length, at most so many per batch.

    `spacy.batch_by_padded.v1` fills each batch up to a number of words instead: its batches of short texts are large,
    so that a small set of them makes few steps. It also gives them out from long to short; here their order is random.

    size (int): Texts of a batch.
    max_words (int): Words of a batch, which bound the memory: batches of long texts hold fewer. A longer text is a
        batch of its own.
    buffer (int): Texts that are sorted at a time. The larger, the less padding; the smaller, the more random.
    RETURNS (Callable[[Iterable[ItemT]], Iterator[List[ItemT]]]): The batcher. It shuffles with the generator that
        `[training] seed` sets.
    RAISES (ValueError): A number is too small.
    """
    if not 1 <= size <= buffer or max_words < 1:
        raise ValueError(
            "textdistill.BatchByLength.v1 needs 1 <= size <= buffer and max_words >= 1, "
            f"got size {size}, buffer {buffer}, max_words {max_words}"
        )

    def batch_by_length(items: Iterable[ItemT]) -> Iterator[List[ItemT]]:
        for texts in minibatch(items, buffer):
            groups = minibatch(sorted(texts, key=len), size)
            batches = [batch for group in groups for batch in minibatch_by_words(group, max_words, tolerance=0.0)]
            random.shuffle(batches)
            yield from batches

    return batch_by_length
