"""Memory and time that a transfer set of any size takes: training, augmenting, scoring.

    python -m benchmarks.memory

The texts are synthetic (benchmarks/synthetic.py), 80 words each on average. Every figure is that of a process of its
own. A size is the number of texts in the transfer set; augmenting reads as many. The cheap teacher that scores is
spaCy's own bag of words, not trained.
"""

import time
from pathlib import Path
from typing import Any, Dict, List

import spacy
import srsly
import typer
from wasabi import msg

from benchmarks.process import run_module
from benchmarks.synthetic import LABELS, write_gold, write_texts, write_transfer_set, write_unlabelled
from benchmarks.tables.speed import memory as make_table
from benchmarks.tables.table import write_and_show
from scripts.files import UserError, remove, run_command
from scripts.machine import describe_machine

STAGES = ("train", "augment", "score")
LIMIT_MB, LIMIT_SECONDS = 2000, 60


def measure_memory(
    folder: Path = typer.Argument(Path("training/memory"), help="Folder for the synthetic texts; they stay"),
    sizes: str = typer.Option("20000,100000,500000", help="Texts of the transfer sets, multiples of 1000"),
    stages: str = typer.Option(",".join(STAGES), help="What is measured"),
    config: Path = typer.Option(Path("configs/student_ensemble.cfg"), help="Config of the student"),
    n_steps: int = typer.Option(10, help="Steps of the training, before the rest of the set is only read"),
    n_jobs: int = typer.Option(2, help="Processes that write synthetic texts"),
    output: Path = typer.Option(Path("benchmarks/results/memory.json"), help="The record"),
) -> None:
    """Measure peak memory and time at several sizes of the transfer set."""
    if unknown := sorted(set(stages.split(",")) - set(STAGES)):
        raise UserError(f"--stages names {', '.join(unknown)}; known are {', '.join(STAGES)}.")
    write_gold(folder)
    rows: List[Dict[str, Any]] = []
    for size in map(int, sizes.split(",")):
        if "train" in stages.split(","):
            rows += measure_training(folder, size, config, n_steps=n_steps, n_jobs=n_jobs)
        if "augment" in stages.split(","):
            rows.append(measure_augmentation(folder, size))
        if "score" in stages.split(","):
            rows.append(measure_scoring(folder, size))
    record = {"rows": rows, "n_steps": n_steps, "machine": describe_machine(-1)}
    write_and_show(output, record, make_table(record))
    for row in rows:
        if row["peak_rss_mb"] > LIMIT_MB or ("first" in row["stage"] and row["seconds"] > LIMIT_SECONDS):
            msg.warn(f"{row['stage']}, {row['size']:,} texts: {row['peak_rss_mb']:.0f} MB, {row['seconds']:.0f} s")


def measure_training(folder: Path, size: int, config: Path, *, n_steps: int, n_jobs: int) -> List[Dict[str, Any]]:
    """Train a student for some steps and read the set once.

    folder (Path): Folder of the synthetic texts.
    size (int): Texts of the transfer set.
    config (Path): Config of the student.
    n_steps (int): Steps.
    n_jobs (int): Processes that write the set.
    RETURNS (List[Dict[str, Any]]): A row for the start and the steps, and one for the whole pass.
    """
    shards = write_transfer_set(size, folder, n_jobs=n_jobs)
    result, log = folder / "train.json", folder / f"train-{size}.log"
    options = ["--started", time.time(), "--n-steps", n_steps]
    run_module("benchmarks.watch_train", folder, shards, config, result, *options, log=log)
    measured = srsly.read_json(result)
    return [
        {"stage": f"train: to the first of {n_steps} steps", "size": size, **measured["start"]},
        {"stage": "train: a pass over the set", "size": size, **measured["pass"]},
    ]


def measure_augmentation(folder: Path, size: int) -> Dict[str, Any]:
    """Run `augment` on reviews that become a set of this size. RETURNS (Dict[str, Any]): A row."""
    write_unlabelled(size, folder / "selected.jsonl")
    output = folder / "augmented" / "texts.jsonl"
    options = ["--config", "configs/augment.cfg", "--lang", "en"]
    return measure_step("scripts.augmentation", [folder, output, *options], folder, size, "augment")


def measure_scoring(folder: Path, size: int) -> Dict[str, Any]:
    """Run `score` with a cheap teacher. RETURNS (Dict[str, Any]): A row."""
    write_texts(size, folder / "texts.jsonl")
    teacher = spacy.blank("en")
    textcat: Any = teacher.add_pipe("textcat")
    for label in LABELS:
        textcat.add_label(label)
    teacher.initialize()
    teacher.to_disk(folder / "teacher")
    remove(folder / "scored")
    options = [
        "--config",
        "configs/score.cfg",
        "--teacher",
        folder / "teacher",
        "--gold",
        folder / "gold",
        "--lang",
        "en",
    ]
    arguments = [folder / "texts.jsonl", folder / "scored", *options]
    return measure_step("scripts.teacher.scoring", arguments, folder, size, "score")


def measure_step(module: str, arguments: List[Any], folder: Path, size: int, stage: str) -> Dict[str, Any]:
    """Run a step of the project in a process that tells its peak memory. RETURNS (Dict[str, Any]): A row."""
    result, start = folder / f"{stage}.json", time.time()
    log = folder / f"{stage}-{size}.log"
    run_module("benchmarks.watch_module", result, module, *arguments, log=log)
    seconds = time.time() - start
    return {"stage": stage, "size": size, **srsly.read_json(result), "seconds": seconds}


if __name__ == "__main__":
    run_command(measure_memory)
