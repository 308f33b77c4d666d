import json
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, List, Sequence

import pytest
import spacy
import srsly
from spacy.tokens import Doc

from scripts.augmentation.__main__ import augment, build_transfer_set, load_augmenter, load_tagger
from scripts.augmentation.clusters import ClusterTagger, learn_clusters, learn_tagger
from scripts.augmentation.operations import Augmenter, MaskWord, SampleNgram
from scripts.augmentation.text_file import TextFile
from scripts.augmentation.word_classes import PipelineTagger
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, GOLD, MASK, UNLABELLED, Text, read_texts, write_unlabelled
from scripts.engines.config import read_engine
from scripts.engines.shards import STARTED
from scripts.engines.workers import Engine
from scripts.files import UserError
from tests.conftest import ROOT, make_augmenter

NLP = spacy.blank("en")
NLP.add_pipe("sentencizer")


def make_gold(texts: List[str]) -> List[Doc]:
    docs = [NLP(text) for text in texts]
    for doc in docs:
        doc.cats = Task(["NEGATIVE", "POSITIVE"]).make_cats("POSITIVE")
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
) -> List[Text]:
    with TemporaryDirectory() as folder:
        texts = build_transfer_set(
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
        return list(texts)


def test_every_text_is_used_and_n_iter_counts_per_text() -> None:
    # A public implementation augments the last text only; the marks tell where each text came from.
    docs = make_gold([f"mark{i} one two three four five six seven eight nine ten" for i in range(10)])
    augmenter = make_augmenter(n_iter=5, words={"mask": MaskWord(0.3)})
    texts = build(docs, augmenter=augmenter)
    marks = Counter(word for text in texts for word in text.words or [] if word.startswith("mark"))
    assert set(marks) == {f"mark{i}" for i in range(10)} and max(marks.values()) <= 5
    assert sum(text.source == GOLD for text in texts) == 10


def test_transfer_set_has_no_duplicates_obeys_the_cap_and_is_seeded() -> None:
    docs = make_gold([f"text {i} with a few words . And more ." for i in range(8)])
    augmenter = load_augmenter(ROOT / "configs" / "augment.cfg")
    augmenter.fill_to = 70

    unlabelled = ["new one", "other"]
    texts = build(docs, unlabelled, augmenter=augmenter)
    assert len({str(text).lower() for text in texts}) == len(texts)
    assert Counter(text.source for text in texts) == {GOLD: 8, AUGMENTED: 60, UNLABELLED: 2}
    assert {text.label for text in texts if text.source == GOLD} == {"POSITIVE"}
    assert all(text.label is None for text in texts if text.source != GOLD)
    assert build(docs, unlabelled, augmenter=augmenter) == texts
    assert build(docs, unlabelled, augmenter=augmenter, seed=1) != texts


def test_nothing_of_dev_or_test_enters() -> None:
    held_out = ["the exact test text stands here in full", "b c", "great"]
    docs = make_gold(["a b c d great", "The exact test text stands here, in full!"])
    augmenter = make_augmenter(n_iter=300, texts={"ngram": SampleNgram(1.0, 1, 5)})
    unlabelled = ["the exact test text stands here in FULL", "Great!", "fine"]
    texts = build(docs, unlabelled, held_out, augmenter=augmenter)
    contents = {str(text).strip() for text in texts}
    assert {"fine", "a b c d great", "a b", "c d"} <= contents
    assert not contents & {"b c", "great", *unlabelled[:2]}
    assert not any("exact test text stands here" in content.lower() for content in contents)


@pytest.mark.parametrize("engine", [Engine(), Engine("ray", n_workers=1)], ids=["here", "ray"])
def test_blocks_do_not_matter_and_neither_does_where_they_are_worked_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if engine.name == "ray":
        request.getfixturevalue("ray_cluster")
    docs = make_gold([f"text {i} with a few words . And more ." for i in range(9)])
    unlabelled = [f"other {i} . Second {i} ." for i in range(30)]
    augmenter = load_augmenter(ROOT / "configs" / "augment.cfg")
    augmenter.fill_to = 46
    texts = build(docs, unlabelled, augmenter=augmenter)
    assert Counter(text.source for text in texts) == {GOLD: 9, UNLABELLED: 30, AUGMENTED: 7}
    # A number stands for the review that a text is, or was made from.
    assert sorted(text.review for text in texts if text.source != AUGMENTED) == list(range(39))
    assert all(text.review < 9 for text in texts if text.source == AUGMENTED)
    monkeypatch.setattr("scripts.augmentation.__main__.BLOCK_SIZE", 4)
    assert build(docs, unlabelled, augmenter=augmenter, engine=engine) == texts


def test_what_a_review_becomes_follows_from_that_review_alone() -> None:
    augmenter = make_augmenter(n_iter=3, words={"mask": MaskWord(0.3)})
    contents = [f"text {i} is here . It ends {i} . Or so {i} ." for i in range(6)]
    texts = build(make_gold(contents), augmenter=augmenter)
    changed = build(make_gold([*contents[:5], "something else . Now . Here ."]), augmenter=augmenter)

    def of_first(texts: List[Text]) -> List[str]:
        return sorted(text.to_json() for text in texts if text.review < 5)

    assert of_first(texts) == of_first(changed)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """What `convert` leaves behind."""
    for split, texts in [("train", ["I love it .", "so so , works"]), ("dev", ["awful thing"]), ("test", ["broke"])]:
        write_docs(make_gold(texts), tmp_path / "gold" / f"{split}.spacy")
    srsly.write_jsonl(tmp_path / "selected.jsonl", [{"text": "fine"}, {"text": "Awful thing!"}, {"text": "ok"}])
    return tmp_path


def run_augment(corpus: Path, **options: Any) -> List[Text]:
    """Run the step, and read what it wrote."""
    output = corpus / "transfer" / "texts.jsonl"
    settings = {
        "lang": "en",
        "segmenter": "default",
        "tagger": "",
        "encoder": None,
        "seed": 0,
        "engine": None,
        **options,
    }
    augment(corpus, output, config=ROOT / "configs" / "augment.cfg", **settings)
    return list(read_texts(output))


def test_the_step_goes_on_where_it_was_killed_but_not_with_parts_of_a_laxer_rule_against_leaks(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_augment(corpus)
    assert {str(text) for text in expected} >= {"fine", "ok", "I love it ."}
    assert not {str(text).lower().strip(" !") for text in expected} & {"awful thing", "broke"}
    engine = corpus / "engine.cfg"
    lines = [
        "[engine]",
        '@misc = "textdistill.LocalEngine.v1"',
        "n_workers = 1",
        f'storage = "{corpus.as_posix()}/kept"',
    ]
    engine.write_text("\n".join(lines), encoding="utf8")
    parts = Path(read_engine(engine).place(corpus / "transfer" / "texts.jsonl.parts"))

    def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("scripts.augmentation.__main__.TextFile", die)
        run_augment(corpus, engine=engine)
    # The part that was finished is kept, wherever unfinished work goes: a leak in it would enter.
    leak = Text(UNLABELLED, 3, text="Awful thing!")
    (part,) = parts.glob("reviews-*")
    part.write_text(f"{part.read_text(encoding='ascii')}{leak.to_json()}\n", encoding="ascii")
    kept = {path.name: path.read_bytes() for path in parts.iterdir()}
    assert leak in run_augment(corpus, engine=engine) and not parts.exists()
    # The same parts, made when the rule was another one.
    parts.mkdir()
    for name, content in kept.items():
        (parts / name).write_bytes(content)
    started = srsly.read_json(parts / STARTED)
    started["code"]["scripts/data/near_copies.py"] = "of an earlier rule"
    (parts / STARTED).write_text(json.dumps(started, sort_keys=True, indent=2), encoding="utf8")
    assert run_augment(corpus, engine=engine) == expected


def test_texts_on_disk_come_in_the_order_of_a_shuffled_list(tmp_path: Path) -> None:
    texts = [Text(UNLABELLED, i, text=f"text {i}, größer\u2028" * (i % 5)) for i in range(200)]
    texts += [Text(AUGMENTED, i, words=["größer", "!"], spaces=[False, True]) for i in range(20)]
    waiting = TextFile(tmp_path / "new")
    for text in texts:
        waiting.append(text)
    assert len(waiting) == 220
    found = list(waiting.shuffle(random.Random(3)))
    random.Random(3).shuffle(texts)
    assert found == texts
    assert not list((tmp_path / "new").iterdir())


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    def peak(n_texts: int) -> int:
        tracemalloc.start()
        waiting = TextFile(tmp_path)
        for i in range(n_texts):
            waiting.append(Text(UNLABELLED, i, text="x" * 1000))
        for _ in waiting.shuffle(random.Random(0)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    # Eight bytes for each text of a thousand, and what an array sets aside as it grows.
    assert peak(5_000) - peak(1_000) < 4_000 * 24


def test_words_of_two_languages_are_never_of_one_class() -> None:
    frames = {"de": "das {} ist sehr {} und war {} genug", "nl": "die {} is heel {} en was {} genoeg"}
    docs = []
    for lang, frame in frames.items():
        for word in ("boek", "film", "hotel", "app"):
            docs += [NLP.make_doc(frame.format(word, adjective, adjective)) for adjective in ("gut", "fein", "klar")]
            for doc in docs[-3:]:
                doc._.lang = lang
    tag = learn_tagger(docs, seed=0)
    words = {lang: {c for doc in docs if doc._.lang == lang for c in tag(doc)} - {""} for lang in frames}
    # Also those that stand in both.
    assert words["de"] and words["nl"] and not words["de"] & words["nl"]
    for doc in docs:
        doc._.lang = None
    together = learn_tagger(docs, seed=0)
    assert isinstance(together, ClusterTagger) and together.class_of == learn_clusters(docs, seed=0).class_of


def test_a_word_is_replaced_by_one_of_its_language(tmp_path: Path) -> None:
    words = {"de": ("auto", "buch", "haus", "kind"), "nl": ("dorp", "fiets", "hond", "vrouw")}
    frames = {"de": "es gibt {} und {} genug", "nl": "er is {} en {} genoeg"}
    texts = {lang: [frames[lang].format(a, b) for a in words[lang] for b in words[lang]] for lang in words}
    docs = {lang: make_gold(texts[lang]) for lang in texts}
    for lang in docs:
        for doc in docs[lang]:
            doc._.lang = lang
    write_docs([*docs["de"][:8], *docs["nl"][:8]], tmp_path / "gold" / "train.spacy")
    for split in ("dev", "test"):
        write_docs(make_gold(["nothing of the kind"]), tmp_path / "gold" / f"{split}.spacy")
    write_unlabelled(tmp_path / "selected.jsonl", [(text, lang) for lang in texts for text in texts[lang][8:]])
    config = (ROOT / "configs" / "test" / "augment.cfg").read_text(encoding="utf8")
    (tmp_path / "augment.cfg").write_text(config.replace("p = 0.1", "p = 0.5").replace("p = 0.25", "p = 0.0"), "utf8")
    augment(
        tmp_path,
        tmp_path / "texts.jsonl",
        config=tmp_path / "augment.cfg",
        lang="xx",
        segmenter="default",
        tagger="",
        encoder=None,
        seed=0,
        engine=None,
    )
    new = [set(text.words or ()) for text in read_texts(tmp_path / "texts.jsonl") if text.source == AUGMENTED]
    own = {lang: {word for text in texts[lang] for word in text.split()} for lang in texts}
    assert len(new) > 10 and all(found - {MASK} <= own["de"] or found - {MASK} <= own["nl"] for found in new)


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
