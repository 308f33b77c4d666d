"""Writes every table and figure of README.md and docs/*.md between its markers, from benchmarks/results/*.json.

    python -m benchmarks.document

`<!-- table: NAME -->` and `<!-- /table -->` stand around a table, `command` in their place around the command that
makes its record, `figure` around a figure in prose. benchmarks/tables/catalogue.py knows the names.
"""

import re
from pathlib import Path
from typing import Dict, List

import srsly
import typer
from wasabi import msg

from benchmarks.tables.catalogue import COMMANDS, FIGURES, TABLES, Shown
from scripts.files import UserError, replaced, run_command

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
# What a table of a record that is not there says.
MISSING = "*Not measured yet.*"
MARKER = re.compile(r"(<!-- (table|command|figure): (\S+) -->).*?(<!-- /\2 -->)", re.S)


def document(
    root: Path = typer.Option(ROOT, help="Folder of README.md and docs"),
    results: Path = typer.Option(RESULTS, help="Folder of the records"),
) -> None:
    """Write tables and figures anew; pages that are current stay untouched."""
    texts = {path: path.read_text(encoding="utf8") for path in list_pages(root)}
    filled = {path: fill(text, path, results) for path, text in texts.items()}
    for path, text in filled.items():
        if text != texts[path]:
            with replaced(path) as partial:
                partial.write_text(text, encoding="utf8")
            msg.good(f"{path} was written anew")


def list_pages(root: Path) -> List[Path]:
    """The pages that may hold markers.

    root (Path): Folder of README.md and docs.
    RETURNS (List[Path]): README.md, then the pages of docs by name.
    """
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def fill(text: str, page: Path, results: Path) -> str:
    """Put what the records say now between the markers of a page.

    text (str): The page.
    page (Path): Its path, for messages.
    results (Path): Folder of the records.
    RETURNS (str): The page with current tables and figures.
    RAISES (UserError): A marker has an unknown name, or the record of a figure is missing. A table without one says so.
    """

    def fill_marker(match: "re.Match[str]") -> str:
        begin, kind, name, end = match.groups()
        if kind == "figure":
            return f"{begin}{make(find(FIGURES, name, page), page, results)}{end}"
        shown = find(TABLES, name, page)
        if kind == "command":
            content = f"```bash\n{COMMANDS[shown.record]}\n```"
        elif find_record(shown, results).is_file():
            content = make(shown, page, results)
        else:
            # What its code has changed under is better not shown than shown as it was.
            content = MISSING
        # Without empty lines GitHub takes Markdown for part of the comment.
        return f"{begin}\n\n{content}\n\n{end}"

    return MARKER.sub(fill_marker, text)


def find(catalogue: Dict[str, Shown], name: str, page: Path) -> Shown:
    """What a marker names.

    catalogue (Dict[str, Shown]): TABLES or FIGURES.
    name (str): The name.
    page (Path): The page, for the message.
    RETURNS (Shown): Its record, and what is made of it.
    RAISES (UserError): There is no such name.
    """
    if name not in catalogue:
        raise UserError(f"{page}: a marker names {name!r}; benchmarks/tables/catalogue.py has {', '.join(catalogue)}.")
    return catalogue[name]


def find_record(shown: Shown, results: Path) -> Path:
    """Where the record of a piece of a page stands, if it has been made."""
    return results / f"{shown.record}.json"


def make(shown: Shown, page: Path, results: Path) -> str:
    """Make a piece of a page.

    shown (Shown): Its record, and what is made of it.
    page (Path): The page, for the message.
    results (Path): Folder of the records.
    RETURNS (str): Markdown.
    RAISES (UserError): The record is missing.
    """
    path = find_record(shown, results)
    if not path.is_file():
        raise UserError(f"{page} shows {path}, which does not exist. Make it with:\n{COMMANDS[shown.record]}")
    made = shown.make(srsly.read_json(path))
    if isinstance(made, str):
        return made
    return "\n\n".join(table.to_markdown() for table in (made if isinstance(made, list) else [made]))


if __name__ == "__main__":
    run_command(document)
