"""The picture of the peers: accuracy against words per second. Who is what can be told without colours."""

from typing import Any, Dict, List

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

# Label, marker, colour and fill, from light to dark.
OURS = ("ours", "*", "black", "black")
TAUGHT = ("gold and the teacher's labels", "s", "tab:blue", "tab:blue")
GOLD = ("gold labels", "o", "tab:blue", "white")
TEACHER = ("the teacher", "^", "black", "white")
# Where a name may stand beside its point: offset in points, and alignment.
PLACES = [
    ((7, 4), "left"),
    ((7, -10), "left"),
    ((-7, 4), "right"),
    ((-7, -10), "right"),
    ((0, 9), "center"),
    ((0, -16), "center"),
    ((12, 14), "left"),
    ((12, -22), "left"),
    ((-12, 14), "right"),
    ((-12, -22), "right"),
]


def plot_peers(record: Dict[str, Any]) -> Figure:
    """Plot accuracy against words per second.

    record (Dict[str, Any]): Rows of all peers and the front.
    RETURNS (Figure): The plot.
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    rows = {row["name"]: row for row in record["peers"]}
    for row in rows.values():
        label, marker, color, fill = style_of(row)
        speed, accuracy = row["words_per_second"], 100 * row["accuracy"]
        axes.errorbar(
            speed,
            accuracy,
            xerr=[[speed - min(row["rates"])], [max(row["rates"]) - speed]],
            yerr=100 * (row["spread"] or 0),
            fmt=marker,
            markersize=12 if marker == "*" else 6,
            color=color,
            markerfacecolor=fill,
            elinewidth=1,
            label=label if label not in axes.get_legend_handles_labels()[1] else None,
        )
        if taught := rows.get(f"{row['name']}+teacher"):
            ends = [(peer["words_per_second"], 100 * peer["accuracy"]) for peer in (row, taught)]
            axes.plot(*zip(*ends), color="lightgrey", linewidth=1, zorder=0)
    front = sorted((rows[name] for name in record["front"]), key=lambda row: row["words_per_second"])
    axes.step(
        [row["words_per_second"] for row in front],
        [100 * row["accuracy"] for row in front],
        where="pre",
        color="grey",
        linestyle=":",
        label="Pareto front",
    )
    axes.set_xscale("log")
    # Room for the names of the fastest.
    axes.set_xlim(right=6 * max(row["words_per_second"] for row in rows.values()))
    axes.set_xlabel("words per second, one core, from strings to labels")
    axes.set_ylabel(f"accuracy on {record['counts']['test']} test texts, percent")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    write_names(figure, list(rows.values()))
    return figure


def style_of(row: Dict[str, Any]) -> Any:
    """Label, marker, colour and fill of a peer."""
    if row["is_ours"]:
        return OURS
    return TEACHER if row["name"] == "teacher" else TAUGHT if row["is_taught"] else GOLD


def write_names(figure: Figure, rows: List[Dict[str, Any]]) -> None:
    """Write each name where it covers neither a point nor another name, ours first.

    figure (Figure): The plot, with all else that it shows.
    rows (List[Dict[str, Any]]): The peers.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    axes = figure.axes[0]
    points = {row["name"]: (row["words_per_second"], 100 * row["accuracy"]) for row in rows}
    centres = axes.transData.transform(list(points.values()))
    taken = [Bbox.from_bounds(x - 7, y - 7, 14, 14) for x, y in centres]
    taken += [legend.get_window_extent(renderer) for legend in [axes.get_legend()] if legend]
    for row in sorted(rows, key=lambda row: not row["is_ours"]):
        candidates = []
        for offset, alignment in PLACES:
            text = axes.annotate(
                row["name"],
                points[row["name"]],
                xytext=offset,
                textcoords="offset points",
                ha=alignment,
                fontsize=8,
                weight="bold" if row["is_ours"] else "normal",
            )
            box = text.get_window_extent(renderer)
            candidates.append((box.count_overlaps(taken), text, box))
        _, best, box = min(candidates, key=lambda candidate: candidate[0])
        taken.append(box)
        for _, text, _ in candidates:
            if text is not best:
                text.remove()
