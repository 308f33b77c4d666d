from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import pytest
import spacy
import srsly
from spacy import Language
from spacy.cli.evaluate import evaluate
from spacy.tokens import Doc
from spacy.vectors import Vectors  # type: ignore[import-not-found]

from scripts.architectures.ngrams import hash_ngrams
from scripts.data.docbins import write_docs
from scripts.data.predictions import predict_docs
from scripts.files import size_mb
from scripts.packaging.compress import SHARES, choose_shares, compress, find_tables, measure
from scripts.packaging.export import export_pipeline
from scripts.packaging.wheel import find_modules
from tests.conftest import BOTH, BOW, CNN, ENSEMBLE, LABELS, TEXTS, make_examples, make_pipeline, make_teacher_logits

GOLD = numpy.array([LABELS.index(label) for _, label in TEXTS])


def train(architecture: Dict[str, Any], n_updates: int = 40) -> Language:
    nlp = make_pipeline(architecture)
    words = sorted({word for text, _ in TEXTS for word in text.lower().split()})
    data = numpy.random.default_rng(0).normal(size=(len(words), 3)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=words)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(n_updates):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    return export_pipeline(nlp)


def make_docs(nlp: Language) -> List[Doc]:
    return [nlp.make_doc(text) for text, _ in TEXTS]


def find_layer(nlp: Language, name: str) -> Any:
    textcat: Any = nlp.get_pipe("textcat")
    return next(node for node in textcat.model.walk() if node.name == name)


@pytest.mark.parametrize(
    "architecture,names",
    [(BOW, ["ngrams"]), (BOTH, ["ngrams"]), (CNN, ["words"]), (ENSEMBLE, ["ngrams", "words"])],
    ids=str,
)
def test_smaller_numbers_change_little_and_all_can_be_undone(architecture: Dict[str, Any], names: List[str]) -> None:
    nlp = train(architecture)
    docs = make_docs(nlp)
    before, size = predict_docs(nlp.get_pipe("textcat"), docs), len(nlp.to_bytes())
    tables = find_tables(nlp, docs)
    assert list(tables) == names
    n_rows = [table.keep(1.0) for table in tables.values()]
    after = predict_docs(nlp.get_pipe("textcat"), docs)
    assert 0 < numpy.abs(after - before).max() < 0.01
    assert len(nlp.to_bytes()) < size
    for table, n in zip(tables.values(), n_rows):
        assert table.keep(0.2) == round(0.2 * n)
    assert numpy.abs(predict_docs(nlp.get_pipe("textcat"), docs) - before).max() > numpy.abs(after - before).max()
    assert [table.keep(None) for table in tables.values()] == n_rows
    assert numpy.array_equal(predict_docs(nlp.get_pipe("textcat"), docs), before)


def test_ngrams_that_move_logits_most_stay() -> None:
    nlp = train({**BOW, "ngram_size": 1})
    layer = find_layer(nlp, "ngram_linear")
    keys, weights = layer.attrs["keys"], numpy.zeros_like(layer.get_param("W"))
    rows = {word: int(numpy.flatnonzero(keys == key)[0]) for word, key in word_keys(nlp, ["awful", "love", "a", "my"])}
    # "a" is read twice as often as "awful"; "my" moves both labels alike, and so decides nothing.
    for word, logits in {"awful": (1.0, -1.0), "love": (-3.0, 3.0), "a": (1.0, -1.0), "my": (9.0, 9.0)}.items():
        weights[rows[word]] = logits
    layer.set_param("W", weights)
    docs = [nlp.make_doc(text) for text in ["love my", "awful my", "a my", "a my"]]
    table = find_tables(nlp, docs)["ngrams"]
    for n, words in ((1, ["love"]), (2, ["love", "a"]), (3, ["love", "a", "awful"])):
        assert table.keep(n / len(keys)) == n
        assert sorted(layer.attrs["keys"].tolist()) == sorted(int(keys[rows[word]]) for word in words)


def word_keys(nlp: Language, words: List[str]) -> List[Tuple[str, int]]:
    return [(word, int(next(hash_ngrams([nlp.make_doc(word)], 1, 0))[0][0])) for word in words]


def test_what_is_pruned_no_longer_shortens_the_rest() -> None:
    nlp = train(BOW)
    docs = make_docs(nlp)
    layer = find_layer(nlp, "ngram_linear")
    before = layer.predict(docs)
    find_tables(nlp, docs)["ngrams"].keep(0.3)
    after = layer.predict(docs)
    slope = (before * after).sum() / (after**2).sum()
    assert slope == pytest.approx(1, abs=0.01) and layer.attrs["scale"] != BOW["scale"]


