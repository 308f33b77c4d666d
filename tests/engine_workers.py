"""Workers of the engines' tests: in a module that imports nothing heavy, as each process imports it anew."""

import os
import signal
from pathlib import Path
from typing import Any

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
