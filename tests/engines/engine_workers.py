"""Workers of the engines' tests: in a module that imports nothing heavy, as each process imports it anew."""

import os
import signal
from pathlib import Path
from typing import Any, Callable

from scripts.files import UserError


class Doubler:
    """Doubles numbers. It dies of some of them, by a kill -9 in the middle of its work."""

    def __init__(self, folder: Path, dies_of: int = -1, dies: int = 1) -> None:
        """folder (Path): Where every attempt leaves a trace. dies_of (int): A number. dies (int): How often it dies."""
        self.folder = folder
        self.dies_of = dies_of
        self.dies = dies

    def __call__(self, number: Any) -> bytes:
        if number == "broken":
            raise UserError("line 7 is broken")
        attempt = len(list(self.folder.glob(f"{number}.*")))
        (self.folder / f"{number}.{attempt}").touch()
        if number == self.dies_of and attempt < self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return str(2 * number).encode("ascii")


class DiesOnce:
    """Does the work of another worker, but the first one of a folder dies of it, by a kill -9 in the middle."""

    def __init__(self, make_worker: Callable[[], Callable[[Any], bytes]], folder: Path) -> None:
        """make_worker (Callable[[], Callable[[Any], bytes]]): Makes the other worker. folder (Path): Shared by all."""
        self.worker = make_worker()
        self.mark = folder / "died"

    def __call__(self, payload: Any) -> bytes:
        content = self.worker(payload)
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return content


def start_without_teacher() -> Doubler:
    """A worker that cannot be made."""
    raise UserError("there is no teacher here")
