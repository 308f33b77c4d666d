from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import spacy
import torch
import transformers
from spacy.util import load_model

from scripts.data.task import Task
from scripts.files import UserError
from scripts.lexicon import __main__ as lexicon
from scripts.lexicon.__main__ import (
    choose_words,
    encode_words,
    list_vocabulary,
    reduce_vectors,
    save_vectors,
    write_lexicon,
)
from tests.conftest import BOW, LABELS, ROOT, make_examples, make_pipeline

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "love", "##ly", "day", "bad", "a"]


def make_model(tmp_path: Path) -> Any:
    """The parts of a `TransformerModel` that are read."""
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES), encoding="utf8")
    tokenizer = transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=12,
    )
    return SimpleNamespace(tokenizer=tokenizer, transformer=transformers.BertModel(config))


def read_states(model: Any, text: str) -> numpy.ndarray:
    with torch.inference_mode():
        return model.transformer(**model.tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()


def test_words_are_the_frequent_ones_as_they_are_mostly_written() -> None:
    tokens = ["Good", "good", "good", "BAD", "bad", "BAD", " ", " ", " ", "!", "!", "rare"]
    assert choose_words(tokens, min_count=2, max_words=10) == {"bad": "BAD", "good": "good", "!": "!"}
    assert list(choose_words(tokens, min_count=1, max_words=1)) == ["bad"]


def test_words_of_the_vocabulary_are_whole_words(tmp_path: Path) -> None:
    tokenizer = make_model(tmp_path).tokenizer
    assert list_vocabulary(tokenizer, 10) == ["love", "day", "bad", "a"]
    assert list_vocabulary(tokenizer, 2) == ["love", "day"] and list_vocabulary(tokenizer, 0) == []


def test_a_word_is_the_mean_of_its_wordpieces(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    # Thinc leaves it in training mode.
    model.transformer.train()
    found = encode_words(["lovely", "bad", "day", "\u200d", "bad" * 50], model)
    # [CLS] love ##ly [SEP]
    assert found[0] == pytest.approx(read_states(model, "lovely")[1:3].mean(axis=0), abs=1e-5)
    assert found[1] == pytest.approx(read_states(model, "bad")[1], abs=1e-5)
    # A word that has no wordpiece.
    assert found[3] == pytest.approx(read_states(model, "")[0], abs=1e-5)


def test_words_are_read_in_batches_of_like_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(tmp_path)
    words = ["lovely", "a", "bad", "lovelyly", "day"]
    expected = encode_words(words, model)
    monkeypatch.setattr(lexicon, "BATCH_WORDS", 2)
    assert encode_words(words, model) == pytest.approx(expected, abs=1e-6)


def test_a_teacher_without_a_transformer_has_no_lexicon(tmp_path: Path) -> None:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path / "teacher")
    Task(LABELS).write(tmp_path / "gold")
    options: Any = {
        "config": ROOT / "configs" / "score.cfg",
        "gold": tmp_path / "gold",
        "lang": "en",
        "segmenter": "default",
        "gpu_id": -1,
    }
    with pytest.raises(UserError, match=r"teacher has no transformer, so there is nothing to read"):
        write_lexicon(tmp_path / "texts.jsonl", tmp_path / "lexicon", teacher=tmp_path / "teacher", **options)


def test_reduction_keeps_the_directions_of_most_variance() -> None:
    rng = numpy.random.default_rng(0)
    basis = numpy.linalg.qr(rng.normal(size=(10, 10)))[0]
    scores = rng.normal(size=(200, 10)) * numpy.array([90, 20, *[0.01] * 8])
    reduced = reduce_vectors(scores @ basis, 2, whitening=1)
    assert reduced.shape == (200, 2) and (reduced**2).mean() == pytest.approx(1)
    for column in range(2):
        assert abs(numpy.corrcoef(reduced[:, column], scores[:, column])[0, 1]) > 0.99
    assert reduced.std(axis=0) == pytest.approx([1, 1])
    for whitening, ratio in ((0, 4.5), (0.5, 4.5**0.5)):
        first, second = reduce_vectors(scores @ basis, 2, whitening=whitening).std(axis=0)
        assert first / second == pytest.approx(ratio, rel=0.1)
    few = reduce_vectors(scores[:3], 5, whitening=1)
    assert few.shape == (3, 5) and not few[:, 3:].any() and (few[:, :3] ** 2).mean() == pytest.approx(1)


def test_lexicon_is_what_initialize_vectors_loads(tmp_path: Path) -> None:
    vectors = numpy.arange(6, dtype="float32").reshape((3, 2))
    save_vectors(["good", "bad", "é"], vectors, spacy.blank("en"), tmp_path / "lexicon")
    nlp = load_model(tmp_path / "lexicon")
    assert nlp.vocab["bad"].vector.tolist() == [2, 3] and not nlp.vocab["kvothe"].has_vector
    assert nlp.vocab.vectors.shape == (3, 2)
