"""Processes of their own, so that a measurement starts from nothing: one core, memory and imports of its own."""

import sysconfig
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, List, Optional, Sequence

from scripts import process


def run_module(module: str, *arguments: Any, log: Optional[Path] = None, hidden: Sequence[str] = ()) -> None:
    """Run a module in a fresh process on one core.

    module (str): Its name, as `python -m` takes it.
    arguments (Any): Its arguments.
    log (Optional[Path]): File for what it prints; None prints it here.
    hidden (Sequence[str]): Packages that are not installed for this process.
    RAISES (UserError): It failed.
    """
    with ExitStack() as stack:
        variables = dict(process.ONE_CORE)
        options: List[str] = []
        if hidden:
            packages = Path(stack.enter_context(TemporaryDirectory()))
            link_packages(packages, hidden)
            # -S: the packages that are linked, and no others.
            variables["PYTHONPATH"], options = str(packages), ["-S"]
        process.run_module(module, *arguments, log=log, variables=variables, options=options)


def link_packages(folder: Path, hidden: Sequence[str]) -> None:
    """Link all installed packages but some, as if these had not been installed.

    folder (Path): Gets a link to each package and to its metadata, where entry points stand.
    hidden (Sequence[str]): Names of those that are left out, as they are imported.
    """
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(site).iterdir():
            if path.name.split("-")[0] not in hidden:
                (folder / path.name).symlink_to(path)
