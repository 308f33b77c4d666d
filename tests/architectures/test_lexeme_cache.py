"""The cached CNN predicts what the CNN predicts, whatever happens to it."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import spacy
import srsly
from spacy import Language
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, fix_random_seed

from scripts.architectures.lexemes import cache_words
from scripts.packaging.export import export_pipeline
from tests.conftest import CNN, ENSEMBLE, TEXTS, make_examples, train

STRANGE = ["", " ", "\n\n", "a", "👍🏽👩‍👩‍👧", "don't n't DON'T", "kvothe " * 3, "\ufeff\u200d\x00", "ééé ﷽", "!" * 500]
LANGUAGES = ["de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "zh"]
TOLERANCE = 1e-5


def make_words(n: int, start: int = 0) -> str:
    return " ".join(f"word{i}" for i in range(start, start + n))


def make_cnn(cache_mb: float = 64.0, width: int = 16, maxout_pieces: int = 3) -> Model[List[Doc], Any]:
    """A cached CNN with random weights, also where they begin at zero or one."""
    block = {**CNN, "width": width, "maxout_pieces": maxout_pieces, "lexicon_width": 0, "nO": 2}
    model = registry.resolve({"model": {**cache_words(block), "cache_mb": cache_mb}})["model"]
    fix_random_seed(0)
    model.initialize(X=[spacy.blank("en")("a")])
    rng = numpy.random.default_rng(0)
    for node in model.walk():
        for name in node.param_names:
            value = node.get_param(name)
            node.set_param(name, value + rng.normal(scale=0.3, size=value.shape).astype("float32"))
    return model


def difference(one: Model[List[Doc], Any], other: Model[List[Doc], Any], docs: List[Doc]) -> float:
    return float(numpy.abs(one.predict(docs) - other.predict(docs)).max())


def filled_of(model: Model[List[Doc], Any]) -> Any:
    return model.attrs["cache"]._filled


def check_texts(cached: Model[List[Doc], Any], nlp: Language, texts: List[str]) -> None:
    plain = make_cnn(0.0)
    docs = list(nlp.pipe(texts))
    assert len({tuple(row) for row in plain.predict(docs).round(4).tolist()}) > len(set(texts)) / 2
    for _ in range(2):  # the second time with every word at hand
        assert difference(cached, plain, docs) <= TOLERANCE
    for doc in docs[:20]:
        assert difference(cached, plain, [doc]) <= TOLERANCE
    assert filled_of(cached).n_used > 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_real_reviews_of_each_language(lang: str, real_reviews: Path) -> None:
    try:
        nlp = spacy.blank(lang)
    except ImportError as error:
        pytest.skip(f"the tokenizer of {lang} needs a package that is not installed: {error}")
    path = real_reviews / lang / "test.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no reviews at {path}")
    rows = [row for row, _ in zip(srsly.read_gzip_jsonl(path), range(150))]
    check_texts(make_cnn(), nlp, [row["text"] for row in rows])


@pytest.mark.parametrize("maxout_pieces", [1, 2, 3])
def test_strange_texts(maxout_pieces: int) -> None:
    nlp = spacy.blank("en")
    cached = make_cnn(maxout_pieces=maxout_pieces)
    plain = make_cnn(0.0, maxout_pieces=maxout_pieces)
    docs = list(nlp.pipe(STRANGE + [text for text, _ in TEXTS]))
    assert difference(cached, plain, docs) <= TOLERANCE
    assert difference(cached, plain, docs[::-1]) <= TOLERANCE
    for doc in docs:
        assert difference(cached, plain, [doc]) <= TOLERANCE


def test_a_document_of_100_000_tokens() -> None:
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=[f"word{i % 7001}" for i in range(100_000)])
    assert difference(make_cnn(), make_cnn(0.0), [doc, Doc(vocab, words=["short"])]) <= TOLERANCE


def test_memory_is_bounded_and_a_full_cache_starts_anew() -> None:
    nlp = spacy.blank("en")
    cached, plain = make_cnn(cache_mb=0.5), make_cnn(0.0)
    sizes = []
    for start in range(0, 6000, 300):
        with nlp.memory_zone():
            docs = list(nlp.pipe([make_words(100, start), make_words(200, start + 100), "the same words"]))
            assert difference(cached, plain, docs) <= TOLERANCE
        filled = filled_of(cached)
        arrays = [value for value in vars(filled).values() if isinstance(value, numpy.ndarray)]
        assert sum(array.nbytes for array in [*arrays, *filled.windows]) <= 0.5e6
        sizes.append(filled.n_used)
    assert (numpy.diff(sizes) < 0).sum() >= 3
    # More words than there is room for: computed without the cache.
    assert difference(cached, plain, [nlp(make_words(filled.n_rows))]) <= TOLERANCE


def test_words_of_one_slot_keep_their_own_rows() -> None:
    cached, plain = make_cnn(cache_mb=0.05), make_cnn(0.0)
    nlp = spacy.blank("en")
    cached.predict([nlp("a")])
    filled = filled_of(cached)
    slots: Dict[int, List[str]] = {}
    for word in make_words(3000).split():
        slots.setdefault(int(nlp.vocab.strings.add(word)) & int(filled.mask), []).append(word)
    crowded = max(slots.values(), key=len)
    assert len(crowded) > 3
    docs = [nlp(" ".join(crowded)), nlp(" ".join(crowded[::-1])), nlp("")]
    assert difference(cached, plain, docs) <= TOLERANCE
    assert filled_of(cached) is filled and difference(cached, plain, docs[:1]) <= TOLERANCE


def test_replaced_parameters_are_seen() -> None:
    nlp = spacy.blank("en")
    cached, plain = make_cnn(), make_cnn(0.0)
    docs = list(nlp.pipe([text for text, _ in TEXTS]))
    assert difference(cached, plain, docs) <= TOLERANCE
    before = cached.predict(docs)
    rng = numpy.random.default_rng(0)
    for node, twin in zip(cached.walk(), plain.walk()):
        for name in node.param_names:
            value: Any = node.get_param(name)
            changed = value + rng.normal(size=value.shape).astype("float32")
            params = {(node.id, name): changed, (twin.id, name): changed}
            with cached.use_params(params), plain.use_params(params):
                assert difference(cached, plain, docs) <= TOLERANCE
                assert numpy.abs(cached.predict(docs) - before).max() > 1e-4, (node.name, name)
            assert numpy.array_equal(cached.predict(docs), before)
            node.set_param(name, value * 1.1)
            twin.set_param(name, value * 1.1)
            assert difference(cached, plain, docs) <= TOLERANCE
            before = cached.predict(docs)


def cats(nlp: Language) -> List[float]:
    return [doc.cats["POSITIVE"] for doc in nlp.pipe([text for text, _ in TEXTS])]


def test_training_of_an_exported_pipeline_gives_no_old_predictions() -> None:
    exported = export_pipeline(train(CNN))
    plain = export_pipeline(train(CNN))
    textcat: Any = exported.get_pipe("textcat")
    twin: Any = plain.get_pipe("textcat")
    textcat.model.from_bytes(twin.model.to_bytes())
    twin.model.layers[0].attrs["cache"].is_used = False
    seen = [cats(exported)]
    optimizers = [nlp.resume_training() for nlp in (exported, plain)]
    for _ in range(3):
        for nlp in (exported, plain):
            # Predictions between backprop and update see the old parameters, and those after it the new ones, although
            # the optimizer changes them in place.
            nlp.update(make_examples(nlp), drop=0.0)
            seen.append(cats(nlp))
        for nlp, optimizer in zip((exported, plain), optimizers):
            nlp.get_pipe("textcat").finish_update(optimizer)  # type: ignore[attr-defined]
        assert cats(exported) == pytest.approx(cats(plain), abs=TOLERANCE)
        assert numpy.abs(numpy.subtract(cats(exported), seen[-1])).max() > 1e-5
        with exported.use_params(optimizers[0].averages), plain.use_params(optimizers[1].averages):
            assert cats(exported) == pytest.approx(cats(plain), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", [CNN, ENSEMBLE], ids=["cnn", "ensemble"])
def test_loaded_weights_are_seen_and_rows_are_never_stored(architecture: Dict[str, Any], tmp_path: Path) -> None:
    one, other = export_pipeline(train(architecture)), export_pipeline(train({**architecture}))
    textcat: Any = one.get_pipe("textcat")
    unused = textcat.model.to_bytes()
    first, second = cats(one), cats(other)
    assert numpy.abs(numpy.subtract(first, second)).max() > 1e-5
    assert textcat.model.to_bytes() == unused
    one.to_disk(tmp_path)
    assert cats(one.from_bytes(other.to_bytes())) == pytest.approx(second, abs=1e-6)
    assert cats(one.from_disk(tmp_path)) == pytest.approx(first, abs=1e-6)
    assert cats(spacy.load(tmp_path)) == pytest.approx(first, abs=1e-6)
    # The limit can be set where a pipeline is loaded.
    block = "components.textcat.model.logits" + (".cnn" if "cnn" in architecture else "")
    loaded: Any = spacy.load(tmp_path, config={f"{block}.cache_mb": 0.0})
    assert cats(loaded) == pytest.approx(first, abs=TOLERANCE)
    caches = [node.attrs["cache"] for node in loaded.get_pipe("textcat").model.walk() if "cache" in node.attrs]
    assert [cache.max_mb for cache in caches] == [0]


def test_copies_predict_the_same_without_the_rows() -> None:
    nlp = spacy.blank("en")
    cached = make_cnn()
    docs = [nlp("some words here"), nlp("")]
    expected = cached.predict(docs)
    assert pickle.loads(pickle.dumps(cached.attrs["cache"])).max_mb == 64.0
    for twin in (cached.copy(), copy.deepcopy(cached)):
        assert filled_of(twin) is None
        assert twin.predict(docs) == pytest.approx(expected, abs=TOLERANCE)


def test_another_vocabulary_and_its_attributes_are_read() -> None:
    cached, plain = make_cnn(), make_cnn(0.0)
    for setting in ("colour", "color"):
        nlp = spacy.blank("en")
        nlp.vocab["colour"].norm_ = setting
        assert difference(cached, plain, [nlp("my colour")]) <= TOLERANCE


def test_threads_that_fill_one_cache() -> None:
    nlp = spacy.blank("en")
    cached, plain = make_cnn(cache_mb=0.3), make_cnn(0.0)
    batches = [[nlp(make_words(60, 40 * i)), nlp(make_words(30, 7 * i))] for i in range(60)]
    expected = [plain.predict(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = list(pool.map(cached.predict, batches))
            assert max(numpy.abs(a - b).max() for a, b in zip(found, expected)) <= TOLERANCE


def test_processes() -> None:
    nlp = export_pipeline(train(CNN))
    texts = [text for text, _ in TEXTS]
    expected = cats(nlp)  # the cache is filled before it is forked
    found = [doc.cats["POSITIVE"] for doc in nlp.pipe(texts, n_process=2, batch_size=3)]
    assert found == pytest.approx(expected, abs=TOLERANCE)


def test_an_interrupted_search_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = spacy.blank("en")
    cached, plain = make_cnn(), make_cnn(0.0)
    docs = [nlp("some words here")]
    cached.predict([nlp("other words")])
    with monkeypatch.context() as patched:
        patched.setattr("scripts.architectures.lexeme_cache.numpy.unique", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cached.predict(docs)
    assert difference(cached, plain, docs) <= TOLERANCE


def interrupt(*args: Any) -> None:
    raise KeyboardInterrupt


def test_gradients_need_training() -> None:
    cached = make_cnn()
    docs = [spacy.blank("en")("some words")]
    logits, backprop = cached(docs, is_train=False)
    with pytest.raises(ValueError, match="pass is_train=True"):
        backprop(logits)
    logits, backprop = cached(docs, is_train=True)
    assert backprop(logits) == [] and cached.get_ref("output_layer").has_grad("W")
