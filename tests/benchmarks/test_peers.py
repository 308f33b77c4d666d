"""The benchmark against peers, with small stand-ins for the models."""

from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.util import load_config

from benchmarks.peers import our_models, sklearn_peers, spacy_peers
from benchmarks.peers.__main__ import (
    choose_peers,
    compare,
    find_right,
    measure_model,
    measure_round,
    summarize,
    write_texts,
)
from benchmarks.peers.catalogue import PEERS, TEACHER, Peer
from benchmarks.peers.data import Data, read_data
from benchmarks.peers.fasttext_lines import make_line
from benchmarks.peers.loaders import load_sklearn, load_spacy, load_static
from benchmarks.peers.train import MODEL, RECORD, train_peer
from benchmarks.process import run_module
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.data.texts import UNLABELLED
from scripts.files import UserError
from tests.ablation.test_ablation import run  # noqa: F401
from tests.conftest import LABELS, ROOT, TEXTS, run_module_here
from tests.lexicon import test_lexicon

TFIDF = next(peer for peer in PEERS if peer.name == "tfidf")
TASK = Task(LABELS)
WORDS = ["fine", "film", "book", "plot", "slow", "sound", "cheap", "lovely", "dull", "sharp"]


def make_data(tmp_path: Path) -> Data:
    """TEXTS as train, with other words around them as dev and test."""
    vocab = spacy.blank("en").vocab
    docs: Dict[str, List[Doc]] = {}
    (tmp_path / "transfer").mkdir()
    for split in ("train", "dev", "test"):
        docs[split] = []
        for number in range(30):
            text, label = TEXTS[number % len(TEXTS)]
            # fastText quantizes no fewer than 256 words.
            rare = [f"{split}{number}x{i}" for i in range(9)]
            doc = Doc(vocab, words=[*text.split(), WORDS[number % 7], *rare])
            doc.cats = TASK.make_cats(label)
            docs[split].append(doc)
        write_docs(docs[split], tmp_path / "gold" / f"{split}.spacy")
    srsly.write_json(tmp_path / "transfer" / "scores.json", {"texts": 90})
    numbers = {split: TASK.number_gold(split_docs) for split, split_docs in docs.items()}
    # The teacher takes all texts to be of the first label.
    taught = [Doc(vocab, words=[*text.split(), "quokka", str(copy)]) for text, _ in TEXTS for copy in range(6)]
    return Data("en", "default", TASK, docs, numbers, taught, numpy.zeros(len(taught), dtype=int), tmp_path, tmp_path)


def test_every_peer_names_what_exists() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    taught = [peer for peer in PEERS if peer.is_taught]
    assert {"tfidf+teacher", "tfidf-spacy+teacher", "fasttext+teacher", "model2vec+teacher"} < {p.name for p in taught}
    # What knows the same as our students says so, and shares no folder with its other self.
    assert all(peer.learns_from == TEACHER for peer in PEERS if peer.is_taught or peer.is_ours)
    assert not {peer.family for peer in taught} & {peer.family for peer in PEERS if not peer.is_taught}
    for peer in PEERS:
        module, function = peer.train.split(":")
        code = (ROOT / "benchmarks" / "peers" / f"{module}.py").read_text(encoding="utf8")
        assert f"def {function}(" in code
        loaders = (ROOT / "benchmarks" / "peers" / "loaders.py").read_text(encoding="utf8")
        assert f"def {peer.load}(" in loaders
    assert [peer.name for peer in choose_peers("cnn, bow")] == ["bow", "cnn"]
    with pytest.raises(UserError, match="--only names xyz; the peers are spacy-bow"):
        choose_peers("xyz")


