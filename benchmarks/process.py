"""Processes of their own, so that a measurement starts from nothing: one core, memory and imports of its own."""

import os
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Optional, Sequence

from scripts.files import UserError

ONE_CORE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
}


def run_module(module: str, *arguments: Any, log: Optional[Path] = None, hidden: Sequence[str] = ()) -> None:
    """Run a module in a fresh process on one core.

    module (str): Its name, as `python -m` takes it.
    arguments (Any): Its arguments.
    log (Optional[Path]): File for what it prints; None prints it here.
    hidden (Sequence[str]): Packages that are not installed for this process.
    RAISES (UserError): It failed.
    """
    with ExitStack() as stack:
        environment, options = {**os.environ, **ONE_CORE}, []
        if hidden:
            packages = Path(stack.enter_context(TemporaryDirectory()))
            link_packages(packages, hidden)
            # -S: the packages that are linked, and no others.
            environment["PYTHONPATH"], options = str(packages), ["-S"]
        output = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = stack.enter_context(log.open("w", encoding="utf8"))
        command = [sys.executable, *options, "-m", module, *map(str, arguments)]
        code = subprocess.run(command, env=environment, stdout=output, stderr=output).returncode
    if code:
        raise UserError(f"{module} failed with exit code {code}" + (f": see {log}" if log else "."))


def link_packages(folder: Path, hidden: Sequence[str]) -> None:
    """Link all installed packages but some, as if these had not been installed.

    folder (Path): Gets a link to each package and to its metadata, where entry points stand.
    hidden (Sequence[str]): Names of those that are left out, as they are imported.
    """
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(site).iterdir():
            if path.name.split("-")[0] not in hidden:
                (folder / path.name).symlink_to(path)
