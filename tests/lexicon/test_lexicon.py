from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import torch
import transformers
from spacy.util import load_model

from scripts.files import UserError
from scripts.lexicon.__main__ import Encoder, add_contexts, choose_words, reduce_vectors, save_vectors, vocabulary_words

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "love", "##ly", "day", "bad", "a"]


def make_encoder(tmp_path: Path, layer: int = -1) -> Encoder:
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
    return Encoder(tokenizer, transformers.BertModel(config), layer=layer)


def hidden_states(encoder: Encoder, text: str) -> Any:
    with torch.inference_mode():
        encoded = encoder.tokenizer(text, return_tensors="pt")
        return encoder.transformer(**encoded, output_hidden_states=True).hidden_states


def test_words_are_the_frequent_ones_as_they_are_mostly_written() -> None:
    tokens = ["Good", "good", "good", "BAD", "bad", "BAD", " ", " ", " ", "!", "!", "rare"]
    assert choose_words(tokens, min_count=2, max_words=10) == {"bad": "BAD", "good": "good", "!": "!"}
    assert list(choose_words(tokens, min_count=1, max_words=1)) == ["bad"]


def test_words_of_the_vocabulary_are_whole_words(tmp_path: Path) -> None:
    tokenizer = make_encoder(tmp_path).tokenizer
    assert vocabulary_words(tokenizer, 10) == ["love", "day", "bad", "a"]
    assert vocabulary_words(tokenizer, 2) == ["love", "day"] and vocabulary_words(tokenizer, 0) == []


def test_a_word_alone_is_the_mean_of_its_pieces(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    found = encoder.encode_words(["lovely", "bad", "day"])
    # [CLS] love ##ly [SEP]
    expected = hidden_states(encoder, "lovely")[-1][0, 1:3].mean(dim=0).numpy()
    assert found[0] == pytest.approx(expected, abs=1e-5)
    assert found[1] == pytest.approx(hidden_states(encoder, "bad")[-1][0, 1].numpy(), abs=1e-5)
    first = make_encoder(tmp_path, layer=1).encode_words(["bad"])[0]
    assert first == pytest.approx(hidden_states(encoder, "bad")[1][0, 1].numpy(), abs=1e-5)


def test_words_in_context_are_means_over_occurrences(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    texts = [["a", "Lovely", "day"], ["bad", "day"]]
    states = [hidden_states(encoder, " ".join(text))[-1][0].numpy() for text in texts]
    vectors = numpy.zeros((3, 8), dtype="float32")
    add_contexts(vectors, {"lovely": 0, "day": 1, "unseen": 2}, encoder.encode_texts(texts), n_texts=2)
    assert vectors[0] == pytest.approx(states[0][2:4].mean(axis=0), abs=1e-5)
    assert vectors[1] == pytest.approx((states[0][4] + states[1][2]) / 2, abs=1e-5)
    assert not vectors[2].any()


def test_long_texts_are_cut_and_words_without_pieces_do_not_matter(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    assert len(list(encoder.encode_texts([["bad"] * 50]))) == 8
    assert encoder.encode_words(["\u200d", "bad"]).shape == (2, 8)
    with pytest.raises(UserError, match=r"--layer 3 is out of range: the encoder has the hidden states 0 to 2"):
        make_encoder(tmp_path, layer=3)


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
