"""Whether a text can be used, and what is done to one that can: said once, for `convert` and for `apply`."""

import math
import re
import reprlib
import unicodedata
from typing import Any, Optional

import regex

from scripts.data.near_copies import SPACELESS

# What spaCy takes unless a pipeline says otherwise; a longer text stops it.
MAX_LENGTH = 1_000_000
# What Excel shows where a formula failed.
SHEET_ERRORS = frozenset(
    ("#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!", "#GETTING_DATA")
)
# JSON can say half of a character, which no file can hold.
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
_VISIBLE = regex.compile(r"[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]")

# spaCy's tokenizer takes prefixes and suffixes off a stretch without spaces one by one, and goes over the whole
# stretch for each: 9,000 signs take half a minute, 90,000 an hour. They are signs, or signs with up to three letters
# ('s; in Romanian a-). 200 in a row take 6 ms in English, which is 3 seconds in 100,000; in Romanian 11 seconds. Of
# 190,000 reviews in eleven languages, three have more.
_SIGNS = 200
_ROW_OF_SIGNS = regex.compile(
    rf"(?:[\p{{P}}\p{{S}}][a-zA-Z\u00c0-\u052f]{{0,3}}+){{{_SIGNS - 1}}}[\p{{P}}\p{{S}}](?=\S)"
)
# Rules of some languages go over a stretch again from each of its characters (Greek: 10 seconds for 100,000 digits that
# come by 1,000), or know prefixes without signs (Indonesian: Rp). None is of letters of scripts without spaces.
_LETTERS = "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in SPACELESS)
_LONGEST = 1000
_RUN = regex.compile(rf"[^{_LETTERS}]++")
_STRETCH = re.compile(r"\S+")


def find_fault(text: Any, *, max_length: int = MAX_LENGTH, max_bytes: Optional[int] = None) -> Optional[str]:
    """Say why a value cannot be used as a text.

    text (Any): What stands in the column of the text.
    max_length (int): Most characters that the pipeline takes.
    max_bytes (Optional[int]): Most bytes that its tokenizer takes, if there is such a limit.
    RETURNS (Optional[str]): The reason and what to do, or None for a text that can be used.
    """
    if not isinstance(text, str):
        return f"the text must be a string, got {reprlib.repr(text)}. Format the cells as text, or name another column."
    if HALF_CHARACTER.search(text):
        return "the text holds half a character (a lone surrogate). Write the file anew as UTF-8."
    if text.strip() in SHEET_ERRORS:
        return f"the text is {text.strip()}, an error of a spreadsheet. Mend the cell or remove the row."
    if is_empty(text):
        return "the text is empty. Remove the line or fill it in."
    length = len(text) if len(text) > max_length else len(loosen(text))
    if length > max_length:
        return f"the text has {length:,} characters, spaCy takes {max_length:,}. Cut it."
    if max_bytes is not None and (n_bytes := count_bytes(text)) > max_bytes:
        return f"the text has {n_bytes:,} bytes, the tokenizer of its language takes {max_bytes:,}. Cut it."
    return None


def count_bytes(text: str) -> int:
    """The bytes of a text, or of what SudachiPy makes of it first: a character such as \u337f becomes several.

    text (str): Any text that files can hold.
    RETURNS (int): Bytes of UTF-8.
    """
    return max(len(form.encode("utf8")) for form in (text, unicodedata.normalize("NFKC", text)))


def is_empty(text: Any) -> bool:
    """Whether there is no text: nothing, what a spreadsheet puts in its place, or nothing that could be seen."""
    if isinstance(text, str):
        return not _VISIBLE.search(text) or text.strip() in SHEET_ERRORS
    return text is None or (isinstance(text, float) and math.isnan(text))


def clean(text: str) -> str:
    """Make one line of a text, without spaces that say nothing.

    text (str): A usable text.
    RETURNS (str): The text, as `loosen` leaves it.
    """
    return loosen(" ".join(text.split()))


def loosen(text: str) -> str:
    """Put spaces into stretches without any that would keep spaCy's tokenizer busy for minutes.

    text (str): Any text.
    RETURNS (str): The text; with a space after every 200 signs of a row, and after every 1,000 characters of a
        stretch. Scripts that have no spaces are left alone.
    """
    if max(map(len, text.split()), default=0) <= _SIGNS:
        return text
    return _STRETCH.sub(_loosen_stretch, text)


def _loosen_stretch(match: re.Match) -> str:
    """Cut rows of signs, then what is still too long."""
    if len(match[0]) <= _SIGNS:
        return match[0]
    pieces = _ROW_OF_SIGNS.sub(r"\g<0> ", match[0]).split(" ")
    return " ".join(piece if len(piece) <= _LONGEST else _RUN.sub(_cut_run, piece) for piece in pieces)


def _cut_run(match: regex.Match) -> str:
    """Cut a run after every 1,000 characters."""
    return " ".join(match[0][start : start + _LONGEST] for start in range(0, len(match[0]), _LONGEST))
