"""The table and the plot of an ablation."""

from pathlib import Path
from typing import Any, Dict, List, Tuple

import matplotlib
from matplotlib.figure import Figure
from wasabi import MarkdownRenderer, msg

from scripts.files import replaced, write_record

HEADER = ("", "dev", "agreement", "test", "difference", "p", "agreement", "ECE", "MB")


def write_report(record: Dict[str, Any], folder: Path) -> None:
    """Write ablation.json, ablation.md and ablation.png, and print the tables.

    record (Dict[str, Any]): Summaries of all cells by group, the teacher's accuracy, the baseline's name.
    folder (Path): Where they shall stand.
    """
    write_record(folder / "ablation", record, render_tables(record))
    with replaced(folder / "ablation.png") as partial:
        plot_cells(record).savefig(partial, format="png", dpi=120, metadata={"Software": None})
    for group in record["groups"]:
        msg.divider(group["name"])
        msg.table(table_rows(group["cells"]), header=HEADER, divider=True, aligns=("l", *"rrrrrrrr"))


def render_tables(record: Dict[str, Any]) -> str:
    """Render the tables as Markdown.

    record (Dict[str, Any]): Summaries of all cells by group.
    RETURNS (str): The text.
    """
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, "Ablation"))
    markdown.add(
        f"Accuracy in percent: mean ± standard deviation over {len(record['seeds'])} seeds of the student; the teacher "
        f"is one model ({record['teacher']['dev']:.1%} on dev, {record['teacher']['test']:.1%} on "
        f"{record['n_test']} test texts). Settings are chosen on dev; agreement is that with the teacher, first on "
        "dev, then on test. Difference (points on test) and p (paired bootstrap over texts, two-sided) are against "
        f"“{record['baseline']}”."
    )
    for group in record["groups"]:
        markdown.add(markdown.title(2, group["name"]))
        markdown.add(markdown.table(table_rows(group["cells"]), HEADER))
    return markdown.text + "\n"


def table_rows(cells: List[Dict[str, Any]]) -> List[Tuple[str, ...]]:
    """The rows of one group.

    cells (List[Dict[str, Any]]): Summaries.
    RETURNS (List[Tuple[str, ...]]): Cells under HEADER.
    """
    return [
        (
            cell["name"],
            f"{100 * cell['dev_mean']:.1f} ± {100 * cell['dev_spread']:.1f}",
            f"{cell['dev_agreement']:.1%}",
            f"{100 * cell['test_mean']:.1f} ± {100 * cell['test_spread']:.1f}",
            f"{100 * cell['difference']:+.1f}",
            "< .001" if cell["p_value"] < 0.001 else f"{cell['p_value']:.3f}".lstrip("0"),
            f"{cell['agreement']:.1%}",
            f"{cell['ece']:.3f}",
            f"{cell['model_mb']:.1f}",
        )
        for cell in cells
    ]


def plot_cells(record: Dict[str, Any]) -> Figure:
    """Plot the accuracy of all cells on test, with their spread, beside baseline and teacher.

    record (Dict[str, Any]): Summaries of all cells by group.
    RETURNS (Figure): The plot.
    """
    cells = [(group["name"], cell) for group in record["groups"] for cell in group["cells"]]
    baseline = next(cell["test_mean"] for _, cell in cells if cell["name"] == record["baseline"])
    figure = Figure(figsize=(9, 1.2 + 0.24 * len(cells)), layout="constrained")
    axes = figure.subplots()
    names = [group["name"] for group in record["groups"]]
    colors = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for row, (group, cell) in enumerate(cells):
        axes.errorbar(
            100 * cell["test_mean"], row, xerr=100 * cell["test_spread"], fmt="o", color=colors[names.index(group) % 10]
        )
    axes.axvline(100 * baseline, color="grey", linestyle=":", label=f"baseline: {record['baseline']}")
    axes.axvline(100 * record["teacher"]["test"], color="black", linestyle="--", label="teacher")
    axes.set_yticks(range(len(cells)), [f"{cell['name']}  ({group})" for group, cell in cells], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("accuracy on test, percent; bars: standard deviation over seeds")
    axes.legend(loc="lower left", fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    return figure
