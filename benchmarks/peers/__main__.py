"""Our students beside what else one would take: accuracy, speed, latency, size, load time, memory.

    python -m benchmarks.peers corpus/en-amazon training/en-amazon

Models and rounds of measurement that are finished are kept under training/RUN/peers, so an interrupted command goes on
where it stopped; delete `rounds` there to measure anew. Run it with nothing else on the machine.
"""

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, Dict, List

import numpy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.data import Data, read_data
from benchmarks.peers.plot import plot_peers
from benchmarks.peers.train import MODEL, RECORD, seeds_of
from benchmarks.process import run_module
from benchmarks.tables.peers import describe_front, find_front
from benchmarks.tables.peers import peers as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.significance import compare_paired
from scripts.files import UserError, replaced, run_command, size_mb
from scripts.machine import describe_machine

PACKAGES = ("spacy", "thinc", "numpy", "scikit-learn", "torch", "transformers", "fasttext-wheel", "model2vec")


def compare(
    corpus: Path = typer.Argument(..., help="Folder of the run's texts, e.g. corpus/en-amazon"),
    training: Path = typer.Argument(..., help="Folder of the run's models, e.g. training/en-amazon"),
    output: Path = typer.Option(Path("benchmarks/results"), help="Folder of peers.json and peers.png"),
    n_seeds: int = typer.Option(3, help="Models per peer"),
    n_rounds: int = typer.Option(3, help="Rounds of measurement; each measures every peer once"),
    n_jobs: int = typer.Option(2, help="Peers that are trained at the same time, each on one core"),
    only: str = typer.Option("", help="Names of peers, separated by commas; empty: all"),
) -> None:
    """Train and measure all peers, and write the table and the plot."""
    peers = choose_peers(only)
    data = read_data(corpus, training)
    folder = training / "peers"
    train_families(peers, data, n_seeds=n_seeds, n_jobs=n_jobs)
    models = {peer.name: [folder / f"{peer.name}-{seed}" for seed in seeds_of(peer, n_seeds)] for peer in peers}
    texts = write_texts(data, folder / "texts.json")
    rights = {
        peer.name: numpy.array([find_right(peer, model, data, texts) for model in models[peer.name]])
        for peer in tqdm(peers, desc="Testing", unit="peer", disable=None)
    }
    rounds = [
        measure_round(peers, folder / "rounds" / f"{number}.json", folder, texts)
        for number in tqdm(range(n_rounds), desc="Measuring", unit="round", disable=None)
    ]
    rows = [summarize(peer, models[peer.name], rights[peer.name].mean(axis=1).tolist(), rounds) for peer in peers]
    installed = {package.name: package.version for package in distributions()}
    record = {
        "peers": rows,
        "front": find_front(rows),
        "pairs": compare_pairs(peers, {name: right.mean(axis=0) for name, right in rights.items()}),
        "n_seeds": n_seeds,
        "n_rounds": n_rounds,
        "counts": {**{split: len(docs) for split, docs in data.docs.items()}, "unlabelled": len(data.taught)},
        "n_words": sum(len(doc) for doc in data.docs["test"]),
        "run": corpus.name,
        "machine": describe_machine(-1),
        "versions": {name: installed[name] for name in PACKAGES if name in installed},
    }
    write_and_show(output / "peers.json", record, make_table(record))
    for line in describe_front(record):
        msg.text(line)
    with replaced(output / "peers.png") as partial:
        plot_peers(record).savefig(partial, format="png", dpi=120, metadata={"Software": None})


