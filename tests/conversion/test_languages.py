"""Reviews of several languages that are read together."""

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st

from scripts.conversion.inputs import find_all_inputs
from scripts.conversion.languages import mix, tell_other_classes, tell_spaceless
from scripts.conversion.problems import CONFLICT, SHARED, Review
from scripts.conversion.report import count_rows
from scripts.conversion.splits import SPLITS, Splits, read_splits
from scripts.data.docbins import read_docs
from scripts.data.texts import read_unlabelled_languages
from scripts.files import UserError
from tests.conftest import run_here
from tests.conversion.review_files import LABELLING, make_rows, make_splits, row

NAMED = {"train": "", "dev": "", "test": "", "unlabelled": ""}
N = {"de": 20, "nl": 6}


def write_languages(folder: Path, **splits: Any) -> Path:
    """German and Dutch reviews, numbered; splits of Dutch may be replaced. RETURNS (Path): Where `xx` would stand."""
    for lang, n in N.items():
        rows = {s: [{**r, "text": f"{lang} {r['text']}"} for r in make_rows(s, n)] for s in SPLITS}
        (folder / lang).mkdir()
        make_splits(folder / lang, **{**rows, **(splits if lang == "nl" else {})})
    return folder / "xx"


def read(train: Path, **named: str) -> Splits:
    inputs = find_all_inputs({**NAMED, "train": str(train), **named}, lang="xx", langs="nl, de")
    return read_splits(inputs, text_column="text", labelling=LABELLING, seed=0)


def make_reviews(*langs: Optional[str], label: str = "a", text: str = "x") -> List[Review]:
    return [Review(Path("r"), number, text, label, lang) for number, lang in enumerate(langs)]


def test_languages_are_read_together_and_every_text_tells_its_own(tmp_path: Path) -> None:
    train, output = write_languages(tmp_path), tmp_path / "corpus"
    assert run_here("scripts.conversion", output, "--lang", "xx", "--langs", "nl de", "--train", train) == 0
    vocab = spacy.blank("xx").vocab
    for split in ("train", "dev", "test"):
        docs = read_docs(output / "gold" / f"{split}.spacy", vocab)
        assert Counter(doc._.lang for doc in docs) == N
        assert all(doc.text.startswith(doc._.lang) and sum(doc.cats.values()) == 1 for doc in docs)
        # Those who look at the first texts see all languages.
        assert Counter(doc._.lang for doc in docs[:13]) == {"de": 10, "nl": 3}
    texts = list(read_unlabelled_languages(output / "unlabelled.jsonl"))
    assert Counter(lang for _, lang in texts) == N and all(text.startswith(str(lang)) for text, lang in texts)
    data = srsly.read_json(output / "data.json")
    assert data["languages"] == dict.fromkeys(SPLITS, N)
    assert set(data["files"]) == {f"{split} ({lang})" for split in SPLITS for lang in N}


def test_texts_of_one_language_do_not_tell_it(tmp_path: Path) -> None:
    train, output = write_languages(tmp_path).with_name("de"), tmp_path / "corpus"
    assert run_here("scripts.conversion", output, "--lang", "de", "--langs", "nl de", "--train", train) == 0
    assert not any(doc.user_data for doc in read_docs(output / "gold" / "train.spacy", spacy.blank("de").vocab))
    assert {lang for _, lang in read_unlabelled_languages(output / "unlabelled.jsonl")} == {None}
    assert "languages" not in srsly.read_json(output / "data.json")


def test_what_a_language_has_no_file_of_is_split_off_its_own_train(tmp_path: Path) -> None:
    splits = read(write_languages(tmp_path, train=make_rows("train", 20), dev=None, test=None))
    langs = {split: Counter(review.lang for review in splits.reviews[split]) for split in SPLITS}
    assert langs["train"] == {"de": 20, "nl": 14} and langs["dev"] == langs["test"] == {"de": 20, "nl": 3}
    assert splits.moved == {"train": -6, "dev": 3, "test": 3, "unlabelled": 0}
    count_rows(splits)
    assert not splits.errors


def test_no_text_is_learned_in_one_language_and_tested_in_another(tmp_path: Path) -> None:
    train = [*make_rows("train", 6), row("de review 2 3 yes"), row("de review 0 3 yes", "NEGATIVE")]
    splits = read(write_languages(tmp_path, train=train))
    assert Counter(problem.kind for problem in splits.problems) == {SHARED: 1, CONFLICT: 2}
    (shared,) = [problem for problem in splits.problems if problem.kind == SHARED]
    assert shared.what == f"the same text stands in {tmp_path / 'de' / 'test.jsonl'}, line 4"


