"""Charts of how good the systems are, and how far their confidence can be trusted."""

from typing import Any, Dict, List

import altair

from scripts.evaluation.page.parts import Chart, Rows, colour, percent, shape, size, speed, tell
from scripts.evaluation.predictions import UNCALIBRATED
from scripts.evaluation.report import REFERENCES, SYSTEMS

RIGHT = {
    "both are right": ("var(--quiet)", "circle"),
    "only the student is right": ("var(--student)", "triangle-up"),
    "only the teacher is right": ("var(--teacher)", "diamond"),
    "neither is right": ("var(--ink)", "cross"),
}


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
        x=speed("words", padding=70),
        color=colour(SYSTEMS, legend=None),
    )
    accuracy = altair.Y("accuracy:Q", title="accuracy on test", scale=altair.Scale(zero=False), axis=percent())
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.55, aria=False).encode(
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
        base.mark_text(align=align, dx=dx, fontSize=12, fontWeight="bold", aria=False)
        .encode(y=accuracy, text="system:N")
        .transform_filter(altair.FieldOneOfPredicate(field="system", oneOf=names))
        for align, dx, names in (("right", -11, list(REFERENCES)), ("left", 11, ["baseline", "student", "teacher"]))
    )
    return size(
        bars + dots + left + right,
        320,
        "Accuracy on test against words per second, with 95 % intervals. " + tell(rows, "system", "accuracy"),
    )


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
        .mark_line(strokeWidth=2.5, aria=False)
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
        .mark_rule(color="var(--ink)", strokeWidth=1.5, aria=False)
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
        .mark_line(color="var(--muted)", strokeDash=[4, 4], strokeWidth=1, aria=False)
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
    line = base.mark_line(color=fill, strokeWidth=2, aria=False)
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
        .mark_point(size=34, filled=True, opacity=0.65, aria=False)
        .encode(
            x=altair.X("teacher:Q", scale=scale, title=f"teacher: probability of {label}", axis=percent()),
            y=altair.Y("student:Q", scale=scale, title="student: the same", axis=percent()),
            color=altair.Color("right:N", scale=altair.Scale(domain=names, range=list(colours)), title=None),
            shape=altair.Shape("right:N", scale=altair.Scale(domain=names, range=list(shapes)), title=None),
            tooltip=["right:N", altair.Tooltip("student:Q", format=".2f"), altair.Tooltip("teacher:Q", format=".2f")],
        )
    )
    return size(dots, 320, f"Probability of {label}: the student's against the teacher's, a symbol for each text")
