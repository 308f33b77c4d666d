"""One at a time: a run belongs to one workflow, and to one of its steps, until that ends, even by a kill -9.

A lock is held by the process itself, so that none is left behind. The file of a lock is empty; beside it stands who
holds it, for messages.
"""

import os
import socket
import sys
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

import srsly
from filelock import FileLock, Timeout
from wasabi import msg

from scripts.files import UserError, run_command

# In the project's folder, and in none that is hashed or deleted.
FOLDER = Path(".locks")
# Where project.yml has a folder of each run.
ROOMS = ("corpus", "packages", "training")


@contextmanager
def locked(path: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock.

    path (Path): Its file.
    what (str): What it guards, for messages.
    wait (bool): Whether to wait for a process that holds it.
    RAISES (UserError): Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(path), path.with_name(f"{path.name}.json")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        if not wait:
            raise UserError(
                f"{what} is in use by {describe_holder(holder)}. Wait until it has finished, or end it; then run the "
                "same command again."
            ) from error
        msg.info(f"Waiting for {describe_holder(holder)}, which uses {what}")
        lock.acquire()
    try:
        since = datetime.now().isoformat(" ", "seconds")
        process = {"pid": os.getpid(), "host": socket.gethostname(), "command": sys.argv, "since": since}
        srsly.write_json(holder, process)
        yield
    finally:
        lock.release()


def describe_holder(path: Path) -> str:
    """Name the process that holds a lock.

    path (Path): What it wrote beside the lock; it may just be writing it.
    RETURNS (str): Number, machine, command and start of the process, as far as they are known.
    """
    try:
        holder = srsly.read_json(path)
        return (
            f"process {holder['pid']} on {holder['host']} ({' '.join(holder['command'][:3])}, since {holder['since']})"
        )
    except (OSError, ValueError, KeyError):
        return "another process"


@contextmanager
def hold_run(arguments: Sequence[str]) -> Iterator[None]:
    """Hold the run that a step works on. A second workflow is refused by its first step.

    arguments (Sequence[str]): Those of the step.
    RAISES (UserError): Another process works on it.
    """
    run = find_run(arguments)
    if run is None:
        yield
    else:
        with locked(FOLDER / f"{run}.step", f"The run {run!r}"):
            yield


def find_run(arguments: Sequence[str]) -> Optional[str]:
    """Find the run that a step works on.

    arguments (Sequence[str]): Those of the step, as project.yml has them: the run's name follows corpus, packages or
        training.
    RETURNS (Optional[str]): Its name; None for a command line with other folders, which is no step of a run.
    """
    parts = (Path(argument).parts for argument in arguments)
    return next((path[1] for path in parts if len(path) > 1 and path[0] in ROOMS), None)


def run_step(function: Callable[..., Any]) -> None:
    """Run a function as a step of project.yml: as a command line program, and alone on its run.

    function (Callable[..., Any]): Its signature becomes the options, its docstring the help.
    """

    @wraps(function)
    def run_alone(*args: Any, **kwargs: Any) -> Any:
        with hold_run(sys.argv[1:]):
            return function(*args, **kwargs)

    run_command(run_alone)
