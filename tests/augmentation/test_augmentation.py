import json
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, List, Sequence

import pytest
import spacy
from spacy.tokens import Doc

from scripts.augmentation.__main__ import build_transfer_set, load_augmenter, load_tagger
from scripts.augmentation.operations import (
    Augmenter,
    MaskWord,
    SampleNgram,
)
from scripts.augmentation.row_file import RowFile
from scripts.augmentation.word_classes import PipelineTagger, learn_clusters
from scripts.data.docbins import one_hot
from scripts.engines.workers import Engine
from scripts.files import UserError
from tests.conftest import ROOT, make_augmenter

NLP = spacy.blank("en")
NLP.add_pipe("sentencizer")


def make_gold(texts: List[str]) -> List[Doc]:
    docs = [NLP(text) for text in texts]
    for doc in docs:
        doc.cats = one_hot("POSITIVE", ["NEGATIVE", "POSITIVE"])
    return docs


def no_classes(doc: Doc) -> List[str]:
    return [""] * len(doc)


def build(
    docs: List[Doc],
    unlabelled: Sequence[str] = (),
    held_out: Sequence[str] = (),
    *,
    augmenter: Augmenter,
    seed: int = 0,
    engine: Engine = Engine(),
) -> List[Any]:
    with TemporaryDirectory() as folder:
        rows = build_transfer_set(
            docs,
            unlabelled,
            list(held_out),
            folder,
            n_unlabelled=len(unlabelled),
            waiting=Path(folder),
            augmenter=augmenter,
            make_tag=lambda: no_classes,
            seed=seed,
            engine=engine,
        )
        return list(rows)


def test_every_text_is_used_and_n_iter_counts_per_text() -> None:
    # A public implementation augments the last text only; the marks tell where each text came from.
    docs = make_gold([f"mark{i} one two three four five six seven eight nine ten" for i in range(10)])
    augmenter = make_augmenter(n_iter=5, words={"mask": MaskWord(0.3)})
    rows = build(docs, augmenter=augmenter)
    marks = Counter(word for row in rows for word in row.get("words", []) if word.startswith("mark"))
    assert set(marks) == {f"mark{i}" for i in range(10)} and max(marks.values()) <= 5
    assert sum(row["source"] == "gold" for row in rows) == 10


def test_transfer_set_has_no_duplicates_obeys_the_cap_and_is_seeded() -> None:
    docs = make_gold([f"text {i} with a few words . And more ." for i in range(8)])
    augmenter = load_augmenter(ROOT / "configs" / "augment.cfg")
    augmenter.fill_to = 70

    unlabelled = ["new one", "other"]
    rows = build(docs, unlabelled, augmenter=augmenter)
    texts = [row.get("text") or " ".join(row["words"]).lower() for row in rows]
    assert len(set(texts)) == len(texts)
    sources = Counter(row["source"] for row in rows)
    assert sources == {"gold": 8, "augmented": 60, "unlabelled": 2}
    assert {row["label"] for row in rows if row["source"] == "gold"} == {"POSITIVE"}
    assert all(row["label"] is None for row in rows if row["source"] != "gold")
    assert build(docs, unlabelled, augmenter=augmenter) == rows
    assert build(docs, unlabelled, augmenter=augmenter, seed=1) != rows


def test_nothing_of_dev_or_test_enters() -> None:
    held_out = ["the exact test text stands here in full", "b c", "great"]
    docs = make_gold(["a b c d great", "The exact test text stands here, in full!"])
    augmenter = make_augmenter(n_iter=300, texts={"ngram": SampleNgram(1.0, 1, 5)})
    unlabelled = ["the exact test text stands here in FULL", "Great!", "fine", "So so. Great! Yes."]
    augmenter.n_pieces = 20
    rows = build(docs, unlabelled, held_out, augmenter=augmenter)
    texts = {row.get("text") or " ".join(row["words"]) for row in rows}
    assert {"fine", "a b c d great", "a b", "c d", "So so.", "Yes."} <= texts
    assert not texts & {"b c", "great", "Great!", *unlabelled[:1]}
    assert not any("exact test text stands here" in text.lower() for text in texts)


def test_pieces_are_sentences_of_gold_and_unlabelled_texts_with_the_number_of_their_review() -> None:
    docs = make_gold(["First here. Second there.", "Only one."])
    unlabelled = ["Third now. Fourth then.", "Only one!"]
    augmenter = make_augmenter(n_pieces=30)
    rows = build(docs, unlabelled, augmenter=augmenter)
    # A text of one sentence has no piece that is not itself.
    pieces = {(row["text"], row["source"], row["review"]) for row in rows if row["source"].endswith("piece")}
    assert pieces == {
        ("First here.", "gold_piece", 0),
        ("Second there.", "gold_piece", 0),
        ("Third now.", "unlabelled_piece", 2),
        ("Fourth then.", "unlabelled_piece", 2),
    }
    assert {row["review"] for row in rows if row["source"] in ("gold", "unlabelled")} == {0, 1, 2, 3}


