"""Batches of texts of similar length, so that a transformer computes little padding."""

import random
from typing import Callable, Iterable, Iterator, List, Sized, TypeVar

from spacy.util import minibatch, registry

ItemT = TypeVar("ItemT", bound=Sized)


@registry.batchers("textdistill.BatchByLength.v1")
def create_length_batcher(size: int, buffer: int) -> Callable[[Iterable[ItemT]], Iterator[List[ItemT]]]:
    """Create a batcher that groups texts by length and keeps their number per batch.

    `spacy.batch_by_padded.v1` fills batches up to a number of words instead: its batches of short texts are large, so
    that a small set of them makes few steps. It also gives them out from short to long; here their order is random.

    size (int): Texts of a batch.
    buffer (int): Texts that are sorted at a time. The larger, the less padding; the smaller, the more random.
    RETURNS (Callable[[Iterable[ItemT]], Iterator[List[ItemT]]]): The batcher. It shuffles with the generator that
        `[training] seed` sets.
    RAISES (ValueError): A buffer holds no batch.
    """
    if not 1 <= size <= buffer:
        raise ValueError(f"textdistill.BatchByLength.v1 needs 1 <= size <= buffer, got size {size}, buffer {buffer}")

    def batch_by_length(items: Iterable[ItemT]) -> Iterator[List[ItemT]]:
        for texts in minibatch(items, buffer):
            batches = list(minibatch(sorted(texts, key=len), size))
            random.shuffle(batches)
            yield from batches

    return batch_by_length
