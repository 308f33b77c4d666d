"""What counts as a word, in any script."""

import regex

# `str.isalpha` knows no marks: to it, no word of Hindi or Thai with a vowel sign is one. Persian joins parts of words
# by a character without width.
_WORD = regex.compile(r"(?:\p{L}[\p{M}\u200c\u200d]*)+")


def is_word(text: str) -> bool:
    """Whether a token is a word.

    text (str): Any text.
    RETURNS (bool): True for letters with their marks and nothing else.
    """
    return _WORD.fullmatch(text) is not None
