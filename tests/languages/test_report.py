"""The table of languages: its cells, what stands below, and the picture."""

from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import srsly

from scripts.languages.report import HEADER, find_differences, plot_languages, render_table, summarize, write_table
from tests.languages.reports import make_report

FAILED = {"lang": "fr", "run": "fr", "failed": "train-teacher"}


def make_row(lang: str, **options: Any) -> Dict[str, Any]:
    return summarize(lang, lang, make_report(**options), encoder="MiniLM" if lang == "en" else "E5")


def read_cells(text: str) -> List[List[str]]:
    """The cells of a table in Markdown, without its header."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_a_language_has_a_row_and_one_that_failed_the_step() -> None:
    text = render_table([make_row("en"), FAILED, make_row("de", gap_closed=None)])
    (en, fr, de), blank = read_cells(text), [""] * (len(HEADER) - 2)
    assert en == ["en", "0.800", "0.850", "0.810", "0.880", "0.890", "98.9%", "88%", "90.0%", "0.012", "400,000", "6.0"]
    assert fr == ["fr", "failed: train-teacher", *blank]
    assert de[7] == "no gap" and de[:7] == ["de", *en[1:7]]


def test_what_all_have_in_common_is_said_once_and_the_rest_by_language() -> None:
    text = render_table([make_row("en", reads="words"), make_row("de"), make_row("nl", reads="characters"), FAILED])
    assert "- N-grams of: words (en); characters (nl)\n" in text
    for line in (
        "To ship, as the reports say: student",
        "Student: bow",
        "Seed: 0",
        "Encoder: MiniLM (en); E5 (de, nl)",
    ):
        assert f"- {line}\n" in text
    assert "Reviews: 1000 train, 500 dev, 600 test, 8000 unlabelled" in text and "not made alike" not in text


@pytest.mark.parametrize(
    ("options", "names"),
    [({"seed": 1}, "seed"), ({"cores": "4"}, "machine"), ({"seed": 1, "cores": "4"}, "seed, machine")],
)
def test_rows_that_were_not_made_alike_say_so(options: Dict[str, Any], names: str, tmp_path: Path, capsys: Any) -> None:
    rows = [make_row("en"), make_row("de", **options)]
    write_table(rows, tmp_path / "languages")
    said = f"These rows were not made alike; they differ in: {names}. Compare within a row."
    assert said in " ".join(capsys.readouterr().out.split())
    assert said in (tmp_path / "languages.md").read_text(encoding="utf8")
    found = srsly.read_json(tmp_path / "languages.json")["languages"]
    assert [row["seed"] for row in found] == [0, options.get("seed", 0)]


def test_a_language_that_failed_differs_in_nothing() -> None:
    assert find_differences([FAILED, make_row("en")]) == [] == find_differences([FAILED])


def test_the_picture_has_a_line_for_each_language() -> None:
    (axes,) = plot_languages([make_row("en"), make_row("de")]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["en", "de"]
    drawn = [collection for collection in axes.collections if str(collection.get_label())[0] != "_"]
    alone, student, teacher = (numpy.asarray(collection.get_offsets()).tolist() for collection in drawn)
    for points, percent in ((alone, 81), (student, 88), (teacher, 89)):
        assert [line for _, line in points] == [0, 1]
        assert [accuracy for accuracy, _ in points] == pytest.approx([percent, percent])
