"""The worker of `augment`: which reviews of a block may enter, and a new text of each.

What comes out of a review follows from the seed, the review and the round alone, so blocks can be worked on in any
order, on any machine.
"""

import random
from typing import Iterator, List, NamedTuple, Sequence, Tuple

from scripts.augmentation.operations import Augmenter, Token
from scripts.augmentation.word_classes import WordClasses
from scripts.data.near_copies import NearCopies
from scripts.data.texts import AUGMENTED, Text


class Reviews(NamedTuple):
    """A block of reviews to keep, if they may be kept."""

    reviews: List[Text]


class Round(NamedTuple):
    """A block of gold reviews, as numbers and tagged tokens, to make one new text of each; and the round's number."""

    number: int
    reviews: List[Tuple[int, List[Token]]]


class BlockWorker:
    """Makes texts of the transfer set from reviews; none of them is a near copy of a held-out text."""

    def __init__(self, *, augmenter: Augmenter, classes: WordClasses, held_out: Sequence[str], seed: int) -> None:
        """augmenter (Augmenter): Makes new texts.
        classes (WordClasses): Words to replace others with.
        held_out (Sequence[str]): The texts of dev and test.
        seed (int): Seed of the augmentation.
        """
        self.augmenter = augmenter
        self.classes = classes
        # Made here and not sent here: its hashes hold within one process only.
        self.held_out = NearCopies(held_out)
        self.seed = seed

    def __call__(self, block: "Reviews | Round") -> bytes:
        """block (Reviews | Round): What to do. RETURNS (bytes): Texts as JSONL, in the order of the reviews."""
        texts = block.reviews if isinstance(block, Reviews) else self._augment(block)
        return "".join(text.to_json() + "\n" for text in texts if str(text) not in self.held_out).encode("ascii")

    def _augment(self, block: Round) -> Iterator[Text]:
        """A new text of each review; some may be empty, or say the same."""
        for number, tokens in block.reviews:
            rng = random.Random(f"{self.seed}/{number}/{block.number}")
            new = self.augmenter(tokens, self.classes, rng)
            words, spaces = [token.word for token in new], [token.space for token in new]
            yield Text(AUGMENTED, number, words=words, spaces=spaces)
