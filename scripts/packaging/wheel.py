"""The `package` step: the exported student as a wheel that ships the architectures it uses and nothing else of ours."""

import os
import shutil
import subprocess
import sys
import tempfile
from inspect import getsourcefile
from pathlib import Path
from typing import Dict, List, Set

import spacy
import srsly
import typer
from spacy import util
from spacy.cli.package import package
from spacy.vocab import Vocab
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.files import UserError, hash_path, remove, replaced, run_command

TOLERANCE = 1e-6
N_CHECKED = 100
CHECK = Path(__file__).with_name("check_wheel.py")


def build_package(
    pipeline: Path = typer.Argument(..., help="The exported pipeline"),
    packages: Path = typer.Argument(..., help="Folder of the packages of the run"),
    record: Path = typer.Argument(..., help="The .json file that names the wheel and its hash"),
    name: str = typer.Option(..., help="Name of the package, without the language"),
    package_version: str = typer.Option(..., "--version", help="Version of the package"),
    meta: Path = typer.Option(..., help="meta.json with author, description and licence"),
    texts: Path = typer.Option(..., help="A .spacy file with texts to compare predictions on"),
) -> None:
    """Build the wheel of a pipeline and check that it works without the project."""
    packages.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(pipeline, packages, name=name, package_version=package_version, meta=meta)
    nlp = spacy.load(pipeline)
    docs = read_docs(texts, Vocab())[:N_CHECKED]
    expected = [{"text": doc.text, "cats": nlp(doc.text).cats} for doc in docs]
    check_wheels({wheel: expected})
    with replaced(record) as partial:
        srsly.write_json(partial, {"wheel": wheel.as_posix(), "sha256": hash_path(wheel)})
    msg.good(f"Wheel: {wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")


def build_wheel(pipeline: Path, packages: Path, *, name: str, package_version: str, meta: Path) -> Path:
    """Build a wheel with `spacy package` and the `build` of this environment, so that no registry is asked.

    pipeline (Path): The exported pipeline.
    packages (Path): Folder of the packages; the project's folder in it is replaced.
    name (str): Name of the package, without the language.
    package_version (str): Version of the package.
    meta (Path): meta.json with author, description and licence.
    RETURNS (Path): The wheel.
    RAISES (UserError): The name cannot be imported, or the build failed.
    """
    if not name.isidentifier():
        raise UserError(f"{name!r} is no name for a package: use letters, digits and _, e.g. --vars.name reviews")
    lang = srsly.read_json(pipeline / "meta.json")["lang"]
    folder = packages / f"{lang}_{name}-{package_version}"
    # `prepare` takes away what ends so, should this be killed.
    with tempfile.TemporaryDirectory(dir=packages, suffix=".partial") as temporary:
        package(
            pipeline,
            Path(temporary),
            meta_path=meta,
            code_paths=find_modules(pipeline),
            name=name,
            version=package_version,
            create_sdist=False,
            create_wheel=False,
            force=True,
        )
        built = Path(temporary) / folder.name
        # Same input, same bytes: a wheel holds the times of its files, so they get one fixed time.
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(built)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise UserError(f"Building the wheel failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        for leftover in [built / "build", *built.glob("*.egg-info")]:
            remove(leftover)
        remove(folder)
        shutil.move(built, folder)
    return next((folder / "dist").glob("*.whl"))


def find_modules(pipeline: Path) -> List[Path]:
    """The files of ours that register the functions that a pipeline's config names.

    pipeline (Path): The exported pipeline.
    RETURNS (List[Path]): Modules in alphabetical order.
    RAISES (UserError): A function is registered by a package of the project that must not ship.
    """
    config = util.load_config(pipeline / "config.cfg")
    files: Set[Path] = set()
    for path, value in util.walk_dict(config["components"]):
        if path[-1].startswith("@") and str(value).startswith("textdistill."):
            source = getsourcefile(util.registry.get(path[-1][1:], value))
            files.add(Path(str(source)))
    for file in files:
        if file.parent.name != "architectures":
            raise UserError(f"{pipeline} uses {file}, which is for training only. Export the student first.")
    return sorted(files)


def check_wheels(expected: Dict[Path, List[Dict]]) -> None:
    """Install wheels into an empty folder, load them in one process outside the project and compare their cats.

    expected (Dict[Path, List[Dict]]): For each wheel rows with a text and its cats.
    RAISES (UserError): A wheel cannot be installed or loaded, or predicts something else.
    """
    with tempfile.TemporaryDirectory() as temporary:
        site = Path(temporary) / "site"
        wheels = [str(wheel.resolve()) for wheel in expected]
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), *wheels]
        cases = Path(temporary) / "cases.json"
        srsly.write_json(cases, {wheel.name.split("-")[0]: rows for wheel, rows in expected.items()})
        # Isolated mode: neither the working folder nor PYTHONPATH can lend the project's modules.
        check = ["-I", str(CHECK), str(site), str(cases), str(TOLERANCE)]
        for arguments in (install, check):
            done = subprocess.run([sys.executable, *arguments], cwd=temporary, capture_output=True, text=True)
            if done.returncode:
                raise UserError(f"{', '.join(wheels)}: the check outside the project failed: {done.stderr[-1500:]}")


if __name__ == "__main__":
    run_command(build_package)
