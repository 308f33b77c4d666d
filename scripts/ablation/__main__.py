"""The `ablate` command: what each choice is worth, measured by training without it.

A grid file lists cells in groups. Each cell is a `spacy train` run of a student's config with some settings replaced,
once per seed. A cell's folder is named by the hash of all that its result follows from, so that an interrupted
ablation goes on where it stopped, and a changed one trains only what changed.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
import spacy
import srsly
import typer
from spacy.util import load_config
from tqdm import tqdm
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.ablation.cell import MODEL, RESULT
from scripts.ablation.report import write_report
from scripts.ablation.statistics import average, summarize
from scripts.docbins import AUGMENTED, center_logits, list_shards, read_docs, write_docs
from scripts.evaluation.quality import measure_quality
from scripts.files import UserError, hash_path, replaced, run_command

Cell = Dict[str, Any]
Result = Dict[str, Any]
FIELDS = {"name", "student", "data", "lexicon", "augment", "teachers", "average_of", "set"}
CODE = [
    *sorted(Path("scripts/architectures").glob("*.py")),
    *sorted(Path("scripts/distillation").glob("*.py")),
    Path("scripts/ablation/cell.py"),
    Path("scripts/docbins.py"),
]


def ablate(
    grid: Path = typer.Argument(..., help="The .yml file with the cells"),
    corpus: Path = typer.Argument(..., help="Folder of the run, as `score` left it"),
    training: Path = typer.Argument(..., help="Folder of the run's models, as `lexicon` left it"),
    configs: Path = typer.Option(Path("configs"), help="Folder of the .cfg files"),
    lang: str = typer.Option(..., help="Language code"),
    n_jobs: int = typer.Option(1, help="Cells that are trained at the same time, each on one core"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Train every cell of a grid with every seed and write the table."""
    plan = read_grid(grid)
    inputs = Inputs(corpus, training, configs, lang=lang, gpu_id=gpu_id)
    cells: List[Cell] = [cell for group in plan["groups"] for cell in group["cells"]]
    trained = [cell for cell in cells if "average_of" not in cell]
    needed = {name for cell in cells for name in cell.get("teachers", [])}
    folders: Dict[str, List[Path]] = {}
    # Cells that learn from other cells' models come after those.
    for wave in ([c for c in trained if "teachers" not in c], [c for c in trained if "teachers" in c]):
        for cell in wave:
            teachers = [folder / MODEL for name in cell.get("teachers", []) for folder in folders[name]]
            specs = [
                inputs.make_spec(cell, seed, teachers=teachers, keep=cell["name"] in needed) for seed in plan["seeds"]
            ]
            folders[cell["name"]] = [prepare_cell(spec, training / "ablation" / "cells") for spec in specs]
        run_cells([folder for cell in wave for folder in folders[cell["name"]]], n_jobs=n_jobs, gpu_id=gpu_id)
    teacher = prepare_cell(inputs.make_teacher_spec(), training / "ablation" / "cells")
    run_cells([teacher], n_jobs=1, gpu_id=gpu_id)
    results = {name: [srsly.read_json(path / RESULT) for path in paths] for name, paths in folders.items()}
    for cell in cells:
        if "average_of" in cell:
            results[cell["name"]] = [merge([result for name in cell["average_of"] for result in results[name]])]
    teacher_result = srsly.read_json(teacher / RESULT)
    baseline = results[plan["baseline"]]
    summaries = {name: summarize(runs, baseline, teacher_result) for name, runs in results.items()}
    record = {
        "baseline": plan["baseline"],
        "seeds": plan["seeds"],
        "n_test": len(teacher_result["test"]["gold"]),
        "teacher": {split: teacher_result[split]["accuracy"] for split in ("dev", "test")},
        "groups": [
            {"name": group["name"], "cells": [{**cell, **summaries[cell["name"]]} for cell in group["cells"]]}
            for group in plan["groups"]
        ],
        "scores": hash_path(corpus / "transfer" / "scores.json"),
    }
    write_report(record, training)
    msg.good(f"Ablation of {len(cells)} cells: {training / 'ablation.md'}")