def test_words_that_are_read_most_stay() -> None:
    nlp = train(CNN)
    table = find_tables(nlp, [nlp.make_doc("Worst worst AWFUL love love love")])["words"]
    keys = find_layer(nlp, "lexicon").attrs["keys"]
    for n, words in ((1, ["love"]), (2, ["love", "worst"]), (3, ["love", "worst", "awful"])):
        assert table.keep(n / len(keys)) == n
        kept = find_layer(nlp, "lexicon").attrs["keys"].tolist()
        assert sorted(kept) == sorted(nlp.vocab.strings[word] for word in words)


def test_the_smallest_size_within_the_loss_is_chosen() -> None:
    nlp = train(ENSEMBLE)
    docs = make_docs(nlp)
    before = predict_docs(nlp.get_pipe("textcat"), docs)
    tables = find_tables(nlp, docs)
    n_sizes = len(SHARES) - 1
    curve = choose_shares(nlp, tables, docs, GOLD, max_loss=100.0, min_agreement=0.0)
    assert len(curve) == 1 + 2 * n_sizes and all(row["is_chosen"] for row in curve)
    smallest = curve[-1]
    assert smallest["ngrams"] == round(SHARES[-1] * curve[0]["ngrams"])
    found = measure(nlp, docs, GOLD, before)
    assert {name: smallest[name] for name in found} == found
    assert smallest["mb"] == len(nlp.to_bytes(exclude=["vocab"])) / 1e6
    assert [row["mb"] for row in curve] == sorted([row["mb"] for row in curve], reverse=True)
    for table in tables.values():
        table.keep(None)
    # No size is better than perfect: the pipeline stays as it was.
    curve = choose_shares(nlp, tables, docs, GOLD, max_loss=-1.0, min_agreement=0.0)
    assert [row["is_chosen"] for row in curve] == [True] + [False] * 2 * n_sizes
    assert numpy.array_equal(predict_docs(nlp.get_pipe("textcat"), docs), before)


@pytest.mark.parametrize("name", ["accuracy", "agreement"])
def test_a_small_size_that_was_lucky_is_not_chosen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = train(BOW, n_updates=1)
    docs = make_docs(nlp)
    tables = find_tables(nlp, docs)
    values = iter([1.0, 1.0, 0.999, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    monkeypatch.setattr(
        "scripts.packaging.compress.measure",
        lambda *args: {"accuracy": 1.0, "agreement": 1.0, name: next(values)},
    )
    curve = choose_shares(nlp, tables, docs, GOLD, max_loss=0.2, min_agreement=0.99)
    assert [row["is_chosen"] for row in curve] == [True, True, True] + [False] * 7
    assert len(find_layer(nlp, "ngram_linear").attrs["keys"]) == curve[2]["ngrams"]


def test_the_step_writes_a_pipeline_and_its_curve(tmp_path: Path) -> None:
    nlp = train(ENSEMBLE)
    nlp.to_disk(tmp_path / "export")
    gold = make_examples(spacy.blank("en"))
    write_docs([eg.reference for eg in gold], tmp_path / "dev.spacy")
    srsly.write_jsonl(tmp_path / "texts.jsonl", [{"text": "a customer's secret"}])
    compress(
        tmp_path / "export",
        tmp_path / "compressed",
        tmp_path / "compression",
        dev=tmp_path / "dev.spacy",
        texts=tmp_path / "texts.jsonl",
        max_loss=0.2,
        min_agreement=0.99,
    )
    assert size_mb(tmp_path / "compressed") < size_mb(tmp_path / "export")
    assert find_modules(tmp_path / "compressed") == find_modules(tmp_path / "export")
    record = srsly.read_json(tmp_path / "compression.json")
    chosen = [row for row in record["curve"] if row["is_chosen"]][-1]
    loaded = spacy.load(tmp_path / "compressed")
    assert "secret" not in loaded.vocab.strings
    found = measure(loaded, make_docs(loaded), GOLD, predict_docs(nlp.get_pipe("textcat"), make_docs(nlp)))
    assert found == pytest.approx({name: chosen[name] for name in found}, abs=1e-3)
    # What training knew of the student is not true of this one.
    scores = evaluate(str(tmp_path / "compressed"), tmp_path / "dev.spacy", silent=True)
    assert loaded.meta["performance"]["cats_score"] == pytest.approx(scores["cats_score"])
    markdown = (tmp_path / "compression.md").read_text(encoding="utf8")
    assert markdown.count("\n| **") == 1 and len(record["curve"]) == 2 * len(SHARES) - 1


def test_a_compressed_pipeline_can_be_trained() -> None:
    nlp = train(ENSEMBLE)
    docs = make_docs(nlp)
    for table in find_tables(nlp, docs).values():
        table.keep(0.5)
    before = predict_docs(nlp.get_pipe("textcat"), docs)
    examples = make_examples(nlp)
    optimizer = nlp.resume_training()
    losses = [nlp.update(examples, sgd=optimizer, drop=0.0)["textcat"] for _ in range(5)]
    assert losses[-1] < losses[0] and numpy.abs(predict_docs(nlp.get_pipe("textcat"), docs) - before).max() > 0
