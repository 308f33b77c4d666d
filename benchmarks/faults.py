"""What survives: a whole run with configs/test that is killed, finds no room, is started twice, may not write, and
whose clock is set.

    python -m benchmarks.faults

After each fault the same command is run again. Its results must be those of a run that nothing has disturbed. A full
disk needs root, as it is a small file system in memory.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, List, NamedTuple

import srsly
import typer
from wasabi import msg

from benchmarks.limits import filled, mounted, obey_rights, read_only
from benchmarks.same_results import EQUAL, FILES, SAME_MODEL, compare_files
from benchmarks.small_project import CONFIGS, ROOT, copy_project, start
from benchmarks.tables.faults import faults as make_table
from benchmarks.tables.table import write_and_show
from scripts.files import UserError, remove, run_command
from scripts.machine import describe_machine
from scripts.process import ONE_CORE

# Those of `all` but for `prepare`.
STEPS = [name.removesuffix("-${vars.run}") for name in srsly.read_yaml(ROOT / "project.yml")["workflows"]["all"]][1:]
# What a step writes beside its declared outputs; without it, it writes all anew.
WORK = {"score": ["corpus/en/transfer/*.spacy", "corpus/en/transfer/started.json", "training/en/onnx"]}
TEACHER = ["training/en/teacher", "training/en/teacher.partial"]
# What must not be there after a run.
LEFT = ("corpus/**/*.partial", "training/**/*.partial", "packages/en/tmp*", "assets/**/*.partial")
WHEEL = "packages/{run}/**/*.whl"


class Outcome(NamedTuple):
    """What happened: where, at which fault, what was seen, and whether it is right."""

    step: str
    fault: str
    seen: str
    is_right: bool


def measure(
    output: Path = typer.Option(Path("benchmarks/results/faults.json"), help="The record"),
    seed: int = typer.Option(0, help="Seed of the moments of the kills"),
    only: str = typer.Option("", help="Kinds of faults, e.g. kills,disk,twice,rights,clock; empty: all"),
) -> None:
    """Disturb small runs in every way, and see whether the same command brings the same result afterwards."""
    os.environ.update(ONE_CORE, PYTHONUNBUFFERED="1")
    with TemporaryDirectory() as temporary:
        calm = copy_project(make(Path(temporary) / "calm"))
        if start(calm, "all", stdout=subprocess.DEVNULL).wait():
            raise UserError("The run that nothing disturbs failed. See `python -m scripts.run all`.")
        outcomes: List[Outcome] = []
        for name, kind in KINDS.items():
            if name in (only or name).split(","):
                for outcome in kind(calm, Path(temporary), Random(seed)):
                    msg.text(f"{'✔' if outcome.is_right else '✘'} {': '.join(outcome[:3])}")
                    outcomes.append(outcome)
    record = {"outcomes": [outcome._asdict() for outcome in outcomes], "machine": describe_machine(-1)}
    write_and_show(output, record, *make_table(record))
    if not all(outcome.is_right for outcome in outcomes):
        raise UserError("Some faults did harm: see above.")


def make(folder: Path) -> Path:
    """Make a folder."""
    folder.mkdir()
    return folder


def compare(calm: Path, project: Path) -> str:
    """Say in what a project differs from one that nothing has disturbed.

    calm, project (Path): The projects, after `all`.
    RETURNS (str): Names of files; empty if there is nothing.
    """
    names = {path.relative_to(calm) for name in (*FILES, WHEEL) for path in calm.glob(name.format(run="en"))}
    results = {str(name): compare_files(calm / name, project / name) for name in sorted(names)}
    left = [str(path.relative_to(project)) for name in LEFT for path in project.glob(name)]
    return ", ".join([name for name, result in results.items() if not is_equal(result)] + left)


def is_equal(result: str) -> bool:
    """Whether files are equal, but for times and what else each run gives anew."""
    return result in (EQUAL, SAME_MODEL) or result.startswith("equal but for")


def judge(calm: Path, project: Path) -> Dict[str, Any]:
    """The result after a fault, for an Outcome.

    calm, project (Path): The projects, after `all`.
    RETURNS (Dict[str, Any]): What is seen, and whether it is right.
    """
    differing = compare(calm, project)
    return {"seen": f"other results: {differing}" if differing else "the same results", "is_right": not differing}


def run_step(project: Path, step: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a step alone, whatever has changed."""
    command = [sys.executable, "-m", "spacy", "project", "run", f"{step}-en", ".", "--force"]
    command += ["--vars.config_dir", CONFIGS]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, **options)