@pytest.fixture
def one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid of one setting."""
    monkeypatch.setattr(sklearn_peers, "STRING_ANALYZERS", {"words": {"ngram_range": (1, 2)}})


def test_a_taught_peer_learns_what_the_teacher_says(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    taught = data.teach()
    assert taught.texts("train") == [*data.texts("train"), *(doc.text for doc in data.taught)]
    assert taught.numbers["train"].tolist() == [*data.numbers["train"].tolist(), *[0] * 60]
    assert taught.texts("dev") == data.texts("dev") and taught.all_texts() == data.all_texts()
    # What the unlabelled texts alone have tells the label that the teacher gives them.
    peer: Peer = next(peer for peer in PEERS if peer.name == "tfidf+teacher")
    for number, label in enumerate(LABELS):
        folder = tmp_path / f"teacher-says-{label}"
        train_peer(peer, data._replace(taught_numbers=numpy.full(60, number)), 0, folder, tmp_path / "shared")
        assert load_sklearn(folder / MODEL)(["quokka"]) == [label]


@pytest.mark.usefixtures("one_setting")
def test_a_model_is_made_once_and_again_when_its_texts_change(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    folder = tmp_path / "peers" / "tfidf-0"
    train_peer(TFIDF, data, 0, folder, tmp_path / "shared")
    record, made = srsly.read_json(folder / RECORD), (folder / RECORD).stat().st_mtime_ns
    assert record["settings"]["dev_accuracy"] > 0.9
    train_peer(TFIDF, data, 0, folder, tmp_path / "shared")
    assert (folder / RECORD).stat().st_mtime_ns == made
    write_docs(data.docs["train"][:20], tmp_path / "gold" / "train.spacy")
    train_peer(TFIDF, data, 0, folder, tmp_path / "shared")
    assert srsly.read_json(folder / RECORD)["identity"] != record["identity"]


@pytest.mark.usefixtures("one_setting")
def test_a_model_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    models = [tmp_path / "peers" / "tfidf-0"]
    train_peer(TFIDF, data, 0, models[0], tmp_path / "shared")
    texts = write_texts(data, tmp_path / "peers" / "texts.json")
    assert find_right(TFIDF, models[0], data, texts).mean() > 0.9
    # It stands in a file from now on.
    srsly.write_json(models[0] / "labels.json", ["NEGATIVE"] * 30)
    assert find_right(TFIDF, models[0], data, texts).mean() == 0.5
    path = tmp_path / "peers" / "rounds" / "0.json"
    measured = measure_round([TFIDF], path, tmp_path / "peers", texts)
    assert measured["tfidf"]["n_texts"] == 30 and not measured["tfidf"]["labels"]
    assert 0 < measured["tfidf"]["p50_ms"] <= measured["tfidf"]["p95_ms"]
    assert measure_round([TFIDF], path, tmp_path / "peers", texts) == measured
    row = summarize(TFIDF, models, [0.5, 0.75], [measured, measured])
    assert row["accuracy"] == 0.625 and row["spread"] == pytest.approx(0.1768, abs=1e-4)
    assert row["words_per_second"] == measured["tfidf"]["words_per_second"] and 20 < row["peak_rss_mb"] < 1000

    # What is hidden cannot be imported there: without scikit-learn there is nothing to measure.
    with pytest.raises(UserError, match=r"benchmarks.peers.measure failed"):
        measure_model(TFIDF._replace(hidden=("sklearn",)), models[0], texts, predict=False)


def test_fasttext_reads_lines_without_breaks() -> None:
    assert make_line("Good!\nNot  BAD.") == "good ! not bad ."


@pytest.mark.parametrize("name", ["fasttext", "fasttext-vectors", "fasttext-quantized", "fasttext+teacher"])
def test_fasttext_learns(name: str, tmp_path: Path) -> None:
    pytest.importorskip("fasttext", reason="pip install -r benchmarks/requirements.txt")
    data, folder = make_data(tmp_path), tmp_path / "peers" / f"{name}-0"
    peer: Peer = next(peer for peer in PEERS if peer.name == name)
    # A teacher that is right.
    numbers = TASK.number_gold([gold for gold in data.docs["train"][:10] for _ in range(6)])
    data = data._replace(taught_numbers=numbers)
    train_peer(peer, data, 0, folder, tmp_path / "shared")
    texts = write_texts(data, tmp_path / "peers" / "texts.json")
    assert find_right(peer, folder, data, texts).mean() > 0.7
    assert [path.suffix for path in (folder / MODEL).iterdir()] == [".ftz" if "quantized" in name else ".bin"]


def test_static_vectors_are_the_same_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("model2vec", reason="pip install -r benchmarks/requirements.txt")
    from benchmarks.peers.static_peers import distill

    # Model2Vec looks at "aaaa" to learn how pieces are written.
    monkeypatch.setattr(test_lexicon, "PIECES", [*test_lexicon.PIECES, "##a"])
    data, encoder = make_data(tmp_path), test_lexicon.make_model(tmp_path)
    settings = distill(data, encoder.transformer, encoder.tokenizer, tmp_path / "model")
    found = load_static(tmp_path / "model")(data.texts("dev"))
    assert settings["dev_accuracy"] > 0.6
    assert numpy.mean([LABELS.index(label) for label in found] == data.numbers["dev"]) == settings["dev_accuracy"]


def test_a_run_that_is_not_scored_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"scores.json does not exist. Run the project up to `lexicon`"):
        read_data(tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["spacy-bow", "spacy-bow+teacher", "spacy-reduce", "spacy-ensemble"])
def test_spacys_own_classifiers_train(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacy_peers, "SHORT", {"eval_frequency": 2, "max_steps": 4})
    monkeypatch.setattr(spacy_peers, "DEFAULT", {"eval_frequency": 2, "max_steps": 4})
    data, folder = make_data(tmp_path), tmp_path / "peers" / f"{name}-0"
    peer: Peer = next(peer for peer in PEERS if peer.name == name)
    train_peer(peer, data, 0, folder, tmp_path / "shared")
    assert set(load_spacy(folder / MODEL)(data.texts("test"))) <= set(LABELS)
    config = load_config(folder / MODEL / "config.cfg")
    kinds = {"spacy-bow": "TextCatBOW", "spacy-reduce": "TextCatReduce", "spacy-ensemble": "TextCatEnsemble"}
    assert kinds[name.partition("+")[0]] in config["components"]["textcat"]["model"]["@architectures"]
    # What is not replaced is spaCy's.
    assert config["training"]["patience"] == 1600 and config["training"]["max_steps"] == 4


@pytest.mark.usefixtures("one_setting")
def test_the_whole_comparison_is_made_and_resumed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def run_some_here(module: str, *arguments: Any, **options: Any) -> None:
        # What is measured needs a process of its own, what is trained does not.
        start = run_module if module == "benchmarks.peers.measure" else run_module_here
        start(module, *arguments, **options)

    monkeypatch.setattr("benchmarks.peers.__main__.run_module", run_some_here)
    srsly.write_json(run / "corpus" / "data.json", {"lang": "en", "segmenter": "default"})
    folders = run / "corpus", run / "training", run / "results"
    compare(*folders, n_seeds=2, n_rounds=1, n_jobs=1, only="tfidf+teacher,teacher")
    record = srsly.read_json(run / "results" / "peers.json")
    assert [row["name"] for row in record["peers"]] == ["tfidf+teacher", "teacher"]
    assert all(len(row["rates"]) == len(row["accuracies"]) == 1 for row in record["peers"])
    assert (run / "results" / "peers.png").read_bytes()[:4] == b"\x89PNG"
    before = {path: path.stat().st_mtime_ns for path in (run / "training" / "peers").rglob("[r0-9l]*.json")}
    compare(*folders, n_seeds=2, n_rounds=1, n_jobs=1, only="tfidf+teacher,teacher")
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(before) >= 5
    assert srsly.read_json(run / "results" / "peers.json") == record


def test_our_students_are_those_of_the_ablation(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(our_models, "CONFIGS", run / "configs")
    for user in ("scripts.ablation.__main__", "benchmarks.peers.our_models"):
        monkeypatch.setattr(f"{user}.run_module", run_module_here)
    srsly.write_json(run / "corpus" / "data.json", {"lang": "en", "segmenter": "default"})
    data = read_data(run / "corpus", run / "training")
    assert len(data.taught) == 3 and {doc._.source for doc in data.taught} == {UNLABELLED}
    assert data.taught_numbers.tolist() == [numpy.argmax(doc._.teacher_logits) for doc in data.taught]
    peer = next(peer for peer in PEERS if peer.name == "bow")
    folder = run / "training" / "peers" / "bow-0"
    train_peer(peer, data, 0, folder, run / "shared")
    cell = run / "training" / "ablation" / "cells" / srsly.read_json(folder / RECORD)["settings"]["cell"]
    assert (cell / "model").is_dir()
    # Its process has what a package brings along, and no more: the training's factory is not there.
    assert "textcat_distill" not in (folder / MODEL / "config.cfg").read_text(encoding="utf8")
    texts = write_texts(data, run / "training" / "peers" / "texts.json")
    result = srsly.read_json(cell / "result.json")["test"]
    assert find_right(peer, folder, data, texts).mean() == pytest.approx(result["accuracy"], abs=0.1)
