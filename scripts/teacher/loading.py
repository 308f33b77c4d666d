"""Loads the teacher that score.cfg names, here or on the machines of a cluster, which are all sent the same files."""

import pickle
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from confection import Config
from spacy import util
from spacy.util import registry

from scripts.data.task import Task
from scripts.data.texts import Text
from scripts.engines.shards import PackedFolder
from scripts.engines.workers import Engine, Worker, run_tasks
from scripts.files import UserError
from scripts.gpu import use_gpu
from scripts.provenance import ROOT, find_registered
from scripts.teacher.protocol import Teacher

PATHS, TEACHER = "paths", "teacher"
# The path of what teachers make and keep; all others are paths of what they read.
CACHE = "cache"


class Choice(NamedTuple):
    """What the first machine that loads a teacher finds out, for all others.

    fingerprint (Dict[str, Any]): The teacher's.
    facts (Dict[str, Any]): The teacher's.
    cache (Optional[PackedFolder]): What it has made; None for one that is loaded already.
    """

    fingerprint: Dict[str, Any]
    facts: Dict[str, Any]
    cache: Optional[PackedFolder] = None


class PackedTeacher(NamedTuple):
    """A teacher that any machine can load: score.cfg, and what its paths name.

    config (Config): The config.
    files (Dict[str, PackedFolder]): By the name of the path.
    on_gpu (bool): Whether it shall take the GPU that Ray has set aside.
    """

    config: Config
    files: Dict[str, PackedFolder]
    on_gpu: bool

    def load(self, task: Task, sample: List[Text], folder: Path) -> Teacher:
        """Load the teacher.

        task (Task): The task.
        sample (List[Text]): Texts to check it with.
        folder (Path): Where its files are unpacked; it may go when the teacher is loaded.
        RETURNS (Teacher): The teacher.
        RAISES (UserError): It cannot be loaded.
        """
        if self.on_gpu:
            use_gpu(0)
        paths = {name: str(files.unpack(folder / name)) for name, files in self.files.items()}
        return load_teacher(self.config.merge({PATHS: {CACHE: str(folder / CACHE), **paths}}), task, sample)

    def settle(self, choice: Choice) -> "PackedTeacher":
        """The same teacher as the first machine has loaded it.

        choice (Choice): What it has found out.
        RETURNS (PackedTeacher): With what it has chosen as settings, and what it has made as files.
        """
        chosen = {name: choice.fingerprint[name] for name in self.config[TEACHER] if name in choice.fingerprint}
        made = {CACHE: choice.cache} if choice.cache else {}
        return self._replace(config=self.config.merge({TEACHER: chosen}), files={**self.files, **made})


def read_config(path: Path, *, teacher: Path, cache: Optional[Path] = None) -> Config:
    """Read score.cfg.

    path (Path): The config; its section `teacher` is a registered kind of teacher.
    teacher (Path): Value of `paths.teacher` in it.
    cache (Optional[Path]): Value of `paths.cache` in it.
    RETURNS (Config): The config.
    RAISES (UserError): It is missing or cannot be read.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Name a config such as configs/score.cfg.")
    paths = {f"{PATHS}.teacher": str(teacher), **({f"{PATHS}.{CACHE}": str(cache)} if cache else {})}
    try:
        config = util.load_config(path, paths)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if TEACHER not in config:
        raise UserError(f"{path} has no section [{TEACHER}]. configs/score.cfg shows what it holds.")
    return config


def load_teacher(config: Config, task: Task, sample: List[Text]) -> Teacher:
    """Load a teacher in this process.

    config (Config): score.cfg.
    task (Task): The task.
    sample (List[Text]): Texts to check it with.
    RETURNS (Teacher): The teacher.
    RAISES (UserError): It cannot be loaded.
    """
    # Of all kinds, only this one is imported, and only this one decides on the results.
    if kind := find_registered().get(config[TEACHER].get("@misc")):
        import_module(".".join(kind.relative_to(ROOT).with_suffix("").parts))
    try:
        load = registry.resolve({TEACHER: config.interpolate()[TEACHER]})[TEACHER]
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"The section [{TEACHER}] of score.cfg: {error}") from error
    return load(task, sample)


def choose_teacher(
    config: Config, task: Task, sample: List[Text], engine: Engine
) -> Tuple[Choice, Callable[[], Teacher]]:
    """Load a teacher once, where the workers run, so that all of them do what it has chosen.

    config (Config): score.cfg.
    task (Task): The task.
    sample (List[Text]): Texts to check it with.
    engine (Engine): Where the workers run. On this machine, all of them share one teacher.
    RETURNS (Tuple[Choice, Callable[[], Teacher]]): What was found out, and what gives a worker its teacher.
    RAISES (UserError): It cannot be loaded.
    """
    if engine.name == "local":
        teacher = load_teacher(config, task, sample)
        return Choice(teacher.fingerprint, teacher.facts), lambda: teacher
    read = {name: path for name, path in config[PATHS].items() if path and name != CACHE}
    files = {name: PackedFolder.pack(Path(path)) for name, path in read.items()}
    packed = PackedTeacher(config, files, on_gpu=engine.gpus > 0)
    # On a machine like those of all, and not on this one, which may be another and have no GPU.
    first = partial(make_chooser, packed, task)
    ((_, answer),) = run_tasks(first, [("choose", sample)], engine._replace(n_workers=1))
    choice: Choice = pickle.loads(answer)
    return choice, partial(load_chosen, packed.settle(choice), task, sample, choice.fingerprint)


def make_chooser(packed: PackedTeacher, task: Task) -> Worker:
    """Make the worker that loads a teacher first.

    packed (PackedTeacher): The teacher.
    task (Task): The task.
    RETURNS (Worker): From texts to check it with to a `Choice`, pickled.
    """

    def choose(sample: List[Text]) -> bytes:
        with TemporaryDirectory() as folder:
            teacher = packed.load(task, sample, Path(folder))
            cache = PackedFolder.pack(Path(folder) / CACHE)
        return pickle.dumps(Choice(teacher.fingerprint, teacher.facts, cache))

    return choose


def load_chosen(packed: PackedTeacher, task: Task, sample: List[Text], fingerprint: Dict[str, Any]) -> Teacher:
    """Load a teacher where a worker runs, and refuse one that would score otherwise than the first.

    packed (PackedTeacher): The teacher.
    task (Task): The task.
    sample (List[Text]): Texts to check it with.
    fingerprint (Dict[str, Any]): The first one's.
    RETURNS (Teacher): The teacher.
    RAISES (UserError): It has another fingerprint.
    """
    with TemporaryDirectory() as folder:
        teacher = packed.load(task, sample, Path(folder))
    if teacher.fingerprint != fingerprint:
        raise UserError(
            f"One machine loads the teacher as {describe_fingerprint(fingerprint)}, another as "
            f"{describe_fingerprint(teacher.fingerprint)}: their scores would differ. Use machines of one kind, or "
            'leave them no choice in score.cfg, as runtime = "pipeline" does.'
        )
    return teacher


def describe_fingerprint(fingerprint: Dict[str, Any]) -> str:
    """A fingerprint for messages; hashes are cut off."""
    return ", ".join(f"{name} {str(value)[:12]}" for name, value in fingerprint.items())
