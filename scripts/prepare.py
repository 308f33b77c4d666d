"""The `prepare` step, the first of every workflow: it writes down what each step follows from, and where work runs.

project.yml needs files as dependencies, so each step has one that names its code with hashes: training/RUN/sources/
STEP.json. Which modules and cfgs a step uses is read out of project.yml itself. A file that says the same as before is
left untouched.

It also copies the cfg that says where work runs to training/RUN/engine.cfg. No result follows from that, so no step
depends on it, and command lines name the copy alone: another engine runs no step again. Before all
that, it claims the run for this workflow, and mends project.lock, which a kill may have cut off.
"""

import re
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import srsly
import typer
from wasabi import msg

from scripts.claim import claim_run
from scripts.files import UserError, replaced, run_command
from scripts.lock_file import mend_lock_file
from scripts.provenance import ROOT, find_module, find_sources, hash_files


def prepare(
    output: Path = typer.Argument(..., help="Folder of the run, e.g. training/en"),
    engine: Path = typer.Option(..., help="The cfg that says where work runs, e.g. configs/engine.cfg"),
    config_dir: str = typer.Option(..., help="Folder of the .cfg files"),
    student: str = typer.Option(..., help="Kind of the student"),
) -> None:
    """Write down which code each step follows from, and where work runs."""
    project = srsly.read_yaml(ROOT / "project.yml")
    scripts = " ".join(line for command in project["commands"] for line in command["script"])
    claim_run(output, set(re.findall(r"python -m (spacy \w+|\S+)", scripts)))
    if mend_lock_file(ROOT / "project.lock"):
        msg.warn("project.lock was cut off by a kill or a full disk: a step that it no longer knows runs again.")
    for command in project["commands"]:
        # Others look for changes themselves.
        if not command.get("no_skip"):
            modules, configs = read_step(command, {"config_dir": config_dir, "student": student})
            hashes = hash_files(find_sources(modules, configs))
            path, text = output / "sources" / f"{name_step(command)}.json", srsly.json_dumps(hashes, indent=2) + "\n"
            if not says(path, text):
                write_text(path, text)
    put_engine(engine, output / "engine.cfg")


def put_engine(engine: Path, target: Path) -> None:
    """Copy the cfg that says where work runs to where the steps look for it, unless it is there already.

    engine (Path): The user's choice.
    target (Path): Its place.
    RAISES (UserError): There is no such file, or it cannot be read.
    """
    if not engine.is_file():
        raise UserError(f"{engine} does not exist. Give --vars.engine a cfg such as configs/engine.cfg.")
    text = engine.read_text(encoding="utf8")
    if not says(target, text):
        # A broken one shall not be found after the teacher's training. Imported late: it takes seconds, mostly for
        # nothing.
        from scripts.engines.config import read_engine

        read_engine(engine)
        write_text(target, text)


def name_step(command: Dict[str, Any]) -> str:
    """The name of a command without that of the run.

    command (Dict[str, Any]): A command of project.yml, as it is written there.
    RETURNS (str): E.g. train-teacher.
    """
    return str(command["name"]).removesuffix("-${vars.run}")


def read_step(command: Dict[str, Any], variables: Dict[str, str]) -> Tuple[Set[Path], List[Path]]:
    """Read which modules a command runs, and which cfgs it depends on.

    command (Dict[str, Any]): A command of project.yml, as it is written there.
    variables (Dict[str, str]): Values of the variables in the paths of its cfgs.
    RETURNS (Tuple[Set[Path], List[Path]]): The modules' files, and those of the cfgs that exist: of others, Weasel says
        that they are missing.
    RAISES (UserError): The path of a cfg has another variable.
    """
    names = re.findall(r"python -m (scripts\.[\w.]+)", " ".join(command["script"]))
    modules = {path for name in names for path in (*find_module(name), *find_module(f"{name}.__main__"))}
    configs = [dep for dep in command["deps"] if dep.endswith(".cfg")]
    for name, value in variables.items():
        configs = [config.replace(f"${{vars.{name}}}", value) for config in configs]
    for config in configs:
        if "$" in config:
            raise UserError(f"project.yml, {command['name']}: {config} has a variable that `prepare` does not get.")
    return modules, [Path(config) for config in configs if Path(config).is_file()]


def says(path: Path, text: str) -> bool:
    """Whether a file holds this text already, and is to stay untouched."""
    return path.is_file() and path.read_text(encoding="utf8") == text


def write_text(path: Path, text: str) -> None:
    """Write a text file that is whole or absent."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf8")


if __name__ == "__main__":
    run_command(prepare)
