"""The page of a run, as text and in a browser."""

import json
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
from playwright.sync_api import Page, expect

from scripts.evaluation.page.__main__ import collect, make_page, render_page, tell_headline
from scripts.evaluation.page.charts import make_charts
from scripts.evaluation.page.figures import (
    count_confusions,
    estimate_cost,
    find_sizes,
    list_confusions,
    measure_coverage,
    measure_reliability,
    pair_probs,
)
from scripts.evaluation.page.inputs import FILES, Saved, read_saved
from scripts.evaluation.page.texts import cut_pieces, name_words
from scripts.evaluation.quality import calibration_error
from scripts.evaluation.report import SYSTEMS
from scripts.evaluation.report import show as show_report
from scripts.files import UserError, hash_path
from tests.browser import OpenPage, find_barriers
from tests.evaluation.toy_run import write_run

PROBS = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.29, 0.71]])
GOLD = numpy.array([0, 1, 1, 1, 0])
PHONE = {"width": 390, "height": 844}
MAX_BYTES = 3_000_000


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a toy run with an ablation and a cascade."""
    run = write_run(tmp_path_factory.mktemp("run") / "toy <run>")
    (run / "ablation.json").write_text(json.dumps(make_ablation()), encoding="utf8")
    (run / "cascade.json").write_text(json.dumps(make_cascade(run)), encoding="utf8")
    make_page(run)
    return run / "report" / "index.html"


def make_ablation() -> Dict[str, Any]:
    cells = [
        {"name": "bow", "student": "bow", "test_mean": 0.86, "test_spread": 0.01},
        {"name": "half", "student": "bow", "unlabelled": 0.5, "test_mean": 0.84, "test_spread": 0.01},
        {
            "name": "none, longer",
            "student": "bow",
            "unlabelled": 0,
            "set": {"a": 1},
            "test_mean": 0.5,
            "test_spread": 0,
        },
        {"name": "cnn", "student": "cnn", "test_mean": 0.87, "test_spread": 0.01},
        {"name": "mean", "average_of": ["bow", "cnn"], "test_mean": 0.88, "test_spread": 0},
    ]
    return {"teacher": {"dev": 0.9, "test": 0.9}, "groups": [{"name": "all", "cells": cells}]}


def make_cascade(run: Path) -> Dict[str, Any]:
    curve = [
        {"threshold": t, "accuracy": 0.9 - 0.02 * n, "escalated": 1 - 0.4 * n, "words_per_second": 4000.0 * 10**n}
        for n, t in enumerate([1.0, 0.9, 0.5])
    ]
    measured = {"accuracy": 0.89, "words_per_second": 40_000.0, "escalated": 0.6}
    predictions = hash_path(run / "report" / "predictions.jsonl")
    test = {"cascade": measured, "teacher": measured}
    return {"predictions": predictions, "threshold": 0.9, "test": test, "curve": curve}


def show(open_page: OpenPage, path: Path, **options: object) -> Page:
    """Open a page and wait until its charts are drawn."""
    page = open_page(path, **options)
    page.wait_for_selector("html[data-drawn]", state="attached")
    return page


def test_reliability_has_the_bins_of_the_calibration_error() -> None:
    rows = measure_reliability(PROBS, GOLD)
    assert rows[1] == {"confidence": 0.705, "accuracy": 0.5, "texts": 2}
    gaps = sum(row["texts"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(GOLD)
    assert gaps == pytest.approx(calibration_error(PROBS.max(axis=1), PROBS.argmax(axis=1) == GOLD), abs=1e-4)


def test_coverage_by_hand() -> None:
    rows = {row["threshold"]: row for row in measure_coverage(PROBS, GOLD)}
    assert rows[0.5] == {"threshold": 0.5, "coverage": 1.0, "accuracy": 0.6}
    assert rows[0.75] == {"threshold": 0.75, "coverage": 0.4, "accuracy": 0.5}
    # Nothing is that sure.
    assert max(rows) == 0.9 and rows[0.9]["accuracy"] == 1.0
    # With more labels, confidence can be lower.
    assert measure_coverage(numpy.full((2, 4), 0.25), numpy.array([0, 1]))[0]["threshold"] == 0.25


def test_confusions_by_hand() -> None:
    counts = count_confusions(numpy.array([0, 1, 1, 2]), numpy.array([0, 0, 0, 1]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 0, 1], [0, 0, 0]]
    assert list_confusions(counts) == [(0, 1, 2), (1, 2, 1)]


def test_pairs_are_of_one_label_and_say_who_is_right() -> None:
    student, teacher = numpy.array([[0.4, 0.6], [0.9, 0.1]]), numpy.array([[0.2, 0.8], [0.3, 0.7]])
    assert pair_probs(student, teacher, numpy.array([1, 0])) == [
        {"student": 0.6, "teacher": 0.8, "right": "both are right"},
        {"student": 0.1, "teacher": 0.7, "right": "only the student is right"},
    ]
    three = numpy.array([[0.1, 0.2, 0.7]])
    pairs = pair_probs(three[:, ::-1], three, numpy.array([1]))
    assert pairs == [{"student": 0.1, "teacher": 0.7, "right": "neither is right"}]
    assert len(pair_probs(numpy.tile(three, (4000, 1)), numpy.tile(three, (4000, 1)), numpy.zeros(4000, int))) <= 1500


def test_cost_counts_all_cores() -> None:
    # A million texts of 36 words at 10,000 words a second take an hour, on 2 cores.
    assert estimate_cost({"words_per_second": 10_000.0, "cores": 2.0}, 36.0) == pytest.approx(2.0)


def test_sizes_are_of_cells_that_change_nothing_else() -> None:
    rows = find_sizes(make_ablation(), 800)
    assert [(row["student"], row["texts"], row["accuracy"]) for row in rows] == [("bow", 400, 0.84), ("bow", 800, 0.86)]
    assert find_sizes({}, 800) == []


def test_words_are_marked_by_what_they_add() -> None:
    text = "not good , fine"
    words = [(0, 3, -1.0), (4, 8, 0.5), (9, 10, 0.9), (11, 15, 0.05)]
    pieces = cut_pieces(text, words)
    assert [tuple(piece) for piece in pieces] == [
        ("not", "against", 4),
        (" ", "", 0),
        ("good", "for", 2),
        (" ", "", 0),
        (",", "for", 4),
        (" fine", "", 0),
    ]
    assert "".join(piece.text for piece in pieces) == text
    assert name_words(text, words, 1) == ["good", "fine"] and name_words(text, words, -1) == ["not"]
    assert cut_pieces("", []) == []


@pytest.mark.parametrize(
    "labels, ship", [(["A", "B"], True), ([f"label {n}" for n in range(15)], True), (["A", "B"], False)]
)
def test_every_number_of_labels_and_every_verdict_has_a_page(tmp_path: Path, labels: List[str], ship: bool) -> None:
    run = write_run(tmp_path, labels=labels, ship=ship)
    saved = read_saved(run)
    shown = collect(saved)
    assert bool(shown["matrices"]["student"]["rows"]) == (len(labels) == 2) and shown["matrices"]["student"]["pairs"]
    assert shown["headline"] == tell_headline(saved.report["verdict"])
    # The toy marks no word behind the sixth, as a long text has none behind the last that is shown.
    assert all(item["is_cut"] and item["pieces"][-1].text == "cheap" for item in shown["items"])
    assert shown["headline"].startswith("Ship the student" if ship else "Ship the simpler one")
    assert not {"sizes", "cascade"} & set(shown["charts"]) and len(shown["charts"]) == 11


def make_multilingual(run: Path) -> Saved:
    """A run whose texts are German and French in turn."""
    saved = read_saved(run)
    systems = {name: {"accuracy": 0.5} for name in SYSTEMS}
    saved.report["languages"] = {
        "de": {"texts": 7, **systems},
        "fr": {"texts": 8, **systems, "student": {"accuracy": 0.625}},
    }
    langs = {split: ["de", "fr"] * len(of.texts) for split, of in saved.splits.items()}
    return saved._replace(splits={split: of._replace(langs=langs[split]) for split, of in saved.splits.items()})


def test_a_student_of_several_languages_has_a_table_of_them(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    alone = render_page(read_saved(run))
    assert "By language" not in alone and '<select id="f-lang">' not in alone
    text = render_page(make_multilingual(run))
    assert "By language" in text and '<th scope="row">fr</th><td>8</td>' in text and "62.5\u00a0%" in text


def test_texts_of_one_language_are_shown(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_page(make_multilingual(write_run(tmp_path / "run"))), encoding="utf8")
    page = show(open_page, path)
    page.locator("#f-lang").select_option("fr")
    items = page.locator("#list > li").all()
    assert items and {item.get_attribute("data-lang") for item in items} == {"fr"}
    assert items[0].locator(".body").get_attribute("lang") == "fr"


def test_a_run_whose_models_were_trained_elsewhere_has_no_learning_curves(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "teacher" / "log.jsonl").unlink()
    assert {name for name in make_charts(read_saved(run)) if "training" in name} == {
        "training-student",
        "training-baseline",
    }


def test_a_cascade_of_other_predictions_is_not_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "cascade.json").write_text(json.dumps(make_cascade(run)), encoding="utf8")
    assert read_saved(run).cascade
    with (run / "report" / "predictions.jsonl").open("a", encoding="utf8") as file:
        file.write("\n")
    assert not read_saved(run).cascade


@pytest.mark.parametrize("name", FILES)
def test_a_run_without_a_whole_report_is_an_error(tmp_path: Path, name: str) -> None:
    run = write_run(tmp_path)
    (run / "report" / name).unlink()
    with pytest.raises(UserError, match=rf"{name} does not exist. Run the `evaluate` step first."):
        make_page(run)


def test_the_report_is_printed_with_what_else_the_run_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"report.json does not exist. Run the `evaluate` step first."):
        show_report(tmp_path)
    run = write_run(tmp_path)
    show_report(run)
    told = capsys.readouterr().out
    assert "index.html" in told and "Wheel" not in told
    (run / "wheel.json").write_text('{"wheel": "packages/a.whl"}', encoding="utf8")
    show_report(run)
    assert "Wheel: packages/a.whl" in capsys.readouterr().out


def test_the_page_is_one_file(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf8")
    assert page_file.stat().st_size < MAX_BYTES
    # Texts and names are text.
    assert "&lt;b&gt;never&lt;/b&gt;" in text and "<b>never</b>" not in text and "toy <run>" not in text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["desk", "phone"])
def test_every_chart_shows_something_and_nobody_is_kept_out(
    open_page: OpenPage, page_file: Path, viewport: Dict[str, int], scheme: str
) -> None:
    page = show(open_page, page_file, viewport=viewport, color_scheme=scheme)
    charts = page.locator("[data-chart]")
    assert charts.count() == len(collect(read_saved(page_file.parents[1]))["charts"]) == 13
    for chart in charts.all():
        marks = chart.locator(".mark-symbol path, .mark-line path, .mark-rect path, .mark-rule line")
        sizes = marks.evaluate_all("all => all.map(one => one.getBoundingClientRect()).map(r => r.width + r.height)")
        assert sum(size > 1 for size in sizes) > 1, chart.get_attribute("data-chart")
        assert chart.get_attribute("aria-label")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert find_barriers(page) == []


@pytest.mark.browser
def test_the_page_is_used_by_keyboard(open_page: OpenPage, page_file: Path) -> None:
    page = show(open_page, page_file)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    slider = page.locator("#threshold")
    slider.focus()
    before = page.locator("#threshold-told").inner_text()
    page.keyboard.press("End")
    told = page.locator("#threshold-told").inner_text()
    assert before.startswith("100.0") and told != before and "right" in told
    assert slider.get_attribute("aria-valuetext") == page.locator("#threshold-value").inner_text()
    page.locator("#price").fill("2")
    hours = float(page.locator("[data-hours]").last.get_attribute("data-hours") or 0)
    assert page.locator("[data-hours]").last.inner_text() == f"{2 * hours:.3f}"
    page.locator("#more").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list > li").nth(10)).to_be_focused()


@pytest.mark.browser
def test_texts_are_filtered_and_sorted(open_page: OpenPage, page_file: Path) -> None:
    page = show(open_page, page_file)
    items = page.locator("#list > li")
    assert items.count() == 10
    page.locator("#f-kind").select_option("gold error")
    ranks = []
    for item in items.all():
        kinds, own = (str(item.get_attribute(name)).split("|") for name in ("data-kinds", "data-ranks"))
        ranks.append(int(own[kinds.index("gold error")]))
    assert ranks == sorted(ranks) and ranks[0] == 0
    page.locator("#f-kind").select_option("")
    page.locator("#f-gold").select_option("POSITIVE")
    page.locator("#f-sort").select_option("teacher")
    assert {item.get_attribute("data-gold") for item in items.all()} == {"POSITIVE"}
    found = [float(item.get_attribute("data-teacher") or 0) for item in items.all()]
    assert found == sorted(found, reverse=True)
    page.locator("#f-words").fill("nothing like it")
    expect(page.locator("#f-count")).to_have_text("0 of 0 texts")
    page.locator("#f-words").fill("NEVER good")
    assert items.count() == 10
    assert items.first.locator("mark.for").first.inner_text() == "<b>never</b>"
