"""The report of a cascade: cascade.json for programs, cascade.md and cascade.png for people."""

import math
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
from matplotlib.figure import Figure
from wasabi import MarkdownRenderer, msg

from scripts.cascade.curve import ALWAYS
from scripts.data.significance import Comparison, bound_loss
from scripts.files import replaced, write_record

SYSTEMS = ("student", "cascade", "teacher")
HEADER = ("", "accuracy", "95 % interval", "ECE", "texts asked", "words asked", "words/s", "MB")
CURVE_HEADER = ("threshold", "accuracy", "texts asked", "words asked", "words/s")
# Rows of the curve that stand in cascade.md; cascade.json has all.
N_ROWS = 12
TITLE = "The student, and the teacher where it is not sure"


def write_report(record: Dict[str, Any], path: Path) -> None:
    """Write and print the report.

    record (Dict[str, Any]): What was measured.
    path (Path): Where it shall stand, without .json, .md and .png.
    """
    write_record(path, record, render(record))
    with replaced(path.with_name(f"{path.name}.png")) as partial:
        plot_curve(record).savefig(partial, format="png", dpi=120, metadata={"Software": None})
    msg.divider(TITLE)
    msg.table(table_rows(record), header=HEADER, divider=True, aligns=("l", *"rrrrrrr"))
    msg.info(explain(record))


def render(record: Dict[str, Any]) -> str:
    """The report as Markdown.

    record (Dict[str, Any]): What was measured.
    RETURNS (str): The text.
    """
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, TITLE))
    markdown.add(markdown.table(table_rows(record), HEADER))
    markdown.add(explain(record))
    markdown.add(markdown.title(2, "Accuracy against cost on dev"))
    markdown.add("![Accuracy against words per second](cascade.png)")
    markdown.add(markdown.table(curve_rows(record), CURVE_HEADER))
    facts = [
        f"On {record['n_test']} test texts, but for the curve, which is of {record['n_dev']} dev texts",
        "Asked: the share that the teacher reads, too. Speeds of the curve follow from those of student and teacher; "
        "that of the cascade is measured, on texts of which it asks as large a share as of all",
        f"Machine: {', '.join(f'{name} {value}' for name, value in record['machine'].items())}",
        f"Versions: {', '.join(f'{name} {value}' for name, value in record['versions'].items())}",
    ]
    markdown.add(markdown.list(facts))
    return markdown.text + "\n"


def explain(record: Dict[str, Any]) -> str:
    """What the cascade is worth.

    record (Dict[str, Any]): What was measured.
    RETURNS (str): Sentences.
    """
    test, wanted = record["test"], f"lose more than {record['max_loss']:g} points against the teacher"
    speed = test["cascade"]["words_per_second"] / test["teacher"]["words_per_second"]
    if record["threshold"] == ALWAYS:
        choice = f"The teacher answers always: with any other threshold, the cascade may {wanted}."
    else:
        sure = f"with a certainty of 95 %, from {record['n_dev']:,} dev texts"
        if record["reached"]:
            why = f"the lowest that does not {wanted}, {sure}"
        else:
            why = f"the one within the budget that loses least, {sure}; it may {wanted}"
        choice = (
            f"The student answers where its probability is at least {record['threshold']:g} ({why}), the teacher the "
            f"other {test['cascade']['escalated']:.0%} of the test texts."
        )
    teacher, student = (Comparison(**record["against"][name]) for name in ("teacher", "student"))
    return (
        f"{choice} That is {speed:.1f} times as fast as the teacher alone. Against the teacher it has {teacher}; "
        f"against the student, {student}.{advise(record)}"
    )


def advise(record: Dict[str, Any]) -> str:
    """What to do where there are too few dev texts for so small a loss.

    record (Dict[str, Any]): What was measured.
    RETURNS (str): A sentence, empty if there are enough.
    """
    all_right = numpy.ones(record["n_dev"], dtype=bool)
    least = 100 * bound_loss(all_right, all_right)
    if least <= record["max_loss"]:
        return ""
    least = math.ceil(10 * least) / 10
    return f" So few dev texts rule out {least:g} points at best: allow more (cascade_loss), or label more."


def table_rows(record: Dict[str, Any]) -> List[Tuple[str, ...]]:
    """The table of the report, a row per system.

    record (Dict[str, Any]): What was measured.
    RETURNS (List[Tuple[str, ...]]): Cells under HEADER.
    """
    rows: List[Tuple[str, ...]] = []
    for name in SYSTEMS:
        m = record["test"][name]
        low, high = m["accuracy_interval"]
        cells = (f"{m['accuracy']:.3f}", f"{low:.3f}-{high:.3f}", f"{m['ece']:.3f}")
        cost = (f"{m['escalated']:.0%}", f"{m['words']:.0%}", f"{m['words_per_second']:,.0f}", f"{m['size_mb']:.1f}")
        rows.append((name, *cells, *cost))
    return rows


def curve_rows(record: Dict[str, Any]) -> List[Tuple[str, ...]]:
    """Some points of the curve, that of the chosen threshold in bold.

    record (Dict[str, Any]): What was measured.
    RETURNS (List[Tuple[str, ...]]): Cells under CURVE_HEADER.
    """
    curve = record["curve"]
    chosen = next(i for i, point in enumerate(curve) if point["threshold"] == record["threshold"])
    shown = sorted({chosen, *(round(i * (len(curve) - 1) / (N_ROWS - 1)) for i in range(N_ROWS))})
    rows: List[Tuple[str, ...]] = []
    for i in shown:
        point = curve[i]
        cells = [f"{point['threshold']:.4f}", f"{point['accuracy']:.3f}", f"{point['escalated']:.0%}"]
        cells += [f"{point['words']:.0%}", f"{point['words_per_second']:,.0f}"]
        rows.append(tuple(f"**{cell}**" if i == chosen else cell for cell in cells))
    return rows


def plot_curve(record: Dict[str, Any]) -> Figure:
    """Plot accuracy on dev against words per second, for all thresholds, beside student and teacher.

    record (Dict[str, Any]): What was measured.
    RETURNS (Figure): The plot.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    curve, dev = record["curve"], record["dev"]
    speeds = {name: record["test"][name]["words_per_second"] for name in ("student", "teacher")}
    # Blue and vermilion of Okabe and Ito, which colour-blind people tell apart; shapes do without colours.
    line = [(point["words_per_second"], 100 * point["accuracy"]) for point in curve]
    axes.plot(*zip(*line), color="#0072b2", marker=".", markersize=4, label="cascade, each threshold")
    chosen = next(point for point in curve if point["threshold"] == record["threshold"])
    label = f"chosen: {chosen['threshold']:g}, {chosen['escalated']:.0%} of the texts asked"
    axes.plot(chosen["words_per_second"], 100 * chosen["accuracy"], "*", color="#d55e00", markersize=16, label=label)
    for name, marker in (("student", "s"), ("teacher", "D")):
        axes.plot(speeds[name], 100 * dev[name], marker, color="black", label=f"{name} alone")
    wanted = 100 * dev["teacher"] - record["max_loss"]
    axes.axhline(wanted, color="grey", linestyle=":", label=f"teacher less {record['max_loss']:g} points")
    axes.set_xscale("log")
    axes.set_xlabel("words per second")
    axes.set_ylabel("accuracy on dev, percent")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
