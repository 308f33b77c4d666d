"""Texts that wait on disk until all are there, and then come in random order: memory holds only where each begins."""

import random
from array import array
from pathlib import Path
from tempfile import TemporaryFile
from typing import Iterator

from scripts.data.texts import Text
from scripts.files import named


class TextFile:
    """A temporary file of texts that deletes itself."""

    def __init__(self, folder: Path) -> None:
        """folder (Path): Where the file shall stand; there must be room for all texts."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115
        self._starts = array("Q")

    def __len__(self) -> int:
        """The number of texts."""
        return len(self._starts)

    def append(self, text: Text) -> None:
        """text (Text): What comes behind the others."""
        self._starts.append(self._file.tell())
        with named(self._folder):
            self._file.write(text.to_json().encode("ascii") + b"\n")

    def shuffle(self, rng: random.Random) -> Iterator[Text]:
        """Give all texts in the order in which `rng.shuffle` would put a list of them, and close the file.

        rng (random.Random): The source of chance.
        YIELDS (Text): Each text once.
        """
        rng.shuffle(self._starts)
        with named(self._folder), self._file as file:
            for start in self._starts:
                file.seek(start)
                yield Text.from_json(file.readline().decode("ascii"))