def read_grid(path: Path) -> Dict[str, Any]:
    """Read and check a grid.

    path (Path): A .yml file with seeds, baseline (the name of a cell) and groups, each with a name and cells.
    RETURNS (Dict[str, Any]): The grid.
    RAISES (UserError): The file is missing or no YAML, a field is missing or unknown, or a name is taken twice.
    """
    try:
        grid: Any = srsly.read_yaml(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is no readable grid: {error}") from error
    missing = [field for field in ("seeds", "baseline", "groups") if field not in (grid or {})]
    if missing:
        raise UserError(f"{path} has no {', '.join(missing)}. configs/ablation.yml is an example.")
    names: List[str] = []
    for group in grid["groups"]:
        for cell in group["cells"]:
            if "name" not in cell or ("student" not in cell and "average_of" not in cell):
                raise UserError(f"{path}: the cell {cell} needs a name, and a student or average_of.")
            if unknown := sorted(set(cell) - FIELDS):
                raise UserError(
                    f"{path}, cell {cell['name']!r}: unknown {', '.join(unknown)}; known: {', '.join(sorted(FIELDS))}."
                )
            names.append(cell["name"])
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{path}: these names are taken twice: {', '.join(twice)}.")
    referred = {name for group in grid["groups"] for cell in group["cells"] for name in _references(cell)}
    if unknown := sorted({grid["baseline"], *referred} - set(names)):
        raise UserError(f"{path} refers to cells that it does not have: {', '.join(unknown)}.")
    return grid


def _references(cell: Cell) -> List[str]:
    """The names of the cells that a cell builds on."""
    return [*cell.get("teachers", []), *cell.get("average_of", [])]


class Inputs:
    """What cells are trained on. Variants of the transfer set and of the lexicon are made once and kept."""

    def __init__(self, corpus: Path, training: Path, configs: Path, *, lang: str, gpu_id: int) -> None:
        """The parameters are those of `ablate`."""
        self.corpus, self.training, self.configs = corpus, training, configs
        self.lang, self.gpu_id = lang, gpu_id
        self.gold = corpus / "gold"
        self.teacher = training / "teacher" / "model-best"
        self.folder = training / "ablation" / "inputs"
        if not (corpus / "transfer" / "scores.json").is_file():
            raise UserError(f"{corpus / 'transfer'} has no scores yet. Run the `score` step first.")
        self._hashes: Dict[Path, str] = {}

    def make_spec(self, cell: Cell, seed: int, *, teachers: List[Path], keep: bool) -> Dict[str, Any]:
        """Describe one training.

        cell (Cell): The cell.
        seed (int): The seed.
        teachers (List[Path]): Models that take the teacher's place.
        keep (bool): Whether the model is needed after its predictions are written.
        RETURNS (Dict[str, Any]): What `run_cell` reads; its hash is the name of the cell's folder.
        """
        config = self.configs / f"student_{cell['student']}.cfg"
        if not config.is_file():
            raise UserError(f"The cell {cell['name']!r} asks for {config}, which does not exist.")
        data = self.find_data(cell, teachers)
        lexicon = self.find_lexicon(cell.get("lexicon", True))
        overrides = {
            "nlp.lang": self.lang,
            "system.seed": seed,
            "paths.train": str(data),
            "paths.dev": str(self.gold / "dev.spacy"),
            "paths.labels": str(self.gold / "labels.json"),
            **({"paths.vectors": str(lexicon)} if lexicon else {}),
            **cell.get("set", {}),
        }
        try:
            load_config(config, overrides=overrides)
        except ValueError as error:
            raise UserError(f"The cell {cell['name']!r}: {error}") from error
        # Paths are told apart by what they hold.
        inputs = [config, data, self.gold, *([lexicon] if lexicon else []), *CODE]
        return {
            "config": str(config),
            "overrides": overrides,
            "model": None,
            "keep": keep,
            **self._splits(),
            "hashes": [self._hash(path) for path in inputs],
        }

    def make_teacher_spec(self) -> Dict[str, Any]:
        """Describe the teacher as a cell that is trained already."""
        hashes = [self._hash(path) for path in (self.teacher, self.gold)]
        return {"model": str(self.teacher), "keep": True, **self._splits(), "hashes": hashes}

    def find_data(self, cell: Cell, teachers: List[Path]) -> Path:
        """The documents that a cell is trained on, made if need be.

        cell (Cell): Its `data` is "transfer" (the default) or "gold"; its `augment` replaces settings of augment.cfg.
        teachers (List[Path]): Models whose mean logits replace the teacher's.
        RETURNS (Path): A .spacy file or a folder of shards.
        """
        data = cell.get("data", "transfer")
        if data not in ("transfer", "gold"):
            raise UserError(f"The cell {cell['name']!r}: data must be transfer or gold, got {data!r}.")
        if data == "gold":
            return self.gold / "train.spacy"
        path = self.corpus / "transfer"
        if "augment" in cell:
            path = self._augment(cell["augment"])
        return self._score_anew(path, teachers) if teachers else path

    def find_lexicon(self, settings: Any) -> Optional[Path]:
        """The lexicon of a cell, made if need be.

        settings (Any): True for that of the run, False for none, or options of `scripts.lexicon`.
        RETURNS (Optional[Path]): Its folder.
        """
        if settings is False:
            return None
        if settings is True:
            return self.training / "lexicon"
        options = [part for name, value in sorted(settings.items()) for part in (f"--{name}", str(value))]
        path = self.folder / f"lexicon-{digest([options, self._hash(self.teacher)])}"
        if not path.is_dir():
            texts = self.corpus / "transfer" / "texts.jsonl"
            run_module("scripts.lexicon", texts, self.teacher, path, *options, "--gpu-id", self.gpu_id)
        return path

    def _augment(self, settings: Dict[str, Any]) -> Path:
        """The transfer set with other augmented texts: those that augment.cfg makes with other settings."""
        scores = self.corpus / "transfer" / "scores.json"
        path = self.folder / f"transfer-{digest([settings, self._hash(scores)])}"
        if path.is_dir():
            return path
        with replaced(self.folder / f"{path.name}.cfg") as config:
            load_config(self.configs / "augment.cfg", overrides=settings).to_disk(config)
        scored = self.folder / f"{path.name}.scored"
        texts = scored / "texts.jsonl"
        if not texts.is_file():
            record = self.training / "encoder.json"
            options = ["--config", self.folder / f"{path.name}.cfg", "--lang", self.lang, "--encoder", record]
            run_module("scripts.augmentation", self.corpus, scored / "all.jsonl", *options)
            with replaced(texts) as partial:
                rows = srsly.read_jsonl(scored / "all.jsonl")
                srsly.write_jsonl(partial, (row for row in rows if row["source"] == AUGMENTED))
        if texts.stat().st_size:
            labels = self.gold / "labels.json"
            run_module("scripts.teacher.scoring", texts, self.teacher, scored, "--labels", labels)
        vocab = spacy.blank(self.lang).vocab
        with replaced(path) as partial:
            for shard in tqdm(list_shards(self.corpus / "transfer"), desc="Copying shards", unit="shard", disable=None):
                docs = [doc for doc in read_docs(shard, vocab) if doc._.source != AUGMENTED]
                write_docs(docs, partial / shard.name)
            for shard in sorted(scored.glob("*.spacy")):
                write_docs(read_docs(shard, vocab), partial / f"augmented-{shard.name}")
        return path

    def _score_anew(self, data: Path, teachers: List[Path]) -> Path:
        """The transfer set with the mean of other models' logits in place of the teacher's."""
        path = self.folder / f"taught-{digest([self._hash(data), *map(self._hash, teachers)])}"
        if path.is_dir():
            return path
        pipelines = [spacy.load(teacher) for teacher in teachers]
        vocab, labels = pipelines[0].vocab, srsly.read_json(self.gold / "labels.json")
        with replaced(path) as partial:
            for shard in tqdm(list_shards(data), desc="Scoring anew", unit="shard", disable=None):
                docs = read_docs(shard, vocab)
                logits = numpy.mean([predict_logits(docs, nlp, labels) for nlp in pipelines], axis=0)
                for doc, row in zip(docs, logits):
                    doc._.teacher_logits = row.tolist()
                write_docs(docs, partial / shard.name)
        return path

    def _splits(self) -> Dict[str, str]:
        """Paths of the texts that are predicted, and of the labels."""
        splits = {split: str(self.gold / f"{split}.spacy") for split in ("dev", "test")}
        return {**splits, "labels": str(self.gold / "labels.json")}

    def _hash(self, path: Path) -> str:
        """The hash of a path, computed once."""
        if path not in self._hashes:
            self._hashes[path] = hash_path(path)
        return self._hashes[path]


def predict_logits(docs: List[Any], nlp: spacy.Language, labels: List[str]) -> numpy.ndarray:
    """The centred logits of tokenized documents.

    docs (List[Doc]): The documents; what a pipeline sets on them is left in place.
    nlp (Language): A trained student.
    labels (List[str]): Label order.
    RETURNS (ndarray): Shape: (n_docs, n_labels).
    """
    textcat: Any = nlp.get_pipe("textcat")
    columns = [textcat.labels.index(label) for label in labels]
    batches = [docs[start : start + 256] for start in range(0, len(docs), 256)]
    return center_logits(numpy.concatenate([numpy.asarray(textcat.predict(batch)) for batch in batches])[:, columns])


def merge(results: List[Result]) -> Result:
    """The result of several models taken together.

    results (List[Result]): What each model predicts.
    RETURNS (Result): What their mean predicts, measured.
    """
    merged = average(results)
    for split in ("dev", "test"):
        probs, gold = numpy.array(merged[split]["probs"]), numpy.array(merged[split]["gold"])
        merged[split].update(measure_quality(probs, gold))
    return {**merged, "model_mb": sum(result["model_mb"] for result in results)}


def prepare_cell(spec: Dict[str, Any], cells: Path) -> Path:
    """Make the folder of a training.

    spec (Dict[str, Any]): All that its result follows from.
    cells (Path): Folder of all of them.
    RETURNS (Path): Its folder, with spec.json.
    """
    # Whether the model stays does not change it, and so not the name.
    folder = cells / digest({name: value for name, value in spec.items() if name != "keep"})
    with replaced(folder / "spec.json") as partial:
        srsly.write_json(partial, spec)
    return folder


def run_cells(folders: Iterable[Path], *, n_jobs: int, gpu_id: int) -> None:
    """Run the cells that have no result yet.

    folders (Iterable[Path]): Their folders.
    n_jobs (int): How many at the same time.
    gpu_id (int): GPU to use, -1 for the CPU.
    RAISES (UserError): One of them failed; the others have been run.
    """
    waiting = [folder for folder in dict.fromkeys(folders) if not is_finished(folder)]
    failed: List[Tuple[Path, int]] = []
    with ThreadPoolExecutor(n_jobs) as pool:
        jobs = {pool.submit(run_process, folder, gpu_id=gpu_id): folder for folder in waiting}
        for job in tqdm(as_completed(jobs), total=len(jobs), desc="Training cells", unit="cell", disable=None):
            if job.result():
                failed.append((jobs[job], job.result()))
    if failed:
        raise UserError(
            f"{len(failed)} of {len(waiting)} cells failed, e.g. with exit code {failed[0][1]}: see "
            f"{failed[0][0] / 'log.txt'}. The others are kept; run the same command again to go on."
        )


def is_finished(folder: Path) -> bool:
    """Whether a cell has its result, and its model if another cell needs it."""
    keep = srsly.read_json(folder / "spec.json")
    return (folder / RESULT).is_file() and (not keep["keep"] or bool(keep["model"]) or (folder / MODEL).is_dir())


def run_process(folder: Path, *, gpu_id: int) -> int:
    """Run a cell in a process of its own, on one core.

    folder (Path): Its folder; log.txt tells what happened.
    gpu_id (int): GPU to use, -1 for the CPU.
    RETURNS (int): Exit code.
    """
    # More threads than cores slow all cells down, and sums in another order change the last bits of a result.
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
    command = [sys.executable, "-m", "scripts.ablation.cell", str(folder), "--gpu-id", str(gpu_id)]
    with (folder / "log.txt").open("w", encoding="utf8") as log:
        return subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode


def run_module(module: str, *arguments: Any) -> None:
    """Run a step of the project with other settings.

    module (str): The step's module.
    arguments (Any): Its arguments.
    RAISES (UserError): It failed; it has said why.
    """
    if code := subprocess.run([sys.executable, "-m", module, *map(str, arguments)]).returncode:
        raise UserError(f"{module} failed with exit code {code}.")


def digest(value: Any) -> str:
    """A short name for a value that JSON can hold."""
    return sha256(srsly.json_dumps(value, sort_keys=True).encode("utf8")).hexdigest()[:16]


if __name__ == "__main__":
    run_command(ablate)
