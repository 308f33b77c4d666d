import random
from pathlib import Path
from typing import List

import pytest
import spacy
from spacy.tokens import Doc

from scripts.data.docbins import list_shards, read_docs, stream_docs, write_docs
from scripts.distillation.reader import create_transfer_corpus
from scripts.files import UserError

NLP = spacy.blank("en")


def make_doc(text: str) -> Doc:
    doc = Doc(NLP.vocab, words=text.split())
    doc.cats = {"a": 1.0, "b": 0.0}
    doc._.teacher_logits = [0.25, -0.25]
    doc._.source = "augmented"
    return doc


def write_shards(folder: Path, n_docs: int, shard_size: int) -> List[str]:
    texts = [f"text number {i}" for i in range(n_docs)]
    for start in range(0, n_docs, shard_size):
        write_docs(map(make_doc, texts[start : start + shard_size]), folder / f"{start:05}.spacy")
    return texts


def test_contract_survives_the_disk_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    docs = [make_doc("a [MASK] word"), make_doc("more")]
    for name in ("one.spacy", "two.spacy"):
        write_docs(docs, tmp_path / name)
    assert (tmp_path / "one.spacy").read_bytes() == (tmp_path / "two.spacy").read_bytes()
    (first, _) = read_docs(tmp_path / "one.spacy", spacy.blank("en").vocab)
    assert [token.text for token in first] == ["a", "[MASK]", "word"]
    assert list(first._.teacher_logits) == [0.25, -0.25] and first._.source == "augmented"
    assert first.cats == {"a": 1.0, "b": 0.0}


def test_missing_and_broken_files_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.spacy does not exist"):
        read_docs(tmp_path / "none.spacy", NLP.vocab)
    (tmp_path / "broken.spacy").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"broken.spacy is not a readable DocBin"):
        read_docs(tmp_path / "broken.spacy", NLP.vocab)
    with pytest.raises(UserError, match=r"Run the `score` step"):
        list_shards(tmp_path / "nowhere")


@pytest.mark.parametrize("buffer_size", [0, 1, 7, 100])
def test_a_shuffled_stream_yields_every_document_once(buffer_size: int, tmp_path: Path) -> None:
    texts = write_shards(tmp_path, n_docs=30, shard_size=8)
    assert [doc.text for doc in stream_docs(tmp_path, NLP.vocab)] == [f"{text} " for text in texts]

    def read(seed: int) -> List[str]:
        return [
            d.text.strip() for d in stream_docs(tmp_path, NLP.vocab, buffer_size=buffer_size, rng=random.Random(seed))
        ]

    assert sorted(read(0)) == sorted(texts)
    assert read(0) == read(0)
    assert buffer_size == 0 or read(0) != read(1)


def test_the_reader_shuffles_each_pass_anew_and_keeps_tokens(tmp_path: Path) -> None:
    texts = write_shards(tmp_path, n_docs=30, shard_size=8)
    reader = create_transfer_corpus(tmp_path, buffer_size=16, seed=0)
    passes = [[eg.reference.text.strip() for eg in reader(NLP)] for _ in range(2)]
    assert passes[0] != passes[1] and sorted(passes[0]) == sorted(passes[1]) == sorted(texts)
    again = create_transfer_corpus(tmp_path, buffer_size=16, seed=0)
    assert [[eg.reference.text.strip() for eg in again(NLP)] for _ in range(2)] == passes
    example = next(iter(reader(NLP)))
    assert example.predicted[0].text == "text" and list(example.reference._.teacher_logits) == [0.25, -0.25]
