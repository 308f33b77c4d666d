"""A disk without room, as any user can have it."""

import sys
from contextlib import contextmanager
from typing import Iterator

import pytest

needs_rights = pytest.mark.skipif(sys.platform != "linux", reason="root obeys the rights of files on Linux only")


@contextmanager
def no_room(n_bytes: int) -> Iterator[None]:
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
