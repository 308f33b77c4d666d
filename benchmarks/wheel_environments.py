"""Wheels where people install them: under the oldest and the newest Python and spaCy that they allow.

    python -m benchmarks.wheel_environments WHEEL WHEEL corpus/en/gold/dev.spacy --python python3.9 --python python3.13

Each Python gets environments of its own, with the oldest spaCy that the wheels allow, where there are wheels of it for
this Python, and with the newest that `pip` gives. Nothing is compiled, and nothing is there but what the wheels
require. One process loads all of them and classifies the texts by each in turn. Predictions are compared with those of
the environment that this runs in.
"""

import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Optional, cast

import srsly
import typer
from packaging.requirements import Requirement
from packaging.version import Version
from spacy.vocab import Vocab
from tqdm import tqdm
from wasabi import msg

from benchmarks.tables.speed import environments as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.docbins import read_docs
from scripts.files import UserError, hash_path, remove, run_command
from scripts.packaging.names import read_package_name

SCRIPT = Path(__file__).with_name("wheel_cats.py")
LIMIT = 1e-6


def try_environments(
    wheels: List[Path] = typer.Argument(..., help="A wheel, or several of different names, such as of two languages"),
    texts: Path = typer.Argument(..., help="A .spacy file with texts to predict"),
    python: List[str] = typer.Option(..., help="A Python, e.g. python3.9 or its path; give it several times"),
    folder: Path = typer.Option(Path("training/environments"), help="Folder of the environments, some 200 MB each"),
    output: Path = typer.Option(Path("benchmarks/results/wheel_environments.json"), help="The record"),
) -> None:
    """Install wheels together under several versions of Python and spaCy and compare their predictions."""
    rows: List[Dict[str, Any]] = []
    with TemporaryDirectory() as temporary:
        path, site = Path(temporary) / "texts.json", Path(temporary) / "site"
        srsly.write_json(path, [doc.text for doc in read_docs(texts, Vocab())])
        run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, *wheels])
        here = read_cats(sys.executable, wheels, path, site)
        cats = here.pop("cats")
        # spaCy 3.7 imports Click without requiring it: it came with Typer, which has one of its own by now.
        oldest = [f"spacy=={max(map(read_oldest_spacy, wheels), key=Version)}", "click"]
        tried = [(one, packages) for one in python for packages in (oldest, ["spacy"])]
        for number, (one, packages) in enumerate(tqdm(tried, desc="Trying", unit="environment", disable=None)):
            installed = make_environment(one, folder / str(number), wheels, packages)
            if installed is not None:
                found = read_cats(installed, wheels, path)
                difference = find_difference(cats, found.pop("cats"))
                rows.append({**found, "difference": difference})
    rows.sort(key=lambda row: [Version(row[name]) for name in ("python", "spacy")])
    hashes = {read_package_name(wheel): hash_path(wheel) for wheel in wheels}
    record = {"wheels": hashes, "n_texts": len(cats) // len(wheels), "here": here, "rows": rows}
    write_and_show(output, record, make_table(record))
    for row in rows:
        if row["difference"] > LIMIT or row["warnings"]:
            msg.warn(f"Python {row['python']}, spaCy {row['spacy']}: {row['difference']:.0e} {row['warnings']}")


def make_environment(python: str, folder: Path, wheels: List[Path], packages: List[str]) -> Optional[str]:
    """Make an environment that has some wheels, what they require, and nothing else.

    python (str): The Python that it is of.
    folder (Path): Its folder; what stands there is replaced.
    wheels (List[Path]): The wheels.
    packages (List[str]): What is required beside it, e.g. ["spacy==3.7.5"].
    RETURNS (Optional[str]): The environment's Python; None if this spaCy has no wheels for it.
    RAISES (UserError): Something else went wrong.
    """
    remove(folder)
    run([python, "-m", "venv", folder])
    installed = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    command = [installed, "-m", "pip", "install", "-q", "--no-compile", "--only-binary", ":all:", *wheels, *packages]
    try:
        run(command)
    except UserError as error:
        if "No matching distribution found" not in str(error):
            raise
        return None
    return installed


def read_cats(python: str, wheels: List[Path], texts: Path, *sites: Path) -> Dict[str, Any]:
    """What wheels predict where they are installed, in one process.

    python (str): The Python of that environment.
    wheels (List[Path]): The wheels.
    texts (Path): A .json file with a list of texts.
    sites (Path): Folders of packages beside those of the environment.
    RETURNS (Dict[str, Any]): Versions, spaCy's warnings, and the `cats` of each text by each wheel in turn.
    """
    with TemporaryDirectory() as temporary:
        output = Path(temporary) / "cats.json"
        # Isolated: neither the working folder nor PYTHONPATH can lend the project's modules.
        names = " ".join(map(read_package_name, wheels))
        run([python, "-I", SCRIPT, names, texts, output, *sites])
        return cast(Dict[str, Any], srsly.read_json(output))


def find_difference(one: List[Dict[str, float]], other: List[Dict[str, float]]) -> float:
    """The largest difference of a probability.

    one, other (List[Dict[str, float]]): `cats` of the same texts.
    RETURNS (float): 0 to 1.
    """
    return max(abs(a[label] - b[label]) for a, b in zip(one, other) for label in {*a, *b})


def read_oldest_spacy(wheel: Path) -> str:
    """The oldest spaCy that a wheel allows.

    wheel (Path): The wheel.
    RETURNS (str): E.g. "3.7.5".
    """
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = HeaderParser().parsestr(archive.read(metadata).decode("utf8")).get_all("Requires-Dist", [])
    (spacy,) = [one for one in map(Requirement, lines) if one.name == "spacy"]
    return next(limit.version for limit in spacy.specifier if limit.operator == ">=")


def run(command: List[Any]) -> None:
    """Run a program that says nothing unless it fails.

    command (List[Any]): Program and arguments.
    RAISES (UserError): It failed; with the end of what it said.
    """
    done = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf8")
    if done.returncode:
        raise UserError(f"{' '.join(map(str, command))} failed: {done.stderr[-1500:]}")


if __name__ == "__main__":
    run_command(try_environments)
