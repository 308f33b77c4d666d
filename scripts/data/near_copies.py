"""Recognises texts that say the same with other case, spaces, punctuation or a few other words."""

import re
from collections import Counter
from typing import Dict, Iterable, List, Set

# Scripts without spaces between words count each character as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_SHINGLE = 5
_SHARED = 0.5


def split_words(text: str) -> List[str]:
    """The words of a text without case and punctuation.

    text (str): Any text.
    RETURNS (List[str]): Words; characters for Chinese and Japanese.
    """
    return _WORD.findall(text.casefold())


def normalize(text: str) -> str:
    """What two texts have in common if they differ in case, spaces and punctuation only.

    text (str): Any text.
    RETURNS (str): Its words, or the text itself where it has none (emoji only).
    """
    return " ".join(split_words(text)) or text.strip()


class NearCopies:
    """Finds near copies of held-out texts.

    A text is a near copy of a held-out one if both are equal once normalised, or if at least half of the
    5-word shingles of the shorter one stand in the other too.

    SOURCE: shingles and resemblance: Broder (1997), On the resemblance and containment of documents.
    """

    def __init__(self, held_out: Iterable[str]) -> None:
        """held_out (Iterable[str]): The texts of dev and test."""
        self._normalized: Set[str] = set()
        self._texts_of: Dict[int, List[int]] = {}
        self._n_shingles: List[int] = []
        for number, text in enumerate(held_out):
            words = split_words(text)
            self._normalized.add(normalize(text))
            shingles = _shingles(words)
            self._n_shingles.append(len(shingles))
            for shingle in shingles:
                self._texts_of.setdefault(shingle, []).append(number)

    def __contains__(self, text: str) -> bool:
        """Whether a text is a near copy of a held-out one.

        text (str): The text.
        RETURNS (bool): True for a near copy.
        """
        words = split_words(text)
        if normalize(text) in self._normalized:
            return True
        shingles = _shingles(words)
        shared = Counter(number for shingle in shingles for number in self._texts_of.get(shingle, ()))
        return any(count >= _SHARED * min(len(shingles), self._n_shingles[number]) for number, count in shared.items())


def _shingles(words: List[str]) -> Set[int]:
    """Hashes of all runs of five words; they are compared within one process only."""
    return {hash(tuple(words[start : start + _SHINGLE])) for start in range(len(words) - _SHINGLE + 1)}
