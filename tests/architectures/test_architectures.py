import pickle
from typing import Any, Dict, List, Set, Tuple

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vectors import Vectors  # type: ignore[import-not-found]
from thinc.api import fix_random_seed

from scripts.architectures import ngrams
from scripts.architectures.lexemes import LEXEME_ATTRS, extract_lexemes
from scripts.architectures.ngrams import count_documents, hash_ngrams
from scripts.packaging.export import export_pipeline
from tests.conftest import (
    ARCHITECTURES,
    BOTH,
    BOW,
    CNN,
    TEXTS,
    make_examples,
    make_pipeline,
    make_teacher_logits,
    train,
)

NLP = spacy.blank("en")
words = st.lists(st.sampled_from(["a", "b", "C", "dd", "É", "😀"]), max_size=6)


def make_docs(texts: List[List[str]]) -> List[Doc]:
    return [Doc(NLP.vocab, words=text) for text in texts]


def extract_ngrams(docs: List[Doc], *sizes: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """The n-grams that cross no end of a document, and the document of each."""
    hashed = list(hash_ngrams(docs, *sizes))
    keys = numpy.concatenate([grams[first == last] for grams, first, last in hashed])
    return keys, numpy.concatenate([first[first == last] for _, first, last in hashed])


def reference_ngrams(text: List[str], n_max: int) -> List[tuple]:
    lowered = [word.lower() for word in text]
    return [tuple(lowered[i : i + n]) for n in range(1, n_max + 1) for i in range(len(text) - n + 1)]


@given(st.lists(words, max_size=5), st.integers(1, 4))
@settings(deadline=None)
def test_ngrams_are_hashed_apart_and_stay_within_their_document(texts: List[List[str]], n_max: int) -> None:
    keys, doc_ids = extract_ngrams(make_docs(texts), n_max, 0)
    expected = [gram for text in texts for gram in reference_ngrams(text, n_max)]
    assert len(keys) == len(expected)
    assert len(set(keys.tolist())) == len(set(expected))
    for number, text in enumerate(texts):
        alone, _ = extract_ngrams(make_docs([text]), n_max, 0)
        assert sorted(keys[doc_ids == number].tolist()) == sorted(alone.tolist())


def reference_characters(text: str, n_max: int) -> List[str]:
    lowered = text.lower()
    return [lowered[i : i + n] for n in range(1, n_max + 1) for i in range(len(lowered) - n + 1)]


@given(st.lists(words, max_size=4), st.integers(0, 2), st.integers(0, 4))
@settings(deadline=None)
def test_each_kind_of_ngram_has_keys_of_its_own(texts: List[List[str]], n_words: int, n_chars: int) -> None:
    docs = make_docs(texts)
    if n_words or n_chars:
        keys, doc_ids = extract_ngrams(docs, n_words, n_chars)
        expected: List[Any] = []
        for number, (text, doc) in enumerate(zip(texts, docs)):
            expected += [(number, gram) for gram in reference_ngrams(text, n_words)]
            expected += [(number, gram) for gram in reference_characters(doc.text, n_chars)]
        assert len(set(zip(doc_ids.tolist(), keys.tolist()))) == len(set(expected))
        assert len(keys) == len(expected)
        assert (keys & numpy.uint64(1)).sum() == sum(isinstance(gram, str) for _, gram in expected)


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_characters_are_those_of_any_text(text: str, other: str) -> None:
    # Of whatever script: what has the same characters has the same keys, and nothing else has.
    docs = [Doc(NLP.vocab, words=[one], spaces=[False]) for one in (text, other)]
    found = [set(extract_ngrams([doc], 0, 3)[0].tolist()) for doc in docs]
    expected = [set(reference_characters(one, 3)) for one in (text, other)]
    assert [len(one) for one in found] == [len(one) for one in expected]
    assert len(found[0] & found[1]) == len(expected[0] & expected[1])


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Straße", ["s", "t", "r", "a", "ß", "e", "st", "tr", "ra", "aß", "ße"]),
        ("美味しい", ["美", "味", "し", "い", "美味", "味し", "しい"]),
        # One code point each, whatever its plane.
        ("👍🏽 ok", ["👍", "🏽", " ", "o", "k", "👍🏽", "🏽 ", " o", "ok"]),
        # A combining mark is a character, as it is to spaCy; `convert` composes what can be composed.
        ("e\u0301a", ["e", "\u0301", "a", "e\u0301", "\u0301a"]),
        # One character that is two in lower case.
        ("İz", ["i", "\u0307", "z", "i\u0307", "\u0307z"]),
        ("", []),
    ],
)
def test_character_ngrams_by_hand(text: str, expected: List[str]) -> None:
    keys, _ = extract_ngrams([NLP.make_doc(text)], 0, 2)
    assert len(keys) == len(expected) == len(set(keys.tolist()))
    for gram in expected:
        # The longest n-grams of a text that is the n-gram come last: there is one.
        assert extract_ngrams([NLP.make_doc(gram)], 0, len(gram))[0][-1] in keys


