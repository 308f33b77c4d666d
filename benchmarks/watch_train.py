"""`spacy train` in a process that tells when its first step began and how much memory it took."""

import time
from pathlib import Path
from typing import Any, Callable, Dict

import srsly
import typer
from spacy import Language
from spacy.cli.train import train
from spacy.util import registry

import scripts.functions  # noqa: F401
from benchmarks.memory_use import peak_rss_mb
from scripts.distillation.reader import create_transfer_corpus
from scripts.files import run_command

BUFFER_SIZE = 4000
seen: Dict[str, Any] = {}


@registry.callbacks("benchmarks.FirstStep.v1")
def create_first_step() -> Callable[[Language, Dict[str, Any]], None]:
    """RETURNS (Callable): Notes the time of the first step, for `training.before_update`."""

    def note_first_step(nlp: Language, args: Dict[str, Any]) -> None:
        seen.setdefault("start", {"seconds": time.time(), "cpu_seconds": time.process_time()})
        seen["nlp"] = nlp

    return note_first_step


def watch(
    run: Path = typer.Argument(..., help="Folder with gold and labels"),
    shards: Path = typer.Argument(..., help="Folder of the transfer set"),
    config: Path = typer.Argument(..., help="Config of the student"),
    result: Path = typer.Argument(..., help="The .json file to write"),
    started: float = typer.Option(..., help="Time at which the process was started, in seconds"),
    n_steps: int = typer.Option(10, help="Steps of the training"),
) -> None:
    """Train some steps, then read the transfer set to its end, as a long training would."""
    overrides = {
        "nlp.lang": "en",
        "paths.train": str(shards),
        "paths.dev": str(run / "gold" / "dev.spacy"),
        "paths.labels": str(run / "gold" / "labels.json"),
        "training.max_steps": n_steps,
        "training.before_update": {"@callbacks": "benchmarks.FirstStep.v1"},
    }
    train(config, None, overrides=overrides)
    started_at = seen["start"]
    start = {**started_at, "seconds": started_at["seconds"] - started, "peak_rss_mb": peak_rss_mb()}
    before = time.time(), time.process_time()
    n_docs = sum(1 for _ in create_transfer_corpus(shards, BUFFER_SIZE, seed=0)(seen["nlp"]))
    spent = {"seconds": time.time() - before[0], "cpu_seconds": time.process_time() - before[1]}
    srsly.write_json(result, {"start": start, "pass": {**spent, "peak_rss_mb": peak_rss_mb(), "n_docs": n_docs}})


if __name__ == "__main__":
    run_command(watch)
