"""The charts of the page, as Vega-Lite that Altair has checked.

Colours are variables of page.css, so that light, dark and printed pages need no charts of their own. What colour tells,
shape or a label tells, too.
"""

from typing import Any, Dict, List, Sequence, Tuple, Union

import altair

from scripts.evaluation.page.figures import (
    count_unlabelled,
    find_sizes,
    measure_coverage,
    measure_reliability,
    pair_probs,
)
from scripts.evaluation.page.inputs import Saved
from scripts.evaluation.predictions import UNCALIBRATED
from scripts.evaluation.report import REFERENCES, SYSTEMS

Chart = Union[altair.Chart, altair.LayerChart]
Rows = List[Dict[str, Any]]
SHAPES = {
    "student": "circle",
    "teacher": "diamond",
    "baseline": "square",
    "reference": "triangle-up",
    "reference_distilled": "triangle-down",
}
# Whose confidence is shown.
CALIBRATED = (UNCALIBRATED, "student", "teacher")
RIGHT = {
    "both are right": ("var(--quiet)", "circle"),
    "only the student is right": ("var(--student)", "triangle-up"),
    "only the teacher is right": ("var(--teacher)", "diamond"),
    "neither is right": ("var(--ink)", "cross"),
}
# That of page.css: text is measured in it before it is drawn.
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, sans-serif'
# Symbols are mere ornaments to a screen reader: the chart's description and the table beside it tell the numbers.
SILENT = {"aria": False}


def make_charts(saved: Saved) -> Dict[str, Dict[str, Any]]:
    """Make all charts that the saved files allow.

    saved (Saved): A finished run.
    RETURNS (Dict[str, Dict[str, Any]]): Vega-Lite by name.
    """
    test, report = saved.splits["test"], saved.report
    charts: Dict[str, Chart] = {
        "speed": draw_speed(report),
        "latency": draw_latency(report),
        "threshold": draw_threshold(measure_coverage(test.probs["student"], test.gold)),
        "agreement": draw_agreement(
            pair_probs(test.probs["student"], test.probs["teacher"], test.gold), name_axis(saved.task.labels)
        ),
        "transfer": draw_transfer(report["transfer"]),
    }
    for name in CALIBRATED:
        charts[f"reliability-{name}"] = draw_reliability(measure_reliability(test.probs[name], test.gold), name)
    for name, log in saved.logs.items():
        charts[f"training-{name}"] = draw_training(log, name)
    if sizes := find_sizes(saved.ablation, count_unlabelled(report)):
        charts["sizes"] = draw_sizes(sizes, saved.ablation["teacher"]["test"])
    return {name: style(chart).to_dict() for name, chart in charts.items()}


def style(chart: Chart) -> Chart:
    """Give a chart what all have in common."""
    return (
        chart.configure(
            font=FONT,
            background="transparent",
            autosize=altair.AutoSizeParams(type="fit-x", contains="padding"),
            padding={"left": 4, "right": 12, "top": 8, "bottom": 4},
        )
        .configure_axis(
            labelColor="var(--muted)",
            titleColor="var(--ink)",
            titleFontWeight="normal",
            titlePadding=8,
            gridColor="var(--line)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            labelFontSize=12,
            titleFontSize=13,
        )
        .configure_legend(
            labelColor="var(--ink)",
            titleColor="var(--ink)",
            orient="bottom",
            columns=1,
            labelFontSize=12,
            labelLimit=260,
            title=None,
        )
        .configure_view(stroke=None)
    )


def colour(names: Sequence[str], **options: Any) -> altair.Color:
    """The colour of each system. names (Sequence[str]): Those that the chart shows. RETURNS (Color): The channel."""
    domain = list(names)
    colours = [f"var(--{name.replace('_', '-')})" for name in domain]
    return altair.Color("system:N", scale=altair.Scale(domain=domain, range=colours), **options)


def shape(names: Sequence[str]) -> altair.Shape:
    """The shape of each system. names (Sequence[str]): Those that the chart shows. RETURNS (Shape): The channel."""
    domain = list(names)
    return altair.Shape("system:N", scale=altair.Scale(domain=domain, range=[SHAPES[name] for name in domain]))


def name_axis(labels: List[str]) -> str:
    """Of which label the probabilities are that `pair_probs` pairs."""
    return labels[1] if len(labels) == 2 else "the teacher's label"


