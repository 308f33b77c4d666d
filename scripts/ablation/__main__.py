"""The `ablate` command: what each choice is worth, measured by training without it.

A grid file lists cells in groups. Each cell is a `spacy train` run of a student's config with some settings replaced,
once per seed. A cell's folder is named by the hash of all that its result follows from, so that an interrupted
ablation goes on where it stopped, and a changed one trains only what changed.
"""

from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, List

import srsly
import typer
from tqdm import tqdm
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.ablation.cell import MODEL, RESULT
from scripts.ablation.inputs import Cell, Inputs
from scripts.ablation.report import write_report
from scripts.ablation.statistics import merge, summarize
from scripts.data.task import Task
from scripts.files import UserError, digest, hash_path, replaced, run_command
from scripts.process import ONE_CORE, run_module
from scripts.segmenters import DEFAULT

FIELDS = {
    *("name", "student", "data", "lexicon", "augment", "unlabelled", "targets", "teachers", "average_of", "set", "keep")
}


def ablate(
    grid: Path = typer.Argument(..., help="The .yml file with the cells"),
    corpus: Path = typer.Argument(..., help="Folder of the run, as `score` left it"),
    training: Path = typer.Argument(..., help="Folder of the run's models, as `lexicon` left it"),
    configs: Path = typer.Option(Path("configs"), help="Folder of the .cfg files"),
    lang: str = typer.Option(..., help="Language code"),
    segmenter: str = typer.Option(DEFAULT, help="One of the language's segmenters"),
    tagger: str = typer.Option("", help="The tagger that `augment` was given"),
    n_jobs: int = typer.Option(1, help="Cells that are trained at the same time, each on one core"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Train every cell of a grid with every seed and write the table."""
    plan = read_grid(grid)
    inputs = Inputs(corpus, training, configs, lang=lang, segmenter=segmenter, tagger=tagger, gpu_id=gpu_id)
    cells: List[Cell] = [cell for group in plan["groups"] for cell in group["cells"]]
    trained = [cell for cell in cells if "average_of" not in cell]
    needed = {name for cell in cells for name in cell.get("teachers", [])}
    folders: Dict[str, List[Path]] = {}
    teacher = prepare_cell(inputs.make_teacher_spec(), training / "ablation" / "cells")
    try:
        # Cells that learn from other cells' models come after those.
        for wave in ([c for c in trained if "teachers" not in c], [c for c in trained if "teachers" in c]):
            for cell in wave:
                teachers = [folder / MODEL for name in cell.get("teachers", []) for folder in folders[name]]
                keep = cell.get("keep", False) or cell["name"] in needed
                specs = [inputs.make_spec(cell, seed, teachers=teachers, keep=keep) for seed in plan["seeds"]]
                folders[cell["name"]] = [prepare_cell(spec, training / "ablation" / "cells") for spec in specs]
            waiting = [teacher, *(folder for cell in wave for folder in folders[cell["name"]])]
            run_cells(waiting, n_jobs=n_jobs, gpu_id=gpu_id)
    finally:
        # Also when it is interrupted, or a cell fails: hours of work are in the others.
        if record := collect(plan, teacher, folders, inputs.task):
            record["scores"] = hash_path(corpus / "transfer" / "scores.json")
            write_report(record, training)
    msg.good(f"Ablation of {len(cells)} cells: {training / 'ablation.md'}")


def collect(plan: Dict[str, Any], teacher: Path, folders: Dict[str, List[Path]], task: Task) -> Dict[str, Any]:
    """Summarize the finished cells of a grid.

    plan (Dict[str, Any]): The grid.
    teacher (Path): Folder of the teacher's result.
    folders (Dict[str, List[Path]]): Folders of each cell's trainings.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): The record of the ablation; empty if teacher or baseline are not finished.
    """
    finished = {name: paths for name, paths in folders.items() if all(map(is_finished, paths))}
    if plan["baseline"] not in finished or not is_finished(teacher):
        return {}
    results = {name: [srsly.read_json(path / RESULT) for path in paths] for name, paths in finished.items()}
    for cell in (cell for group in plan["groups"] for cell in group["cells"]):
        names = cell.get("average_of")
        if names and set(names) <= set(results):
            results[cell["name"]] = [merge([result for name in names for result in results[name]], task)]
    teacher_result = srsly.read_json(teacher / RESULT)
    baseline = results[plan["baseline"]]
    groups = [
        {
            "name": group["name"],
            "cells": [
                {**cell, **summarize(results[cell["name"]], baseline, teacher_result, task)}
                for cell in group["cells"]
                if cell["name"] in results
            ],
        }
        for group in plan["groups"]
    ]
    return {
        "baseline": plan["baseline"],
        "seeds": plan["seeds"],
        "n_test": len(teacher_result["test"]["gold"]),
        "teacher": {split: teacher_result[split]["accuracy"] for split in ("dev", "test")},
        "groups": [group for group in groups if group["cells"]],
    }


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
    """Run the cells that have no result yet, each in a process of its own on one core.

    folders (Iterable[Path]): Their folders; log.txt of each tells what happened.
    n_jobs (int): How many at the same time.
    gpu_id (int): GPU to use, -1 for the CPU.
    RAISES (UserError): One of them failed; the others have been run.
    """
    waiting = [folder for folder in dict.fromkeys(folders) if not is_finished(folder)]
    failed: List[BaseException] = []
    with ThreadPoolExecutor(n_jobs) as pool:
        run = partial(run_module, "scripts.ablation.cell", variables=ONE_CORE)
        jobs = [pool.submit(run, folder, "--gpu-id", gpu_id, log=folder / "log.txt") for folder in waiting]
        for job in tqdm(as_completed(jobs), total=len(jobs), desc="Training cells", unit="cell", disable=None):
            if error := job.exception():
                failed.append(error)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(waiting)} cells failed, e.g. {failed[0]}. The others are kept and reported; run "
            "the same command again to go on."
        )


def is_finished(folder: Path) -> bool:
    """Whether a cell has its result, and its model if another cell needs it."""
    spec = srsly.read_json(folder / "spec.json")
    return (folder / RESULT).is_file() and (not spec["keep"] or bool(spec["model"]) or (folder / MODEL).is_dir())


if __name__ == "__main__":
    run_command(ablate)
