"""The model card of a wheel: what it was made from, how good it is, and what nobody has measured."""

import re
from pathlib import Path, PurePath
from typing import Any, Dict, List, Tuple

import srsly

from scripts.files import UserError

NOT_STATED = "not stated by who made it"


def make_card(run: Path, *, data_licence: str) -> Tuple[Dict[str, Any], str]:
    """Make the model card of a run.

    run (Path): Its folder, e.g. training/en.
    data_licence (str): Licence of its texts; empty where nobody has stated it.
    RETURNS (Tuple[Dict[str, Any], str]): Fields of meta.json: `sources`, as spaCy has them, and `textdistill` with the
        verdict, the teacher, the texts and the limits; and the report in Markdown, for the end of the README.
    RAISES (UserError): The run has no report.
    """
    paths = {name: run / "report" / name for name in ("report.json", "report.md")}
    for path in paths.values():
        if not path.is_file():
            raise UserError(f"{path} does not exist. Run the `evaluate` step first.")
    report = srsly.read_json(paths["report.json"])
    provenance = report["provenance"]
    licence = data_licence or NOT_STATED
    teacher = find_teacher(run, provenance["transfer_set"])
    files = {split: PurePath(file["path"]).name for split, file in provenance["data"].items()}
    data = {split: {"file": name, "sha256": provenance["data"][split]["sha256"]} for split, name in files.items()}
    text = paths["report.md"].read_text(encoding="utf8")
    sources: List[Dict[str, str]] = [
        {"name": f"{split}: {name}", "url": "", "author": "", "license": licence} for split, name in files.items()
    ]
    fields = {
        "sources": [*sources, {"name": f"teacher: {teacher['name']}", "url": "", "author": "", "license": ""}],
        "textdistill": {
            "verdict": report["verdict"],
            "teacher": {**teacher, "accuracy": report["teacher"]["accuracy"]},
            "data": data,
            "texts": provenance["counts"],
            "data_licence": licence,
            "limits": report["limits"],
        },
    }
    stated = f"Licence of the texts that it was trained on: {licence}. Teacher: {teacher['name']}."
    # Its headings go below those of spaCy's README.
    return fields, f"{re.sub('^#', '###', text, flags=re.MULTILINE)}\n{stated}"


def find_teacher(run: Path, transfer_set: Dict[str, Any]) -> Dict[str, str]:
    """Find out what the teacher was.

    run (Path): Folder of the run.
    transfer_set (Dict[str, Any]): What `score` has written down.
    RETURNS (Dict[str, str]): `name`, that of its encoder, if the run has trained it; and the teacher's `sha256`.
    """
    record = run / "encoder.json"
    name = srsly.read_json(record)["encoder"] if record.is_file() else transfer_set["teacher"]
    is_path = PurePath(name).is_absolute() or name.startswith(".") or Path(name).exists()
    return {"name": PurePath(name).name if is_path else name, "sha256": str(transfer_set.get("teacher_sha256", ""))}
