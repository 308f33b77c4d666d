"""How long each training of some runs was, by their texts: what `[initialize] after_init` planned, and what came of it.

    python -m benchmarks.schedules en en-amazon --before ../before

Runs that are not finished have no accuracy yet. `--before` is another state of the project that trained the same runs.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import srsly
import typer
from spacy.util import load_config, registry

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from benchmarks.tables.runs import schedules as make_table
from benchmarks.tables.table import write_record
from scripts.data.docbins import list_shards, read_lengths
from scripts.files import UserError, run_command
from scripts.machine import describe_machine

Row = Dict[str, Any]


def compare_schedules(
    runs: List[str] = typer.Argument(..., help="Names of runs, e.g. en en-amazon"),
    project: Path = typer.Option(Path("."), help="Folder of the project"),
    before: Optional[Path] = typer.Option(None, help="Folder of another state of it"),
    output: Path = typer.Option(RESULTS / "schedules.json", help="The record"),
) -> None:
    """Write how long the trainings of runs were."""
    rows = [row for run in runs for row in describe_run(project, run, before)]
    record = {"rows": rows, "machine": describe_machine(-1)}
    write_record(output, record, make_table(record))


def describe_run(project: Path, run: str, before: Optional[Path]) -> Iterator[Row]:
    """Describe the trainings of a run.

    project (Path): Folder of the project.
    run (str): Its name.
    before (Optional[Path]): Folder of another state of the project.
    YIELDS (Row): For teacher, baseline and student, as far as they are trained: run, model, texts, steps, passes,
        cpu_seconds, accuracy on test; steps_before and accuracy_before. What is not known is None.
    RAISES (UserError): Nothing is trained.
    """
    times = read_json(project / "training" / run / "times.json")
    accuracies = read_accuracies(project, run)
    found = {model: read_plan(path, project) for model, path in find_models(project, run).items()}
    if not found:
        raise UserError(f"{project / 'training' / run} holds no trained model. Run the project first.")
    other = {model: load_config(path) for model, path in find_models(before, run).items()} if before else {}
    accuracies_before = read_accuracies(before, run) if before else {}
    for model, plan in found.items():
        yield {
            "run": run,
            "model": model,
            **plan,
            "cpu_seconds": times.get(f"train-{model}", {}).get("cpu"),
            "accuracy": accuracies.get(model),
            "steps_before": other[model]["training"]["max_steps"] if model in other else None,
            "accuracy_before": accuracies_before.get(model),
        }


def find_models(project: Path, run: str) -> Dict[str, Path]:
    """The configs that were saved with a run's models, by model. The student is the only one, or that of the report."""
    folder = project / "training" / run
    kind = read_json(folder / "report" / "report.json").get("provenance", {}).get("student_kind", "*")
    patterns = {"teacher": "teacher", "baseline": "baseline", "student": f"student_{kind}"}
    found = {model: sorted(folder.glob(f"{name}/model-best/config.cfg")) for model, name in patterns.items()}
    return {model: paths[0] for model, paths in found.items() if paths}


def read_plan(path: Path, project: Path) -> Row:
    """Read how long a model was trained at most.

    path (Path): The config that was saved with it.
    project (Path): The folder that paths in it start from.
    RETURNS (Row): texts, steps and passes over the texts.
    """
    config = load_config(path, interpolate=True)
    lengths = [n for shard in list_shards(project / config["paths"]["train"]) for n in read_lengths(shard)]
    batcher = registry.resolve({"batcher": config["training"]["batcher"]})["batcher"]
    n_batches = sum(1 for _ in batcher(map(range, lengths)))
    steps = config["training"]["max_steps"]
    return {"texts": len(lengths), "steps": steps, "passes": steps / n_batches}


def read_accuracies(project: Path, run: str) -> Dict[str, float]:
    """Accuracies on test, by model; none if the run is not evaluated."""
    report = read_json(project / "training" / run / "report" / "report.json")
    return {model: report[model]["accuracy"] for model in ("teacher", "baseline", "student") if model in report}


def read_json(path: Path) -> Dict[str, Any]:
    """The content of a file, if there is one."""
    return srsly.read_json(path) if path.is_file() else {}


if __name__ == "__main__":
    run_command(compare_schedules)
