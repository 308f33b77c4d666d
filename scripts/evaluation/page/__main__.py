"""The page of a run: training/RUN/report/index.html, one file that needs no network, made of what `evaluate` saved."""

from functools import cache
from pathlib import Path
from typing import Any, Dict, List

import altair
import typer
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from wasabi import msg

from scripts.data.significance import Comparison
from scripts.evaluation.page.charts import CALIBRATED, make_charts
from scripts.evaluation.page.figures import (
    MAX_MATRIX,
    count_confusions,
    count_unlabelled,
    estimate_cost,
    find_sizes,
    list_confusions,
    measure_coverage,
    measure_reliability,
)
from scripts.evaluation.page.inputs import Saved, read_saved
from scripts.evaluation.page.texts import KINDS, make_items
from scripts.evaluation.quality import measure_quality
from scripts.evaluation.report import SYSTEMS, list_facts, summary_rows, tell_untested
from scripts.files import replaced, run_command

HERE = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"
# What an hour of a processor core costs, in whatever money: the page lets its reader change it.
PRICE = 0.05


def make_page(run: Path = typer.Argument(..., help="Folder of a finished run, e.g. training/en")) -> None:
    """Make the page of a run from its saved files."""
    page = run / "report" / "index.html"
    text = render_page(read_saved(run))
    with replaced(page) as partial:
        partial.write_text(text, encoding="utf8")
    msg.good(f"Page: {page} ({page.stat().st_size / 1e6:.1f} MB)")


def render_page(saved: Saved) -> str:
    """Render the page.

    saved (Saved): A finished run.
    RETURNS (str): HTML with all that it needs.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=format_percent, number=format_number)
    return environment.get_template(TEMPLATE).render(collect(saved))


def collect(saved: Saved) -> Dict[str, Any]:
    """Collect what the template shows.

    saved (Saved): A finished run.
    RETURNS (Dict[str, Any]): Its variables.
    """
    report, test = saved.report, saved.splits["test"]
    charts = make_charts(saved)
    return {
        "name": saved.name,
        "report": report,
        "labels": saved.task.labels,
        "n_texts": len(test.texts),
        "systems": SYSTEMS,
        "headline": tell_headline(report["verdict"]),
        "reason": tell_reason(report["verdict"]),
        "untested": tell_untested(report["untested"]) if report["untested"] else "",
        "against": {name: str(Comparison(**found)) for name, found in report["verdict"]["against"].items()},
        "summary": summary_rows(report),
        "costs": {name: estimate_cost(report[name], report["words_per_text"]) for name in SYSTEMS},
        "price": PRICE,
        "matrices": {name: make_matrix(saved, name) for name in ("student", "teacher")},
        "calibration": {name: measure_quality(test.probs[name], test.gold, saved.task) for name in CALIBRATED},
        "charts": charts,
        "coverage": measure_coverage(test.probs["student"], test.gold),
        "cascade": saved.cascade,
        "tables": make_tables(saved),
        "trained": [name for name in ("teacher", "student", "baseline") if f"training-{name}" in charts],
        "items": make_items(saved),
        "kinds": KINDS,
        "facts": list_facts(report),
        "limits": report["limits"],
        "style": read(STYLE),
        "script": read(SCRIPT),
        "library": bundle_library(),
    }


def make_tables(saved: Saved) -> Dict[str, List[List[str]]]:
    """The numbers of the charts, for who cannot see them or needs them exactly.

    saved (Saved): A finished run.
    RETURNS (Dict[str, List[List[str]]]): Rows by chart.
    """
    test = saved.splits["test"]
    return {
        "coverage": [
            [format_percent(row["threshold"], 0), format_percent(row["coverage"]), format_percent(row["accuracy"])]
            for row in measure_coverage(test.probs["student"], test.gold)[::5]
        ],
        "reliability": [
            [name, format_percent(row["confidence"]), format_percent(row["accuracy"]), format_number(row["texts"])]
            for name in CALIBRATED
            for row in measure_reliability(test.probs[name], test.gold)
        ],
        "transfer": [
            [source, format_number(found["texts"]), format_percent(found["confidence"])]
            + [format_number(n) for n in found["labels"].values()]
            for source, found in saved.report["transfer"].items()
        ],
        "training": [
            [f"{name}, {row['step']}", format_percent(row["score"])] for name, log in saved.logs.items() for row in log
        ],
        "sizes": [
            [
                row["student"],
                format_number(row["texts"]),
                format_percent(row["accuracy"]),
                format_percent(row["spread"]),
            ]
            for row in find_sizes(saved.ablation, count_unlabelled(saved.report))
        ],
        "cascade": [
            [
                format_number(point["threshold"], 2),
                format_percent(point["escalated"]),
                format_percent(point["accuracy"]),
                format_number(point["words_per_second"]),
            ]
            for point in saved.cascade.get("curve", [])
        ],
    }


def read(name: str) -> str:
    """Read a file beside this one. name (str): Its name. RETURNS (str): Its text."""
    return (HERE / name).read_text(encoding="utf8")


@cache
def bundle_library() -> str:
    """The library that draws the charts, in the version that Altair writes for.

    RETURNS (str): JavaScript that may stand in a page.
    """
    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    # Its stub wants a snippet, which the library does not.
    bundle = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def make_matrix(saved: Saved, name: str) -> Dict[str, Any]:
    """Who takes what for what.

    saved (Saved): A finished run.
    name (str): Name of the system.
    RETURNS (Dict[str, Any]): `rows`, counts by gold label and decision, with their `shares` of the row; empty for so
        many labels that nobody could read it. And `pairs`, the commonest confusions.
    """
    test, labels = saved.splits["test"], saved.task.labels
    counts = count_confusions(saved.task.decide(test.probs[name]), test.gold, len(labels))
    pairs = [(labels[gold], labels[decided], n) for gold, decided, n in list_confusions(counts)]
    is_small = len(labels) <= MAX_MATRIX
    rows: List[List[int]] = counts.tolist() if is_small else []
    return {"rows": rows, "shares": [[n / max(1, sum(row)) for n in row] for row in rows], "pairs": pairs}


def tell_headline(verdict: Dict[str, Any]) -> str:
    """The verdict in a few words."""
    return "Ship the student" if verdict["ship"] == "student" else f"Ship the simpler one: {verdict['ship']}"


def tell_reason(verdict: Dict[str, Any]) -> str:
    """The verdict without the words of its headline."""
    return str(verdict["reason"].split(". " if verdict["ship"] == "student" else ": ", 1)[1])


def format_percent(share: float, digits: int = 1) -> str:
    """A share. RETURNS (str): E.g. 87.8 %, never broken before the sign."""
    return f"{100 * share:.{digits}f}\u00a0%"


def format_number(value: float, digits: int = 0) -> str:
    """A number. RETURNS (str): E.g. 465,928."""
    return f"{value:,.{digits}f}"


if __name__ == "__main__":
    run_command(make_page)