def test_characters_run_over_the_ends_of_words_and_not_of_documents() -> None:
    docs = make_docs([["ab", "c"], ["d"]])
    expected = [gram for doc in docs for gram in reference_characters(doc.text, 3)]
    assert len(extract_ngrams(docs, 0, 3)[0]) == len(expected)
    assert extract_ngrams([NLP.make_doc("b c")], 0, 3)[0][-1] in extract_ngrams(docs, 0, 3)[0]


def test_words_and_characters_have_the_same_length_in_a_document() -> None:
    docs = [NLP.make_doc(text) for text in ("love it", "love kvothe", "zzz")]
    model = registry.resolve({"model": {**BOTH, "min_docs": 2, "scale": 2.0, "nO": 2}})["model"]
    model.initialize(X=docs)
    layer = model.layers[0]
    doc_ids, rows, values = ngrams.weigh_ngrams(layer, docs)
    is_char = (layer.attrs["keys"][rows] & numpy.uint64(1)).astype(bool)
    for number in (0, 1):
        for kind in (is_char, ~is_char):
            assert (values[(doc_ids == number) & kind] ** 2).sum() == pytest.approx(2.0)
    # "love" is all that the table knows of words, and nothing of the last document.
    assert (~is_char).sum() == 2 and 2 not in doc_ids
    alone = [ngrams.weigh_ngrams(layer, [doc]) for doc in docs]
    assert values == pytest.approx(numpy.concatenate([one[2] for one in alone]))


def test_each_kind_has_a_table_of_its_own() -> None:
    docs = make_docs([["a", "b"], ["a", "c"], ["a", "b"], ["d"]])
    model = registry.resolve({"model": {**BOTH, "max_ngrams": 2, "nO": 2}})["model"]
    ngrams.fit_table(model.layers[0], docs)
    keys = model.layers[0].attrs["keys"]
    assert (keys & numpy.uint64(1)).tolist().count(1) == 2 and len(keys) == 4 and sorted(keys) == list(keys)


@pytest.mark.parametrize("features", ["words", "characters", "words and characters"])
def test_features_are_what_is_read(features: str) -> None:
    # "kvothe" shares characters with "kvoth", and no word.
    docs = make_docs([["kvothe"], ["kvoth"]])
    model = registry.resolve({"model": {**BOW, "features": features, "nO": 2}})["model"]
    ngrams.fit_table(model.layers[0], docs[:1])
    doc_ids, rows, _ = ngrams.weigh_ngrams(model.layers[0], docs)
    assert (1 in doc_ids) == ("characters" in features)
    assert ((model.layers[0].attrs["keys"][rows] & numpy.uint64(1) == 0).any()) == ("words" in features)
    assert model.layers[0].attrs["reads"] == features and not model.layers[0].attrs["choices"]


def test_unknown_features_are_an_error() -> None:
    with pytest.raises(ValueError, match="must be words, characters, words and characters or auto, got 'both'"):
        registry.resolve({"model": {**BOW, "features": "both"}})


@given(st.lists(words, max_size=8))
@settings(deadline=None)
def test_document_counts(texts: List[List[str]]) -> None:
    keys, counts, n_docs = count_documents(make_docs(texts), 2, 0)
    expected: Dict[tuple, int] = {}
    for text in texts:
        for gram in set(reference_ngrams(text, 2)):
            expected[gram] = expected.get(gram, 0) + 1
    assert n_docs == len(texts)
    assert sorted(counts.tolist()) == sorted(expected.values())
    assert (numpy.diff(keys.astype("float64")) > 0).all()


