"""Parts of speech for the replacement of words: the words of each class, and a tagger that gives the classes."""

import random
from collections import Counter
from itertools import accumulate
from typing import Dict, Iterable, List, Tuple

from spacy import Language
from spacy.tokens import Doc

from scripts.data.words import is_word

UNKNOWN = ""


class WordClasses:
    """The words of each class with their frequencies."""

    def __init__(self, counts: Dict[str, Counter]) -> None:
        """counts (Dict[str, Counter]): Frequency of each word in each class."""
        self._words: Dict[str, List[str]] = {}
        self._cumulated: Dict[str, List[int]] = {}
        for word_class, words in counts.items():
            if word_class != UNKNOWN:
                # In alphabetical order, so that the same seed draws the same words.
                self._words[word_class] = sorted(words)
                self._cumulated[word_class] = list(accumulate(words[word] for word in sorted(words)))

    def draw(self, word_class: str, word: str, rng: random.Random) -> str:
        """Draw another word of a class by its frequency there.

        word_class (str): The class.
        word (str): The word to replace; it is never drawn, in any case.
        rng (random.Random): The source of chance.
        RETURNS (str): Another word, written with a capital if the old one is; the old one if there is no other.
        """
        words = self._words.get(word_class, [])
        if any(other != word.lower() for other in words[:2]):
            # The word itself has a share of its class, mostly small: draw again until another comes.
            while (new := rng.choices(words, cum_weights=self._cumulated[word_class])[0]) == word.lower():
                pass
            return new.capitalize() if word[:1].isupper() else new
        return word


def count_classes(tagged: Iterable[Tuple[str, str]]) -> WordClasses:
    """Collect the words of each class.

    tagged (Iterable[Tuple[str, str]]): Words and their classes.
    RETURNS (WordClasses): Words in lower case, with their counts.
    """
    counts: Dict[str, Counter] = {}
    for word, word_class in tagged:
        counts.setdefault(word_class, Counter())[word.lower()] += 1
    return WordClasses(counts)


class PipelineTagger:
    """Gives each token the part of speech that a spaCy pipeline finds."""

    def __init__(self, nlp: Language) -> None:
        """nlp (Language): A pipeline that sets `pos` or `tag`."""
        self.nlp = nlp

    def __call__(self, doc: Doc) -> List[str]:
        """doc (Doc): A tokenized text. RETURNS (List[str]): A class per token; empty for punctuation."""
        tagged = self.nlp(Doc(self.nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]))
        return [(token.pos_ or token.tag_) if is_word(token.text) else UNKNOWN for token in tagged]
