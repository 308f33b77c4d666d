"""Rows that wait on disk until all are there, and then come in random order: memory holds only where each begins."""

import json
import random
from array import array
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Dict, Iterator


class RowFile:
    """A temporary file of rows that deletes itself."""

    def __init__(self, folder: Path) -> None:
        """folder (Path): Where the file shall stand; there must be room for all rows."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115
        self._starts = array("Q")

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._starts)

    def append(self, row: Dict[str, Any]) -> None:
        """row (Dict[str, Any]): What JSON can hold."""
        self._starts.append(self._file.tell())
        self._file.write(json.dumps(row, ensure_ascii=False).encode("utf8") + b"\n")

    def shuffle(self, rng: random.Random) -> Iterator[Dict[str, Any]]:
        """Give all rows in the order in which `rng.shuffle` would put a list of them, and close the file.

        rng (random.Random): The source of chance.
        YIELDS (Dict[str, Any]): Each row once.
        """
        rng.shuffle(self._starts)
        with self._file as file:
            for start in self._starts:
                file.seek(start)
                yield json.loads(file.readline())
