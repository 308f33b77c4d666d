import json
from pathlib import Path
from typing import Any, List

import numpy
import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vectors import Vectors  # type: ignore[import-not-found]

from scripts.data.docbins import write_docs
from scripts.data.texts import write_unlabelled
from scripts.lexicon.__main__ import save_vectors
from scripts.selection.__main__ import FAR_SHARE, MIN_TIMES, select
from scripts.selection.nearness import N_FOLDS, average_vectors, find_least, judge, tell_apart
from tests.conftest import run_here

BOOKS, POTS = ["a good novel", "a dull plot", "novel and plot"], ["a good pan", "the lid broke", "pan and lid"]
WORDS = ["a", "good", "dull", "novel", "plot", "and", "pan", "the", "lid", "broke"]
N_GOLD = 60


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """60 labelled texts of books; 300 unlabelled ones of books, and 200 of pots."""
    nlp = spacy.blank("en")
    (tmp_path / "gold").mkdir()
    write_docs([nlp(BOOKS[i % 3]) for i in range(N_GOLD)], tmp_path / "gold" / "train.spacy")
    texts = [POTS[i % 3] if i % 5 < 2 else BOOKS[i % 3] for i in range(500)]
    write_unlabelled(tmp_path / "unlabelled.jsonl", [(text, None) for text in texts])
    vectors = numpy.random.default_rng(0).normal(size=(len(WORDS), 8)).astype("float32")
    save_vectors(WORDS, vectors, spacy.blank("en"), tmp_path / "lexicon")
    return tmp_path


def run(corpus: Path, **options: Any) -> List[str]:
    """Select, and return what is selected."""
    select(corpus, lexicon=corpus / "lexicon", **{"take": "near", **options})
    return [row["text"] for row in srsly.read_jsonl(corpus / "selected.jsonl")]


def test_texts_unlike_the_labelled_ones_are_left_out_and_kept_apart(corpus: Path) -> None:
    selected = run(corpus)
    left_out = list(srsly.read_jsonl(corpus / "left_out.jsonl"))
    assert len(selected) == 300 and set(selected) == set(BOOKS)
    assert len(left_out) == 200 and {row["text"] for row in left_out} == set(POTS)
    record = srsly.read_json(corpus / "selection.json")
    assert (record["texts"], record["selected"]) == (500, 300) and 0.5 < record["auc"] < 1
    assert all(row["nearness"] < record["least"] for row in left_out)


def test_all_are_taken_when_asked_and_when_they_are_few(corpus: Path) -> None:
    before = [row["text"] for row in srsly.read_jsonl(corpus / "unlabelled.jsonl")]
    assert run(corpus, take="all") == before
    few = before[: MIN_TIMES * N_GOLD]
    write_unlabelled(corpus / "unlabelled.jsonl", [(text, None) for text in few])
    assert run(corpus) == few and set(few) > set(POTS)
    assert not (corpus / "left_out.jsonl").read_text() and srsly.read_json(corpus / "selection.json")["auc"] is None


def test_enough_are_taken_even_if_none_is_near(corpus: Path) -> None:
    write_unlabelled(corpus / "unlabelled.jsonl", [(f"{POTS[i % 3]}{' lid' * (i % 7)}", None) for i in range(500)])
    assert MIN_TIMES * N_GOLD <= len(run(corpus)) < 500


def test_languages_of_texts_stay_and_the_same_is_selected_again(corpus: Path) -> None:
    rows = [(row["text"], "en") for row in srsly.read_jsonl(corpus / "unlabelled.jsonl")]
    write_unlabelled(corpus / "unlabelled.jsonl", rows)
    run(corpus)
    first = (corpus / "selected.jsonl").read_bytes()
    run(corpus)
    assert (corpus / "selected.jsonl").read_bytes() == first
    assert {json.loads(line)["lang"] for line in first.splitlines()} == {"en"}


def test_a_text_is_the_mean_of_its_words_that_have_vectors() -> None:
    nlp = spacy.blank("en")
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings, data=numpy.array([[1.0, 2], [3, 6]], dtype="float32"), keys=["good", "pan"]
    )
    docs: List[Doc] = [nlp("Good PAN, unheard-of"), nlp("nothing known"), nlp("")]
    assert average_vectors(docs, 3, nlp.vocab.vectors).tolist() == [[2, 4], [0, 0], [0, 0]]


def test_no_text_is_judged_by_a_model_that_has_learned_from_it() -> None:
    rng = numpy.random.default_rng(1)
    gold, others = rng.normal(size=(50, 40)), rng.normal(size=(50, 40))
    nearness = judge(gold, others)
    # Alike as they are, in 40 dimensions any model tells what it has learned from apart.
    assert 0.3 < tell_apart(nearness[:50], nearness[50:]) < 0.7
    # The others of a fold may be changed without a change of what is said of them but by what they are.
    changed = others.copy()
    changed[0] = 100
    assert judge(gold, changed)[50 + N_FOLDS] == pytest.approx(nearness[50 + N_FOLDS])
    assert len(judge(gold, others, max_texts=10)) == 100


@given(st.lists(st.floats(0, 1), min_size=1), st.lists(st.floats(0, 1), min_size=2), st.data())
def test_at_least_the_minimum_and_the_share_of_the_labelled_ones_are_near(
    gold: List[float], others: List[float], data: st.DataObject
) -> None:
    minimum = data.draw(st.integers(1, len(others) - 1))
    least = find_least(numpy.array(gold), numpy.array(others), share=FAR_SHARE, minimum=minimum)
    assert (numpy.array(others) >= least).sum() >= minimum
    assert (numpy.array(gold) >= least).mean() >= 1 - FAR_SHARE - 1 / len(gold)


def test_a_selection_that_there_is_not_is_told(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("scripts.selection", corpus, "--lexicon", corpus / "lexicon", "--take", "far") == 1
    assert "--vars.select 'far' is not known. Take near or all." in " ".join(capsys.readouterr().err.split())
