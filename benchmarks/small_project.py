"""A copy of the project with few reviews, which runs as a whole with configs/test in a minute or two."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import srsly

ROOT = Path(__file__).parents[1]
SIZES = {"train": 48, "dev": 24, "test": 24, "unlabelled": 24}
CONFIGS = "configs/test"


def copy_project(folder: Path) -> Path:
    """Copy what a run needs, and the first reviews of the demo.

    folder (Path): An existing folder.
    RETURNS (Path): The same.
    """
    shutil.copy(ROOT / "project.yml", folder)
    for name in ("scripts", "configs", "assets"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "encoders"))
    reviews = folder / "assets" / "reviews" / "en"
    for split, size in SIZES.items():
        rows = list(srsly.read_gzip_jsonl(reviews / f"{split}.jsonl.gz"))[:size]
        srsly.write_gzip_jsonl(reviews / f"{split}.jsonl.gz", rows)
    return folder


def start(project: Path, workflow: str, *variables: str, **options: Any) -> "subprocess.Popen[str]":
    """Start the command of the README.

    project (Path): The copy.
    workflow (str): E.g. all.
    *variables (str): Further arguments, e.g. "--vars.run", "x".
    **options (Any): Those of `Popen`; what is printed can be read from the process if they do not say otherwise.
    RETURNS (Popen): The process.
    """
    command = [sys.executable, "-m", "scripts.run", workflow, "--vars.config_dir", CONFIGS, *variables]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    return subprocess.Popen(command, cwd=project, text=True, **output)