def wait_for_step(process: "subprocess.Popen[str]", log: Path, step: str) -> None:
    """Wait until a workflow has come to a step.

    process (Popen): The workflow.
    log (Path): What it prints.
    step (str): The step.
    RAISES (UserError): It has ended before that.
    """
    while f" {step}-en " not in (text := log.read_text(encoding="utf8")):
        if process.poll() is not None:
            raise UserError(f"{step} was not reached: {text[-2000:]}")
        time.sleep(0.02)


def kill(calm: Path, folder: Path, rng: Random) -> Iterator[Outcome]:
    """Kill a run in each of its steps at a random moment."""
    project, log = copy_project(make(folder / "killed")), folder / "killed.log"
    times = srsly.read_json(calm / "training" / "en" / "times.json")
    for step in STEPS:
        with log.open("w", encoding="utf8") as file:
            process = start(project, "all", stdout=file, start_new_session=True)
            wait_for_step(process, log, step)
            usual = times[step]["wall"]
            moment = rng.uniform(0, usual)
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # A busy machine may be in the next one by then.
        step = re.findall(r"= (\S+)-en =", log.read_text(encoding="utf8"))[-1]
        yield Outcome(step, f"kill -9 after {moment:.1f} s of {usual:.1f}", "goes on", True)
    code = start(project, "all", stdout=subprocess.DEVNULL).wait()
    yield Outcome("all", "the same command after these", **(failed(code) if code else judge(calm, project)))


