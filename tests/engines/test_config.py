from pathlib import Path
from typing import Optional

import pytest

from scripts.engines.config import read_engine
from scripts.engines.workers import Engine
from scripts.files import UserError
from tests.conftest import ROOT


def write_config(path: Path, name: str, *lines: str) -> Path:
    """A cfg of an engine."""
    path.write_text("\n".join(["[engine]", f'@misc = "textdistill.{name}"', *lines]), encoding="utf8")
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [(None, Engine()), ("engine.cfg", Engine("local", 1)), ("ray.cfg", Engine("ray", 0, "", gpus=0, cpus=1))],
)
def test_the_engines_of_the_project(name: Optional[str], expected: Engine) -> None:
    assert read_engine(ROOT / "configs" / name if name else None) == expected


def test_all_that_a_cluster_needs_to_know(tmp_path: Path) -> None:
    lines = ['address = "ray://head:10001"', "n_workers = 8", "cpus = 2", "gpus = 0.5", 'storage = "s3://bucket/parts"']
    engine = read_engine(write_config(tmp_path / "ours.cfg", "RayEngine.v1", *lines))
    assert engine == Engine("ray", 8, "ray://head:10001", gpus=0.5, cpus=2, storage="s3://bucket/parts")


LOCAL, RAY = "LocalEngine.v1", "RayEngine.v1"
NOWHERE = 'storage = ""'


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        (LOCAL, ["n_workers = two", NOWHERE], r"ours.cfg: (?s:.*)n_workers.*'two' is not"),
        (LOCAL, ["n_workers = 0", NOWHERE], r"ours.cfg: n_workers must be at least 1 on this machine, got 0"),
        (LOCAL, ["n_workers = 1"], r"ours.cfg: (?s:.*)storage\s+missing"),
        (LOCAL, ["n_workers = 1", NOWHERE, "gpus = 1"], r"ours.cfg: (?s:.*)unexpected argument: 'gpus'"),
        (RAY, ['address = ""', "n_workers = 1", "cpus = 0", "gpus = 0", NOWHERE], r"ours.cfg: .*got 1, 0, 0"),
        (RAY, ['address = ""', "n_workers = -1", "cpus = 1", "gpus = 0", NOWHERE], r"ours.cfg: .*got -1, 1, 0"),
        ("SparkEngine.v1", [], r"ours.cfg: .*SparkEngine"),
    ],
)
def test_a_broken_cfg_is_an_error_that_names_file_and_value(
    name: str, lines: "list[str]", message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        read_engine(write_config(tmp_path / "ours.cfg", name, *lines))


def test_a_cfg_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.cfg does not exist. Name a cfg such as configs/engine.cfg"):
        read_engine(tmp_path / "none.cfg")
    path = tmp_path / "other.cfg"
    path.write_text("[training]\nseed = 1\n", encoding="utf8")
    with pytest.raises(UserError, match=r"other.cfg: no engine in a section \[engine\]"):
        read_engine(path)


def test_runs_that_share_a_storage_do_not_meet(tmp_path: Path) -> None:
    corpora = [Path("corpus") / run / "transfer" for run in ("en", "de")]
    assert [Engine().place(path) for path in corpora] == [str(path) for path in corpora]
    shared = Engine(storage="s3://bucket/parts")
    assert [shared.place(path) for path in corpora] == [
        "s3://bucket/parts/corpus/en/transfer",
        "s3://bucket/parts/corpus/de/transfer",
    ]
    assert shared.place(tmp_path) == f"s3://bucket/parts/{tmp_path.relative_to(tmp_path.anchor).as_posix()}"