def choose_peers(only: str) -> List[Peer]:
    """Choose peers by name.

    only (str): Names, separated by commas; empty for all.
    RETURNS (List[Peer]): The peers in the order of the catalogue.
    RAISES (UserError): There is no peer of a name.
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = [peer.name for peer in PEERS]
    if unknown := sorted(set(names) - set(known)):
        raise UserError(f"--only names {', '.join(unknown)}; the peers are {', '.join(known)}.")
    return [peer for peer in PEERS if not names or peer.name in names]


def train_families(peers: List[Peer], data: Data, *, n_seeds: int, n_jobs: int) -> None:
    """Make the models that are not there yet.

    peers (List[Peer]): The peers.
    data (Data): The texts.
    n_seeds (int): Models per peer.
    n_jobs (int): Families that are made at the same time.
    RAISES (UserError): One failed; the others have been made.
    """

    def train(family: str) -> None:
        log = data.training / "peers" / f"{family}.log"
        run_module("benchmarks.peers.train", family, data.corpus, data.training, "--n-seeds", n_seeds, log=log)

    families = list(dict.fromkeys(peer.family for peer in peers))
    with ThreadPoolExecutor(n_jobs) as pool:
        jobs = [pool.submit(train, family) for family in families]
        for job in tqdm(jobs, desc="Training", unit="family", disable=None):
            job.exception()
    for job in jobs:
        job.result()


def write_texts(data: Data, path: Path) -> Path:
    """Write the texts for processes that shall not need spaCy to read them. RETURNS (Path): The file."""
    texts = {"dev": data.texts("dev"), "test": data.texts("test"), "n_words": [len(doc) for doc in data.docs["test"]]}
    with replaced(path) as partial:
        srsly.write_json(partial, texts)
    return path


def measure_model(peer: Peer, model: Path, texts: Path, *, predict: bool) -> Dict[str, Any]:
    """Measure one model in a process of its own.

    peer (Peer): The peer.
    model (Path): Folder of the model.
    texts (Path): What `write_texts` wrote.
    predict (bool): Whether all test texts are to be labelled.
    RETURNS (Dict[str, Any]): What `measure` returns.
    """
    spec, result = model / "spec.json", model / "measured.json"
    wanted = {"load": peer.load, "model": str(model / MODEL), "texts": str(texts)}
    srsly.write_json(spec, {**wanted, "predict": predict})
    run_module("benchmarks.peers.measure", spec, result, hidden=peer.hidden)
    return srsly.read_json(result)


def find_right(peer: Peer, model: Path, data: Data, texts: Path) -> numpy.ndarray:
    """Which of the test texts a model labels as gold does, found out once.

    peer (Peer): The peer.
    model (Path): Folder of the model.
    data (Data): The gold labels.
    texts (Path): What `write_texts` wrote.
    RETURNS (ndarray): Booleans. Shape: (n_texts,).
    """
    path = model / "labels.json"
    # A new model starts with an empty folder, so these labels are its own.
    if not path.is_file():
        with replaced(path) as partial:
            srsly.write_json(partial, measure_model(peer, model, texts, predict=True)["labels"])
    return numpy.array([data.task.labels.index(label) for label in srsly.read_json(path)]) == data.numbers["test"]


def compare_pairs(peers: List[Peer], rights: Dict[str, numpy.ndarray]) -> List[Dict[str, Any]]:
    """Compare each of ours with all others over the same test texts.

    peers (List[Peer]): The peers.
    rights (Dict[str, ndarray]): By peer, of each text the share of its models that are right. Shape: (n_texts,).
    RETURNS (List[Dict[str, Any]]): `ours`, `rival`, and the fields of a Comparison.
    """
    return [
        {"ours": ours.name, "rival": rival.name, **compare_paired(rights[ours.name], rights[rival.name])._asdict()}
        for ours in peers
        if ours.is_ours
        for rival in peers
        if rival != ours
    ]


def measure_round(peers: List[Peer], path: Path, folder: Path, texts: Path) -> Dict[str, Dict[str, Any]]:
    """Measure the first model of every peer, one after another, so that a change of load hits all alike.

    peers (List[Peer]): The peers.
    path (Path): File of the round; it is taken as it is if it holds all of these models.
    folder (Path): Folder of all peers.
    texts (Path): What `write_texts` wrote.
    RETURNS (Dict[str, Dict[str, Any]]): Measurements by peer.
    """
    identities = {peer.name: srsly.read_json(folder / f"{peer.name}-0" / RECORD)["identity"] for peer in peers}
    if not path.is_file() or srsly.read_json(path)["identities"] != identities:
        measured = {
            peer.name: measure_model(peer, folder / f"{peer.name}-0", texts, predict=False)
            for peer in tqdm(peers, desc="Round", unit="peer", leave=False, disable=None)
        }
        with replaced(path) as partial:
            srsly.write_json(partial, {"identities": identities, "measured": measured})
    return srsly.read_json(path)["measured"]


def summarize(
    peer: Peer, models: List[Path], accuracies: List[float], rounds: List[Dict[str, Dict[str, Any]]]
) -> Dict[str, Any]:
    """Collect what is known of a peer.

    peer (Peer): The peer.
    models (List[Path]): Folders of its models.
    accuracies (List[float]): Of each model, on test.
    rounds (List[Dict[str, Dict[str, Any]]]): Measurements by peer, of each round.
    RETURNS (Dict[str, Any]): A row of the report: medians over rounds, and the spread of the speed.
    """
    records = [srsly.read_json(model / RECORD) for model in models]
    rates = [measured[peer.name]["words_per_second"] for measured in rounds]
    medians = {
        name: median(measured[peer.name][name] for measured in rounds)
        for name in ("words_per_second", "p50_ms", "p95_ms", "load_seconds", "peak_rss_mb")
    }
    return {
        "name": peer.name,
        "is_ours": peer.is_ours,
        "is_taught": peer.is_taught,
        "learns_from": peer.learns_from,
        "accuracies": accuracies,
        "accuracy": mean(accuracies),
        "spread": stdev(accuracies) if len(accuracies) > 1 else None,
        **medians,
        "rates": rates,
        "size_mb": size_mb(models[0] / MODEL),
        "settings": records[0]["settings"],
        "train_seconds": [record["seconds"] for record in records],
    }


if __name__ == "__main__":
    run_command(compare)
