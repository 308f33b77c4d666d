"""Modules of the project in processes of their own."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from scripts.files import UserError

# More threads than cores slow all down, and sums in another order change the last bits of a result.
ONE_CORE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
}


def run_module(
    module: str,
    *arguments: Any,
    log: Optional[Path] = None,
    variables: Optional[Mapping[str, str]] = None,
    options: Sequence[str] = (),
) -> None:
    """Run a module in a fresh process.

    module (str): Its name, as `python -m` takes it.
    arguments (Any): Its arguments.
    log (Optional[Path]): File for what it prints; None prints it here.
    variables (Optional[Mapping[str, str]]): Environment variables beside this process's own, e.g. ONE_CORE.
    options (Sequence[str]): Options of Python itself.
    RAISES (UserError): It failed; it has said why.
    """
    command = [sys.executable, *options, "-m", module, *map(str, arguments)]
    with ExitStack() as stack:
        output = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = stack.enter_context(log.open("w", encoding="utf8"))
        environment = {**os.environ, **(variables or {})}
        code = subprocess.run(command, env=environment, stdout=output, stderr=output).returncode
    if code:
        raise UserError(f"{module} failed with exit code {code}" + (f": see {log}" if log else "."))
