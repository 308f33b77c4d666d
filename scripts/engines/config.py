"""Where work runs, as a cfg says it: configs/engine.cfg for this machine, configs/ray.cfg for a cluster.

No result depends on it, so no command line names more of it than the path of the cfg.
"""

from pathlib import Path
from typing import Optional

from spacy import util
from spacy.util import registry

from scripts.engines.workers import Engine
from scripts.files import UserError

SECTION = "engine"


@registry.misc("textdistill.LocalEngine.v1")
def make_local_engine(n_workers: int, storage: str) -> Engine:
    """Work on this machine.

    n_workers (int): Processes, at least 1. The teacher scores in one, which takes all cores or the GPU.
    storage (str): Folder or URL of unfinished work; empty: beside what it becomes.
    RETURNS (Engine): The engine.
    RAISES (ValueError): No process is left to work.
    """
    if n_workers < 1:
        raise ValueError(f"n_workers must be at least 1 on this machine, got {n_workers}")
    return Engine("local", n_workers, storage=storage)


@registry.misc("textdistill.RayEngine.v1")
def make_ray_engine(address: str, n_workers: int, cpus: float, gpus: float, storage: str) -> Engine:
    """Work on a Ray cluster.

    address (str): Address of the cluster, e.g. ray://head:10001; empty: RAY_ADDRESS, or a cluster of this machine.
    n_workers (int): Actors; 0 is as many as the cluster has room for at the start.
    cpus (float): CPUs of each actor.
    gpus (float): GPUs of each actor; a share such as 0.5 puts two on one.
    storage (str): Folder or URL of unfinished work; empty: beside what it becomes.
    RETURNS (Engine): The engine.
    RAISES (ValueError): A number is below 0, or an actor would need nothing at all.
    """
    if min(n_workers, cpus, gpus) < 0 or not (cpus or gpus):
        raise ValueError(
            f"n_workers, cpus and gpus must be at least 0, and cpus or gpus above it, got {n_workers}, {cpus:g}, "
            f"{gpus:g}"
        )
    return Engine("ray", n_workers, address, gpus, cpus, storage)


def read_engine(path: Optional[Path]) -> Engine:
    """Resolve a cfg that says where work runs.

    path (Optional[Path]): The cfg; its section `engine` is a registered engine. None is one process of this machine.
    RETURNS (Engine): The engine.
    RAISES (UserError): The cfg is missing or cannot be resolved.
    """
    if path is None:
        return Engine()
    if not path.is_file():
        raise UserError(f"{path} does not exist. Name a cfg such as configs/engine.cfg or configs/ray.cfg.")
    try:
        engine = registry.resolve(util.load_config(path)).get(SECTION)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    # The registry hands on a plain tuple where a function returned a named one.
    if not isinstance(engine, tuple):
        raise UserError(f"{path}: no engine in a section [{SECTION}]. configs/engine.cfg and configs/ray.cfg have one.")
    return Engine(*engine)
