"""One cell of the ablation: a `spacy train` run with one seed, and what its best model predicts once calibrated."""

from pathlib import Path
from typing import Any, Dict

import spacy
import srsly
import typer
from spacy.cli.train import train

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.distillation.calibration import calibrate
from scripts.evaluation.quality import classify, measure_quality
from scripts.files import move_into_place, remove, replaced, run_command, size_mb
from scripts.gpu import use_gpu

MODEL, RESULT = "model", "result.json"


def run_cell(
    folder: Path = typer.Argument(..., help="Folder of the cell; it holds its spec.json"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Train the model of a cell, unless its spec names a finished one, and write its predictions."""
    spec = srsly.read_json(folder / "spec.json")
    model = Path(spec["model"]) if spec["model"] else folder / MODEL
    if not model.is_dir():
        partial = folder / f"{MODEL}.partial"
        remove(partial)
        train(spec["config"], partial, use_gpu=gpu_id, overrides=spec["overrides"])
        move_into_place(partial / "model-best", model)
        remove(partial)
    else:
        use_gpu(gpu_id)
    task = Task.read(Path(spec["gold"]))
    nlp = spacy.load(model)
    docs_of = {split: read_docs(Path(spec["gold"]) / f"{split}.spacy", nlp.vocab) for split in ("train", "dev", "test")}
    if not spec["model"]:
        calibrate(nlp, docs_of["train"], docs_of["dev"])
    result: Dict[str, Any] = {}
    for split in ("dev", "test"):
        gold = task.number_gold(docs_of[split])
        probs = classify(nlp, [doc.text for doc in docs_of[split]], task, name=split)
        result[split] = {**measure_quality(probs, gold, task), "gold": gold.tolist(), "probs": probs.round(6).tolist()}
    result["model_mb"] = size_mb(model)
    if not spec["model"] and not spec["keep"]:
        remove(model)
    with replaced(folder / RESULT) as partial:
        srsly.write_json(partial, result)


if __name__ == "__main__":
    run_command(run_cell)
