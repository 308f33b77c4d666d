# ruff: noqa: RUF001 (letters that look like others are what this is about)
"""In every language of spaCy that needs no package, nothing crashes and no text is lost on its way."""

import random
from pathlib import Path
from typing import List

import pytest
import spacy
from spacy.tokens import Doc

from scripts.architectures.ngrams import hash_ngrams
from scripts.augmentation.__main__ import split_tokens
from scripts.augmentation.clusters import learn_clusters
from scripts.augmentation.operations import MaskWord, ReplaceWord, SampleNgram, SampleSentences, Token
from scripts.augmentation.word_classes import count_classes
from scripts.data.near_copies import NearCopies
from scripts.data.texts import AUGMENTED, MASK, Text
from scripts.data.usable import clean, find_fault
from scripts.data.words import is_word
from scripts.segmenters import DEFAULT, SEGMENTERS, Segmenter
from scripts.tokenizing import make_blank
from tests.conftest import make_augmenter

LANGUAGES = sorted(path.parent.name for path in Path(spacy.__file__).parent.glob("lang/*/__init__.py"))
RUNS = [
    (lang, name)
    for lang in LANGUAGES
    for name, segmenter in SEGMENTERS.get(lang, {DEFAULT: Segmenter()}).items()
    if not segmenter.needs
]
# What languages write, and what may break a rule: marks, joiners, right to left, no spaces, signs, forms of one letter.
TEXTS = [
    "Sehr gut! Rotweinglashalter, würde ich wieder kaufen... Nie mehr?! L'hôtel n'est pas (très) calme.",
    "İyi ama IŞIK yok. ΠΟΛΥ ΚΑΛΟΣ, ο καλός λόγος; Очень хорошо: не куплю.",
    "यह बहुत अच्छा है। पसंद नहीं! ดีมาก ไม่ชอบเลย தமிழ் நன்று. ကောင်းတယ်။",
    "هذا جيد جدا، هل تحبه؟ خوب است نمی\u200cخواهم. זה טוב מאוד! שָׁלוֹם",
    "最高！！でも高い…「もう買わない。」很好，但是贵。정말 좋아요. 왜요?",
    "cafe\u0301 👍🏽👩\u200d👧🇩🇪 :-) <3 5.000,50 € 10% a@b.de http://x.y/z?q=1 \u200b =====",
    "a",
]


@pytest.mark.parametrize("lang, segmenter", RUNS, ids=[f"{lang}-{name}" for lang, name in RUNS])
def test_no_step_crashes_or_loses_text(lang: str, segmenter: str) -> None:
    nlp = make_blank(lang, segmenter)
    nlp.add_pipe("sentencizer")
    texts = [clean(text) for text in TEXTS]
    assert not any(map(find_fault, texts))
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    check_ngrams(docs)
    check_augmentation(docs, nlp)


def check_ngrams(docs: List[Doc]) -> None:
    """Every text has n-grams of words and of characters."""
    for doc in docs[:-1]:
        words, *_, characters = (grams for grams, *_ in hash_ngrams([doc], 1, 3))
        assert len(words) == len(doc) and len(characters) == len(doc.text.lower()) - 2


def check_augmentation(docs: List[Doc], nlp: spacy.Language) -> None:
    """Words keep the spaces around them, parts are parts of the text, and each finds the text that it was made from."""
    tagged = [split_tokens(doc, ["word" if is_word(token.text) else "" for token in doc]) for doc in docs]
    classes = count_classes((token.word, token.word_class) for tokens in tagged for token in tokens)
    words = make_augmenter(words={"mask": MaskWord(0.2), "replace": ReplaceWord(0.5)})
    parts = make_augmenter(texts={"ngram": SampleNgram(0.5, 1, 5), "sentences": SampleSentences(0.5, 2)})
    for doc, tokens in zip(docs, tagged):
        new = words(tokens, classes, random.Random(0))
        assert [token.space for token in new] == [token.space for token in tokens]
        assert len(new) == len(doc)
        text = make_text(new)
        made = text.make_doc(nlp)
        assert made.text == str(Text.from_json(text.to_json())) == str(text)
        assert not any(token.text != MASK and MASK in token.text for token in made)
        part = str(make_text(parts(tokens, classes, random.Random(0)))).strip()
        assert part and part in doc.text
        # What was left as it is says the same.
        assert str(make_text(tokens)) in NearCopies([doc.text])


def make_text(tokens: List[Token]) -> Text:
    return Text(AUGMENTED, 0, words=[token.word for token in tokens], spaces=[token.space for token in tokens])


def test_words_of_all_scripts_are_replaced() -> None:
    """Vowel signs of Hindi and Thai are marks, which `str.isalpha` takes for no letters."""
    for lang, text in [("hi", "यह होटल अच्छा है।"), ("ta", "இந்த விடுதி நன்று."), ("fa", "این کتاب نمی\u200cشود.")]:
        doc = make_blank(lang, "default")(text)
        classes = learn_clusters([doc] * 3, seed=0)(doc)
        assert all(classes[:-1]) and not classes[-1], lang
