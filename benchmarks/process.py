"""Processes of their own, so that a measurement starts from nothing: one core, memory and imports of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

from scripts.files import UserError

ONE_CORE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
}


def run_module(module: str, *arguments: Any, log: Optional[Path] = None) -> None:
    """Run a module in a fresh process on one core.

    module (str): Its name, as `python -m` takes it.
    arguments (Any): Its arguments.
    log (Optional[Path]): File for what it prints; None prints it here.
    RAISES (UserError): It failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, **ONE_CORE}
    if log is None:
        code = subprocess.run(command, env=environment).returncode
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf8") as file:
            code = subprocess.run(command, env=environment, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        raise UserError(f"{module} failed with exit code {code}" + (f": see {log}" if log else "."))
