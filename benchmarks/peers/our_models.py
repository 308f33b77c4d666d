"""Our own: the distilled students as they are packaged, and the teacher."""

import shutil
from pathlib import Path
from typing import Any, Dict

from benchmarks.peers.data import Data
from benchmarks.process import run_module
from scripts.ablation.__main__ import prepare_cell, run_cells
from scripts.ablation.cell import MODEL
from scripts.ablation.inputs import Inputs

CONFIGS = Path("configs")


def train_bow(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train a student, unless the ablation has trained the same already; export and compress it as for a package.

    data (Data): The run.
    seed (int): The seed.
    folder (Path): Where the pipeline shall stand.
    shared (Path): Folder for what is only needed on the way.
    RETURNS (Dict[str, Any]): The cell of the ablation.
    """
    return _train_student("bow", data, seed, folder, shared)


def train_cnn(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """The same for the CNN. The parameters are those of `train_bow`."""
    return _train_student("cnn", data, seed, folder, shared)


def train_ensemble(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """The same for the sum of both. The parameters are those of `train_bow`."""
    return _train_student("ensemble", data, seed, folder, shared)


def _train_student(kind: str, data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train a student as a cell of the ablation, and do what `export` and `compress` of project.yml do."""
    inputs = Inputs(data.corpus, data.training, CONFIGS, lang=data.lang, segmenter=data.segmenter, gpu_id=-1)
    spec = inputs.make_spec({"name": kind, "student": kind}, seed, teachers=[], keep=True)
    cell = prepare_cell(spec, data.training / "ablation" / "cells")
    run_cells([cell], n_jobs=1, gpu_id=-1)
    dev = data.corpus / "gold" / "dev.spacy"
    options = ["--train", data.corpus / "gold" / "train.spacy", "--dev", dev]
    run_module("scripts.packaging.export", cell / MODEL, shared / "export", *options)
    options = ["--dev", dev, "--texts", data.corpus / "unlabelled.jsonl"]
    run_module("scripts.packaging.compress", shared / "export", folder, shared / "compression", *options)
    return {"cell": cell.name}


def copy_teacher(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Take the run's teacher as it is. The parameters are those of `train_bow`."""
    shutil.copytree(data.training / "teacher" / "model-best", folder)
    return {}
