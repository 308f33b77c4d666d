"""Makes the peers of one family, a model per seed. It runs in a process of its own, on one core."""

from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Dict, List

import srsly
import typer
from wasabi import msg

from benchmarks.peers.catalogue import GOLD, PEERS, TEACHER, Peer
from benchmarks.peers.data import Data, read_data
from scripts.files import digest, hash_path, remove, replaced, run_command
from scripts.provenance import hash_sources

MODEL, RECORD = "model", "record.json"


def train_family(
    family: str = typer.Argument(..., help="Peers of this family are made"),
    corpus: Path = typer.Argument(..., help="Folder of the run's texts"),
    training: Path = typer.Argument(..., help="Folder of the run's models"),
    n_seeds: int = typer.Option(3, help="Seeds 0 to n - 1"),
) -> None:
    """Make the peers of one family, unless they are there."""
    data = read_data(corpus, training)
    peers = [peer for peer in PEERS if peer.family == family]
    # Named by what it follows from, so that nothing of other texts is taken for its own.
    shared = training / "peers" / "shared" / f"{family}-{digest(identify(peers[0], data, 0))}"
    for peer in peers:
        for seed in seeds_of(peer, n_seeds):
            train_peer(peer, data, seed, training / "peers" / f"{peer.name}-{seed}", shared)


def seeds_of(peer: Peer, n_seeds: int) -> List[int]:
    """The seeds of a peer: 0 alone if none of it is random."""
    return list(range(n_seeds if peer.is_random else 1))


def train_peer(peer: Peer, data: Data, seed: int, folder: Path, shared: Path) -> None:
    """Make one model and a record of it, unless that of the same texts and code is there.

    peer (Peer): The peer.
    data (Data): The texts.
    seed (int): The seed.
    folder (Path): Gets the model and the record.
    shared (Path): Folder of the family.
    """
    module, name = peer.train.split(":")
    function: Callable[..., Dict[str, Any]] = getattr(import_module(f"benchmarks.peers.{module}"), name)
    identity = identify(peer, data, seed)
    record = folder / RECORD
    if record.is_file() and srsly.read_json(record)["identity"] == identity:
        return
    remove(folder)
    start = perf_counter()
    with replaced(folder / MODEL) as partial:
        settings = function(data.teach() if peer.is_taught else data, seed, partial, shared)
    with replaced(record) as partial:
        srsly.write_json(partial, {"identity": identity, "settings": settings, "seconds": perf_counter() - start})
    msg.good(f"{peer.name}, seed {seed}: {perf_counter() - start:.0f} s")


def identify(peer: Peer, data: Data, seed: int) -> Dict[str, Any]:
    """All that a model follows from.

    peer (Peer): The peer.
    data (Data): The texts.
    seed (int): The seed.
    RETURNS (Dict[str, Any]): Hashes of texts, code and what comes from the run's teacher.
    """
    paths = [data.corpus / "gold"]
    configs = sorted(Path("configs").glob("student_*.cfg")) if peer.is_ours else []
    if peer.learns_from != GOLD:
        paths.append(data.corpus / "transfer" / "scores.json")
    if peer.learns_from == TEACHER or peer.name == "teacher":
        paths.append(data.training / "teacher" / "model-best")
    if peer.is_ours:
        paths += [*configs, data.training / "lexicon"]
    code = hash_sources(Path(__file__).with_name(f"{peer.train.split(':')[0]}.py"), *configs)
    return {"peer": peer.name, "seed": seed, "hashes": [hash_path(path) for path in paths], "code": code}


if __name__ == "__main__":
    run_command(train_family)
