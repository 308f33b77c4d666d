"""A disk without room, and rights that hold for root too."""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

# What may be spared on a small file system in memory.
SIZE = "3g"


def mounted(folder: Path) -> bool:
    """Mount a small file system in memory.

    folder (Path): An empty folder. Whoever calls this unmounts it.
    RETURNS (bool): Whether it could be mounted.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    return bool(shutil.which("mount")) and not subprocess.run(command, capture_output=True).returncode


@contextmanager
def filled(folder: Path, n_free: int) -> Iterator[None]:
    """Fill a file system but for some bytes.

    folder (Path): Any folder of it.
    n_free (int): Bytes that stay free, to the size of a block.
    """
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(folder).free - n_free))
    try:
        yield
    finally:
        ballast.unlink()


def obey_rights() -> None:
    """Let what this process starts next obey the rights of files, as it does not where root starts it (Linux)."""
    libc, drop_capability, dac_override, dac_read_search = ctypes.CDLL(None), 24, 1, 2
    for capability in (dac_override, dac_read_search):
        libc.prctl(drop_capability, capability, 0, 0, 0)


@contextmanager
def read_only(*paths: Path) -> Iterator[None]:
    """Take the rights to write from files, and from folders and all that is in them.

    *paths (Path): The files and folders.
    """
    modes = {one: one.stat().st_mode for path in paths for one in (path, *path.rglob("*"))}
    for one, mode in modes.items():
        one.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for one, mode in modes.items():
            one.chmod(mode)
