"""The `prepare` step, the first of every workflow: it checks the variables, and writes down what each step follows
from, and where work runs.

project.yml needs files as dependencies, so each step has one that names its code with hashes: training/RUN/sources/
STEP.json. Which modules and cfgs a step uses is read out of project.yml itself. A file that says the same as before is
left untouched.

It also copies the cfg that says where work runs to training/RUN/engine.cfg. No result follows from that, so no step
depends on it, and command lines name the copy alone: another engine runs no step again.

Before that, it claims the run for this workflow, mends project.lock, which a kill may have cut off, and checks
variables that only a late step reads. Nothing that is written follows from those.
"""

import re
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import psutil
import srsly
import typer
from wasabi import msg

from scripts.claim import claim_run
from scripts.files import UserError, replaced, run_command
from scripts.lock_file import mend_lock_file
from scripts.packaging.names import check_package
from scripts.provenance import ROOT, find_module, find_sources, hash_files
from scripts.segmenters import find_segmenter
from scripts.variables import check_language, check_names, check_run, check_selection, check_tagger, read_names


def prepare(
    output: Path = typer.Argument(..., help="Folder of the run, e.g. training/en"),
    run: str = typer.Option(..., help="Name of the run"),
    engine: Path = typer.Option(..., help="The cfg that says where work runs, e.g. configs/engine.cfg"),
    config_dir: str = typer.Option(..., help="Folder of the .cfg files"),
    student: str = typer.Option(..., help="Kind of the student"),
    lang: str = typer.Option(..., help="Language code"),
    segmenter: str = typer.Option(..., help="How texts are cut into words"),
    tagger: str = typer.Option(..., help="Pipeline that tags parts of speech; may be empty"),
    select: str = typer.Option(..., help="Which unlabelled texts are taken"),
    name: str = typer.Option(..., help="Name of the package, without the language"),
    package_version: str = typer.Option(..., "--version", help="Version of the package"),
    gpu_id: int = typer.Option(..., help="GPU to use, -1 for the CPU"),
    # Of these, the type is all that is checked.
    seed: int = typer.Option(..., help="Seed of the run"),
    max_loss: float = typer.Option(..., help="Points of accuracy that the compressed student may lose"),
    min_agreement: float = typer.Option(..., help="Share of texts on which it must agree", min=0, max=1),
    cascade_loss: float = typer.Option(..., help="Points of accuracy that the cascade may lose against the teacher"),
    cascade_words: float = typer.Option(..., help="Share of words that the teacher may read for it", min=0, max=1),
) -> None:
    """Check the variables, and write down which code each step follows from, and where work runs."""
    check_run(run)
    check_language(lang)
    find_segmenter(lang, segmenter)
    check_tagger(tagger)
    check_selection(select)
    check_package(lang, name, package_version)
    check_gpu(gpu_id)
    project = srsly.read_yaml(ROOT / "project.yml")
    check_names(read_names(read_command_line()), project["vars"])
    # Others look for changes themselves.
    steps = {name_step(command): command for command in project["commands"] if not command.get("no_skip")}
    variables = {"config_dir": config_dir, "student": student}
    sources = {step: read_step(command, variables) for step, command in steps.items()}
    if not engine.is_file():
        raise UserError(f"{engine} does not exist. Give --vars.engine a cfg such as configs/engine.cfg.")
    scripts = " ".join(line for command in project["commands"] for line in command["script"])
    claim_run(output, set(re.findall(r"python -m (spacy \w+|\S+)", scripts)))
    if mend_lock_file(ROOT / "project.lock"):
        msg.warn("project.lock was cut off by a kill or a full disk: a step that it no longer knows runs again.")
    put_engine(engine, output / "engine.cfg")
    for step, (modules, configs) in sources.items():
        path = output / "sources" / f"{step}.json"
        text = srsly.json_dumps(hash_files(find_sources(modules, configs)), indent=2) + "\n"
        if not says(path, text):
            write_text(path, text)


def check_gpu(gpu_id: int) -> None:
    """Refuse a GPU that cannot be used.

    gpu_id (int): The GPU; -1 is none.
    RAISES (UserError): It cannot be used.
    """
    if gpu_id >= 0:
        # Imported late: it takes seconds.
        from scripts.gpu import use_gpu

        use_gpu(gpu_id)


def read_command_line() -> List[str]:
    """The arguments of the process that runs the workflow, and with it this step.

    RETURNS (List[str]): None where another user's process does not tell.
    """
    try:
        parent = psutil.Process().parent()
        return parent.cmdline() if parent else []
    except psutil.Error:
        return []


def put_engine(engine: Path, target: Path) -> None:
    """Copy the cfg that says where work runs to where the steps look for it, unless it is there already.

    engine (Path): The user's choice.
    target (Path): Its place.
    RAISES (UserError): It cannot be read.
    """
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
    RETURNS (Tuple[Set[Path], List[Path]]): The modules' files, and those of the cfgs.
    RAISES (UserError): A file of the folder of cfgs is missing, or its path has another variable.
    """
    names = re.findall(r"python -m (scripts\.[\w.]+)", " ".join(command["script"]))
    modules = {path for name in names for path in (*find_module(name), *find_module(f"{name}.__main__"))}
    files = [dep for dep in command["deps"] if dep.startswith("${vars.config_dir}/")]
    for name, value in variables.items():
        files = [file.replace(f"${{vars.{name}}}", value) for file in files]
    for file in files:
        if "$" in file:
            raise UserError(f"project.yml, {command['name']}: {file} has a variable that `prepare` does not get.")
        if not Path(file).is_file():
            there = ", ".join(sorted(path.name for path in Path(file).parent.glob("*"))) or "nothing"
            raise UserError(
                f"{file} does not exist; there is {there}. Check --vars.config_dir and --vars.student, which are "
                f"{variables['config_dir']!r} and {variables['student']!r}."
            )
    return modules, [Path(file) for file in files if file.endswith(".cfg")]


def says(path: Path, text: str) -> bool:
    """Whether a file holds this text already, and is to stay untouched."""
    return path.is_file() and path.read_text(encoding="utf8") == text


def write_text(path: Path, text: str) -> None:
    """Write a text file that is whole or absent."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf8")


if __name__ == "__main__":
    run_command(prepare)