def fill_disk(calm: Path, folder: Path, rng: Random) -> Iterator[Outcome]:
    """Let steps find room for half of what they write."""
    config = {command["name"]: command for command in srsly.read_yaml(calm / "project.yml")["commands"]}
    place = make(folder / "disk")
    if not mounted(place):
        msg.warn("A small file system can only be mounted by root: no full disk.")
        return
    try:
        project = place / "project"
        shutil.copytree(calm, project, symlinks=True)
        temporary = make(place / "tmp")
        environment = {**os.environ, "TMPDIR": str(temporary)}
        for step in STEPS[1:]:
            outputs = config[f"{step}-${{vars.run}}"]
            names = [name.replace("${vars.run}", "en") for name in outputs["outputs"]] + WORK.get(step, [])
            names += {"package": ["packages/en"], "train-teacher": TEACHER}.get(step, [])
            names = [name.replace("${vars.student}", "ensemble") for name in names]
            paths = [path for name in names for path in project.glob(name)]
            size = sum(file.stat().st_size for path in paths for file in (path, *path.rglob("*")) if file.is_file())
            for path in paths:
                remove(path)
            with filled(place, size // 2):
                done = run_step(project, step, env=environment)
            text = done.stdout + done.stderr
            told = "cannot be written" in text or "No space left" in text
            files = [file for name in names for path in project.glob(name) for file in (path, *path.rglob("*"))]
            finished = [file.relative_to(project) for file in files if file.is_file() and ".partial" not in str(file)]
            broken = [str(name) for name in finished if not is_equal(compare_files(calm / name, project / name))]
            how = "a traceback of spaCy says it" if "Traceback" in text else "a message says it"
            seen = f"{how if told else text[-500:]}, exit code {done.returncode}"
            is_right = bool(done.returncode) and told and not broken and ("Traceback" not in text or "train" in step)
            yield Outcome(step, f"room for {size // 2:,} bytes", ", broken: ".join([seen, *broken]), is_right)
            code = run_step(project, step, env=environment).returncode
            yield Outcome(step, "the same command with room", **(failed(code) if code else judge(calm, project)))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def start_twice(calm: Path, folder: Path, rng: Random) -> Iterator[Outcome]:
    """Start a second run while the first is at work, and while a step outlives its workflow."""
    project, log = copy_project(make(folder / "twice")), folder / "twice.log"
    fetching = [start(project, "fetch-encoder", "--vars.run", run) for run in ("en", "de")]
    texts = [process.communicate()[0] for process in fetching]
    is_right = not any(process.returncode for process in fetching) and not compare_encoders(calm, project)
    yield Outcome("fetch-encoder", "two runs of other names", "both finish" if is_right else str(texts), is_right)
    with log.open("w", encoding="utf8") as file:
        first = start(project, "all", stdout=file, start_new_session=True)
        wait_for_step(first, log, "train-teacher")
        # Long enough for it to begin; then it stays at work until the others have looked.
        time.sleep(2)
        os.killpg(first.pid, signal.SIGSTOP)
        yield refused(project, "a second run of the same name")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        yield refused(project, "kill -9 of the workflow alone, its step goes on")
        os.killpg(first.pid, signal.SIGKILL)
    code = start(project, "all", stdout=subprocess.DEVNULL).wait()
    yield Outcome("all", "the same command after these", **(failed(code) if code else judge(calm, project)))


def failed(code: int) -> Dict[str, Any]:
    """What is seen of a run that failed."""
    return {"seen": f"exit code {code}", "is_right": False}


def compare_encoders(calm: Path, project: Path) -> bool:
    """Whether two projects have other encoders."""
    names = [path.relative_to(calm) for path in calm.glob("assets/encoders/*/*")]
    return any(compare_files(calm / name, project / name) != EQUAL for name in names)


def refused(project: Path, fault: str) -> Outcome:
    """Start a run that must be refused."""
    process = start(project, "all")
    text, _ = process.communicate()
    is_right = process.returncode == 1 and "works on the run 'en'" in text and "Traceback" not in text
    return Outcome("train-teacher", fault, "refused, with the process that is at work" if is_right else text, is_right)


def take_rights(calm: Path, folder: Path, rng: Random) -> Iterator[Outcome]:
    """Run on inputs that may only be read, and into a folder that may not be written to."""
    project = folder / "rights"
    shutil.copytree(calm, project)
    inputs = [project / name for name in ("assets", "configs", "scripts", "project.yml", "corpus/en/gold")]
    steps = ("fetch-encoder", "augment", "export", "package")
    with read_only(*inputs):
        codes = {step: run_step(project, step, preexec_fn=obey_rights) for step in steps}
    wrong = "".join(done.stdout + done.stderr for done in codes.values() if done.returncode)
    yield Outcome(", ".join(steps), "inputs that may only be read", wrong[-500:] or "as ever", not wrong)
    yield Outcome("all", "after that", **judge(calm, project))
    for step, name in (("convert", "corpus/en"), ("augment", "corpus/en/transfer"), ("export", "training/en")):
        (project / "corpus" / "en" / "data.json").unlink(missing_ok=True)
        with read_only(project / name):
            done = run_step(project, step, preexec_fn=obey_rights)
        text = done.stdout + done.stderr
        is_right = done.returncode == 1 and "cannot be read or written: Perm" in text and "Traceback" not in text
        yield Outcome(step, f"{name} may not be written to", "told" if is_right else text[-500:], is_right)


def set_clock(calm: Path, folder: Path, rng: Random) -> Iterator[Outcome]:
    """Give all files times of before and after what programs expect."""
    project = folder / "clock"
    shutil.copytree(calm, project)
    for year, seconds in ((1970, 0), (2100, 4_102_444_800)):
        for path in project.rglob("*"):
            os.utime(path, (seconds, seconds))
        text, _ = start(project, "all").communicate()
        skipped = text.count("nothing changed")
        yield Outcome("all", f"files of {year}", f"{skipped} of 10 steps are skipped", skipped == 10)
        code = run_step(project, "package").returncode
        yield Outcome("package", f"files of {year}", **(failed(code) if code else judge(calm, project)))


KINDS = {"kills": kill, "disk": fill_disk, "twice": start_twice, "rights": take_rights, "clock": set_clock}


if __name__ == "__main__":
    run_command(measure)