def draw_speed(report: Dict[str, Any]) -> Chart:
    """Accuracy against speed, with the intervals of accuracy.

    report (Dict[str, Any]): The report of a run.
    RETURNS (Chart): The chart.
    """
    rows = [
        {
            "system": name,
            "words": report[name]["words_per_second"],
            "accuracy": report[name]["accuracy"],
            "low": report[name]["accuracy_interval"][0],
            "high": report[name]["accuracy_interval"][1],
        }
        for name in SYSTEMS
    ]
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X(
            "words:Q",
            title="words per second →",
            scale=altair.Scale(type="log", nice=False, padding=70),
            axis=altair.Axis(tickCount=4, format="~s"),
        ),
        color=colour(SYSTEMS, legend=None),
    )
    accuracy = altair.Y("accuracy:Q", title="accuracy on test", scale=altair.Scale(zero=False), axis=percent())
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.55, **SILENT).encode(
        y=altair.Y("low:Q", scale=altair.Scale(zero=False), title="accuracy on test"), y2="high:Q"
    )
    dots = base.mark_point(size=130, filled=True, opacity=1).encode(
        y=accuracy,
        shape=shape(SYSTEMS).legend(None),
        tooltip=[
            altair.Tooltip("system:N"),
            altair.Tooltip("accuracy:Q", format=".1%"),
            altair.Tooltip("words:Q", format=",.0f", title="words/s"),
        ],
    )
    # The references tend to be a little slower than the student, and their names would lie on it.
    left, right = (
        base.mark_text(align=align, dx=dx, fontSize=12, fontWeight="bold", **SILENT)
        .encode(y=accuracy, text="system:N")
        .transform_filter(altair.FieldOneOfPredicate(field="system", oneOf=names))
        for align, dx, names in (("right", -11, list(REFERENCES)), ("left", 11, ["baseline", "student", "teacher"]))
    )
    return size(
        bars + dots + left + right,
        320,
        "Accuracy on test against words per second, with 95 % intervals. " + tell(rows, "system", "accuracy"),
    )


def draw_latency(report: Dict[str, Any]) -> Chart:
    """How long one text takes: from the median to the 95th percentile.

    report (Dict[str, Any]): The report of a run.
    RETURNS (Chart): The chart.
    """
    rows = [
        {"system": name, "p50": report[name]["latency_p50"], "p95": report[name]["latency_p95"]} for name in SYSTEMS
    ]
    base = altair.Chart(altair.Data(values=rows)).encode(
        y=altair.Y("system:N", sort=list(SYSTEMS), title=None, axis=altair.Axis(labelFontSize=13, labelLimit=150)),
        color=colour(SYSTEMS, legend=None),
    )
    scale = altair.Scale(type="log", nice=False, padding=16)
    line = base.mark_rule(strokeWidth=3, opacity=0.5, **SILENT).encode(
        x=altair.X(
            "p50:Q",
            scale=scale,
            title="milliseconds for one text",
            axis=altair.Axis(tickCount=4),
        ),
        x2="p95:Q",
    )
    tips = [
        altair.Tooltip("system:N"),
        altair.Tooltip("p50:Q", format=".2f", title="p50, ms"),
        altair.Tooltip("p95:Q", format=".2f", title="p95, ms"),
    ]
    half = base.mark_point(size=110, filled=True, opacity=1).encode(x=altair.X("p50:Q", scale=scale), tooltip=tips)
    most = base.mark_point(size=90, strokeWidth=2).encode(x=altair.X("p95:Q", scale=scale), tooltip=tips)
    return size(line + half + most, 200, "Milliseconds for one text, median. " + tell(rows, "system", "p50", digits=2))


