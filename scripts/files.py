"""Files that are either whole or absent, hashes of their content, and errors a user can act on."""

import errno
import hashlib
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Optional
from uuid import uuid4

import srsly
import typer

# What a disk, rights and limits do to a program that has no fault itself.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
)
# NumPy tells how much it could not write, and not why.
NUMPY_SHORT = re.compile(r"\d+ requested and \d+ written")


class UserError(ValueError):
    """A mistake in what the user gave: names the file, line or value, what was expected, the next step."""


def run_command(function: Callable[..., Any]) -> None:
    """Run a function as a command line program.

    function (Callable[..., Any]): Its signature becomes the options, its docstring the help.
    """
    with told():
        typer.run(function)


@contextmanager
def told() -> Iterator[None]:
    """End a program with a message and exit code 1, without a traceback, where no fault of its own stops it: at a
    UserError, and where a disk, rights or limits let it not read or write.
    """
    try:
        yield
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else describe_fault(error)
        if message is None:
            raise
        typer.secho(f"✘ {message}", fg="red", err=True)
        raise SystemExit(1) from None


def describe_fault(error: Exception) -> Optional[str]:
    """Say what a disk, rights or limits have done.

    error (Exception): Any error. Libraries in other languages raise no OSError, but their text has the system's reason.
    RETURNS (Optional[str]): What could not be read or written, why, and what to do; None if the error is another one.
    """
    number, name = getattr(error, "errno", None), getattr(error, "filename", None)
    full = os.strerror(errno.ENOSPC)
    is_full = number in NO_ROOM or full in str(error)
    if not is_full and number not in REFUSED:
        return None
    reason = os.strerror(number) if number else full
    if not is_full:
        return f"{name or 'A file'} cannot be read or written: {reason}. Mend that, then run the same command again."
    place = find_existing(Path(name or "."))
    return (
        f"{name or 'A file'} cannot be written: {reason}. {place} has {shutil.disk_usage(place).free / 1e6:,.1f} MB "
        "free. Make room, then run the same command again: what is finished is kept."
    )


def find_existing(path: Path) -> Path:
    """A path itself if it is a folder, else the nearest one above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give an error of a disk the name of the file: the system gives one if a file cannot be opened, none if it cannot
    be written to.

    path (Path): What is being written.
    """
    try:
        yield
    except OSError as error:
        if NUMPY_SHORT.search(str(error)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write a file or folder under a temporary name and move it into place when the block succeeds.

    path (Path): Where the result shall stand. Whatever stood there is replaced.
    YIELDS (Path): A path that does not exist yet, in the same folder. No two writers share one, so that what is moved
        into place is what its writer has written.
    RAISES (UserError): Its folder can be made nowhere there, as in /proc.
    """
    with named(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:
            raise UserError(
                f"The folder {path.parent} cannot be made ({error.strerror}). Name one where you may write."
            ) from error
        remove_partials(path)
        partial = path.with_name(f"{path.name}.{uuid4().hex[:8]}.partial")
        try:
            yield partial
        except OSError:
            # It may be what fills the disk.
            remove(partial)
            raise
        move_into_place(partial, path)


def remove_partials(path: Path) -> None:
    """Delete what writers of a file or folder have left that were killed.

    path (Path): What they were to write.
    """
    left = re.compile(re.escape(path.name) + r"\.[0-9a-f]{8}\.partial")
    for other in path.parent.iterdir():
        if left.fullmatch(other.name):
            remove(other)


def move_into_place(partial: Path, path: Path) -> None:
    """Give a finished file or folder its final name, replacing what had it.

    partial (Path): The finished file or folder.
    path (Path): Its final name, in the same file system.
    """
    if partial.is_dir():
        remove(path)
    os.replace(partial, path)


def remove(path: Path) -> None:
    """Delete a file or folder if it is there.

    path (Path): What to delete.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_record(path: Path, record: Any, text: str) -> None:
    """Write what was measured for programs (.json) and for people (.md).

    path (Path): Where both shall stand, without .json and .md.
    record (Any): What JSON can hold.
    text (str): The same in Markdown.
    """
    with replaced(path.with_name(f"{path.name}.json")) as partial:
        srsly.write_json(partial, record)
    with replaced(path.with_name(f"{path.name}.md")) as partial:
        partial.write_text(text, encoding="utf8")


def size_mb(folder: Path) -> float:
    """The size of a folder's files in megabytes.

    folder (Path): An existing folder.
    RETURNS (float): Megabytes of 10^6 bytes.
    """
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def hash_path(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative file names and contents.

    path (Path): An existing file or folder.
    RETURNS (str): 64 hexadecimal digits.
    """
    content = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                content.update(chunk)
        return content.hexdigest()
    for file_path in sorted(path.rglob("*")):
        if file_path.is_file():
            content.update(file_path.relative_to(path).as_posix().encode("utf8"))
            content.update(hash_path(file_path).encode("ascii"))
    return content.hexdigest()


def digest(value: Any) -> str:
    """A short name for a value that JSON can hold.

    value (Any): The value; the order of its keys does not matter.
    RETURNS (str): The first 16 hexadecimal digits of its SHA-256.
    """
    return hashlib.sha256(srsly.json_dumps(value, sort_keys=True).encode("utf8")).hexdigest()[:16]
