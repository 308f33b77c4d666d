import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from scripts.engines.shards import (
    STARTED,
    PackedFolder,
    Shard,
    fetch_files,
    list_names,
    prepare_folder,
    run_shards,
    write_bytes,
)
from scripts.engines.workers import Engine, Task, run_tasks
from scripts.files import UserError, hash_path
from tests.engines.engine_workers import Doubler, start_without_teacher

HERE, PROCESSES, RAY = Engine(), Engine(n_workers=2), Engine("ray", n_workers=2)
EXPECTED = {f"task{i}": str(2 * i).encode("ascii") for i in range(12)}


def run(make_worker: Any, engine: Engine, n_tasks: int = 12) -> Tuple[Dict[str, bytes], int]:
    """Results by name, and the most tasks that were taken and not given back at any time."""
    taken = 0

    def list_tasks() -> Iterator[Task]:
        nonlocal taken
        for i in range(n_tasks):
            taken += 1
            yield f"task{i}", i

    results: List[Tuple[str, bytes]] = []
    most = 0
    for result in run_tasks(make_worker, list_tasks(), engine):
        most = max(most, taken - len(results))
        results.append(result)
    assert len(dict(results)) == len(results)
    return dict(results), most


@pytest.mark.parametrize(("engine", "window"), [(HERE, 1), (PROCESSES, 5), (RAY, 3)], ids=["here", "processes", "ray"])
def test_engines_give_the_same_and_take_few_tasks_at_a_time(
    engine: Engine, window: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine is RAY:
        request.getfixturevalue("ray_cluster")
    results, most = run(partial(Doubler, tmp_path), engine)
    assert results == EXPECTED and most <= window
    # Each was done once.
    assert len(list(tmp_path.iterdir())) == len(EXPECTED)


def test_a_worker_of_ray_that_is_killed_loses_and_duplicates_nothing(tmp_path: Path, ray_cluster: Any) -> None:
    (tmp_path / "traces").mkdir()
    shards = [Shard(name, 1, i) for i, name in enumerate(EXPECTED)]
    run_shards(
        partial(Doubler, tmp_path / "traces", dies_of=5),
        shards,
        str(tmp_path / "shards"),
        engine=RAY,
        total=len(shards),
        desc="Doubling",
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == EXPECTED
    assert len(list((tmp_path / "traces").glob("5.*"))) == 2


def test_a_task_that_kills_every_worker_is_given_up(
    tmp_path: Path, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.engines.workers.TASK_RETRIES", 1)
    with pytest.raises(UserError, match=r"died 2 times, or could not start(?s:.*)it goes on where it stopped"):
        run(partial(Doubler, tmp_path, dies_of=1, dies=99), RAY, n_tasks=2)
    assert len(list(tmp_path.glob("1.*"))) == 2


def test_a_worker_that_cannot_start_says_why(ray_cluster: Any) -> None:
    with pytest.raises(UserError, match=r"could not start(?s:.*)there is no teacher here"):
        run(start_without_teacher, RAY, n_tasks=2)


def test_a_killed_process_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"A worker process died(?s:.*)Run the same command again"):
        run(partial(Doubler, tmp_path, dies_of=5), PROCESSES)


@pytest.mark.parametrize("engine", [PROCESSES, RAY], ids=["processes", "ray"])
def test_a_mistake_of_the_user_comes_back_as_it_is(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine is RAY:
        request.getfixturevalue("ray_cluster")
    with pytest.raises(UserError) as raised:
        list(run_tasks(partial(Doubler, tmp_path), [("a", "broken")], engine))
    assert str(raised.value) == "line 7 is broken"


def test_a_cluster_without_room_and_one_that_is_not_there(
    tmp_path: Path, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many as there is room for: two, of one CPU each.
    assert run(partial(Doubler, tmp_path), RAY._replace(n_workers=0))[1] <= 3
    with pytest.raises(UserError, match=r"has 2 CPUs and 0 GPUs; a worker needs 1 and 0.5. Add machines"):
        run(partial(Doubler, tmp_path), RAY._replace(n_workers=0, gpus=0.5))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"needs Ray: pip install -r requirements-ray.txt"):
        run(partial(Doubler, tmp_path), RAY)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server on this machine that answers as S3 does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
    # fsspec keeps the connections that it has made, and those of others went elsewhere.
    S3FileSystem.clear_instance_cache()
    S3FileSystem().mkdir("bucket")
    yield "s3://bucket"
    S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize("kind", ["path", "memory", "s3"])
def test_shards_go_to_any_folder_and_finished_ones_are_skipped(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    roots = {
        "path": lambda: str(tmp_path),
        "memory": lambda: "memory://",
        "s3": lambda: request.getfixturevalue("bucket"),
    }
    folder = f"{roots[kind]()}/run/shards"
    shards = [Shard(name, 1, i) for i, name in enumerate(EXPECTED)]
    assert prepare_folder(folder, {"work": 1}) == set()
    write_bytes(f"{folder}/task3", b"finished before")
    assert prepare_folder(folder, {"work": 1}) == {"task3"}
    (tmp_path / "traces").mkdir()
    make_worker = partial(Doubler, tmp_path / "traces")
    for _ in range(2):
        run_shards(make_worker, shards, folder, engine=HERE, total=12, desc="Doubling")
    assert list_names(folder) == {*EXPECTED, STARTED}
    fetch_files(folder, [tmp_path / "fetched" / name for name in EXPECTED])
    content = {name: (tmp_path / "fetched" / name).read_bytes() for name in EXPECTED}
    assert content == {**EXPECTED, "task3": b"finished before"}
    assert len(list((tmp_path / "traces").iterdir())) == len(EXPECTED) - 1
    # Other work begins anew.
    assert prepare_folder(folder, {"work": 2}) == set()
    assert list_names(folder) == {STARTED}


def test_a_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(str(tmp_path / "file"), b"old")

    def fail(*args: Any) -> None:
        raise OSError("the machine went away")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.mv", fail)
    with pytest.raises(OSError, match="went away"):
        write_bytes(str(tmp_path / "file"), b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_of_other_work_is_emptied(tmp_path: Path) -> None:
    folder = str(tmp_path / "parts")
    assert prepare_folder(folder, {"work": 1}) == set()
    write_bytes(f"{folder}/a", b"")
    assert prepare_folder(folder, {"work": 1}) == {"a"}
    assert prepare_folder(folder, {"work": 2}) == set()
    assert prepare_folder(folder, {"work": 1}) == set()
    # But nobody else's.
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").touch()
    with pytest.raises(UserError, match=r"home holds files of something else. Name a folder that is new"):
        prepare_folder(str(tmp_path / "home"), {"work": 1})
    assert (tmp_path / "home" / "letters").exists()


def test_a_packed_folder_arrives_whole(tmp_path: Path) -> None:
    (tmp_path / "model" / "vocab").mkdir(parents=True)
    (tmp_path / "model" / "meta.json").write_text("{}", encoding="utf8")
    (tmp_path / "model" / "vocab" / "strings").write_bytes(os.urandom(1000))
    folder = PackedFolder.pack(tmp_path / "model").unpack(tmp_path / "copy")
    assert hash_path(folder) == hash_path(tmp_path / "model")
    # Nothing comes of nothing.
    assert not PackedFolder.pack(tmp_path / "none").unpack(tmp_path / "empty").exists()
