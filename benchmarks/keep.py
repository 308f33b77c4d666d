"""Keeps what a finished run of the project says, as records that README and docs show.

    python -m benchmarks.keep en
    python -m benchmarks.keep languages

Of training/RUN/report/report.json, times.json, cascade.json and ablation.json what is there is kept, and what the
packaged student says of an example. Of the table that the command `languages` writes,
training/languages.json and its picture are.
"""

import shutil
from pathlib import Path, PurePath
from typing import Any, Dict

import spacy
import srsly
import typer
from wasabi import msg

import scripts.functions  # noqa: F401
from benchmarks.document import RESULTS
from scripts.files import UserError, replaced, run_command

EXAMPLE = "The plot is predictable, the characters are boring, and I never finished it."


def keep(
    run: str = typer.Argument(..., help="Name of a run, e.g. en, or of a table of languages: languages"),
    training: Path = typer.Option(Path("training"), help="Folder of all runs' models"),
    results: Path = typer.Option(RESULTS, help="Folder of the records"),
) -> None:
    """Write the records of a run, or of a table of languages, under benchmarks/results."""
    table = training / f"{run}.json"
    if table.is_file():
        records = {run: srsly.read_json(table)}
        with replaced(results / f"{run}.png") as partial:
            shutil.copyfile(table.with_suffix(".png"), partial)
    else:
        records = {f"{name}_{run}": record for name, record in read_run(training / run).items()}
    for name, record in records.items():
        path = results / f"{name}.json"
        with replaced(path) as partial:
            srsly.write_json(partial, record)
        msg.good(f"Written: {path}")


def read_run(folder: Path) -> Dict[str, Any]:
    """Read what a run says.

    folder (Path): Folder of its models, e.g. training/en.
    RETURNS (Dict[str, Any]): Records by name: report and example; times, cascade and ablation if they are there.
    RAISES (UserError): The run is not finished.
    """
    report_path, wheel_path = folder / "report" / "report.json", folder / "wheel.json"
    for path in (report_path, wheel_path):
        if not path.is_file():
            raise UserError(f"{path} does not exist. Run the project first: python -m spacy project run all")
    report = name_files(srsly.read_json(report_path))
    records = {"report": report, "example": make_example(folder / "compressed", srsly.read_json(wheel_path)["wheel"])}
    if (folder / "times.json").is_file():
        records["times"] = {
            "machine": report["provenance"]["machine"],
            "steps": srsly.read_json(folder / "times.json"),
        }
    for name in ("cascade", "ablation"):
        if (folder / f"{name}.json").is_file():
            records[name] = srsly.read_json(folder / f"{name}.json")
    return records


def make_example(pipeline: Path, wheel: str) -> Dict[str, Any]:
    """Ask a student.

    pipeline (Path): The pipeline that is packaged.
    wheel (str): Path of its wheel.
    RETURNS (Dict[str, Any]): Wheel, name of the package, the text and its cats.
    """
    path = PurePath(wheel)
    return {
        "wheel": path.as_posix(),
        "package": path.name.partition("-")[0],
        "text": EXAMPLE,
        "cats": spacy.load(pipeline)(EXAMPLE).cats,
    }


def name_files(value: Any) -> Any:
    """A record in which files beyond the project have no folder: where they stand is nobody's business."""
    if isinstance(value, dict):
        return {name: name_files(child) for name, child in value.items()}
    if isinstance(value, list):
        return [name_files(child) for child in value]
    if isinstance(value, str) and (PurePath(value).is_absolute() or value.startswith("..")):
        return PurePath(value).name
    return value


if __name__ == "__main__":
    run_command(keep)
