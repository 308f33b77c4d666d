"""Recognises texts that say the same with other case, spaces, punctuation or a few other words, in any script."""

import html
import re
import unicodedata
from array import array
from typing import Dict, Iterable, List, Set

import numpy as np
import regex

# Unicode calls these punctuation, but they are no stops, quotes, brackets or dashes: C#, A*, 50 %, R&D, </3.
_SIGNS = "#%&*@/\\"
# Scripts without spaces between words count each letter, with its marks, as a word: Thai, Lao, Burmese, Khmer and their
# kin, kana, Chinese characters.
SPACELESS = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0x3005, 0x3007)),
    *((0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAADF), (0xF900, 0xFAFF)),
    *((0x1B000, 0x1B16F), (0x20000, 0x3FFFF)),
)
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
# They tell the flags of England and Wales apart.
_TAGS = range(0xE0020, 0xE0080)
_JOINER = "\u200d"
# A joiner makes one emoji of two. Elsewhere it is a matter of fonts.
_LOOSE_JOINER = regex.compile(rf"(?<!\p{{S}}\ufe0f?){_JOINER}|{_JOINER}(?!\p{{S}})")
# People write one for the other: hyphens, a figure dash, an en dash and a minus; apostrophes that count as letters.
# And no capital tells whether the Turkish letter below it has a dot.
_SAME = (
    *((dash, "-") for dash in "\u2010\u2012\u2013\u2212"),
    *((mark, "'") for mark in "`\u02bc\u02bb"),
    ("\u0131", "i"),
)
# It makes Arabic words wider.
_TATWEEL = "\u0640"
# Punctuation that counts: a smile or a frown; a point right before a word or a number, as in .NET and .5; !valid alone,
# as many write !like this; !=; a minus before a number or an amount; one after a grade.
# It is found by its first character, then told by what stands around: so the search is fast.
_COUNTS = re.compile(
    r"""[:;=.!-](?:(?<=[:;=])['-]?(?P<mouth>[()\[\]])(?P=mouth)*(?!\w)"""
    r"""|(?<=\.)(?<![^\s"'(\[]\.)(?=[a-z\d])|(?<=!)(?<![\s\S]!)(?=[a-z])|(?<=!)(?P<unequal>=)(?!['-]?[()\[\]](?!\w))"""
    r"""|(?<=-)(?P<minus>\.?(?=\d)|(?=[$\xa2-\xa5\u0e3f\u20a0-\u20cf])|(?<=\b[a-df]-)))"""
)
# E is left out: E-Gitarre.
_GRADE = regex.compile(r"""(?<![^\s"'(\[][a-df]-)(?<=[a-df]-)(?![\w\p{M}\p{Default_Ignorable_Code_Point}-])""")
# While a text is taken apart, control characters stand for punctuation that counts, before what belongs to the word
# before, and around marks. Those of the text itself are spaces.
_GLUE, _KEPT, _MARK, _LETTER_END = "\0", ".-:;()[]!", "\x0e", "\x1f"
_KEEP = str.maketrans("=" + _KEPT, "\3" + "".join(map(chr, range(1, 1 + len(_KEPT)))))
_CONTROL = re.compile(r"[\0-\x1f]")
_LETTER_AND_MARKS = re.compile(rf"{_LETTER_END}((?:{_MARK}.)+)")
_SPACES_BEFORE_GLUE = re.compile(rf"\s*{_GLUE}")
_SHINGLE = 5
_SHARED = 0.5


class _Table(Dict[int, str]):
    """What becomes of each character of a folded text; filled as they come."""

    def __missing__(self, code: int) -> str:
        self[code] = _separate(code)
        return self[code]


def _separate(code: int) -> str:
    """What becomes of a character: nothing, a space, or itself, with spaces where a word begins or ends."""
    char = chr(code)
    if code <= len(_KEPT):
        return (_GLUE + _KEPT)[code]
    if char == _JOINER or code in _TAGS:
        return char
    if _INVISIBLE.match(char) or char == _TATWEEL:
        return ""
    kind = unicodedata.category(char)
    if kind[0] in "LMN":
        is_spaceless = _is_spaceless(char) and kind != "Nd"
        return f"{_MARK}{char}" if kind[0] == "M" else f" {char}{_LETTER_END}" if is_spaceless else char
    if char not in _SIGNS and (kind[0] in "PZ" or kind == "Cc"):
        return " "
    return f"{_GLUE}{char} "


def _is_spaceless(char: str) -> bool:
    """Whether a character is of a script without spaces between words."""
    return any(first <= ord(char) <= last for first, last in SPACELESS)


_TABLE = _Table()


