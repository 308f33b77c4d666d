# ruff: noqa: RUF001 (letters that look like others are letters)
"""What counts as a word, in any script."""

import pytest

from scripts.data.words import is_word


@pytest.mark.parametrize(
    "word",
    [
        "word",
        "Über",
        "cafe\u0301",
        "हिन्दी",
        "ดี",
        "தமிழ்",
        "نمی\u200cخواهم",
        "שָׁלוֹם",
        "最高",
        "がが\u3099",
        "ΚΑΛΟΣ",
        "i\u0307",
    ],
)
def test_letters_with_their_marks_are_a_word(word: str) -> None:
    assert is_word(word)


@pytest.mark.parametrize(
    "token", ["", " ", "।", "don't", "e-mail", "3", "a1", "😀", "\u0301", "\u200d", "ๆ ", "[MASK]"]
)
def test_other_tokens_are_none(token: str) -> None:
    assert not is_word(token)
