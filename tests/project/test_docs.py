"""README and docs: true, current, short."""

import ast
import re
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
import spacy.errors

from benchmarks.document import RESULTS, fill, list_pages
from benchmarks.tables.catalogue import COMMANDS, FIGURES, TABLES
from scripts.provenance import find_registered
from tests.conftest import ROOT

PAGES = list_pages(ROOT)
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf8") for page in PAGES}
TROUBLESHOOTING = TEXTS["docs/troubleshooting.md"]
# Written by programs, and shown nowhere: benchmarks.same_results is for those who change the structure, and README has
# the example of the demo.
NOT_SHOWN = {"same_results", "example_en-amazon"}


def read_literals(node: ast.AST) -> Iterator[str]:
    """Every text in a piece of code; … stands for what an f-string puts in."""
    for part in ast.walk(node):
        if isinstance(part, ast.JoinedStr):
            yield "".join(str(value.value) if isinstance(value, ast.Constant) else "…" for value in part.values)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield re.sub(r"\{\w*\}", "…", part.value)


def quoted(page: str) -> List[str]:
    """The messages of a page: what stands in the first column of its tables."""
    return [match for match in re.findall(r"^\| `(.+?)` \|", page, re.M)]


def slugs(text: str) -> List[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def links() -> List[Tuple[str, str]]:
    """Page and target of each link that is not to the web."""
    found = [(page, target) for page, text in TEXTS.items() for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    return [(page, target) for page, target in found if not target.startswith("http")]


def test_a_message_that_troubleshooting_explains_stands_in_the_code() -> None:
    modules = [*(ROOT / "scripts").rglob("*.py"), Path(spacy.errors.__file__)]
    literals = [
        literal for module in modules for literal in read_literals(ast.parse(module.read_text(encoding="utf8")))
    ]
    messages = quoted(TROUBLESHOOTING)
    assert len(messages) > 60 and len(set(messages)) == len(messages)
    unknown = [message for message in messages if not any(message.strip("…") in literal for literal in literals)]
    assert not unknown


def read_errors(path: Path) -> Iterator[Tuple[int, List[str]]]:
    """Every UserError that a module makes: its line, and the texts that its message is made of."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
            yield node.lineno, list(read_literals(node))


def test_troubleshooting_explains_every_error_of_the_code() -> None:
    messages = [message.strip("…") for message in quoted(TROUBLESHOOTING)]
    missing = [
        f"{module.relative_to(ROOT)}:{line}: {texts}"
        for module in sorted((ROOT / "scripts").rglob("*.py"))
        for line, texts in read_errors(module)
        # Some add a place alone, such as a line or a cell, to what another function says.
        if max((len(re.sub(r"\W", "", text)) for text in texts), default=0) > 10
        and not any(message in text for message in messages for text in texts)
    ]
    assert not missing


@pytest.mark.parametrize(("page", "target"), links())
def test_links_lead_somewhere(page: str, target: str) -> None:
    name, _, anchor = target.partition("#")
    path = (ROOT / page).parent / name if name else ROOT / page
    assert path.exists()
    if anchor:
        assert anchor in slugs(path.read_text(encoding="utf8"))


def test_the_changelog_names_all_that_is_registered() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    names = [name.removeprefix("textdistill.") for name in find_registered() if name.startswith("textdistill.")]
    assert len(names) > 15 and not [name for name in names if name not in changelog]


def test_readme_and_troubleshooting_are_short() -> None:
    assert len(TEXTS["README.md"].partition("<!-- WEASEL")[0].splitlines()) <= 200
    assert len(TROUBLESHOOTING.splitlines()) <= 320


@pytest.mark.parametrize("page", TEXTS)
def test_no_figure_begins_a_line(page: str) -> None:
    # GitHub would take the rest of the line for HTML and end the paragraph.
    assert not re.search(r"^[> ]*<!-- figure", TEXTS[page], re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    assert fill(text, page, RESULTS) == text, "run: python -m benchmarks.document"


def test_every_record_has_its_command_and_is_shown() -> None:
    shown = {
        name
        for text in TEXTS.values()
        for kind, name in re.findall(r"<!-- (\w+): (\S+) -->", text)
        if kind != "command"
    }
    assert shown == set(TABLES) | set(FIGURES)
    assert {entry.record for entry in (*TABLES.values(), *FIGURES.values())} == set(COMMANDS)
    assert {path.stem for path in RESULTS.glob("*.json")} - NOT_SHOWN <= set(COMMANDS)
