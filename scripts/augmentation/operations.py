"""The augmentation operations, registered for augment.cfg.

A word operation changes one token; a text operation keeps a part of the text. For each token, and then once
for the text, one uniform draw decides which operation applies, if any: the shares of the operations lie side
by side in [0, 1), so two never apply to the same token.

SOURCE: masking, replacement and n-gram sampling: Tang et al. (2019), arXiv:1903.12136, section 3.3.
"""

import random
from typing import Any, Dict, List, NamedTuple, Protocol, Sequence, TypeVar

from spacy.util import registry

from scripts.augmentation.word_classes import WordClasses
from scripts.docbins import MASK


class Token(NamedTuple):
    """A token of a text: the word, its class, whether a space follows, whether it starts a sentence."""

    word: str
    word_class: str
    space: bool
    starts_sentence: bool


class WordOperation(Protocol):
    """Changes one token with probability `p`."""

    p: float

    def __call__(self, token: Token, classes: WordClasses, rng: random.Random) -> Token: ...


class TextOperation(Protocol):
    """Keeps a part of a text with probability `p`."""

    p: float

    def __call__(self, tokens: List[Token], rng: random.Random) -> List[Token]: ...


OperationT = TypeVar("OperationT", WordOperation, TextOperation)


@registry.misc("textdistill.MaskWord.v1")
class MaskWord:
    """Replaces a word with the mask token, to show the student how much the word matters to the teacher."""

    def __init__(self, p: float) -> None:
        """p (float): Probability for each word."""
        self.p = p

    def __call__(self, token: Token, classes: WordClasses, rng: random.Random) -> Token:
        """token (Token): The token. RETURNS (Token): The mask in its place."""
        return token._replace(word=MASK)


@registry.misc("textdistill.ReplaceWord.v1")
class ReplaceWord:
    """Replaces a word with another word of the same part of speech, drawn by frequency."""

    def __init__(self, p: float) -> None:
        """p (float): Probability for each word."""
        self.p = p

    def __call__(self, token: Token, classes: WordClasses, rng: random.Random) -> Token:
        """token (Token): The token. RETURNS (Token): Another word; the token itself if its class has no other."""
        return token._replace(word=classes.draw(token.word_class, token.word, rng))


@registry.misc("textdistill.SampleNgram.v1")
class SampleNgram:
    """Keeps one n-gram of the text and drops the rest."""

    def __init__(self, p: float, min_n: int, max_n: int) -> None:
        """p (float): Probability for each text. min_n, max_n (int): Range of n, both included."""
        if not 1 <= min_n <= max_n:
            raise ValueError(f"textdistill.SampleNgram.v1 needs 1 <= min_n <= max_n, got {min_n} and {max_n}")
        self.p = p
        self.min_n = min_n
        self.max_n = max_n

    def __call__(self, tokens: List[Token], rng: random.Random) -> List[Token]:
        """tokens (List[Token]): The text. RETURNS (List[Token]): n tokens in a row, or the text if it is shorter."""
        n = min(rng.randint(self.min_n, self.max_n), len(tokens))
        start = rng.randint(0, len(tokens) - n)
        return tokens[start : start + n]


@registry.misc("textdistill.SampleSentences.v1")
class SampleSentences:
    """Keeps a few sentences in a row, so that the teacher says what each part of a long review is worth."""

    def __init__(self, p: float, max_sentences: int) -> None:
        """p (float): Probability for each text. max_sentences (int): Most sentences to keep, at least 1."""
        if max_sentences < 1:
            raise ValueError(f"textdistill.SampleSentences.v1 needs max_sentences >= 1, got {max_sentences}")
        self.p = p
        self.max_sentences = max_sentences

    def __call__(self, tokens: List[Token], rng: random.Random) -> List[Token]:
        """tokens (List[Token]): The text. RETURNS (List[Token]): One or more whole sentences of it."""
        starts = [i for i, token in enumerate(tokens) if token.starts_sentence or i == 0]
        n = min(rng.randint(1, self.max_sentences), len(starts))
        first = rng.randint(0, len(starts) - n)
        end = starts[first + n] if first + n < len(starts) else len(tokens)
        return tokens[starts[first] : end]


@registry.misc("textdistill.Augmenter.v1")
class Augmenter:
    """Makes new texts from one text."""

    def __init__(
        self,
        n_iter: int,
        max_texts: int,
        word_operations: Dict[str, Any],
        text_operations: Dict[str, Any],
    ) -> None:
        """Configure the augmentation.

        n_iter (int): New texts per text, before duplicates are dropped.
        max_texts (int): Most new texts in all.
        word_operations (Dict[str, WordOperation]): Tried on every word; their probabilities sum to at most 1.
        text_operations (Dict[str, TextOperation]): Tried on every text after that; likewise.
        """
        self.n_iter = n_iter
        self.max_texts = max_texts
        # Any above, as the config system checks the blocks of a dict before it resolves them.
        self.word_operations: List[WordOperation] = list(word_operations.values())
        self.text_operations: List[TextOperation] = list(text_operations.values())
        for shares in ([op.p for op in self.word_operations], [op.p for op in self.text_operations]):
            total = sum(shares)
            if total > 1 or min(shares, default=0) < 0:
                raise ValueError(f"Probabilities of operations must be >= 0 and sum to at most 1, got {total:.3f}")

    def __call__(self, tokens: List[Token], classes: WordClasses, rng: random.Random) -> List[Token]:
        """Make one new text.

        tokens (List[Token]): The text.
        classes (WordClasses): Words to replace others with.
        rng (random.Random): The only source of chance.
        RETURNS (List[Token]): The new text; it may equal the old one.
        """
        new = []
        for token in tokens:
            word_operation = choose(self.word_operations, rng.random())
            new.append(word_operation(token, classes, rng) if word_operation else token)
        text_operation = choose(self.text_operations, rng.random())
        return text_operation(new, rng) if text_operation and new else new


def choose(operations: Sequence[OperationT], draw: float) -> "OperationT | None":
    """The operation in whose share a draw falls.

    operations (Sequence[OperationT]): Their shares of [0, 1) lie side by side in this order.
    draw (float): Uniform in [0, 1).
    RETURNS (OperationT | None): None for a draw behind the last share.
    """
    upper = 0.0
    for operation in operations:
        upper += operation.p
        if draw < upper:
            return operation
    return None