def test_equal_texts_of_two_files_name_both(tmp_path: Path) -> None:
    splits = read(write_languages(tmp_path, unlabelled=[{"text": "DE, review 3 4 no."}]))
    (problem,) = splits.problems
    assert problem.what == f"the same text as in {tmp_path / 'de' / 'unlabelled.jsonl'}, line 5"


def test_a_wrong_file_is_seen_among_many_right_ones(tmp_path: Path) -> None:
    splits = read(write_languages(tmp_path, test=[{"text": f"a text {i}", "label": None} for i in range(6)]))
    assert splits.errors and all("nl" in error and "6 of 6 rows cannot be used" in error for error in splits.errors)


@pytest.mark.parametrize(
    ("langs", "named", "message"),
    [
        ("de fr", {}, r"There is no .*xx, .*fr\. Folders with a file called train: de, nl\. Give --vars\.langs some"),
        ("de xx", {}, r"at least two\. There is no .*xx\. Folders"),
        ("de nl", {"test": "my.csv"}, r"--vars\.test my\.csv is one file, and de, nl are read together"),
        ("de nl", {"train": "slip.csv"}, r"^slip\.csv"),
    ],
)
def test_what_cannot_be_read_together_is_told(
    langs: str, named: Dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train = write_languages(tmp_path)
    with pytest.raises(UserError, match=message):
        find_all_inputs({**NAMED, "train": str(train), **named}, lang="xx", langs=langs)


def test_a_file_of_several_languages_is_read_as_it_is(tmp_path: Path) -> None:
    train = write_languages(tmp_path).with_name("nl")
    for path in (train, train / "train.jsonl"):
        inputs = find_all_inputs({**NAMED, "train": str(path)}, lang="xx", langs="de fr")
        assert list(inputs) == [None] and set(inputs[None]) == set(SPLITS)


@given(st.lists(st.sampled_from(["de", "nl", "pt"]), min_size=1, max_size=60))
def test_each_beginning_has_of_each_language_its_share(langs: List[str]) -> None:
    reviews = make_reviews(*langs)
    mixed = mix(reviews)
    assert sorted(mixed, key=reviews.index) == reviews
    for lang in set(langs):
        assert [r for r in mixed if r.lang == lang] == [r for r in reviews if r.lang == lang]
        for n in range(1, len(mixed) + 1):
            has = sum(review.lang == lang for review in mixed[:n])
            assert abs(has - n * langs.count(lang) / len(langs)) <= 3


def test_classes_that_a_language_lacks_are_told() -> None:
    reviews = [
        *make_reviews("de", "nl", label="good"),
        *make_reviews("de", label="bad"),
        *make_reviews("nl", label="boos"),
    ]
    told = tell_other_classes(reviews)
    assert told == [
        "de has no text in train with the label 'boos'; it has 'bad', 'good'. A class must have the same name in all "
        "languages.",
        "nl has no text in train with the label 'bad'; it has 'boos', 'good'. A class must have the same name in all "
        "languages.",
    ]
    assert tell_other_classes(make_reviews("de", "nl")) == tell_other_classes(make_reviews(None)) == []


@pytest.mark.parametrize("segmenter", ["default", "char"])
def test_spaces_matter_to_the_tokenizer_that_needs_them(
    segmenter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_splits(
        tmp_path, **{s: [{**r, "text": f"我喜欢这本书{s}{r['text']}"} for r in make_rows(s, 4)] for s in SPLITS}
    )
    arguments = ["--lang", "xx", "--segmenter", segmenter, "--train", tmp_path]
    assert run_here("scripts.conversion", tmp_path / "corpus", *arguments) == 0
    assert ("Give --vars.segmenter char" in " ".join(capsys.readouterr().out.split())) == (segmenter == "default")


@pytest.mark.parametrize(
    ("text", "is_told"), [("我喜欢这本书。非常好", True), ("Een 好 boek uit China, en mooi vertaald", False)]
)
def test_scripts_without_spaces_are_told(text: str, is_told: bool) -> None:
    reviews = {**{split: [] for split in SPLITS}, "train": make_reviews("de", "zh", text=text)}
    assert bool(tell_spaceless(reviews)) == is_told
    assert not is_told or "train: 100% of all letters" in tell_spaceless(reviews)[0]
