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
    measure_accuracy,
    measure_model,
    measure_round,
    summarize,
    write_texts,
)
from benchmarks.peers.catalogue import GOLD, PEERS, Peer
from benchmarks.peers.data import Data, read_data
from benchmarks.peers.fasttext_lines import make_line
from benchmarks.peers.loaders import load_spacy, load_static
from benchmarks.peers.report import find_better, find_front, render_report, table_rows
from benchmarks.peers.train import MODEL, RECORD, train_peer
from scripts.data.docbins import one_hot, write_docs
from scripts.files import UserError
from tests.ablation.test_ablation import run  # noqa: F401
from tests.conftest import LABELS, ROOT, TEXTS
from tests.lexicon import test_lexicon

TFIDF = next(peer for peer in PEERS if peer.name == "tfidf")
WORDS = ["fine", "film", "book", "plot", "slow", "sound", "cheap", "lovely", "dull", "sharp"]


def make_data(tmp_path: Path) -> Data:
    """TEXTS as train, with other words around them as dev and test."""
    vocab = spacy.blank("en").vocab
    docs: Dict[str, List[Doc]] = {}
    for split in ("train", "dev", "test"):
        docs[split] = []
        for number in range(30):
            text, label = TEXTS[number % len(TEXTS)]
            # fastText quantizes no fewer than 256 words.
            rare = [f"{split}{number}x{i}" for i in range(9)]
            doc = Doc(vocab, words=[*text.split(), WORDS[number % 7], *rare])
            doc.cats = one_hot(label, LABELS)
            docs[split].append(doc)
        write_docs(docs[split], tmp_path / "gold" / f"{split}.spacy")
    gold = {split: numpy.array([LABELS.index(TEXTS[n % len(TEXTS)][1]) for n in range(30)]) for split in docs}
    return Data("en", LABELS, docs, gold, [text for text, _ in TEXTS] * 5, tmp_path, tmp_path)


def make_row(name: str, accuracy: float, rate: float, is_ours: bool = False) -> Dict[str, Any]:
    numbers = dict.fromkeys(("p50_ms", "p95_ms", "load_seconds", "peak_rss_mb", "size_mb"), 1.0)
    row = {"name": name, "is_ours": is_ours, "learns_from": GOLD, "accuracy": accuracy, "spread": None, "settings": {}}
    return {**row, **numbers, "words_per_second": rate, "rates": [rate, rate * 2]}


def test_the_pareto_front_by_hand() -> None:
    rows = [make_row("slow", 0.9, 10), make_row("fast", 0.7, 100), make_row("ensemble", 0.8, 50, True)]
    assert find_front(rows) == ["slow", "fast", "ensemble"]
    rows += [make_row("worse", 0.7, 60), make_row("same", 0.8, 50)]
    # Of two that are equal none beats the other.
    assert find_front(rows) == ["slow", "fast", "ensemble", "same"]
    assert find_better(rows[3], rows) == ["fast"] and not find_better(rows[2], rows)
    assert table_rows(rows)[1][4] == "2.00 (2.00-2.00)"


def test_the_report_says_where_we_are_not_on_the_front() -> None:
    rows = [make_row("rival", 0.9, 100), make_row("ensemble", 0.8, 50, True)]
    counts = dict.fromkeys(("train", "dev", "test", "unlabelled"), 10)
    record = {"peers": rows, "front": find_front(rows), "n_seeds": 1, "n_rounds": 2, "counts": counts, "run": "x"}
    text = render_report({**record, "machine": {}, "versions": {}})
    assert "words/s: rival." in text and "not on it: ensemble, beaten in both by rival." in text


def test_every_peer_names_what_exists() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
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
    monkeypatch.setattr(sklearn_peers, "ANALYZERS", {"words": {"ngram_range": (1, 2)}})
    for name in ("SUBLINEAR", "MIN_DOCS", "INVERSE_L2"):
        monkeypatch.setattr(sklearn_peers, name, getattr(sklearn_peers, name)[:1])


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
    assert measure_accuracy(TFIDF, models[0], data, texts) > 0.9
    # It stands in a file from now on.
    srsly.write_json(models[0] / "labels.json", ["NEGATIVE"] * 30)
    assert measure_accuracy(TFIDF, models[0], data, texts) == 0.5
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


