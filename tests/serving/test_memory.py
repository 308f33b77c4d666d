"""What a served pipeline remembers of texts, and for how long."""

import pytest
import spacy
from spacy import Language

from scripts.serving.memory import Memory


@pytest.fixture()
def nlp() -> Language:
    return spacy.blank("en")


def knows(nlp: Language, word: str) -> bool:
    return word in nlp.vocab.strings


def read(memory: Memory, text: str) -> None:
    with memory.hold(len(text)):
        assert [token.text for token in memory.nlp(text)] == text.split()


def test_words_are_known_for_a_while_and_then_forgotten(nlp: Language) -> None:
    memory = Memory(nlp, max_characters=12)
    read(memory, "abcdefgh")
    read(memory, "")
    assert knows(nlp, "abcdefgh")
    read(memory, "hgfedcba")
    assert not knows(nlp, "abcdefgh") and not knows(nlp, "hgfedcba")
    read(memory, "abcdefgh")
    assert knows(nlp, "abcdefgh")


def test_an_empty_text_first_opens_one_zone(nlp: Language) -> None:
    memory = Memory(nlp)
    read(memory, "")
    read(memory, "abcdefgh")
    memory.forget()
    assert not knows(nlp, "abcdefgh")


def test_an_error_forgets(nlp: Language) -> None:
    memory = Memory(nlp)
    with pytest.raises(ZeroDivisionError), memory.hold(8):
        nlp("abcdefgh")
        raise ZeroDivisionError
    assert not knows(nlp, "abcdefgh")
    read(memory, "abcdefgh")
    assert knows(nlp, "abcdefgh")
