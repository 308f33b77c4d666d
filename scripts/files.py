"""Files that are either whole or absent, hashes of their content, and errors a user can act on."""

import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import srsly
import typer


class UserError(ValueError):
    """A mistake in what the user gave: names the file, line or value, what was expected, the next step."""


def run_command(function: Callable[..., Any]) -> None:
    """Run a function as a command line program: a UserError ends it with its text and exit code 1.

    function (Callable[..., Any]): Its signature becomes the options, its docstring the help.
    """
    try:
        typer.run(function)
    except UserError as error:
        typer.secho(f"✘ {error}", fg="red", err=True)
        raise SystemExit(1) from None


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Write a file or folder under a temporary name and move it into place when the block succeeds.

    path (Path): Where the result shall stand. Whatever stood there is replaced.
    YIELDS (Path): A path that does not exist yet, in the same folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    remove(partial)
    yield partial
    move_into_place(partial, path)


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
