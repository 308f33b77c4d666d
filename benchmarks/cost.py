"""What a million reviews cost: machine hours of scoring, augmenting and classifying, times the price of an hour.

python -m benchmarks.cost STUDENT TEXTS.jsonl.gz --price-per-hour PRICE --scoring benchmarks/results/scoring.json

    cost = price per hour * 1,000,000 * words per review / words per second / 3,600

All figures are those of the machine that this runs on, with all its cores, so the price is that machine's. Several
machines cost the same and take a part of the time. The teacher's speed is read from what benchmarks.scoring wrote.
"""

import os
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional

import srsly
import typer
from tqdm import tqdm

from benchmarks.tables.speed import cost as make_table
from benchmarks.tables.table import write_and_show
from scripts.apply.classifier import load_pipeline, make_classifier, read_labels
from scripts.augmentation.__main__ import load_augmenter
from scripts.augmentation.blocks import BlockWorker, Reviews
from scripts.augmentation.word_classes import WordClasses
from scripts.data.tables.file_types import WRITERS, read_rows
from scripts.data.texts import UNLABELLED, Text
from scripts.engines.workers import Engine, Task, run_tasks
from scripts.files import UserError, run_command
from scripts.machine import describe_machine, describe_versions

MILLION = 1_000_000


def cost(
    student: str = typer.Argument(..., help="An exported student"),
    texts: Path = typer.Argument(..., help="Reviews like yours, of a type that `convert` reads"),
    price_per_hour: float = typer.Option(..., help="Price of an hour of this machine, in any currency", min=0),
    scoring: Optional[Path] = typer.Option(None, help="The .json file of benchmarks.scoring, of this machine"),
    config: Path = typer.Option(Path("configs/augment.cfg"), help="Path of augment.cfg"),
    output: Path = typer.Option(Path("benchmarks/results/cost.json"), help="The .json file to write"),
    text_column: str = typer.Option("text", help="Column of the text"),
    n_texts: int = typer.Option(8000, help="Reviews per round; fewer are repeated"),
    n_process: int = typer.Option(0, help="Processes, 0 for one per core"),
    rounds: int = typer.Option(3, help="Rounds, of which the median counts"),
) -> None:
    """Tell what a million reviews cost."""
    nlp = load_pipeline(student)
    read = [row[text_column] for _, row in islice(read_rows(texts), n_texts)]
    read = list(islice(cycle(read), n_texts))
    words_per_review = sum(len(nlp.make_doc(text)) for text in read) / len(read)
    engine = Engine(n_workers=n_process or os.cpu_count() or 1)
    added = ["label", *read_labels(nlp)]
    classify = partial(
        make_classifier,
        str(Path(student).resolve()) if Path(student).is_dir() else student,
        text_column="text",
        columns=["text", *added],
        added=added,
        batch_size=256,
        encode=WRITERS[".jsonl"].encode,
    )
    augment = partial(
        BlockWorker,
        augmenter=load_augmenter(config),
        classes=WordClasses({}),
        held_out=[],
        seed=0,
    )
    measured: Dict[str, List[float]] = {"classify": [], "augment (unlabelled texts)": []}
    for _ in tqdm(range(rounds), desc="Measuring", unit="round", disable=None):
        measured["classify"].append(measure(classify, cut_rows(read), engine))
        measured["augment (unlabelled texts)"].append(measure(augment, cut_reviews(read), engine))
    speeds = {name: [rate * words_per_review for rate in rates] for name, rates in measured.items()}
    if scoring:
        speeds = {**read_scoring(scoring), **speeds}
    rows = [describe(name, values, words_per_review, price_per_hour) for name, values in speeds.items()]
    result = {
        "words_per_review": words_per_review,
        "price_per_hour": price_per_hour,
        "n_process": engine.n_workers,
        "rounds": rounds,
        "machine": describe_machine(-1),
        "versions": describe_versions(),
        "steps": rows,
    }
    write_and_show(output, result, make_table(result))


def cut_rows(texts: List[str], size: int = 500) -> List[Task]:
    """The texts as parts of `apply`."""
    rows = [(line, {"text": text}) for line, text in enumerate(texts, start=1)]
    return [(str(start), rows[start : start + size]) for start in range(0, len(rows), size)]


def cut_reviews(texts: List[str], size: int = 500) -> List[Task]:
    """The texts as blocks of `augment`."""
    reviews = [Text(UNLABELLED, i, text=text) for i, text in enumerate(texts)]
    return [(str(start), Reviews(reviews[start : start + size])) for start in range(0, len(reviews), size)]


def measure(make_worker: Callable[[], Any], tasks: List[Task], engine: Engine) -> float:
    """Texts per second once the workers are warm: from the first result of as many tasks as there are workers on.

    make_worker (Callable[[], Any]): Makes a worker.
    tasks (List[Task]): Each holds equally many texts, but for the last.
    engine (Engine): Where they run.
    RETURNS (float): Texts per second of all workers together.
    """
    finished: List[float] = []
    for _ in run_tasks(make_worker, tasks, engine):
        finished.append(perf_counter())
    n_warm = min(engine.n_workers, len(tasks) - 1)
    sizes = [len(payload.reviews if isinstance(payload, Reviews) else payload) for _, payload in tasks]
    return sum(sizes[n_warm:]) / (finished[-1] - finished[n_warm - 1])


def read_scoring(path: Path) -> Dict[str, List[float]]:
    """The speeds of the teacher, by runtime.

    path (Path): What benchmarks.scoring wrote.
    RETURNS (Dict[str, List[float]]): Words per second of each round.
    RAISES (UserError): It is no such file.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Write it with: python -m benchmarks.scoring TEACHER TEXTS")
    return {f"score ({name})": values for name, values in srsly.read_json(path)["speeds"].items()}


def describe(name: str, speeds: List[float], words_per_review: float, price_per_hour: float) -> Dict[str, Any]:
    """What a step takes and costs.

    name (str): The step.
    speeds (List[float]): Words per second of each round.
    words_per_review (float): Mean length.
    price_per_hour (float): Price of the machine.
    RETURNS (Dict[str, Any]): Speed, its range, hours and cost of a million reviews.
    """
    hours = MILLION * words_per_review / median(speeds) / 3600
    return {
        "step": name,
        "words_per_second": median(speeds),
        "lowest": min(speeds),
        "highest": max(speeds),
        "reviews_per_second": median(speeds) / words_per_review,
        "hours_per_million": hours,
        "cost_per_million": hours * price_per_hour,
    }


if __name__ == "__main__":
    run_command(cost)
