"""The worker of `augment`: pieces and new texts of a block of reviews.

What comes out of a review follows from the seed, the review and the round alone, so blocks can be worked on in any
order, on any machine.
"""

import json
import random
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import spacy
from spacy.tokens import Doc

from scripts.augmentation.operations import Augmenter, Token
from scripts.augmentation.word_classes import UNKNOWN, WordClasses
from scripts.data.docbins import AUGMENTED, GOLD, GOLD_PIECE, UNLABELLED_PIECE
from scripts.data.near_copies import NearCopies

Row = Dict[str, Any]


class Pieces(NamedTuple):
    """A block of reviews to keep, if they may be kept, and to cut pieces from."""

    reviews: List[Row]


class Round(NamedTuple):
    """A block of gold reviews, as numbers and tagged tokens, to make one new text of each; and the round's number."""

    number: int
    reviews: List[Tuple[int, List[Token]]]


class BlockWorker:
    """Makes rows of the transfer set from reviews; none of them is a near copy of a held-out text."""

    def __init__(
        self, *, augmenter: Augmenter, classes: WordClasses, held_out: Sequence[str], lang: str, seed: int
    ) -> None:
        """augmenter (Augmenter): Makes new texts and pieces.
        classes (WordClasses): Words to replace others with.
        held_out (Sequence[str]): The texts of dev and test.
        lang (str): Language code of the tokenizer.
        seed (int): Seed of the augmentation.
        """
        self.augmenter = augmenter
        self.classes = classes
        # Made here and not sent here: its hashes hold within one process only.
        self.held_out = NearCopies(held_out)
        self.nlp = make_tokenizer(lang)
        self.seed = seed

    def __call__(self, block: "Pieces | Round") -> bytes:
        """block (Pieces | Round): What to do. RETURNS (bytes): Rows as JSONL, in the order of the reviews."""
        # Without the zone, the vocabulary would keep every new word for ever.
        with self.nlp.memory_zone():
            rows = self._cut_pieces(block.reviews) if isinstance(block, Pieces) else self._augment(block)
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf8")

    def _cut_pieces(self, reviews: List[Row]) -> Iterator[Row]:
        """Each review that may enter, followed by pieces of it; some may say the same."""
        for row in reviews:
            if row["text"] in self.held_out:
                continue
            yield row
            tokens = split_tokens(self.nlp(row["text"]))
            rng = self._make_rng(row["review"], "pieces")
            source = GOLD_PIECE if row["source"] == GOLD else UNLABELLED_PIECE
            for _ in range(self.augmenter.n_pieces if tokens else 0):
                piece = join(self.augmenter.pieces(tokens, rng)).strip()
                if piece not in self.held_out:
                    yield {"text": piece, "source": source, "label": None, "review": row["review"]}

    def _augment(self, block: Round) -> Iterator[Row]:
        """A new text of each review; some may be empty, or say the same."""
        for number, tokens in block.reviews:
            new = self.augmenter(tokens, self.classes, self._make_rng(number, str(block.number)))
            if join(new) not in self.held_out:
                words, spaces = [token.word for token in new], [token.space for token in new]
                yield {"words": words, "spaces": spaces, "source": AUGMENTED, "label": None, "review": number}

    def _make_rng(self, review: int, use: str) -> random.Random:
        """The source of chance of one review."""
        return random.Random(f"{self.seed}/{review}/{use}")


def make_tokenizer(lang: str) -> spacy.Language:
    """A blank pipeline that sets sentence boundaries."""
    nlp = spacy.blank(lang)
    nlp.add_pipe("sentencizer")
    return nlp


def split_tokens(doc: Doc, word_classes: Optional[List[str]] = None) -> List[Token]:
    """The tokens of a document as the augmentation sees them.

    doc (Doc): A document with sentence boundaries.
    word_classes (Optional[List[str]]): Class of each token, if they are known.
    RETURNS (List[Token]): The tokens.
    """
    classes = word_classes or [UNKNOWN] * len(doc)
    return [Token(t.text, c, bool(t.whitespace_), bool(t.is_sent_start)) for t, c in zip(doc, classes)]


def join(tokens: List[Token]) -> str:
    """The text of tokens."""
    return "".join(token.word + " " * token.space for token in tokens)