def draw_threshold(rows: Rows) -> Chart:
    """Coverage and accuracy by threshold. The page's slider sets `chosen`.

    rows (Rows): What `measure_coverage` returns.
    RETURNS (Chart): The chart.
    """
    chosen = altair.param("chosen", value=rows[0]["threshold"])
    both = {"coverage": "share of texts that are decided", "accuracy": "accuracy on these"}
    long = [
        {"threshold": row["threshold"], "share": row[key], "what": name} for row in rows for key, name in both.items()
    ]
    names = list(both.values())
    lines = (
        altair.Chart(altair.Data(values=long))
        .mark_line(strokeWidth=2.5, **SILENT)
        .encode(
            x=altair.X("threshold:Q", title="smallest confidence that counts", axis=percent(tickCount=6)),
            y=altair.Y("share:Q", title=None, scale=altair.Scale(domain=[0, 1]), axis=percent()),
            color=altair.Color(
                "what:N", scale=altair.Scale(domain=names, range=["var(--quiet)", "var(--student)"]), title=None
            ),
            strokeDash=altair.StrokeDash("what:N", scale=altair.Scale(domain=names, range=[[6, 4], [1, 0]])),
        )
    )
    rule = (
        altair.Chart(altair.Data(values=[{}]))
        .transform_calculate(threshold="chosen")
        .mark_rule(color="var(--ink)", strokeWidth=1.5, **SILENT)
        .encode(x="threshold:Q")
        .add_params(chosen)
    )
    return size(
        lines + rule, 260, "Coverage and accuracy by the smallest confidence that counts; the slider tells both"
    )


def draw_reliability(rows: Rows, name: str) -> Chart:
    """How often what is decided with a certain confidence is right; the size of a dot is the number of texts.

    rows (Rows): What `measure_reliability` returns.
    name (str): Name of the system.
    RETURNS (Chart): The chart.
    """
    axis = altair.Scale(domain=[0, 1])
    diagonal = (
        altair.Chart(altair.Data(values=[{"at": 0}, {"at": 1}]))
        .mark_line(color="var(--muted)", strokeDash=[4, 4], strokeWidth=1, **SILENT)
        .encode(
            x=altair.X("at:Q", scale=axis, title="confidence", axis=percent(tickCount=3)),
            y=altair.Y("at:Q", scale=axis),
        )
    )
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X("confidence:Q", scale=axis),
        y=altair.Y("accuracy:Q", scale=axis, title="share that is right", axis=percent()),
    )
    fill = f"var(--{'student' if name == UNCALIBRATED else name})"
    line = base.mark_line(color=fill, strokeWidth=2, **SILENT)
    dots = base.mark_point(color=fill, filled=True, opacity=1).encode(
        size=altair.Size("texts:Q", scale=altair.Scale(range=[20, 320]), legend=None),
        tooltip=[
            altair.Tooltip("confidence:Q", format=".1%"),
            altair.Tooltip("accuracy:Q", format=".1%", title="right"),
            altair.Tooltip("texts:Q"),
        ],
    )
    return size(diagonal + line + dots, 240, f"Confidence of {name} against how often it is right")


def draw_agreement(rows: Rows, label: str) -> Chart:
    """What student and teacher say of the same texts.

    rows (Rows): What `pair_probs` returns.
    label (str): Of which label the probabilities are.
    RETURNS (Chart): The chart.
    """
    names = list(RIGHT)
    colours, shapes = zip(*RIGHT.values())
    scale = altair.Scale(domain=[0, 1])
    dots = (
        altair.Chart(altair.Data(values=rows))
        .mark_point(size=34, filled=True, opacity=0.65, **SILENT)
        .encode(
            x=altair.X("teacher:Q", scale=scale, title=f"teacher: probability of {label}", axis=percent()),
            y=altair.Y("student:Q", scale=scale, title="student: the same", axis=percent()),
            color=altair.Color("right:N", scale=altair.Scale(domain=names, range=list(colours)), title=None),
            shape=altair.Shape("right:N", scale=altair.Scale(domain=names, range=list(shapes)), title=None),
            tooltip=["right:N", altair.Tooltip("student:Q", format=".2f"), altair.Tooltip("teacher:Q", format=".2f")],
        )
    )
    return size(dots, 320, f"Probability of {label}: the student's against the teacher's, a symbol for each text")


def draw_training(log: Rows, name: str) -> Chart:
    """The score on dev while a model is trained; the best one is kept.

    log (Rows): What spaCy's logger has saved.
    name (str): Name of the model.
    RETURNS (Chart): The chart.
    """
    rows = [{"step": row["step"], "score": row["score"]} for row in log]
    best = max(rows, key=lambda row: row["score"])
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X("step:Q", title="step", axis=altair.Axis(tickCount=4)),
        y=altair.Y("score:Q", title="score on dev", scale=altair.Scale(zero=False), axis=percent(tickCount=5)),
    )
    line = base.mark_line(color=f"var(--{name})", strokeWidth=2, **SILENT)
    dots = base.mark_point(color=f"var(--{name})", filled=True, size=40, opacity=1).encode(
        tooltip=["step:Q", altair.Tooltip("score:Q", format=".1%")]
    )
    mark = (
        altair.Chart(altair.Data(values=[best]))
        .mark_point(color="var(--ink)", size=190, strokeWidth=1.5, **SILENT)
        .encode(x="step:Q", y="score:Q")
    )
    return size(
        line + dots + mark, 200, f"Score of the {name} on dev; the best is {best['score']:.1%}, step {best['step']}"
    )


