"""The augmentation operations, registered for augment.cfg.

A word operation changes single tokens; a text operation keeps a part of the text. For each token, and then once
for the text, one uniform draw decides which operation applies, if any: the shares of the operations lie side
by side in [0, 1), so two never apply to the same token.

SOURCE: masking, replacement and n-gram sampling: Tang et al. (2019), arXiv:1903.12136, section 3.3.
"""

import random
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence, TypeVar

from spacy.util import registry

from scripts.augmentation.word_classes import WordClasses
from scripts.data.texts import MASK
from scripts.data.words import is_word
from scripts.encoders import DataOnly, find_encoder
from scripts.files import UserError


class Token(NamedTuple):
    """A token of a text: the word, its class, whether a space follows, whether it starts a sentence."""

    word: str
    word_class: str
    space: bool
    starts_sentence: bool


class WordOperation(Protocol):
    """Changes each word of a text with probability `p`; it sees all the places of the text that fell to it at once."""

    p: float

    def __call__(
        self, tokens: List[Token], places: List[int], classes: WordClasses, rng: random.Random
    ) -> List[str]: ...


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

    def __call__(self, tokens: List[Token], places: List[int], classes: WordClasses, rng: random.Random) -> List[str]:
        """places (List[int]): Places in the text. RETURNS (List[str]): The mask for each."""
        return [MASK] * len(places)


@registry.misc("textdistill.ReplaceWord.v1")
class ReplaceWord:
    """Replaces a word with another word of the same part of speech, drawn by frequency."""

    def __init__(self, p: float) -> None:
        """p (float): Probability for each word."""
        self.p = p

    def __call__(self, tokens: List[Token], places: List[int], classes: WordClasses, rng: random.Random) -> List[str]:
        """places (List[int]): Places in the text. RETURNS (List[str]): Other words of the same class."""
        return [classes.draw(tokens[i].word_class, tokens[i].word, rng) for i in places]


@registry.misc("textdistill.FillMask.v1")
class FillMask:
    """Replaces words with what a masked language model expects in their place, for encoders with such a head.

    Its block in augment.cfg has `p`, `top_k`, and `encoder = ${paths.encoder}`, which the step fills in.

    SOURCE: conditional replacement: Wu et al. (2019), arXiv:1812.06705, without the label that they condition on;
        a model fine-tuned for it would need one more training.
    """

    def __init__(self, p: float, encoder: Optional[Path], top_k: int) -> None:
        """Load the model.

        p (float): Probability for each word.
        encoder (Optional[Path]): The .json file of `fetch-encoder`, or a folder; it needs a masked-language-model head.
        top_k (int): A word is drawn from this many likeliest ones, by its probability.
        RAISES (UserError): There is no encoder, or it has no such head.
        """
        if encoder is None:
            raise UserError(
                "textdistill.FillMask.v1 needs an encoder: give --encoder, or write its path into augment.cfg"
            )
        self.p = p
        self.top_k = top_k
        self.tokenizer, self.model = load_masked_lm(Path(encoder))
        # RoBERTa and its kin lose two positions to padding.
        self.max_length = self.model.config.max_position_embeddings - 2

    def __call__(self, tokens: List[Token], places: List[int], classes: WordClasses, rng: random.Random) -> List[str]:
        """Mask all places at once and draw a word for each.

        places (List[int]): Places in the text.
        RETURNS (List[str]): Whole words, never the old one; the old one where the text is too long for the model.
        """
        # Imported late, like the model: students are trained in processes that import this module.
        import torch

        words = [token.word for token in tokens]
        for i in places:
            words[i] = self.tokenizer.mask_token
        encoded = self.tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        )
        positions = {encoded.word_ids()[j]: j for j in range(encoded["input_ids"].shape[1])}
        with torch.inference_mode():
            logits = self.model(**encoded).logits[0]
        return [
            self._draw(logits[positions[i]], tokens[i].word, rng) if i in positions else tokens[i].word for i in places
        ]

    def _draw(self, logits: Any, old: str, rng: random.Random) -> str:
        """Draw one of the likeliest words that are whole and not the old one; the old one if there is none."""
        likeliest = logits.topk(min(self.top_k, len(logits)))
        weights = likeliest.values.softmax(dim=0).tolist()
        words = [self.tokenizer.decode([token_id]).strip() for token_id in likeliest.indices.tolist()]
        # "##ing" is the end of a word, and so is a piece without its leading space in other vocabularies.
        starts = [
            self.tokenizer.tokenize(f"a {word}")[1:] == self.tokenizer.convert_ids_to_tokens([token_id])
            for word, token_id in zip(words, likeliest.indices.tolist())
        ]
        fitting = [
            (word.capitalize() if old[:1].isupper() else word, weight)
            for word, weight, start in zip(words, weights, starts)
            if start and is_word(word) and word.lower() != old.lower()
        ]
        return rng.choices(*zip(*fitting))[0] if fitting else old


def load_masked_lm(encoder: Path) -> "tuple[Any, Any]":
    """Load an encoder with its masked-language-model head.

    encoder (Path): The .json file that `fetch-encoder` wrote, or a folder.
    RETURNS (tuple[Any, Any]): Tokenizer and model.
    RAISES (UserError): The encoder has no such head: its weights would be random, and so would its words.
    """
    # Imported late: it takes seconds, and few runs fill masks.
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = find_encoder(encoder).folder
    try:
        tokenizer = DataOnly(AutoTokenizer).from_pretrained(folder)
        models = DataOnly(AutoModelForMaskedLM, reads_weights=True)
        model, loading = models.from_pretrained(folder, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise UserError(f"The encoder {folder} cannot be loaded as a masked language model: {error}") from error
    if loading["missing_keys"] or tokenizer.mask_token is None:
        missing = ", ".join(sorted(loading["missing_keys"]))
        raise UserError(
            f"The encoder {folder} has no masked-language-model head (missing: {missing}). Use one that has, such as "
            "distilbert-base-multilingual-cased, or drop textdistill.FillMask.v1 from augment.cfg."
        )
    return tokenizer, model.eval()


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


@registry.misc("textdistill.Augmenter.v2")
class Augmenter:
    """Makes new texts from one text."""

    def __init__(
        self, n_iter: int, fill_to: int, word_operations: Dict[str, Any], text_operations: Dict[str, Any]
    ) -> None:
        """Configure the augmentation.

        n_iter (int): New texts per gold text, before duplicates are dropped.
        fill_to (int): New texts are made until gold, unlabelled and new texts are this many; none if they are already.
        word_operations (Dict[str, WordOperation]): Tried on every word; their probabilities sum to at most 1.
        text_operations (Dict[str, TextOperation]): Tried on every text after that; likewise.
        """
        self.n_iter = n_iter
        self.fill_to = fill_to
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
        chosen = [choose(self.word_operations, rng.random()) for _ in tokens]
        new = list(tokens)
        for word_operation in self.word_operations:
            places = [i for i, operation in enumerate(chosen) if operation is word_operation]
            if places:
                for i, word in zip(places, word_operation(tokens, places, classes, rng)):
                    new[i] = tokens[i]._replace(word=word)
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
