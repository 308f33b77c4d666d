"""A run belongs to one workflow: `prepare`, the first step of each, claims it for the process that runs the workflow.

training/RUN/running.json names that process. It counts while the process lives, so that a killed workflow keeps nobody
out. A step that goes on without its killed workflow does: it would write beside the same step of the next one.
"""

import os
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Set

import psutil
import srsly

from scripts.files import UserError, remove, replaced
from scripts.locks import locked

RECORD = "running.json"
# Where project.yml has a folder of each run.
ROOMS = ("corpus", "packages", "training")
# The start of a process is known to a hundredth of a second.
SAME_START = 0.1

# What psutil tells of a process; None where that is another user's.
Process = Dict[str, Any]


def claim_run(training: Path, commands: Set[str]) -> None:
    """Claim a run for the workflow that has started this process, and take away what killed ones have left.

    training (Path): Folder of the run below that of project.yml, e.g. training/en.
    commands (Set[str]): What steps run, e.g. "scripts.conversion", "spacy train".
    RAISES (UserError): Another process works on the run.
    """
    project, run, record = training.absolute().parents[1], training.name, training / RECORD
    me = psutil.Process()
    # What has started this process waits for it.
    mine = {me.pid, *(process.pid for process in me.parents())}
    with locked(training, wait=True):
        claim = srsly.read_json(record) if record.is_file() else {}
        for process in list_processes():
            is_other = is_claimer(process, claim) or is_step(process, project, run, commands)
            if is_other and process["pid"] not in mine:
                since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(process["create_time"]))
                raise UserError(
                    f"Process {process['pid']} works on the run {run!r} since {since}: "
                    f"{' '.join((process['cmdline'] or [])[:5])} …\nWait until it has finished, or end it; then run "
                    "the same command again. If it has nothing to do with this project any more, delete "
                    f"{record}."
                )
        workflow = me.parent() or me
        with replaced(record) as partial:
            srsly.write_json(partial, {"pid": workflow.pid, "create_time": workflow.create_time()})
    for room in ROOMS:
        for left in list((project / room / run).rglob("*.partial")):
            remove(left)


def list_processes() -> Iterator[Process]:
    """YIELDS (Process): Each process of this machine that can still do something."""
    for process in psutil.process_iter(["pid", "create_time", "status", "cmdline", "cwd"]):
        # A killed one is listed until its parent has asked how it ended.
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process.info


def is_claimer(process: Process, claim: Dict[str, Any]) -> bool:
    """Whether a process is the one that has claimed a run.

    process (Process): The process. Numbers of processes are given again, together with a start they are not.
    claim (Dict[str, Any]): The record; empty if there is none.
    """
    return process["pid"] == claim.get("pid") and abs(process["create_time"] - claim["create_time"]) < SAME_START


def is_step(process: Process, project: Path, run: str, commands: Set[str]) -> bool:
    """Whether a process is a step of a run, whoever has started it.

    process (Process): The process.
    project (Path): Folder of project.yml.
    run (str): The name of the run.
    commands (Set[str]): What steps run.
    """
    line, folder = process["cmdline"] or [], process["cwd"]
    if line[1:2] != ["-m"] or commands.isdisjoint({" ".join(line[2:3]), " ".join(line[2:4])}):
        return False
    paths = [Path(argument).parts[:2] for argument in line]
    is_here = bool(folder) and os.path.isdir(folder) and os.path.samefile(folder, project)
    return is_here and not {(room, run) for room in ROOMS}.isdisjoint(paths)
