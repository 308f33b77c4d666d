"""How texts are cut into words: what there is to choose from, and what is said where a package is missing."""

import re

import pytest
from packaging.requirements import Requirement

from scripts import segmenters
from scripts.data.usable import count_bytes, find_fault
from scripts.files import UserError
from scripts.segmenters import SEGMENTERS, find_max_bytes, find_segmenter, list_requirements
from scripts.tokenizing import make_blank
from tests.conftest import ROOT

JAPANESE = {"@tokenizers": "spacy.ja.JapaneseTokenizer", "split_mode": None}
NEEDY = [(lang, name) for lang, names in SEGMENTERS.items() for name, one in names.items() if one.needs]


def forget_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "find_spec", lambda name: None)


@pytest.mark.parametrize("lang, name", NEEDY)
def test_a_missing_package_is_named_with_the_ways_out(lang: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_packages(monkeypatch)
    with pytest.raises(UserError, match=f"{lang}.*not installed: pip install -r requirements-{lang}.txt") as caught:
        make_blank(lang, name)
    # The other way out is one.
    other = re.search(r"--vars\.segmenter (\w+), which needs nothing", str(caught.value))
    assert other and make_blank(lang, other[1])("a").text == "a"
    # And the file has what is missing, at a version that a wheel allows.
    lines = (ROOT / f"requirements-{lang}.txt").read_text(encoding="utf8").splitlines()
    pinned = {one.name.lower().replace("-", "_"): one.specifier for one in map(Requirement, lines[1:])}
    for needed in map(Requirement, SEGMENTERS[lang][name].needs.values()):
        assert str(pinned[needed.name]).removeprefix("==") in needed.specifier


@pytest.mark.parametrize("lang", ["en", "de", "zh", "ko", "xx", "ar"])
def test_most_languages_need_nothing(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_packages(monkeypatch)
    assert make_blank(lang, "default")("a b").text == "a b"


@pytest.mark.parametrize("lang, name, choices", [("en", "char", "default"), ("zh", "pkuseg", "default, char, jieba")])
def test_an_unknown_segmenter_is_refused_with_the_choices(lang: str, name: str, choices: str) -> None:
    with pytest.raises(UserError, match=f"'{lang}' has no segmenter '{name}'.*one of: {choices}"):
        find_segmenter(lang, name)


def test_requirements_are_those_of_the_tokenizer() -> None:
    japanese = [Requirement(one).name for one in list_requirements(JAPANESE)]
    assert japanese == ["sudachipy", "sudachidict_core"]
    for name in ("spacy.Tokenizer.v1", "textdistill.CharacterTokenizer.v1"):
        assert list_requirements({"@tokenizers": name}) == []


@pytest.mark.parametrize("char", ["あ", "\u337f", "a", "\u00e9"])
def test_a_text_that_sudachi_does_not_take_is_refused(char: str) -> None:
    pytest.importorskip("sudachipy", reason="SudachiPy is not installed: pip install -r requirements-ja.txt")
    limit = find_max_bytes(JAPANESE)
    nlp = make_blank("ja", "default")
    assert limit == find_max_bytes(nlp.config["nlp"]["tokenizer"])
    longest = (limit or 0) // count_bytes(char)
    # It takes what is let through.
    assert nlp(char * longest).text == char * longest
    fault = find_fault(char * (longest + 1), max_bytes=limit)
    assert fault and re.match(r"the text has 49,1\d\d bytes, the tokenizer of its language takes 49,149", fault)


def test_other_tokenizers_take_texts_of_any_size() -> None:
    assert find_max_bytes({"@tokenizers": "spacy.Tokenizer.v1"}) is find_max_bytes(None) is None
    assert find_fault("あ" * 100_000) is None
