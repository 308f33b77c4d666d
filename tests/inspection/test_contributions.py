"""Contributions are what they are said to be, for every student and wherever it is."""

from functools import partial
from typing import Any, Dict, List

import numpy
import pytest
import spacy
from spacy import Language
from spacy.tokens import Doc

from scripts.data.task import Task
from scripts.inspection import occlusion
from scripts.inspection.contributions import (
    center,
    contributions,
    explain_docs,
    find_logits,
    find_student,
    predict_model,
    predict_pipeline,
    weigh_member,
    weigh_tokens,
)
from scripts.inspection.ngrams import own_chars
from scripts.inspection.occlusion import cut_sentences, cut_words, erase, erase_words, occlude
from scripts.packaging.compress import find_tables
from scripts.packaging.export import export_pipeline
from tests.conftest import BILSTM, BOTH, BOW, CNN, ENSEMBLE, LABELS, TEXTS, train, train_stock

STRANGE = [
    "",
    "a",
    "İİ ISTANBUL iİ",
    "ΣΟΦΟΣ ΟΔΟΣ",
    "  two  spaces \n\n",
    "👍🏽👩‍👩‍👧 don't",
    "awful awful AWFUL broke awful , broke",
]
PLAIN = [text for text, _ in TEXTS]


def compress(nlp: Language) -> Language:
    """The exported pipeline with half of its rows, in small numbers."""
    exported = export_pipeline(nlp)
    for table in find_tables(exported, [exported.make_doc(text) for text in PLAIN]).values():
        table.keep(0.5)
    return exported


@pytest.fixture(scope="module", params=["trained", "exported", "compressed"])
def stage(request: pytest.FixtureRequest) -> Any:
    return {"trained": lambda nlp: nlp, "exported": export_pipeline, "compressed": compress}[request.param]


@pytest.mark.parametrize("block", [BOW, BOTH], ids=["words", "words and characters"])
def test_contributions_of_ngrams_sum_with_the_bias_to_the_logit(block: Dict[str, Any], stage: Any) -> None:
    nlp = stage(train(block))
    docs = [nlp.make_doc(text) for text in [*PLAIN, *STRANGE]]
    model = find_logits(find_student(nlp))
    bias = model.get_ref("output_layer").get_param("b")
    model.get_ref("output_layer").set_param("b", bias + numpy.array([0.5, 0.25], dtype="float32"))
    bias = center(numpy.asarray(model.get_ref("output_layer").get_param("b"))[None])
    labels, weights = weigh_tokens(nlp, docs)
    assert labels == LABELS and [len(rows) for rows in weights] == [len(doc) for doc in docs]
    sums = numpy.array([rows.sum(axis=0) for rows in weights])
    assert numpy.abs(sums).max() > 0.1
    numpy.testing.assert_allclose(sums + bias, predict_model(model, docs), atol=1e-5)


def test_an_ngram_is_shared_by_its_places_and_its_words() -> None:
    nlp = train({**BOW, "ngram_size": 2})
    layer = find_logits(find_student(nlp)).get_ref("output_layer")
    pair, *single = (
        layer.attrs["features"](layer, [Doc(nlp.vocab, words=words)])[1].tolist()
        for words in (["awful", ","], ["awful"], [","])
    )
    (row,) = set(pair) - {row for rows in single for row in rows}
    layer.set_param("W", numpy.zeros_like(layer.get_param("W")))
    layer.get_param("W")[row] = [1.0, 5.0]
    doc = Doc(nlp.vocab, words=["awful", ",", "x", "Awful", ","])
    _, rows, values = layer.attrs["features"](layer, [doc])
    value = 2.0 * values[rows.tolist().index(row)]
    found = [share for _, _, share in contributions(nlp, doc, "POSITIVE")]
    assert found == pytest.approx([value / 4, value / 4, 0, value / 4, value / 4])


def test_a_character_is_that_of_its_token_whatever_lower_case_makes_of_it() -> None:
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in ["İİ x", "", "ΣΟΦΟΣ a ", "b"]]
    lowered = "".join(doc.text.lower() for doc in docs)
    owners = own_chars(docs).tolist()
    tokens = [token.text_with_ws.lower() for doc in docs for token in doc]
    owned = ["".join(c for c, owner in zip(lowered, owners) if owner == i) for i in range(len(tokens))]
    assert len(owners) == len(lowered) and [len(text) for text in owned] == [len(text) for text in tokens]
    assert owned == [nlp.make_doc("İİ").text.lower() + " ", "x", "σοφος ", "a ", "b"]


def leave_out(predict: Any, doc: Doc) -> numpy.ndarray:
    """What is said of a document without each of its words, one document after the other."""
    words = [token.text for token in doc]
    shortened = [Doc(doc.vocab, words=[*words[:i], *words[i + 1 :]]) for i in range(len(words))]
    return numpy.array([predict([other])[0] for other in shortened]).reshape((len(doc), len(LABELS)))


