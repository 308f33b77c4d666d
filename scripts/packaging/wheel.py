"""The `package` step: the exported student as a wheel that ships the architectures it uses and nothing else of ours."""

import os
import subprocess
import sys
import tempfile
from inspect import getsourcefile
from pathlib import Path
from typing import Any, Dict, List, Set

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
from scripts.packaging.card import make_card
from scripts.packaging.entry_points import add_entry_points
from scripts.packaging.names import check_package, read_package_name
from scripts.packaging.performance import state_performance

# From the oldest spaCy that wheels are tried under (benchmarks/wheel_environments.py) to the next that may break them.
SPACY = ">=3.7.5,<3.9.0"
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
    texts: List[Path] = typer.Option(
        ..., help="A .spacy file with gold texts to state scores on; give it several times"
    ),
    run: Path = typer.Option(..., help="Folder of the run, whose report becomes the model card"),
    data_licence: str = typer.Option("", help="Licence of the texts, for the model card"),
) -> None:
    """Build the wheel of a pipeline, with its scores, and check that it works without the project."""
    packages.mkdir(parents=True, exist_ok=True)
    nlp = spacy.load(pipeline)
    performance, notes = state_performance(nlp, texts)
    stated = srsly.read_json(meta)
    card, text = make_card(run, data_licence=data_licence)
    card["sources"] = [*(stated.get("sources") or []), *card["sources"]]
    stated.update(card, performance=performance, notes="\n\n".join(filter(None, [stated.get("notes"), notes, text])))
    msg.text("Building the wheel")
    wheel = build_wheel(pipeline, packages, name=name, package_version=package_version, meta=stated)
    docs = read_docs(texts[0], Vocab())[:N_CHECKED]
    expected = [{"text": doc.text, "cats": nlp(doc.text).cats} for doc in docs]
    msg.text("Trying it in an empty folder")
    check_wheels({wheel: expected})
    with replaced(record) as partial:
        srsly.write_json(partial, {"wheel": wheel.as_posix(), "sha256": hash_path(wheel)})
    msg.good(f"Wheel: {wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")


def build_wheel(pipeline: Path, packages: Path, *, name: str, package_version: str, meta: Dict[str, Any]) -> Path:
    """Build a wheel with `spacy package` and the `build` of this environment, so that no registry is asked.

    pipeline (Path): The exported pipeline.
    packages (Path): Folder of the packages; the project's folder in it is replaced.
    name (str): Name of the package, without the language.
    package_version (str): Version of the package.
    meta (Dict[str, Any]): Author, description, licence, scores and so on.
    RETURNS (Path): The wheel.
    RAISES (UserError): Name or version would not be those of the wheel, or the build failed.
    """
    own = srsly.read_json(pipeline / "meta.json")
    check_package(own["lang"], name, package_version)
    folder = packages / f"{own['lang']}_{name}-{package_version}"
    modules = find_modules(pipeline)
    requirements = list(dict.fromkeys([*own.get("requirements", []), *meta.get("requirements", [])]))
    with replaced(folder) as partial:
        scratch = partial / "scratch"
        scratch.mkdir(parents=True)
        srsly.write_json(
            scratch / "meta.json", {**meta, "lang": own["lang"], "spacy_version": SPACY, "requirements": requirements}
        )
        package(
            pipeline,
            scratch,
            meta_path=scratch / "meta.json",
            code_paths=modules,
            name=name,
            version=package_version,
            create_sdist=False,
            create_wheel=False,
            require_parent=True,
        )
        built = scratch / folder.name
        add_entry_points(built / "setup.py", f"{own['lang']}_{name}", modules)
        # Same input, same bytes: a wheel holds the times of its files, so they get one fixed time.
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(built)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise UserError(f"Building the wheel failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        for leftover in [built / "build", *built.glob("*.egg-info")]:
            remove(leftover)
        for path in built.iterdir():
            path.rename(partial / path.name)
        remove(scratch)
    return next((folder / "dist").glob("*.whl"))


def find_modules(pipeline: Path) -> List[Path]:
    """The files of ours that register the functions that a pipeline's config names.

    pipeline (Path): The exported pipeline.
    RETURNS (List[Path]): Modules in alphabetical order.
    RAISES (UserError): A function is registered by a package of the project that must not ship.
    """
    config = util.load_config(pipeline / "config.cfg")
    files: Set[Path] = set()
    for path, value in util.walk_dict({name: config[name] for name in ("nlp", "components")}):
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
        srsly.write_json(cases, {read_package_name(wheel): rows for wheel, rows in expected.items()})
        # Isolated mode: neither the working folder nor PYTHONPATH can lend the project's modules.
        check = ["-I", str(CHECK), str(site), str(cases), str(TOLERANCE)]
        for arguments in (install, check):
            done = subprocess.run([sys.executable, *arguments], cwd=temporary, capture_output=True, text=True)
            if done.returncode:
                raise UserError(f"{', '.join(wheels)}: the check outside the project failed: {done.stderr[-1500:]}")


if __name__ == "__main__":
    run_command(build_package)
