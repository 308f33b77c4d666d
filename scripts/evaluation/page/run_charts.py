"""Charts of what the systems cost, and of how they were trained."""

from typing import Any, Dict

import altair

from scripts.evaluation.page.parts import Chart, Rows, colour, percent, size, speed, tell
from scripts.evaluation.report import SYSTEMS


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
    line = base.mark_rule(strokeWidth=3, opacity=0.5, aria=False).encode(
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
    line = base.mark_line(color=f"var(--{name})", strokeWidth=2, aria=False)
    dots = base.mark_point(color=f"var(--{name})", filled=True, size=40, opacity=1).encode(
        tooltip=["step:Q", altair.Tooltip("score:Q", format=".1%")]
    )
    mark = (
        altair.Chart(altair.Data(values=[best]))
        .mark_point(color="var(--ink)", size=190, strokeWidth=1.5, aria=False)
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
    line = base.mark_line(color="var(--student)", strokeWidth=2, aria=False).encode(
        y=altair.Y("accuracy:Q", scale=scale, title="accuracy on test", axis=percent())
    )
    bars = base.mark_rule(color="var(--student)", strokeDash=[1, 0], aria=False).encode(y="low:Q", y2="high:Q")
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


def draw_cascade(record: Dict[str, Any]) -> Chart:
    """Accuracy on dev against speed, for every share of the texts that the teacher is asked for.

    record (Dict[str, Any]): What `cascade` has measured.
    RETURNS (Chart): The chart, with a ring around the threshold that was chosen.
    """
    fields = ("threshold", "accuracy", "escalated", "words_per_second")
    rows = [{name: round(point[name], 4) for name in fields} for point in record["curve"]]
    chosen = [row for row in rows if row["threshold"] == round(record["threshold"], 4)]
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=speed("words_per_second", padding=24),
        y=altair.Y("accuracy:Q", title="accuracy on dev", scale=altair.Scale(zero=False), axis=percent()),
    )
    line = base.mark_line(color="var(--student)", strokeWidth=2, aria=False, order=False)
    dots = base.mark_point(color="var(--student)", filled=True, size=36, opacity=1, aria=False).encode(
        tooltip=[
            altair.Tooltip("threshold:Q", format=".2f"),
            altair.Tooltip("escalated:Q", format=".1%", title="asked of the teacher"),
            altair.Tooltip("accuracy:Q", format=".1%"),
            altair.Tooltip("words_per_second:Q", format=",.0f", title="words/s"),
        ]
    )
    ring = (
        altair.Chart(altair.Data(values=chosen))
        .mark_point(color="var(--ink)", size=220, strokeWidth=1.5, aria=False)
        .encode(x="words_per_second:Q", y="accuracy:Q")
    )
    return size(
        line + dots + ring, 260, "Accuracy on dev against words per second, from the teacher alone to the student"
    )
