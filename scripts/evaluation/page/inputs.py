"""What the page is made from: files that a run has saved, and nothing that would have to be predicted again."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import srsly

from scripts.data.task import Task
from scripts.evaluation.predictions import Predictions, check_saved, read_predictions
from scripts.files import hash_path

# What `evaluate` has saved.
FILES = ("report.json", "predictions.jsonl", "highlights.jsonl")


class Saved(NamedTuple):
    """A finished run.

    name (str): Name of the run.
    report (Dict[str, Any]): Its report.json.
    task (Task): The labels.
    splits (Dict[str, Predictions]): What the systems say of dev and test.
    highlights (List[Dict[str, Any]]): Its highlights.jsonl.
    logs (Dict[str, List[Dict[str, Any]]]): By model what spaCy's logger has saved of its training; without those that
        were trained elsewhere.
    ablation, cascade (Dict[str, Any]): Its ablation.json and cascade.json; empty where these steps were not run, or
        the cascade was chosen by other predictions.
    """

    name: str
    report: Dict[str, Any]
    task: Task
    splits: Dict[str, Predictions]
    highlights: List[Dict[str, Any]]
    logs: Dict[str, List[Dict[str, Any]]]
    ablation: Dict[str, Any]
    cascade: Dict[str, Any]


def read_saved(run: Path) -> Saved:
    """Read a finished run.

    run (Path): Its folder, e.g. training/en.
    RETURNS (Saved): What it has saved.
    RAISES (UserError): It has no report.
    """
    folder = run / "report"
    check_saved(*(folder / name for name in FILES))
    report = srsly.read_json(folder / "report.json")
    task = Task(report["labels"])
    trained = {
        "teacher": "teacher",
        "student": f"student_{report['provenance']['student_kind']}",
        "baseline": "baseline",
    }
    logs = {name: run / folder_name / "log.jsonl" for name, folder_name in trained.items()}
    extra = {
        name: srsly.read_json(path) if (path := run / f"{name}.json").is_file() else {}
        for name in ("ablation", "cascade")
    }
    if extra["cascade"].get("predictions") != hash_path(folder / "predictions.jsonl"):
        extra["cascade"] = {}
    return Saved(
        name=run.resolve().name,
        report=report,
        task=task,
        splits=read_predictions(folder / "predictions.jsonl", task),
        highlights=list(srsly.read_jsonl(folder / "highlights.jsonl")),
        logs={name: list(srsly.read_jsonl(path)) for name, path in logs.items() if path.is_file()},
        **extra,
    )