def test_counting_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    docs = make_docs([text.split() for text in ("a b c", "b c d", "a b", "e", "b")] * 3)
    whole = count_documents(docs, 3, 0)
    monkeypatch.setattr(ngrams, "_COUNT_CHUNK", 4)
    chunked = count_documents(docs, 3, 0)
    assert all(numpy.array_equal(a, b) for a, b in zip(whole[:2], chunked[:2])) and whole[2] == chunked[2]


@given(st.sets(st.integers(0, 300)), st.lists(st.integers(0, 300)), st.integers(0, 63))
@settings(deadline=None)
def test_index_finds_the_keys_of_its_table(table: Set[int], keys: List[int], shift: int) -> None:
    # Shifted to the top bits or left at the bottom, so that buckets hold anything from none to all keys.
    rows = {key: row for row, key in enumerate(sorted({(key << shift) % 2**64 for key in table}))}
    wanted = [(key << shift) % 2**64 for key in keys]
    index = ngrams.NgramIndex(numpy.array(list(rows), dtype="uint64"))
    places, found = index.find(numpy.array(wanted, dtype="uint64"))
    expected = [(place, rows[key]) for place, key in enumerate(wanted) if key in rows]
    assert sorted(zip(places.tolist(), found.tolist())) == expected


@given(st.lists(words, max_size=5))
@settings(deadline=None)
def test_entries_are_the_counts_of_each_document_alone(texts: List[List[str]]) -> None:
    model = registry.resolve({"model": {**BOW, "ngram_size": 3, "nO": 2}})["model"]
    # The n-grams across the ends of documents are in the table too, and must not be found.
    ngrams.fit_table(model.layers[0], make_docs([[word for text in texts for word in text], *texts]))
    docs = make_docs(texts)
    doc_ids, rows, values = ngrams.weigh_ngrams(model.layers[0], docs)
    for number, text in enumerate(texts):
        assert len(rows[doc_ids == number]) == len(set(reference_ngrams(text, 3)))
        _, alone_rows, alone_values = ngrams.weigh_ngrams(model.layers[0], [docs[number]])
        assert rows[doc_ids == number].tolist() == alone_rows.tolist()
        assert values[doc_ids == number] == pytest.approx(alone_values, abs=1e-6)


def test_a_table_that_is_replaced_gets_an_index_of_its_own() -> None:
    model = registry.resolve({"model": {**BOW, "nO": 2}})["model"]
    for words_of_table in (["a", "b"], ["c"]):
        ngrams.fit_table(model.layers[0], make_docs([words_of_table]))
        assert len(ngrams.weigh_ngrams(model.layers[0], make_docs([["c"]]))[0]) == ("c" in words_of_table)
    with_index = model.to_bytes()
    del model.layers[0].attrs["index"]
    assert model.to_bytes() == with_index


def test_tf_idf_by_hand() -> None:
    docs = make_docs([["a", "a", "b"], ["b"], ["c"]])
    model = registry.resolve({"model": {**BOW, "ngram_size": 1, "scale": 2.0, "nO": 2}})["model"]
    model.initialize(X=docs)
    doc_ids, rows, values = ngrams.weigh_ngrams(model.layers[0], docs)
    idf = {"a": numpy.log(4 / 2) + 1, "b": numpy.log(4 / 3) + 1, "c": numpy.log(4 / 2) + 1}
    a, b = (1 + numpy.log(2)) * idf["a"], idf["b"]
    length = numpy.hypot(a, b)
    assert sorted(values[doc_ids == 0]) == pytest.approx(sorted([2 * a / length, 2 * b / length]))
    assert values[doc_ids == 1] == pytest.approx([2.0])
    assert len(set(rows.tolist())) == 3


