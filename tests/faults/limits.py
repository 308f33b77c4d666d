"""A disk without room, and folders that may not be written to, as any user can have them."""

import ctypes
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest


@contextmanager
def no_room(n_bytes: int = 0) -> Iterator[None]:
    """Let no file grow beyond a size: the system refuses to write as on a full disk (EFBIG in place of ENOSPC).

    n_bytes (int): The largest size.
    """
    resource = pytest.importorskip("resource", reason="no limits for the size of a file on this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def obey_rights() -> None:
    """Let what this process starts next obey the rights of files, as it does not where root starts it (Linux)."""
    libc, drop_capability, dac_override, dac_read_search = ctypes.CDLL(None), 24, 1, 2
    for capability in (dac_override, dac_read_search):
        libc.prctl(drop_capability, capability, 0, 0, 0)


needs_rights = pytest.mark.skipif(sys.platform != "linux", reason="root obeys the rights of files on Linux only")


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Take the rights to write from a file, or from a folder and all that is in it."""
    paths = [path, *path.rglob("*")]
    modes = {one: one.stat().st_mode for one in paths}
    for one, mode in modes.items():
        one.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for one, mode in modes.items():
            one.chmod(mode)
