from pathlib import Path
from typing import Any, Dict, List

import pytest
from confection import Config
from spacy.util import registry

from scripts.data.task import Task
from scripts.data.texts import Text
from scripts.engines.shards import PackedFolder
from scripts.engines.workers import Engine
from scripts.files import UserError
from scripts.teacher import loading
from scripts.teacher.loading import Choice, PackedTeacher, choose_teacher, load_teacher, read_config
from scripts.teacher.protocol import LoadTeacher
from tests.conftest import LABELS, ROOT

TASK = Task(LABELS)


class WatchedTeacher:
    """Reads a file, makes another, and chooses a size; tells what it was given."""

    mask = "[MASK]"
    transformer = None

    def __init__(self, path: Path, cache: Path, size: int, task: Task, sample: List[Text]) -> None:
        self.task = task
        self.facts = {"tolerance": 0.1}
        self.content = (path / "weights").read_text(encoding="utf8")
        self.made = sorted(found.name for found in cache.glob("*"))
        cache.mkdir(exist_ok=True)
        (cache / "made").touch()
        self.fingerprint: Dict[str, Any] = {"weights": self.content, "size": size or 7}
        self.n_checked = len(sample)

    def logits(self, docs: List[Any]) -> Any:
        raise NotImplementedError


@registry.misc("test.WatchedTeacher.v1")
def create_watched_teacher(path: Path, cache: Path, size: int) -> LoadTeacher:
    return lambda task, sample: WatchedTeacher(Path(path), Path(cache), size, task, sample)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher" / "weights").write_text("heavy", encoding="utf8")
    content = (ROOT / "configs" / "score.cfg").read_text(encoding="utf8")
    content = content.replace("textdistill.Pipeline", "test.Watched").replace('runtime = "auto"', "size = 0")
    (tmp_path / "score.cfg").write_text(content, encoding="utf8")
    return read_config(tmp_path / "score.cfg", teacher=tmp_path / "teacher", cache=tmp_path / "cache")


LATE = """
from spacy.util import registry

@registry.misc("test.LateTeacher.v1")
def create_late_teacher(path, cache, size):
    return lambda task, sample: (path, size)
"""


def test_a_kind_of_teacher_is_a_file_that_its_name_finds(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts" / "late").mkdir(parents=True)
    (tmp_path / "scripts" / "late" / "late_teacher.py").write_text(LATE, encoding="utf8")
    monkeypatch.setattr("scripts.provenance.ROOT", tmp_path)
    monkeypatch.setattr(loading, "ROOT", tmp_path / "scripts")
    monkeypatch.syspath_prepend(tmp_path / "scripts")
    config["teacher"]["@misc"] = "test.LateTeacher.v1"
    assert load_teacher(config, TASK, []) == (str(tmp_path / "teacher"), 0)


def test_here_all_workers_share_one_teacher(config: Config) -> None:
    choice, make_teacher = choose_teacher(config, TASK, [], Engine())
    assert choice == Choice({"weights": "heavy", "size": 7}, {"tolerance": 0.1})
    assert make_teacher() is make_teacher()


def test_a_cluster_is_sent_what_the_first_machine_chose_and_made(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "of this machine").touch()
    sample = [Text("gold", 0, "love")]
    asked: List[Any] = []

    def run_here(make_worker: Any, tasks: Any, engine: Engine) -> Any:
        asked.append(engine)
        worker = make_worker()
        return [(name, worker(payload)) for name, payload in tasks]

    monkeypatch.setattr(loading, "run_tasks", run_here)
    choice, make_teacher = choose_teacher(config, TASK, sample, Engine("ray", 5))
    assert asked == [Engine("ray", 1)]
    assert (choice.fingerprint, choice.facts) == ({"weights": "heavy", "size": 7}, {"tolerance": 0.1})
    (tmp_path / "teacher" / "weights").unlink()
    teacher: Any = make_teacher()
    # Without the files of this machine, with those of the first one.
    assert (teacher.content, teacher.made, teacher.n_checked) == ("heavy", ["made"], 1)
    assert make_teacher.args[0].config["teacher"]["size"] == 7  # type: ignore[attr-defined]


def test_a_machine_that_loads_another_teacher_is_refused(config: Config, tmp_path: Path) -> None:
    packed = PackedTeacher(config, {"teacher": PackedFolder.pack(tmp_path / "teacher")}, on_gpu=False)
    expected = {"weights": "heavy", "size": 7}
    assert loading.load_chosen(packed, TASK, [], expected).fingerprint == expected
    with pytest.raises(UserError, match="One machine loads the teacher as weights heavy, size 8, another as weights"):
        loading.load_chosen(packed, TASK, [], {**expected, "size": 8})


def test_a_wrong_score_cfg_is_an_error(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "score.cfg"
    with pytest.raises(UserError, match=r"none.cfg does not exist"):
        read_config(tmp_path / "none.cfg", teacher=tmp_path)
    content = path.read_text(encoding="utf8")
    path.write_text(content.replace("test.Watched", "test.NoSuch"), encoding="utf8")
    with pytest.raises(UserError, match=r"(?s)section \[teacher\] of score.cfg: .*NoSuch"):
        load_teacher(read_config(path, teacher=tmp_path), TASK, [])
    path.write_text(content.partition("[teacher]")[0], encoding="utf8")
    with pytest.raises(UserError, match=r"score.cfg has no section \[teacher\]"):
        read_config(path, teacher=tmp_path)
    path.write_text("teacher]", encoding="utf8")
    with pytest.raises(UserError, match=r"score.cfg: "):
        read_config(path, teacher=tmp_path)
