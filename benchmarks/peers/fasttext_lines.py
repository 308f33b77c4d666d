"""Texts as fastText reads them: one line each, in lower case, punctuation apart, as its tutorial does it."""

import re

LABEL = "__label__"
_PUNCTUATION = re.compile(r"([^\w\s])")


def make_line(text: str) -> str:
    """text (str): A text. RETURNS (str): Its words, separated by spaces, without line breaks."""
    return " ".join(_PUNCTUATION.sub(r" \1 ", text.lower()).split())
