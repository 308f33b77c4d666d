"""What all charts of the page have in common.

Colours are variables of page.css, so that light, dark and printed pages need no charts of their own. What colour tells,
shape or a label tells, too. Symbols are mere ornaments to a screen reader (`aria=False`) where there are many: the
chart's description and the table beside it tell the numbers.
"""

from typing import Any, Dict, List, Sequence, Tuple, Union

import altair

Chart = Union[altair.Chart, altair.LayerChart]
Rows = List[Dict[str, Any]]
SHAPES = {
    "student": "circle",
    "teacher": "diamond",
    "baseline": "square",
    "reference": "triangle-up",
    "reference_distilled": "triangle-down",
}
# That of page.css: text is measured in it before it is drawn.
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, sans-serif'


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


def percent(**options: Any) -> altair.Axis:
    """An axis of shares, in percent."""
    return altair.Axis(format="%", **options)


def speed(field: str, *, padding: int) -> altair.X:
    """The axis of words per second, logarithmic. field (str): Its field. padding (int): Pixels left at both ends."""
    return altair.X(
        f"{field}:Q",
        title="words per second →",
        scale=altair.Scale(type="log", nice=False, padding=padding),
        axis=altair.Axis(tickCount=4, format="~s"),
    )


def size(chart: Chart, height: int, description: str) -> Chart:
    """As wide as the page allows. height (int): Pixels. description (str): What a screen reader says of it."""
    return chart.properties(width="container", height=height, description=description)


def tell(rows: Rows, name: str, value: str, *, digits: int = 3) -> str:
    """The numbers of a chart in words. RETURNS (str): E.g. "student 0.878, teacher 0.888"."""
    parts: List[Tuple[str, float]] = [(row[name], row[value]) for row in rows]
    return ", ".join(f"{one} {number:.{digits}f}" for one, number in parts)