def test_table_keeps_frequent_ngrams_only() -> None:
    docs = make_docs([["a", "b"], ["a", "c"], ["a", "b"], ["d"]])
    model = registry.resolve({"model": {**BOW, "ngram_size": 1, "min_docs": 2, "nO": 2}})["model"]
    ngrams.fit_table(model.layers[0], docs)
    assert len(model.layers[0].attrs["keys"]) == 2
    small = registry.resolve({"model": {**BOW, "ngram_size": 1, "max_ngrams": 1, "nO": 2}})["model"]
    ngrams.fit_table(small.layers[0], docs)
    (most_frequent,) = small.layers[0].attrs["keys"]
    assert most_frequent == extract_ngrams(make_docs([["A"]]), 1, 0)[0][0]


def test_empty_table_gives_the_bias() -> None:
    model = registry.resolve({"model": {**BOW, "min_docs": 5, "nO": 2}})["model"]
    docs = make_docs([["a"], []])
    model.initialize(X=docs)
    assert numpy.array_equal(model.predict(docs), numpy.zeros((2, 2)))


@pytest.mark.parametrize("setting", ["ngram_size", "char_ngram_size", "min_docs", "max_ngrams"])
def test_sizes_below_one_are_errors(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} .* got 0"):
        registry.resolve({"model": {**BOW, setting: 0}})


def test_rows_of_the_cnn_must_fit_its_attributes() -> None:
    with pytest.raises(ValueError, match="NORM, PREFIX, SUFFIX, SHAPE"):
        registry.resolve(
            {"model": {"@architectures": "textdistill.LexemeCNN.v1", "width": 4, "rows": [10], "maxout_pieces": 2}}
        )


def test_words_have_the_attributes_of_their_lexemes_and_not_those_of_tokens() -> None:
    # The tokenizer gives the "n't" of "don't" the norm "not", and a lone "n't" keeps its own.
    docs = [NLP("I don't"), NLP("n't n't"), NLP("")]
    assert docs[0][2].norm_ != docs[1][0].norm_
    features, rows, lengths = extract_lexemes(docs)
    assert lengths.tolist() == [3, 2, 1]
    assert rows[2] == rows[3] == rows[4] and len(features) == 4
    lexeme = NLP.vocab["n't"]
    expected = [lexeme.lower, lexeme.norm, lexeme.prefix, lexeme.suffix, lexeme.shape]
    assert features[rows[2]].tolist() == expected and not features[rows[5]].any()


@given(st.permutations(["I don't .", "n't", "You don't don't", "", "do n't 😀", "Ain't I ?"]), st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_a_document_is_read_alike_alone_and_in_any_batch(texts: List[str], size: int) -> None:
    model = registry.resolve({"model": {**CNN, "nO": 2}})["model"]
    fix_random_seed(0)
    model.initialize(X=[NLP("a")])
    docs = [NLP(text) for text in texts]
    batches = [docs[start : start + size] for start in range(0, len(docs), size)]
    batched = numpy.concatenate([model.predict(batch) for batch in batches])
    alone = numpy.concatenate([model.predict([doc]) for doc in docs])
    assert numpy.abs(batched - alone).max() <= 1e-6
    assert len({tuple(row) for row in alone.round(5).tolist()}) == len(texts)


def add_vectors(nlp: Language, width: int = 3) -> None:
    vectors = numpy.arange(2 * width, dtype="float32").reshape((2, width)) + 1
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=vectors, keys=["love", "awful"])


def test_lexicon_takes_vectors_over_and_gives_zeros_to_unseen_words() -> None:
    nlp = make_pipeline(CNN)
    add_vectors(nlp)
    textcat: Any = nlp.get_pipe("textcat")
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    textcat.initialize(lambda: examples, nlp=nlp)
    lexicon = next(node for node in textcat.model.walk() if node.name == "lexicon")
    features = Doc(nlp.vocab, words=["AWFUL", "love", "kvothe"]).to_array(LEXEME_ATTRS)
    found, backprop = lexicon(features, is_train=True)
    assert found.tolist() == [[4, 5, 6], [1, 2, 3], [0, 0, 0]]
    assert backprop(found).shape == features.shape
    # The model carries its lexicon: it predicts the same where the vocabulary has no vectors.
    before = textcat.model.predict([eg.reference for eg in examples])
    copy = registry.resolve({"model": CNN})["model"].from_bytes(textcat.model.to_bytes())
    nlp.vocab.reset_vectors(width=0)
    assert numpy.array_equal(copy.predict([eg.reference for eg in examples]), before)


