"""Results of tasks as files that are whole or absent, in any folder that fsspec knows; finished ones are skipped."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, NamedTuple, Set
from uuid import uuid4

import fsspec
from tqdm import tqdm

from scripts.engines.workers import Engine, Task, Worker, run_tasks
from scripts.files import UserError, named

# What the files of a folder follow from.
STARTED = "started.json"


class Shard(NamedTuple):
    """A piece of work whose result is one file: its name, how much work it is, and what the worker is given."""

    name: str
    size: int
    payload: Any


def run_shards(
    make_worker: Callable[[], Worker],
    shards: Iterable[Shard],
    folder: str,
    *,
    engine: Engine,
    total: int,
    desc: str,
    unit: str = "text",
) -> None:
    """Write the result of each shard; those whose files are there are skipped.

    make_worker (Callable[[], Worker]): Makes a worker: a function from a payload to the content of a file.
    shards (Iterable[Shard]): Read once, a few at a time.
    folder (str): Folder of the files: a path or a URL that fsspec knows, such as s3://bucket/run.
    engine (Engine): Where the workers run.
    total (int): Sum of the sizes, for the progress bar.
    desc (str): What the bar says.
    unit (str): What the sizes count.
    """
    files, root = fsspec.url_to_fs(folder)
    files.makedirs(root, exist_ok=True)
    finished = list_names(folder)
    sizes = {}
    with tqdm(total=total, desc=desc, unit=unit, smoothing=0.05, disable=None) as bar:

        def list_tasks() -> Iterator[Task]:
            for shard in shards:
                if shard.name in finished:
                    # Skipped shards take no time: leave them out of rate and ETA.
                    bar.total = (bar.total or total) - shard.size
                    bar.refresh()
                    continue
                sizes[shard.name] = shard.size
                yield shard.name, shard.payload

        for name, content in run_tasks(make_worker, list_tasks(), engine):
            write_bytes(f"{folder}/{name}", content)
            bar.update(sizes.pop(name))


def prepare_folder(folder: str, identity: Dict[str, Any], *, suffix: str = "") -> Set[str]:
    """Keep the files of an interrupted run of the same work; delete those of any other.

    folder (str): A path or URL.
    identity (Dict[str, Any]): All that a file's content follows from; it can be written as JSON.
    suffix (str): How their names end, where the folder holds other files, too, which are left alone.
    RETURNS (Set[str]): The files that are kept.
    RAISES (UserError): The folder holds files of something else.
    """
    files, root = fsspec.url_to_fs(folder)
    content = json.dumps(identity, sort_keys=True, indent=2).encode("utf8")
    is_started = files.isfile(f"{root}/{STARTED}")
    found = list_names(folder)
    # What writers have left that were killed.
    left = {name for name in found if name.endswith(".partial")}
    # A dot: who works here.
    names = {name for name in found - left if name != STARTED and name[0] != "." and name.endswith(suffix)}
    for name in left if is_started else ():
        files.rm(f"{root}/{name}", recursive=True)
    if is_started and files.cat_file(f"{root}/{STARTED}") == content:
        return names
    if names and not is_started:
        raise UserError(
            f"{folder} holds files of something else. Name a folder that is new or was used for this before."
        )
    for name in names:
        files.rm(f"{root}/{name}", recursive=True)
    files.makedirs(root, exist_ok=True)
    write_bytes(f"{folder}/{STARTED}", content)
    return set()


def remove_folder(folder: str) -> None:
    """Delete a folder if it is there.

    folder (str): A path or URL.
    """
    files, root = fsspec.url_to_fs(folder)
    if files.isdir(root):
        files.rm(root, recursive=True)


def list_names(folder: str) -> Set[str]:
    """The names of the files of a folder.

    folder (str): A path or URL.
    RETURNS (Set[str]): Names without the folder; empty if there is no folder.
    """
    files, root = fsspec.url_to_fs(folder)
    if not files.isdir(root):
        return set()
    files.invalidate_cache(root)
    return {path.rstrip("/").rpartition("/")[2] for path in files.ls(root, detail=False)}


def write_bytes(path: str, content: bytes) -> None:
    """Write a file that is whole or absent.

    path (str): A path or URL.
    content (bytes): All of it.
    """
    files, target = fsspec.url_to_fs(path)
    # A name of its own, so that two writers of one file do not mix: the last one wins, and both wrote the same.
    partial = f"{target}.{uuid4().hex}.partial"
    with named(Path(path)):
        try:
            files.makedirs(files._parent(target), exist_ok=True)
            files.pipe_file(partial, content)
            files.mv(partial, target)
        except OSError:
            # It may be what fills the disk.
            if files.exists(partial):
                files.rm(partial)
            raise


def fetch_files(folder: str, paths: Iterable[Path]) -> None:
    """Copy files of a folder to this machine.

    folder (str): A path or URL.
    paths (Iterable[Path]): Where they shall stand; each has its name there.
    """
    for path in paths:
        write_bytes(str(path), read_bytes(f"{folder}/{path.name}"))


def read_bytes(path: str) -> bytes:
    """Read a file.

    path (str): A path or URL.
    RETURNS (bytes): All of it.
    """
    files, source = fsspec.url_to_fs(path)
    return files.cat_file(source)


class PackedFolder(NamedTuple):
    """A folder as bytes, to send a model to machines that do not have it."""

    content: bytes

    @classmethod
    def pack(cls, folder: Path) -> "PackedFolder":
        """Read a folder.

        folder (Path): A folder; a missing one counts as empty.
        RETURNS (PackedFolder): Its files; weights hardly compress, so they are stored as they are.
        """
        buffer = io.BytesIO()
        # A clock that was set back gives files of before 1980, which the format cannot say.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        return cls(buffer.getvalue())

    def unpack(self, folder: Path) -> Path:
        """Write the folder where it is needed.

        folder (Path): Where to.
        RETURNS (Path): The same.
        """
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            archive.extractall(folder)
        return folder
