"""Runs a workflow of project.yml as `spacy project run` does, and says at the end what each step took.

Steps, skipping and messages are Weasel's. A step that is skipped keeps, in times.json, the time of when it ran.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import srsly
import typer
from click import NoSuchOption
from wasabi import msg
from weasel.cli.run import check_rerun, project_run, validate_subcommand
from weasel.util import load_project_config, parse_config_overrides

from scripts.files import UserError, replaced, told
from scripts.variables import check_names, check_run

# A disk with fewer bytes than this is full: steps write files of many MB.
NO_ROOM = 50e6

app = typer.Typer(add_completion=False)


class StepFailed(SystemExit):
    """A step has ended with an error, which it has told.

    step (str): Its name without that of the run, e.g. train-teacher.
    """

    def __init__(self, code: Any, step: str) -> None:
        """code (Any): The exit code. step (str): The step."""
        super().__init__(code)
        self.step = step


class Clock(NamedTuple):
    """Seconds by the clock on the wall, and of CPU that finished child processes and theirs had: 0 on Windows."""

    wall: float
    cpu: float


# Options as those of Weasel's own command: what is not declared here overrides a variable.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    workflow: str = typer.Argument(..., help="E.g. all; then --vars.NAME VALUE"),
    force: bool = typer.Option(False, "--force", "-F", help="Run steps again, even if nothing changed"),
    dry: bool = typer.Option(False, "--dry", "-D", help="Show the commands, and run none"),
) -> None:
    """Run a workflow and say what each of its steps took."""
    # `spacy project run` wants the folder of the project before variables.
    arguments = context.args[1:] if context.args[:1] == ["."] else context.args
    try:
        run_workflow(Path.cwd(), workflow, parse_config_overrides(arguments), force=force, dry=dry)
    except UserError as error:
        msg.fail(str(error), exits=1)
    except NoSuchOption as error:
        msg.fail(
            f"There is no option {error.option_name}. Give --force, --dry, or a variable: --vars.NAME VALUE.", exits=1
        )


def run_workflow(
    project: Path, workflow: str, overrides: Dict[str, Any], *, force: bool = False, dry: bool = False
) -> None:
    """Run the steps of a workflow, print what each took, also if one fails, and keep it in training/RUN/times.json.

    project (Path): Folder of project.yml, which must be the working directory.
    workflow (str): The name of a workflow.
    overrides (Dict[str, Any]): Values of variables by "vars.NAME".
    force (bool): Whether steps run for which nothing changed.
    dry (bool): Whether commands are shown, and none run; then nothing is timed.
    RAISES (UserError): There is no such variable, or the run's name cannot be used.
    RAISES (StepFailed): A step failed.
    """
    # Before Weasel stumbles over them, or passes over them.
    names = {name.removeprefix("vars."): value for name, value in overrides.items()}
    check_names(names, load_project_config(project, interpolate=False)["vars"])
    if "run" in names:
        check_run(str(names["run"]))
    config = load_project_config(project, overrides=overrides)
    commands = {command["name"]: command for command in config["commands"]}
    validate_subcommand([], list(config["workflows"]), workflow)
    if dry:
        project_run(project, workflow, overrides=overrides, force=force, dry=True)
        return
    steps: List[str] = config["workflows"][workflow]
    run_name = config["workflows"]["all"][0].removeprefix("prepare-")
    path = project / "training" / run_name / "times.json"
    times: Dict[str, Dict[str, float]] = srsly.read_json(path) if path.is_file() else {}
    rows = []
    begin = read_clock()
    try:
        for step in steps:
            name, start = step.removesuffix(f"-{run_name}"), read_clock()
            is_run = force or check_rerun(project, commands[step])
            try:
                project_run(project, step, overrides=overrides, force=force)
            except SystemExit as ended:
                if ended.code and (free := shutil.disk_usage(project).free) < NO_ROOM:
                    msg.warn(f"{project} has {free / 1e6:,.1f} MB free. Make room, then run the same command again.")
                raise StepFailed(ended.code, name) from None
            finally:
                taken = since(start)
                rows.append((name, *show(taken)) if is_run else (name, "skipped", ""))
            if is_run:
                times[name] = taken._asdict()
                with replaced(path) as partial:
                    srsly.write_json(partial, times)
    finally:
        msg.divider("Times")
        rows.append(("together", *show(since(begin))))
        msg.table(rows, header=("step", "wall", "CPU"), divider=True, aligns=("l", "r", "r"))


def read_clock() -> Clock:
    """What the time is."""
    now = os.times()
    return Clock(time.perf_counter(), now.children_user + now.children_system)


def since(start: Clock) -> Clock:
    """What has passed, in seconds to a hundredth."""
    return Clock(*(round(after - before, 2) for before, after in zip(start, read_clock())))


def show(taken: Clock) -> List[str]:
    """Seconds as minutes and seconds."""
    return ["{}:{:02}".format(*divmod(round(seconds), 60)) for seconds in taken]


if __name__ == "__main__":
    with told():
        app()
