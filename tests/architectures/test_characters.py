"""The tokenizer of characters: nothing is lost, marks stay where they belong, words of cased scripts stay whole."""

import pickle
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.vocab import Vocab

from scripts.architectures.characters import CharacterTokenizer
from scripts.tokenizing import make_blank

TOKENIZE = CharacterTokenizer(Vocab())


@pytest.mark.parametrize(
    "text, words",
    [
        ("最高。DVDは3本。", ["最", "高", "。", "DVD", "は", "3", "本", "。"]),
        ("좋아요 정말", ["좋", "아", "요", "정", "말"]),
        ("ไม่ดี", ["ไ", "ม่", "ดี"]),
        ("が\u3099 ﾊﾞｽ e\u0301te\u0301", ["が\u3099", "ﾊﾞ", "ｽ", "e\u0301te\u0301"]),
        ("👍🏽👩\u200d👧❤\ufe0f🇯🇵🇰🇷", ["👍🏽", "👩\u200d👧", "❤\ufe0f", "🇯🇵", "🇰🇷"]),
        ("ไม่ Rất tốt! ὅτι", ["ไ", "ม่", "Rất", "tốt", "!", "ὅτι"]),
        (" a  b\n", [" ", "a", " ", "b", "\n"]),
        ("", []),
    ],
)
def test_characters_are_words(text: str, words: list) -> None:
    doc = TOKENIZE(text)
    assert [token.text for token in doc] == words
    assert doc.text == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_text_is_lost(text: str) -> None:
    doc = TOKENIZE(text)
    assert doc.text == text


def test_it_is_saved_and_sent_to_other_processes(tmp_path: Path) -> None:
    nlp = make_blank("ja", "char")
    nlp.to_disk(tmp_path)
    text = "最高。DVD"
    for tokenizer in (spacy.load(tmp_path).tokenizer, pickle.loads(pickle.dumps(TOKENIZE))):
        assert [token.text for token in tokenizer(text)] == [token.text for token in nlp(text)]