@pytest.mark.parametrize("is_exported", [False, True], ids=["plain", "cached"])
def test_a_cnn_says_of_each_shortened_text_what_occlusion_says_at_once(is_exported: bool) -> None:
    nlp = train(CNN, n_updates=20)
    nlp = export_pipeline(nlp) if is_exported else nlp
    model = find_logits(find_student(nlp))
    docs = [nlp.make_doc(text) for text in [*STRANGE, *PLAIN, "a b", "", "a b c", "a b c d", "x " * 40]]
    found = numpy.split(erase_words(model, docs), numpy.cumsum([len(doc) for doc in docs])[:-1])
    for doc, rows in zip(docs, found):
        numpy.testing.assert_allclose(rows, leave_out(model.predict, doc), atol=1e-5)
    (lonely,) = erase_words(model, [nlp.make_doc("a")])
    numpy.testing.assert_allclose(lonely, model.predict([nlp.make_doc("")])[0], atol=1e-6)


@pytest.mark.parametrize("block", [CNN, BILSTM], ids=["cnn", "bilstm"])
def test_a_word_adds_what_is_lost_without_it(block: Dict[str, Any]) -> None:
    nlp = train(block)
    doc = nlp.make_doc(PLAIN[0])
    predict = partial(predict_model, find_logits(find_student(nlp)))
    (weights,) = weigh_tokens(nlp, [doc])[1]
    numpy.testing.assert_allclose(weights, predict([doc]) - leave_out(predict, doc), atol=1e-5)
    assert numpy.abs(weights).max() > 1e-4


def test_an_ensemble_adds_what_its_members_add(stage: Any) -> None:
    nlp = stage(train(ENSEMBLE))
    docs = [nlp.make_doc(text) for text in [*PLAIN, *STRANGE]]
    bow, cnn = find_logits(find_student(nlp)).layers
    alone = weigh_member(bow, docs, cut_words) + weigh_member(cnn, docs, cut_words)
    numpy.testing.assert_allclose(numpy.concatenate(weigh_tokens(nlp, docs)[1]), alone, atol=1e-6)
    assert numpy.abs(weigh_member(bow, docs, cut_words)).max() > 1e-3 < numpy.abs(alone).max()


def test_many_documents_are_explained_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = export_pipeline(train(ENSEMBLE))
    docs = [nlp.make_doc(text) for text in [*STRANGE, *PLAIN]]
    labels = [LABELS[i % 2] for i in range(len(docs))]
    monkeypatch.setattr(occlusion, "BATCH_TOKENS", 7)
    many = explain_docs(nlp, docs, labels)
    monkeypatch.undo()
    for doc, label, found in zip(docs, labels, many):
        alone = contributions(nlp, doc, label)
        assert [doc.text[start:end] for start, end, _ in found] == [token.text for token in doc]
        assert [share for *_, share in found] == pytest.approx([share for *_, share in alone], abs=1e-5)
    assert not any(doc.cats for doc in docs)


def test_of_two_labels_one_gains_what_the_other_loses() -> None:
    nlp = train(ENSEMBLE)
    doc = nlp.make_doc(PLAIN[1])
    negative, positive = (contributions(nlp, doc, label) for label in LABELS)
    assert [share for *_, share in negative] == pytest.approx([-share for *_, share in positive], abs=1e-6)
    with pytest.raises(ValueError, match="'GOOD' is not one of NEGATIVE, POSITIVE"):
        contributions(nlp, doc, "GOOD")


@pytest.fixture(scope="module")
def other() -> Language:
    """A pipeline that is none of the project's."""
    return train_stock(n_updates=5)


def test_any_other_pipeline_is_asked_without_each_word(other: Language) -> None:
    assert find_student(other) is None
    doc = other(PLAIN[3])
    predict = partial(predict_pipeline, other, Task(LABELS))
    (weights,) = weigh_tokens(other, [doc])[1]
    numpy.testing.assert_allclose(weights, predict([other.make_doc(doc.text)]) - leave_out(predict, doc), atol=1e-4)
    assert numpy.abs(weights).max() > 1e-3
    assert contributions(other, other.make_doc(""), "POSITIVE") == []


def test_sentences_are_left_out_as_wholes(other: Language) -> None:
    doc = other.make_doc("I love it. Awful, awful! And so on")
    assert cut_sentences(doc) == [4, 8, 11]
    predict = partial(predict_pipeline, other, Task(LABELS))
    whole, *without = (predict([other.make_doc(text)])[0] for text in (doc.text, "Awful, awful! And so on"))
    (weights,) = weigh_tokens(other, [doc], by_sentence=True)[1]
    numpy.testing.assert_allclose(weights[:4], numpy.tile((whole - without[0]) / 4, (4, 1)), atol=1e-5)
    assert contributions(other, other.make_doc(""), "POSITIVE", by_sentence=True) == []


def test_a_long_text_is_read_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "MAX_PARTS", 4)
    doc = spacy.blank("en").make_doc("a b c d e f")
    assert cut_words(doc) == [1, 3, 4, 6]
    read: List[str] = []

    def predict(docs: List[Doc]) -> numpy.ndarray:
        read.extend(other.text for other in docs)
        return numpy.array([[float(len(other)), 0.0] for other in docs])

    weights = occlude(predict, doc, cut_words(doc), mask=None)
    assert len(read) == 5 and weights[:, 0].tolist() == [1.0] * 6


def test_a_mask_takes_the_place_of_what_is_left_out() -> None:
    doc = spacy.blank("en").make_doc("one, two three")
    assert erase(doc, 0, 1, mask="<mask>").text == "<mask>, two three"
    assert erase(doc, 0, 3, mask="<mask>").text == "<mask> three"
    assert erase(doc, 0, 1, mask=None).text == ", two three"