def draw_transfer(transfer: Dict[str, Any]) -> Chart:
    """Where the texts of the transfer set come from, and what the teacher says of them.

    transfer (Dict[str, Any]): What `describe_transfer` returns.
    RETURNS (Chart): The chart.
    """
    rows = [
        {"source": source, "label": label, "texts": n, "order": order}
        for source, found in transfer.items()
        for order, (label, n) in enumerate(found["labels"].items())
    ]
    labels = list(dict.fromkeys(row["label"] for row in rows))
    # From light to dark, so that neighbours differ in grey, too.
    shades = [0.3 + 0.7 * number / max(1, len(labels) - 1) for number in range(len(labels))]
    bars = (
        altair.Chart(altair.Data(values=rows))
        .mark_bar(color="var(--student)", stroke="var(--paper)", strokeWidth=1)
        .encode(
            y=altair.Y("source:N", sort=list(transfer), title=None, axis=altair.Axis(labelFontSize=13)),
            x=altair.X(
                "texts:Q",
                title="texts",
                axis=altair.Axis(tickCount=5, grid=False),
            ),
            order="order:Q",
            opacity=altair.Opacity("label:O", scale=altair.Scale(domain=labels, range=shades), title=None),
            tooltip=["source:N", "label:N", altair.Tooltip("texts:Q", format=",")],
        )
    )
    return size(bars, 60 + 44 * len(transfer), "Texts of the transfer set by source and by the teacher's label")


def draw_sizes(rows: Rows, teacher: float) -> Chart:
    """Accuracy on test against the number of unlabelled texts, with the spread over seeds.

    rows (Rows): What `find_sizes` returns.
    teacher (float): Accuracy of the teacher.
    RETURNS (Chart): The chart.
    """
    for row in rows:
        row.update(low=row["accuracy"] - row["spread"], high=row["accuracy"] + row["spread"])
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X(
            "texts:Q",
            title="unlabelled texts",
            scale=altair.Scale(type="symlog", constant=500),
            axis=altair.Axis(values=sorted({row["texts"] for row in rows})),
        ),
        strokeDash=altair.StrokeDash("student:N", title=None),
    )
    scale = altair.Scale(zero=False)
    line = base.mark_line(color="var(--student)", strokeWidth=2, **SILENT).encode(
        y=altair.Y("accuracy:Q", scale=scale, title="accuracy on test", axis=percent())
    )
    bars = base.mark_rule(color="var(--student)", strokeDash=[1, 0], **SILENT).encode(y="low:Q", y2="high:Q")
    dots = base.mark_point(color="var(--student)", filled=True, size=60, opacity=1).encode(
        y="accuracy:Q",
        tooltip=["student:N", altair.Tooltip("texts:Q", format=","), altair.Tooltip("accuracy:Q", format=".1%")],
    )
    rule = (
        altair.Chart(altair.Data(values=[{"accuracy": teacher, "name": "teacher"}]))
        .mark_rule(color="var(--teacher)", strokeDash=[6, 4], strokeWidth=1.5)
        .encode(y="accuracy:Q")
    )
    return size(line + bars + dots + rule, 260, "Accuracy on test against unlabelled texts; dashed line: the teacher")


def percent(**options: Any) -> altair.Axis:
    """An axis of shares, in percent."""
    return altair.Axis(format="%", **options)


def size(chart: Chart, height: int, description: str) -> Chart:
    """As wide as the page allows. height (int): Pixels. description (str): What a screen reader says of it."""
    return chart.properties(width="container", height=height, description=description)


def tell(rows: Rows, name: str, value: str, *, digits: int = 3) -> str:
    """The numbers of a chart in words. RETURNS (str): E.g. "student .878, teacher .888"."""
    parts: List[Tuple[str, float]] = [(row[name], row[value]) for row in rows]
    return ", ".join(f"{one} {number:.{digits}f}" for one, number in parts)