def _fold(text: str) -> str:
    """What differs in case or Unicode form only becomes one: full width and half, accents apart or not, &amp; or &."""
    if "&" in text:
        text = html.unescape(text)
    # People write these for apostrophes.
    text = text.replace("\u00b4", "'").casefold().replace("`", "'")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        for one, other in _SAME:
            text = text.replace(one, other)
        if _JOINER in text:
            text = _LOOSE_JOINER.sub("", text)
    return text


def _keep(match: re.Match) -> str:
    """Hide punctuation that counts from the table."""
    found, text, start = match[0], match.string, match.start()
    if match["mouth"]:
        return f"{_GLUE}{found[0]}{match['mouth']} ".translate(_KEEP)
    if match["unequal"]:
        return f"{_GLUE}{found[0].translate(_KEEP)}="
    if match["minus"] is not None and not (_is_minus(text, start) or _GRADE.match(text, start + 1)):
        return found
    return found.translate(_KEEP)


def _is_minus(text: str, place: int) -> bool:
    """Whether a minus before a number is its sign. Else it joins words or numbers: covid-19, 5-10, 5%-10%, (1)-2."""
    while place and _INVISIBLE.match(text[place - 1]):
        place -= 1
    before = text[place - 1] if place else " "
    kind = unicodedata.category(before)
    if kind[0] in "LMN":
        return _is_spaceless(before) and not before.isnumeric()
    if kind == "Sc" or before in "%\xb0'\"":
        return not text[max(0, place - 2) : place - 1].isnumeric()
    return kind not in ("Pc", "Pd", "Pe", "Pf")


def split_words(text: str) -> List[str]:
    """The words of a text without case and punctuation. Symbols and emoji belong to the word before them.

    text (str): Any text.
    RETURNS (List[str]): Words; letters with their marks where a script has no spaces between words.
    """
    text = _fold(text)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    text = _COUNTS.sub(_keep, text.strip()).translate(_TABLE)
    if _MARK in text:
        text = _LETTER_AND_MARKS.sub(r"\1 ", text).replace(_MARK, "")
    if _GLUE in text:
        text = _SPACES_BEFORE_GLUE.sub("", text.replace(f" {_JOINER}{_GLUE}", _JOINER))
    if not text.isascii():
        # Anew, as invisible characters are gone. And the small letter of the Turkish capital has no second dot.
        text = unicodedata.normalize("NFC", re.sub("i\u0307+", "i", unicodedata.normalize("NFC", text)))
    return text.split()


def normalize(text: str) -> str:
    """What two texts have in common if they differ in case, spaces, punctuation and Unicode form only.

    text (str): Any text.
    RETURNS (str): Its words, or the folded text itself where it has none.
    """
    return _join(split_words(text), text)


def _join(words: List[str], text: str) -> str:
    """What `normalize` makes of a text whose words are known."""
    return " ".join(words) or _fold(text).strip()


class NearCopies:
    """Finds near copies of held-out texts.

    A text is a near copy of a held-out one if both are equal once normalised, or if at least half of the
    5-word shingles of the shorter one stand in the other too.

    SOURCE: shingles and resemblance: Broder (1997), On the resemblance and containment of documents.
    """

    def __init__(self, held_out: Iterable[str]) -> None:
        """held_out (Iterable[str]): The texts of dev and test."""
        self._normalized: Set[str] = set()
        # Numbers of texts as bytes: those of several shingles are joined and counted at once. With a sentence that all
        # texts share, counting one by one takes hours.
        self._texts_of: Dict[int, array] = {}
        n_shingles = []
        for number, text in enumerate(held_out):
            words = split_words(text)
            self._normalized.add(_join(words, text))
            shingles = _shingles(words)
            n_shingles.append(len(shingles))
            for shingle in shingles:
                self._texts_of.setdefault(shingle, array("q")).append(number)
        self._n_shingles = np.array(n_shingles, dtype=np.int64)

    def __contains__(self, text: str) -> bool:
        """Whether a text is a near copy of a held-out one.

        text (str): The text.
        RETURNS (bool): True for a near copy.
        """
        words = split_words(text)
        if _join(words, text) in self._normalized:
            return True
        shingles = _shingles(words)
        found = [self._texts_of[shingle] for shingle in shingles if shingle in self._texts_of]
        if not found:
            return False
        shared = np.bincount(np.frombuffer(b"".join(found), dtype=np.int64))
        enough = _SHARED * np.minimum(len(shingles), self._n_shingles[: len(shared)])
        return bool(((shared > 0) & (shared >= enough)).any())


def _shingles(words: List[str]) -> Set[int]:
    """Hashes of all runs of five words; they are compared within one process only."""
    return {hash(tuple(words[start : start + _SHINGLE])) for start in range(len(words) - _SHINGLE + 1)}
