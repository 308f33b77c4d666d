"""Tables and figures of whole runs of the project, each a function of a record that `benchmarks.keep` wrote."""

from math import floor
from typing import Any, Dict, List

import srsly

from benchmarks.tables.table import Table, format_cells, name_machine
from scripts.ablation import report as ablation_report
from scripts.cascade import report as cascade_report
from scripts.evaluation import report as evaluation_report

Record = Dict[str, Any]
SYSTEMS = {
    "teacher": "teacher",
    "student": "**student**",
    "baseline": "baseline: the student without a teacher",
    "reference": "reference: TF-IDF, logistic regression",
    "reference_distilled": "reference_distilled: the same with a teacher",
}
# For two labels of the same frequency it says what accuracy says.
LEFT_OUT = evaluation_report.HEADER.index("macro F1")


def report(record: Record) -> Table:
    """Quality, speed and size of all systems of a run."""
    cells = {row[0]: row for row in evaluation_report.table_rows(record)}
    rows = [[title, *cells[name][1:LEFT_OUT], *cells[name][LEFT_OUT + 1 :]] for name, title in SYSTEMS.items()]
    header = [name for name in evaluation_report.HEADER if name != evaluation_report.HEADER[LEFT_OUT]]
    provenance = record["provenance"]
    counts = provenance["counts"]
    caption = (
        f"{counts['train']:,} labelled and {counts['unlabelled']:,} unlabelled texts to learn from, {counts['test']:,} "
        f"to test on; the student is `{provenance['student_kind']}`. ECE: how far probabilities are from how often "
        f"they are right. {name_machine(provenance['machine'])}"
    )
    return Table(header, rows, caption)


def steps(record: Record) -> Table:
    """What each step of a run took."""
    times = record["steps"]
    rows = [[name, *(f"{taken[clock]:.0f}" for clock in ("wall", "cpu"))] for name, taken in times.items()]
    rows.append(["**together**", *(f"**{sum_times(record, clock):.0f}**" for clock in ("wall", "cpu"))])
    return Table(("step", "seconds", "CPU-seconds"), rows, name_machine(record["machine"]))


def sum_times(record: Record, clock: str) -> float:
    """Seconds of all steps together, by the clock on the wall or of CPU."""
    return sum(taken[clock] for taken in record["steps"].values())


def schedules(record: Record) -> Table:
    """How long each training was, by its texts (benchmarks.schedules)."""
    columns = {"name": "", "texts": ",", "steps": ",", "read": ",", "cpu_seconds": ".1f", "dev_macro_f1": ".3f"}
    caption = f"The baseline of `{record['student']}`, on one core. {name_machine(record['machine'])}"
    header = ("labelled texts", "texts", "steps", "read at least once", "CPU-seconds", "macro F1 on dev")
    return Table(header, format_cells(record["rows"], columns), caption)


def features(record: Record) -> Table:
    """What dev chooses for the n-grams of students (benchmarks.features)."""
    names = list(record["rows"][0]["accuracy"])
    rows = []
    for row in record["rows"]:
        cells = [f"{100 * row['accuracy'][name]:.1f} ({row['log_loss'][name]:.3f})" for name in names]
        bold = [f"**{cell}**" if name == row["reads"] else cell for name, cell in zip(names, cells)]
        p_value = row["p_values"].get(row["reads"])
        told = "" if p_value is None else "< .001" if p_value < 0.001 else f"{p_value:.3f}".lstrip("0")
        rows.append([row["name"], row["learns_from"], row["swapped"], f"{row['texts']:,}", *bold, told])
    caption = (
        "Accuracy on dev in percent, in brackets log loss, which chooses, of a linear model. In bold: what is chosen; "
        "p: against words (paired bootstrap over the texts of dev). Swapped: what is chosen with train in dev's place. "
        f"{name_machine(record['machine'])}"
    )
    return Table(("", "learns from", "swapped", "texts", *names, "p"), rows, caption, n_words=3)


def ablation(record: Record) -> List[Table]:
    """What each choice is worth: a table for each group of cells."""
    about = Table(
        ("the teacher's accuracy on dev", "on test"),
        [[f"{100 * record['teacher'][split]:.1f}" for split in ("dev", "test")]],
        f"Below: percent, mean ± standard deviation over {len(record['seeds'])} seeds of the student. Difference "
        f"(points on test) and p (paired bootstrap over {record['n_test']:,} texts, two-sided) are against "
        f"“{record['baseline']}”. The first agreement is on dev, the second on test.",
        n_words=0,
    )
    return [
        about,
        *(
            Table(ablation_report.HEADER, ablation_report.table_rows(group["cells"]), title=group["name"])
            for group in record["groups"]
        ),
    ]


def cascade(record: Record) -> Table:
    """Student and teacher, and both in one pipeline."""
    caption = (
        f"{record['n_test']:,} test texts. {cascade_report.explain(record)} Asked: what the teacher reads. "
        f"{name_machine(record['machine'])}"
    )
    return Table(cascade_report.HEADER, cascade_report.table_rows(record), caption)


def example(record: Record) -> str:
    """The packaged student of a run at work: code and what it prints."""
    cats = ", ".join(f"{label!r}: {floor(1000 * p) / 1000:.3f}..." for label, p in record["cats"].items())
    return "\n".join(
        [
            "```python",
            f"import spacy  # after: pip install {record['wheel']}",
            "",
            f"nlp = spacy.load({srsly.json_dumps(record['package'])})",
            f"print(nlp({srsly.json_dumps(record['text'])}).cats)",
            f"# {{{cats}}}",
            "```",
        ]
    )


def verdict(record: Record) -> str:
    """Which system to ship, and why."""
    return record["verdict"]["reason"]


def minutes(record: Record) -> str:
    """What all steps together took, by the clock on the wall."""
    return f"{sum_times(record, 'wall') / 60:.0f} minutes on {record['machine']['cores']} cores"
