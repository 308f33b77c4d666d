"""Whether thresholds of cascades, which are chosen on dev, hold on test: finished runs, without running a model.

python -m benchmarks.cascades en-amazon de fr
"""

from pathlib import Path
from typing import Any, Dict, List

import typer

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from benchmarks.tables.cascades import cascades as make_table
from benchmarks.tables.table import write_and_show
from scripts.cascade.__main__ import make_sides
from scripts.cascade.curve import ALWAYS, Point, choose_threshold, measure, trace_curve
from scripts.data.task import Task
from scripts.evaluation.predictions import read_predictions
from scripts.files import run_command
from scripts.machine import describe_machine
from scripts.pipelines import read_pipeline


def measure_all(
    runs: List[str] = typer.Argument(..., help="Finished runs, e.g. en de fr"),
    max_loss: float = typer.Option(0.5, help="Points of accuracy that may be lost against the teacher"),
    corpus: Path = typer.Option(Path("corpus"), help="Folder of all runs' texts"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    output: Path = typer.Option(RESULTS / "cascades.json", help="The record"),
) -> None:
    """Choose thresholds, and look at what they do on test."""
    record = {
        "max_loss": max_loss,
        "runs": [try_cascade(corpus / run, training / run, max_loss=max_loss) for run in runs],
        "machine": describe_machine(-1),
    }
    write_and_show(output, record, make_table(record))


def try_cascade(corpus: Path, training: Path, *, max_loss: float) -> Dict[str, Any]:
    """Choose the threshold of one run.

    corpus, training (Path): Folders of the run.
    max_loss (float): Points of accuracy that may be lost against the teacher.
    RETURNS (Dict[str, Any]): run, n_dev, n_test, and what student, cascade and teacher do on test, as points of a
        curve.
    """
    task = Task.read(corpus / "gold")
    said = read_predictions(training / "report" / "predictions.jsonl", task)
    nlp = read_pipeline(training / "compressed")
    dev, test = (make_sides(said[split], nlp) for split in ("dev", "test"))
    chosen, _ = choose_threshold(trace_curve(dev, task), max_loss=max_loss, max_words=1.0)
    points: Dict[str, Point] = {
        name: measure(test, threshold, task)
        for name, threshold in (("student", 0.0), ("cascade", chosen.threshold), ("teacher", ALWAYS))
    }
    found = {name: point._asdict() for name, point in points.items()}
    return {"run": corpus.name, "n_dev": len(dev.gold), "n_test": len(test.gold), **found}


if __name__ == "__main__":
    run_command(measure_all)