def test_lexicon_changes_predictions_and_must_have_the_width_of_the_vectors() -> None:
    scores = []
    for width in (0, 3, 4):
        nlp = make_pipeline(CNN)
        if width:
            add_vectors(nlp, width)
        examples = make_examples(nlp, teacher_logits=make_teacher_logits())
        fix_random_seed(0)
        if width == 4:
            with pytest.raises(ValueError, match=r"The vectors have 4 dimensions, lexicon_width is 3"):
                nlp.initialize(lambda examples=examples: examples)  # type: ignore[misc]
        else:
            nlp.initialize(lambda examples=examples: examples)  # type: ignore[misc]
            textcat: Any = nlp.get_pipe("textcat")
            scores.append(textcat.model.predict([eg.reference for eg in examples]))
    assert not numpy.allclose(scores[0], scores[1])


def test_pickled_pipeline_predicts_the_same(architecture: Dict[str, Any]) -> None:
    nlp = make_pipeline(architecture, hard_weight=0.5)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    model = nlp.get_pipe("textcat").model  # type: ignore[attr-defined]
    docs = [eg.reference for eg in examples]
    copy = registry.resolve({"model": architecture})["model"].from_bytes(pickle.loads(pickle.dumps(model.to_bytes())))
    assert numpy.array_equal(copy.predict(docs), model.predict(docs))


def test_a_model_can_be_sent_to_a_process_that_is_not_forked(architecture: Dict[str, Any]) -> None:
    nlp = make_pipeline(architecture)
    nlp.initialize(lambda: make_examples(nlp, teacher_logits=make_teacher_logits()))
    textcat: Any = nlp.get_pipe("textcat")
    sent = pickle.loads(pickle.dumps(textcat))
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    assert numpy.array_equal(sent.model.predict(docs), textcat.model.predict(docs))


def test_n_process_changes_nothing(architecture: Dict[str, Any]) -> None:
    nlp = make_pipeline(architecture)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    texts = [eg.reference.text for eg in examples]
    # A forked process cannot use the threads that PyTorch started before.
    torch.set_num_threads(1)
    one = [doc.cats["POSITIVE"] for doc in nlp.pipe(texts)]
    # Batches of another size are rounded in another way.
    two = [doc.cats["POSITIVE"] for doc in nlp.pipe(texts, n_process=2, batch_size=3)]
    assert two == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize("model", [*ARCHITECTURES.values(), BOTH], ids=[*ARCHITECTURES, "both"])
def test_spans_are_read_like_documents(model: Dict[str, Any]) -> None:
    nlp = export_pipeline(train(model))
    textcat: Any = nlp.get_pipe("textcat")
    doc = nlp.make_doc("Love it, works well. Awful and broke at once.")
    spans = [doc[:5], doc[5:11], doc[3:3], doc[:]]
    expected = textcat.predict([nlp.make_doc(span.text) for span in spans])
    assert numpy.allclose(textcat.predict(spans), expected, atol=1e-6)
    assert numpy.allclose(textcat.predict([doc, doc[5:11]]), expected[[3, 1]], atol=1e-6)
    assert numpy.allclose(textcat.predict(spans[1:2]), expected[1:2], atol=1e-6)
    assert not numpy.allclose(expected[0], expected[1], atol=1e-3)


@pytest.mark.parametrize("model", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_a_text_without_tokens_is_spacys_business_alone_and_changes_no_other_in_a_batch(model: Dict[str, Any]) -> None:
    nlp = export_pipeline(train(model))
    textcat: Any = nlp.get_pipe("textcat")
    # spaCy's component asks no model where no document has tokens.
    for alone in (nlp("").cats, *[doc.cats for doc in nlp.pipe(["", ""])]):
        assert set(alone.values()) == {0.0}
    assert textcat.predict([]).shape == (0, 2)
    text = "love it"
    first, empty, last = [list(doc.cats.values()) for doc in nlp.pipe([text, "", text])]
    assert numpy.allclose([first, last], list(nlp(text).cats.values()), atol=1e-6)
    assert sum(empty) == pytest.approx(1)