@pytest.mark.parametrize("name", ["fasttext", "fasttext-vectors", "fasttext-quantized"])
def test_fasttext_learns(name: str, tmp_path: Path) -> None:
    pytest.importorskip("fasttext", reason="pip install -r benchmarks/requirements.txt")
    data, folder = make_data(tmp_path), tmp_path / "peers" / f"{name}-0"
    peer: Peer = next(peer for peer in PEERS if peer.name == name)
    train_peer(peer, data._replace(unlabelled=data.unlabelled * 20), 0, folder, tmp_path / "shared")
    texts = write_texts(data, tmp_path / "peers" / "texts.json")
    assert measure_accuracy(peer, folder, data, texts) > 0.7
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
    assert numpy.mean([LABELS.index(label) for label in found] == data.gold["dev"]) == settings["dev_accuracy"]


def test_a_run_that_is_not_scored_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"scores.json does not exist. Run the project up to `lexicon`"):
        read_data(tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["spacy-bow", "spacy-reduce", "spacy-ensemble"])
def test_spacys_own_classifiers_train(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacy_peers, "TRAINING", {"eval_frequency": 2, "max_steps": 4})
    data, folder = make_data(tmp_path), tmp_path / "peers" / f"{name}-0"
    peer: Peer = next(peer for peer in PEERS if peer.name == name)
    train_peer(peer, data, 0, folder, tmp_path / "shared")
    assert set(load_spacy(folder / MODEL)(data.texts("test"))) <= set(LABELS)
    config = load_config(folder / MODEL / "config.cfg")
    kinds = {"spacy-bow": "TextCatBOW", "spacy-reduce": "TextCatReduce", "spacy-ensemble": "TextCatEnsemble"}
    assert kinds[name] in config["components"]["textcat"]["model"]["@architectures"]
    # What is not in TRAINING is spaCy's.
    assert config["training"]["patience"] == 1600 and config["training"]["max_steps"] == 4


@pytest.mark.slow
def test_the_whole_comparison_is_made_and_resumed(run: Path) -> None:  # noqa: F811
    srsly.write_json(run / "corpus" / "data.json", {"lang": "en"})
    srsly.write_jsonl(run / "corpus" / "transfer" / "texts.jsonl", [{"text": "One here.", "source": "unlabelled"}])
    folders = run / "corpus", run / "training", run / "results"
    compare(*folders, n_seeds=2, n_rounds=2, n_jobs=1, only="tfidf,teacher")
    record = srsly.read_json(run / "results" / "peers.json")
    assert [row["name"] for row in record["peers"]] == ["tfidf", "teacher"]
    assert all(len(row["rates"]) == 2 and len(row["accuracies"]) == 1 for row in record["peers"])
    assert (run / "results" / "peers.png").read_bytes()[:4] == b"\x89PNG"
    before = {path: path.stat().st_mtime_ns for path in (run / "training" / "peers").rglob("[r0-9l]*.json")}
    compare(*folders, n_seeds=2, n_rounds=2, n_jobs=1, only="tfidf,teacher")
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(before) >= 6
    assert srsly.read_json(run / "results" / "peers.json") == record


@pytest.mark.slow
def test_our_students_are_those_of_the_ablation(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(our_models, "CONFIGS", run / "configs")
    srsly.write_json(run / "corpus" / "data.json", {"lang": "en"})
    srsly.write_jsonl(run / "corpus" / "transfer" / "texts.jsonl", [{"text": "One here.", "source": "unlabelled"}])
    data = read_data(run / "corpus", run / "training")
    assert data.unlabelled == ["One here."] and data.texts("dev") == [doc.text for doc in data.docs["dev"]]
    peer = next(peer for peer in PEERS if peer.name == "bow")
    folder = run / "training" / "peers" / "bow-0"
    train_peer(peer, data, 0, folder, run / "shared")
    cell = run / "training" / "ablation" / "cells" / srsly.read_json(folder / RECORD)["settings"]["cell"]
    assert (cell / "model").is_dir()
    # Its process has what a package brings along, and no more: the training's factory is not there.
    assert "textcat_distill" not in (folder / MODEL / "config.cfg").read_text(encoding="utf8")
    texts = write_texts(data, run / "training" / "peers" / "texts.json")
    result = srsly.read_json(cell / "result.json")["test"]
    assert measure_accuracy(peer, folder, data, texts) == pytest.approx(result["accuracy"], abs=0.1)
