"""How fast each runtime scores texts, and how near it comes to the teacher's own pipeline.

python -m benchmarks.scoring TEACHER TEXTS.jsonl.gz --n-texts 200 --rounds 3
python -m benchmarks.scoring TEACHER TEXTS.jsonl.gz --n-texts 4000 --gpu-id 0
"""

import statistics
import time
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List

import numpy
import spacy
import srsly
import torch
import typer
from spacy import Language
from spacy.tokens import Doc
from wasabi import msg

from benchmarks.tables.speed import scoring as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.task import Task
from scripts.files import run_command
from scripts.gpu import use_gpu
from scripts.machine import describe_machine, describe_versions
from scripts.teacher.onnx_encoder import load_onnx
from scripts.teacher.runtimes import (
    CALIBRATION_TEXTS,
    TIE,
    Predict,
    batch_docs,
    compare,
    get_transformer,
    rescore_ties,
    wrap_encoder,
    wrap_pipeline,
)
from scripts.teacher.window_encoder import make_window_encoder, run_torch

BASELINE = "pipeline, as they come"
# Near ties that are scored again: what the project takes, and less and more.
TIES = (0.05, TIE, 0.3)


def measure(
    teacher: Path = typer.Argument(..., help="A transformer teacher"),
    texts: Path = typer.Argument(..., help="Texts, .jsonl.gz"),
    output: Path = typer.Option(Path("benchmarks/results/scoring.json"), help="The record"),
    n_texts: int = typer.Option(200, help="Number of texts, from the first one on"),
    max_words: int = typer.Option(0, help="Cut texts after so many words, for short ones; 0 leaves them whole"),
    rounds: int = typer.Option(3, help="Every runtime is measured once a round"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Measure words per second of each runtime."""
    use_gpu(gpu_id)
    nlp = spacy.load(teacher)
    task = Task(list(nlp.pipe_labels["textcat"]))
    read = [row["text"] for row in islice(srsly.read_gzip_jsonl(texts), n_texts + CALIBRATION_TEXTS)]
    if max_words:
        read = [" ".join(text.split()[:max_words]) for text in read]
    read, calibration = read[:n_texts], read[n_texts:]
    n_words = sum(len(nlp.make_doc(text)) for text in read)
    with TemporaryDirectory() as folder:
        contenders = make_contenders(nlp, task, Path(folder) / "onnx", calibration)
        expected: Any = None
        quality: Dict[str, Any] = {}
        speeds: Dict[str, List[float]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, contender in contenders.items():
                start = time.perf_counter()
                docs = [nlp.make_doc(text) for text in read]
                probs = contender(docs)
                speeds[name].append(n_words / (time.perf_counter() - start))
                expected = probs if expected is None else expected
                quality[name] = compare(probs, expected, task)
                msg.text(f"Round {number + 1}: {name}, {speeds[name][-1]:,.0f} words per second")
    rows = [
        {
            "runtime": name,
            "words_per_second": statistics.median(speeds[name]),
            "times_baseline": statistics.median(ratios(speeds, name)),
            "lowest": min(ratios(speeds, name)),
            "highest": max(ratios(speeds, name)),
            "agreement": quality[name].agreement,
            "difference": quality[name].difference,
        }
        for name in contenders
    ]
    result = {
        "texts": len(read),
        "words": n_words,
        "rounds": rounds,
        "machine": describe_machine(gpu_id),
        "versions": describe_versions(),
        "runtimes": rows,
        "speeds": speeds,
    }
    write_and_show(output, result, make_table(result))


def ratios(speeds: Dict[str, List[float]], name: str) -> List[float]:
    """Speeds of a runtime over the baseline's of the same round."""
    return [speed / base for speed, base in zip(speeds[name], speeds[BASELINE])]


def make_contenders(nlp: Language, task: Task, cache: Path, calibration: List[str]) -> Dict[str, Predict]:
    """Every way to run a teacher.

    nlp (Language): The teacher.
    task (Task): Its labels.
    cache (Path): Folder for the exported encoder.
    calibration (List[str]): Texts that are not measured, for int8.
    RETURNS (Dict[str, Predict]): Functions from documents to probabilities; the first one is the baseline.
    """
    model = get_transformer(nlp)
    encoder = make_window_encoder(model)

    def as_they_come(docs: List[Doc]) -> numpy.ndarray:
        return numpy.array([[doc.cats[label] for label in task.labels] for doc in nlp.pipe(docs)], dtype="float32")

    wrap = partial(wrap_encoder, nlp, task)
    contenders = {
        BASELINE: as_they_come,
        "pipeline, sorted": wrap_pipeline(nlp, task),
        "torch": wrap(run_torch(encoder)),
        "torch, bfloat16": wrap(run_torch(encoder, dtype=torch.bfloat16)),
    }
    if model.transformer.device.type != "cpu":
        return contenders
    windows = [arrays for _, arrays in batch_docs([nlp.make_doc(text) for text in calibration], model)]
    float32, int8 = wrap(load_onnx(encoder, cache)), wrap(load_onnx(encoder, cache, windows))
    onnx = {"onnx, float32": float32, "onnx, int8": int8}
    ties = {f"onnx, int8+float32 below {tie}": rescore_ties(int8, float32, task, tie=tie) for tie in TIES}
    return {**contenders, **onnx, **ties}


if __name__ == "__main__":
    run_command(measure)