def test_blocks_do_not_matter_and_neither_does_where_they_are_worked_on(
    monkeypatch: pytest.MonkeyPatch, ray_cluster: Any
) -> None:
    docs = make_gold([f"text {i} with a few words . And more ." for i in range(9)])
    unlabelled = [f"other {i} . Second {i} ." for i in range(30)]
    augmenter = load_augmenter(ROOT / "configs" / "augment.cfg")
    augmenter.fill_to, augmenter.n_pieces = 46, 3
    rows = build(docs, unlabelled, augmenter=augmenter)
    assert Counter(row["source"] for row in rows)["augmented"] == 7
    monkeypatch.setattr("scripts.augmentation.__main__.BLOCK_SIZE", 4)
    for engine in (Engine(), Engine("ray", n_workers=1)):
        assert build(docs, unlabelled, augmenter=augmenter, engine=engine) == rows


def test_what_a_review_becomes_follows_from_that_review_alone() -> None:
    augmenter = make_augmenter(n_iter=3, n_pieces=2, words={"mask": MaskWord(0.3)})
    texts = [f"text {i} is here . It ends {i} . Or so {i} ." for i in range(6)]
    rows = build(make_gold(texts), augmenter=augmenter)
    changed = build(make_gold([*texts[:5], "something else . Now . Here ."]), augmenter=augmenter)

    def of_first(rows: List[Any]) -> List[str]:
        return sorted(json.dumps(row) for row in rows if row["review"] < 5)

    assert of_first(rows) == of_first(changed)


def test_rows_on_disk_come_in_the_order_of_a_shuffled_list(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}, größer\u2028" * (i % 5), "review": i} for i in range(200)]
    waiting = RowFile(tmp_path / "new")
    for row in rows:
        waiting.append(row)
    assert len(waiting) == 200
    found = list(waiting.shuffle(random.Random(3)))
    random.Random(3).shuffle(rows)
    assert found == rows
    assert not list((tmp_path / "new").iterdir())


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    def peak(n_texts: int) -> int:
        tracemalloc.start()
        waiting = RowFile(tmp_path)
        for i in range(n_texts):
            waiting.append({"text": "x" * 1000, "review": i})
        for _ in waiting.shuffle(random.Random(0)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    # Eight bytes for each row of a thousand, and what an array sets aside as it grows.
    assert peak(20_000) - peak(1_000) < 19_000 * 24


def test_clusters_are_parts_of_speech() -> None:
    rng = random.Random(0)
    words = {
        "D": ["the", "a", "this"],
        "A": ["big", "red", "old", "new"],
        "N": ["dog", "cat", "house", "car", "tree"],
        "V": ["sees", "likes", "finds", "takes"],
    }
    texts = [" ".join(rng.choice(words[c]) for c in "DANVDAN") for _ in range(400)]
    tagger = learn_clusters([NLP.make_doc(text) for text in texts], seed=0, n_classes=4)
    for members in words.values():
        assert len({tagger.class_of[word] for word in members}) == 1
    assert len(set(tagger.class_of.values())) == 4
    assert tagger(NLP.make_doc("the unseen dog")) == [tagger.class_of["the"], "", tagger.class_of["dog"]]
    assert learn_clusters([], seed=0).class_of == {}


def test_a_pipeline_can_tag(tmp_path: Path) -> None:
    tagger = spacy.blank("en")
    ruler: Any = tagger.add_pipe("attribute_ruler")
    ruler.add([[{"LOWER": {"IN": ["dog", "cat"]}}]], {"POS": "NOUN"})
    ruler.add([[{"LOWER": "runs"}]], {"POS": "VERB"})
    tagger.to_disk(tmp_path / "tagger")
    loaded = load_tagger(str(tmp_path / "tagger"))
    assert isinstance(loaded, PipelineTagger)
    assert loaded(NLP.make_doc("Dog runs , cat")) == ["NOUN", "VERB", "", "NOUN"]
    with pytest.raises(UserError, match="'no_such_tagger' cannot be loaded"):
        load_tagger("no_such_tagger")
    NLP.to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match="sets no parts of speech"):
        load_tagger(str(tmp_path / "blank"))


def test_a_config_that_cannot_be_resolved_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "augment.cfg"
    path.write_text('[augmentation]\n@misc = "textdistill.NoSuch.v1"\n', encoding="utf8")
    with pytest.raises(UserError, match=r"augment.cfg: .*NoSuch"):
        load_augmenter(path)
