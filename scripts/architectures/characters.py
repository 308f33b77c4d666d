"""A tokenizer that takes each character for a word, for languages whose words are not told apart by spaces.

It needs no dictionary, so neither does a package that is made with it. Shipped module: it imports only spaCy and the
standard library.
"""

import re
from typing import Any, Callable, List, Tuple

from spacy import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, registry
from spacy.vocab import Vocab

# Latin (that of Vietnamese, too), Greek and Cyrillic words stay whole, as numbers do.
_LETTERS = "0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u052f\u1e00-\u1fff"
# What belongs to the character before it: accents, marks of Thai and Lao, of kana, variants and colours of emoji.
_MARKS = (
    "\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u20d0-\u20ff\u3099\u309a\uff9e\uff9f"
)
_MARKS += "\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_CHARACTER = rf"(?:[\U0001f1e6-\U0001f1ff]{{2}}|\S)[{_MARKS}]*"
_TOKEN = re.compile(rf"[{_LETTERS}](?:[{_LETTERS}]|[{_MARKS}])*|{_CHARACTER}(?:\u200d{_CHARACTER})*|\s")


@registry.tokenizers("textdistill.CharacterTokenizer.v1")
def create_character_tokenizer() -> Callable[[Language], "CharacterTokenizer"]:
    """Create what makes the tokenizer of a pipeline.

    RETURNS (Callable[[Language], CharacterTokenizer]): From the pipeline to its tokenizer.
    """
    return make_character_tokenizer


def make_character_tokenizer(nlp: Language) -> "CharacterTokenizer":
    """nlp (Language): The pipeline. RETURNS (CharacterTokenizer): Its tokenizer."""
    return CharacterTokenizer(nlp.vocab)


class CharacterTokenizer(DummyTokenizer):
    """Cuts texts into characters, each with its marks. It has no state to be saved."""

    def __init__(self, vocab: Vocab) -> None:
        """vocab (Vocab): The vocabulary of the documents."""
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """text (str): Any text. RETURNS (Doc): Its characters; no part of the text is lost."""
        words: List[str] = []
        spaces: List[bool] = []
        for match in _TOKEN.finditer(text):
            if match[0] == " " and words and not spaces[-1] and not words[-1].isspace():
                spaces[-1] = True
            else:
                words.append(match[0])
                spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    def __reduce__(self) -> Tuple[Any, ...]:
        """RETURNS (Tuple[Any, ...]): What makes it anew in another process."""
        return CharacterTokenizer, (self.vocab,)
