"""What only one process at a time may use. The system takes a lock from a process that ends, even by a kill -9."""

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from filelock import FileLock, Timeout

from scripts.files import UserError


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Have a folder for this process alone, among those that ask.

    folder (Path): The folder; it is made. Its file .lock is empty, and stays.
    wait (bool): Whether to wait for a process that has it.
    RAISES (UserError): Another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=-1 if wait else 0):
            yield
    except Timeout as error:
        raise UserError(
            f"Another process works in {folder}. Wait until it has finished, or end it; then run the same command "
            "again."
        ) from error
