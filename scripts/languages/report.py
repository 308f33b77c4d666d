"""The table of all languages and its picture: languages.json for programs, languages.md and .png for people.

Rows come from the reports of their runs, which may be of different days: what they differ in stands below the table.
"""

from pathlib import Path
from typing import Any, Dict, List, Tuple

from matplotlib.figure import Figure
from wasabi import MarkdownRenderer, msg

from scripts.evaluation.report import SYSTEMS
from scripts.files import replaced, write_record

Row = Dict[str, Any]

HEADER = ("", *SYSTEMS, "retained", "gap closed", "agreement", "ECE", "words/s", "MB")
CAPTION = (
    "Accuracy on test by system. The rest is the student's: its accuracy as a share of the teacher's, the share of the "
    "gap between the teacher and the better one of reference and baseline that it closes, how often it gives the "
    "teacher's label, how far its probabilities are from how often they are right, its speed and its size."
)
MEASURED = ("accuracy", "accuracy_interval", "ece", "words_per_second", "size_mb")
# How each system is drawn: marker and colour.
DRAWN = {"student": ("o", "tab:blue"), "teacher": ("|", "black")}


def summarize(lang: str, run: str, report: Dict[str, Any], *, encoder: str) -> Row:
    """The row of a language.

    lang (str): Its code.
    run (str): The name of its run.
    report (Dict[str, Any]): The report.json of the run.
    encoder (str): The teacher's encoder.
    RETURNS (Row): What the table shows, and what it depends on.
    """
    provenance = report["provenance"]
    machine = provenance["machine"]
    return {
        "lang": lang,
        "run": run,
        **{name: {field: report[name][field] for field in MEASURED} for name in SYSTEMS},
        **{field: report["student"][field] for field in ("retained", "gap_closed", "agreement")},
        "ship": report["verdict"]["ship"],
        "counts": provenance["counts"],
        "encoder": encoder,
        "student_kind": provenance["student_kind"],
        # A student without n-grams has none.
        "features": report["student"].get("features", {}).get("reads", ""),
        "seed": provenance["seed"],
        "machine": machine,
        "versions": provenance["versions"],
    }


def write_table(rows: List[Row], path: Path) -> None:
    """Write the table and its picture, and print the table.

    rows (List[Row]): What `summarize` gave; of a language that failed lang, run and failed: the step.
    path (Path): Where they shall stand, without suffix.
    """
    write_record(path, {"languages": rows}, render_table(rows))
    with replaced(path.with_name(f"{path.name}.png")) as partial:
        plot_languages(find_finished(rows)).savefig(partial, format="png", dpi=120, metadata={"Software": None})
    msg.divider("Languages")
    msg.table(table_rows(rows), header=HEADER, divider=True, aligns=("l", *"r" * (len(HEADER) - 1)))
    if different := find_differences(rows):
        msg.warn(tell_differences(different))
    msg.good(f"Table of languages: {path}.md")


def find_finished(rows: List[Row]) -> List[Row]:
    """The rows of languages that have not failed."""
    return [row for row in rows if "failed" not in row]


def table_rows(rows: List[Row]) -> List[Tuple[str, ...]]:
    """The table, a row for each language.

    rows (List[Row]): As in `write_table`.
    RETURNS (List[Tuple[str, ...]]): Cells under HEADER.
    """
    return [format_row(row) for row in rows]


def format_row(row: Row) -> Tuple[str, ...]:
    """The cells of a language under HEADER."""
    if "failed" in row:
        return (row["lang"], f"failed: {row['failed']}", *[""] * (len(HEADER) - 2))
    student, gap = row["student"], row["gap_closed"]
    return (
        row["lang"],
        *(f"{row[name]['accuracy']:.3f}" for name in SYSTEMS),
        f"{row['retained']:.1%}",
        "no gap" if gap is None else f"{gap:.0%}",
        f"{row['agreement']:.1%}",
        f"{student['ece']:.3f}",
        f"{student['words_per_second']:,.0f}",
        f"{student['size_mb']:.1f}",
    )


def render_table(rows: List[Row]) -> str:
    """Render the table and what it depends on as Markdown.

    rows (List[Row]): As in `write_table`.
    RETURNS (str): The text.
    """
    finished = find_finished(rows)
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, "Languages"))
    markdown.add(markdown.table(table_rows(rows), HEADER))
    markdown.add(CAPTION)
    if different := find_differences(rows):
        markdown.add(tell_differences(different))
    if finished:
        markdown.add(markdown.list([f"{name}: {tell(values)}" for name, values in group_facts(finished).items()]))
    return markdown.text + "\n"


def group_facts(rows: List[Row]) -> Dict[str, Dict[str, List[str]]]:
    """What a row depends on, and which languages have it in common.

    rows (List[Row]): Rows of languages that have not failed.
    RETURNS (Dict[str, Dict[str, List[str]]]): By name of a fact, by its value the languages.
    """
    facts: Dict[str, Dict[str, List[str]]] = {}
    for row in rows:
        counts = ", ".join(f"{count} {split}" for split, count in row["counts"].items())
        named = {"To ship, as the reports say": row["ship"], "Reviews": counts, "Encoder": row["encoder"]}
        for name, value in {**named, "N-grams of": row["features"], **list_settings(row)}.items():
            if value:
                facts.setdefault(name, {}).setdefault(value, []).append(row["lang"])
    return facts


def list_settings(row: Row) -> Dict[str, str]:
    """What should be the same for all languages, or their rows cannot be compared."""
    return {
        "Student": row["student_kind"],
        "Seed": str(row["seed"]),
        "Machine": ", ".join(f"{name} {value}" for name, value in row["machine"].items()),
        "Versions": ", ".join(f"{name} {value}" for name, value in row["versions"].items()),
    }


def find_differences(rows: List[Row]) -> List[str]:
    """Which settings are not the same for all languages that have not failed.

    rows (List[Row]): As in `write_table`.
    RETURNS (List[str]): E.g. ["Seed", "Machine"].
    """
    settings = [list_settings(row) for row in find_finished(rows)]
    return [name for name in (settings or [{}])[0] if len({found[name] for found in settings}) > 1]


def tell_differences(names: List[str]) -> str:
    """Say that rows were not made alike.

    names (List[str]): What they differ in, at least one.
    RETURNS (str): A sentence.
    """
    return f"These rows were not made alike; they differ in: {', '.join(names).lower()}. Compare within a row."


def tell(values: Dict[str, List[str]]) -> str:
    """A fact: its value, or each value with its languages if they have not one in common."""
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({', '.join(langs)})" for value, langs in values.items())


def plot_languages(rows: List[Row]) -> Figure:
    """Draw the accuracy of labels alone, student and teacher for each language, on one line each.

    rows (List[Row]): Rows of languages that have not failed.
    RETURNS (Figure): The picture.
    """
    figure = Figure(figsize=(7, 1.4 + 0.35 * len(rows)), layout="constrained")
    axes = figure.subplots()
    lines = range(len(rows))
    alone = [100 * max(row["reference"]["accuracy"], row["baseline"]["accuracy"]) for row in rows]
    axes.scatter(alone, lines, marker="o", color="tab:gray", label="labels alone: the better of reference and baseline")
    for name, (marker, color) in DRAWN.items():
        found = [100 * row[name]["accuracy"] for row in rows]
        axes.hlines(lines, alone, found, color="tab:gray", linewidth=1, alpha=0.5)
        axes.scatter(found, lines, marker=marker, s=90, color=color, label=name, zorder=3)
    axes.set_yticks(lines, [row["lang"] for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlabel("accuracy on test, percent")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure
