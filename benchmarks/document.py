"""Writes every table and figure of README.md and docs/*.md between its markers, from benchmarks/results/*.json.

    python -m benchmarks.document

A table stands between `<!-- table: NAME -->` and `<!-- /table -->`, a figure in prose between `<!-- figure: NAME -->`
and `<!-- /figure -->`. `benchmarks/tables.py` knows the names.
"""

import re
from pathlib import Path
from typing import List

import typer
from wasabi import msg

from benchmarks.tables import FIGURES, TABLES, ablation, list_ablation
from scripts.files import UserError, replaced, run_command

ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.S)
_FIGURE = re.compile(r"(<!-- figure: (\w+)\.(\w+) -->).*?(<!-- /figure -->)", re.S)


def document(root: Path = typer.Option(ROOT, help="Folder of README.md and docs")) -> None:
    """Write tables and figures anew; files that are current stay untouched."""
    for path in list_pages(root):
        text = path.read_text(encoding="utf8")
        filled = fill(text, path)
        if filled == text:
            continue
        with replaced(path) as partial:
            partial.write_text(filled, encoding="utf8")
        msg.good(f"{path} was written anew")


def list_pages(root: Path) -> List[Path]:
    """The pages that may hold markers.

    root (Path): Folder of README.md and docs.
    RETURNS (List[Path]): README.md, then the pages of docs by name.
    """
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def fill(text: str, path: Path) -> str:
    """Put current tables and figures between the markers of a page.

    text (str): The page.
    path (Path): Its path, for the message.
    RETURNS (str): The page with what the records say now.
    RAISES (UserError): A marker has an unknown name, or its record is missing.
    """

    def fill_table(match: "re.Match[str]") -> str:
        return f"{match[1]}{make_table(match[2], path)}\n{match[3]}"

    def fill_figure(match: "re.Match[str]") -> str:
        try:
            return f"{match[1]}{FIGURES[match[2]](match[3])}{match[4]}"
        except (KeyError, FileNotFoundError) as error:
            raise UserError(
                f"{path}: no figure {match[2]}.{match[3]} ({error!r}). See benchmarks/tables.py."
            ) from error

    return _FIGURE.sub(fill_figure, _TABLE.sub(fill_table, text))


def make_table(name: str, path: Path) -> str:
    """The Markdown of a table, or of all groups of an ablation (`ablation-RUN`), each under its title.

    name (str): The name that a marker gives.
    path (Path): The page, for the message.
    RETURNS (str): Markdown.
    RAISES (UserError): There is no such table, or its record is missing.
    """
    try:
        if name.startswith("ablation-"):
            run = name.removeprefix("ablation-")
            return "\n\n".join(f"### {group}\n\n{ablation(run, group).to_markdown()}" for group in list_ablation(run))
        function, arguments = TABLES[name]
        return function(*arguments).to_markdown()
    except KeyError as error:
        raise UserError(
            f"{path}: no table {name} ({error!r}). benchmarks/tables.py has {', '.join(TABLES)}."
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"{path}: the record of the table {name} is missing ({error.filename}).") from error


if __name__ == "__main__":
    run_command(document)
