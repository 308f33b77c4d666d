"""Tables and figures of README and docs, made of the records under benchmarks/results."""

from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import srsly

RESULTS = Path(__file__).parent / "results"
Row = Dict[str, Any]
SYSTEMS = {
    "teacher": "teacher",
    "student": "**student**",
    "baseline": "baseline (the student, gold labels alone)",
    "reference_distilled": "reference, gold and teacher's labels",
    "reference": "reference, gold labels alone",
}


class Table(NamedTuple):
    """What a table shows: names of the columns, rows of cells, and a sentence below with the machine."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str

    def to_markdown(self) -> str:
        """The table as Markdown; numbers stand on the right."""
        lines = [self.header, ["---", *["---:"] * (len(self.header) - 1)], *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{self.caption}"


def read_record(name: str) -> Any:
    """Read a record.

    name (str): Its name under benchmarks/results, without .json.
    RETURNS (Any): Its content.
    """
    return srsly.read_json(RESULTS / f"{name}.json")


def name_machine(machine: Dict[str, Any]) -> str:
    """A machine as a caption names it.

    machine (Dict[str, Any]): What `describe_machine` of the evaluation gave.
    RETURNS (str): E.g. 2 cores of an AMD EPYC with AVX-512, or the GPU.
    """
    gpu = machine.get("gpu", "none")
    cores = f"{machine['cores']} cores of {machine['processor']}"
    return cores if gpu == "none" else f"{gpu}, {cores}"


def report(name: str) -> Table:
    """Quality, speed and size of all systems of a run."""
    record = read_record(f"report_{name}")
    provenance = record["provenance"]
    rows = []
    for system, title in SYSTEMS.items():
        m = record[system]
        low, high = m["accuracy_interval"]
        rows.append(
            [
                title,
                f"{m['accuracy']:.3f}",
                f"{low:.3f}-{high:.3f}",
                f"{m['ece']:.3f}",
                f"{m['words_per_second']:,.0f}",
                f"{m['size_mb']:.1f}",
            ]
        )
    counts = provenance["counts"]
    caption = (
        f"{counts['train']:,} labelled and {counts['unlabelled']:,} unlabelled texts, {counts['test']:,} test texts, "
        f"seed {provenance['seed']}. {name_machine(provenance['machine'])}."
    )
    return Table(("", "accuracy", "95 % interval", "ECE", "words/s", "MB"), rows, caption)


def steps(name: str) -> Table:
    """What each step of a run took."""
    record = read_record(f"times_{name}")
    rows = [[row["step"], f"{row['seconds']:.0f}", f"{row['cpu_seconds']:.0f}"] for row in record["steps"]]
    total = [sum(row[key] for row in record["steps"]) for key in ("seconds", "cpu_seconds")]
    rows.append(["**all**", *(f"**{value:.0f}**" for value in total)])
    return Table(("step", "seconds", "CPU-seconds"), rows, f"{name_machine(record['machine'])}.")


def ablation(name: str, group: str) -> Table:
    """One group of cells of an ablation."""
    record = read_record(f"ablation_{name}")
    cells = next(one["cells"] for one in record["groups"] if one["name"] == group)
    rows = []
    for cell in cells:
        p = "< .001" if cell["p_value"] < 0.001 else f"{cell['p_value']:.3f}".lstrip("0")
        rows.append(
            [
                cell["name"],
                f"{100 * cell['dev_mean']:.1f} ± {100 * cell['dev_spread']:.1f}",
                f"{cell['dev_agreement']:.1%}",
                f"{100 * cell['test_mean']:.1f} ± {100 * cell['test_spread']:.1f}",
                f"{100 * cell['difference']:+.1f}",
                p,
                f"{cell['agreement']:.1%}",
                f"{cell['ece']:.3f}",
                f"{cell['model_mb']:.1f}",
            ]
        )
    header = ("", "dev", "agreement, dev", "test", "difference", "p", "agreement, test", "ECE", "MB")
    caption = (
        f"Percent, mean ± standard deviation over {len(record['seeds'])} seeds; the teacher has "
        f"{100 * record['teacher']['dev']:.1f} on dev and {100 * record['teacher']['test']:.1f} on test. Difference "
        f"(points on test) and p (paired bootstrap) are against “{record['baseline']}”."
    )
    return Table(header, rows, caption)


def peers(name: str) -> Table:
    """Our students beside what one would use instead."""
    record = read_record("peers")
    yardstick = next(row["rates"] for row in record["peers"] if row["name"] == "ensemble")
    rows = []
    for row in record["peers"]:
        spread = "" if row["spread"] is None else f" ± {100 * row['spread']:.1f}"
        ratios = [rate / own for rate, own in zip(row["rates"], yardstick)]
        rows.append(
            [
                f"**{row['name']}**" if row["is_ours"] else row["name"],
                row["learns_from"],
                f"{100 * row['accuracy']:.1f}{spread}",
                f"{row['words_per_second']:,.0f}",
                f"{median(ratios):.2f}",
                f"{row['p50_ms']:.2f}",
                f"{row['size_mb']:.1f}",
                f"{row['load_seconds']:.2f}",
                f"{row['peak_rss_mb']:.0f}",
            ]
        )
    header = ("", "learns from", "accuracy", "words/s", "to `ensemble`", "p50 ms", "MB", "load s", "RSS MB")
    caption = (
        f"One core, from strings to labels, on texts that the process has not read before; medians of "
        f"{record['n_rounds']} rounds; {record['n_seeds']} seeds where there is chance. "
        f"{name_machine(record['machine'])}."
    )
    return Table(header, rows, caption)


def students(name: str) -> Table:
    """Speed of the students, as they are packaged, against spaCy's tokenizer and its CNN."""
    record = read_record("student")

    def ratio(values: Dict[str, float]) -> str:
        return f"{values['median']:.2f} ({values['min']:.2f}-{values['max']:.2f})"

    rows = [
        [
            system,
            f"{m['words_per_second']['median']:,.0f}",
            ratio(m["of_tokenizer"]),
            ratio(m["of_stock"]),
            f"{m['latency_ms']['p50']:.2f}",
            f"{m['latency_ms']['p95']:.2f}",
            f"{m['load_seconds']['median']:.2f}" if "load_seconds" in m else "",
            f"{m['size_mb']:.1f}" if "size_mb" in m else "",
        ]
        for system, m in record["systems"].items()
    ]
    for system, m in record["training"].items():
        rate = f"{m['words_per_second']['median']:,.0f}"
        rows.append([f"training, {system}", rate, "", ratio(m["of_stock"]), "", "", "", ""])
    texts = record["texts"]
    caption = (
        f"{texts['n']:,} texts, {texts['words']:,} words, one process, medians of {texts['rounds']} rounds; in "
        f"brackets the range of the ratio. {name_machine(record['machine'])}."
    )
    header = ("", "words/s", "of the tokenizer", "of the stock CNN", "p50 ms", "p95 ms", "load s", "MB")
    return Table(header, rows, caption)


def scoring(name: str) -> Table:
    """What runs the teacher at scoring, and how fast."""
    record = read_record(name)
    rows = [
        [
            row["runtime"],
            f"{row['words_per_second']:,.0f}",
            f"{row['times_baseline']:.2f} ({row['lowest']:.2f}-{row['highest']:.2f})",
            f"{row['agreement']:.1%}",
            f"{row['difference']:.4f}",
        ]
        for row in record["runtimes"]
    ]
    caption = (
        f"{record['texts']:,} texts of {record['words'] / record['texts']:.0f} words, medians of {record['rounds']} "
        f"rounds; label and difference of probabilities against the first row. {name_machine(record['machine'])}."
    )
    return Table(("", "words/s", "times the pipeline", "same label", "mean difference"), rows, caption)


def memory(name: str) -> Table:
    """Peak memory and time by the size of the transfer set."""
    record = read_record("memory")
    rows = [
        [row["stage"], *(f"{row[key]:,.0f}" for key in ("size", "peak_rss_mb", "seconds", "cpu_seconds"))]
        for row in sorted(record["rows"], key=lambda row: (row["stage"], row["size"]))
    ]
    caption = f"Synthetic texts of 80 words, one core, a cheap teacher. {name_machine(record['machine'])}."
    return Table(("", "texts", "MB", "seconds", "CPU-seconds"), rows, caption)


def cost(name: str) -> Table:
    """What a million texts take and cost."""
    record = read_record("cost")
    rows = [
        [
            row["step"],
            f"{row['words_per_second']:,.0f}",
            f"{row['hours_per_million']:,.2f}",
            f"{row['cost_per_million']:,.2f}",
        ]
        for row in record["steps"]
    ]
    caption = (
        f"A million texts of {record['words_per_review']:.0f} words at an invented price of "
        f"{record['price_per_hour']:g} an hour. {name_machine(record['machine'])}."
    )
    return Table(("", "words/s", "hours", "cost"), rows, caption)


# By the name that a marker gives: the function and its arguments.
TABLES: Dict[str, Tuple[Callable[..., Table], Tuple[str, ...]]] = {
    "report-amazon": (report, ("en-amazon",)),
    "report-demo": (report, ("en",)),
    "steps-demo": (steps, ("en",)),
    "peers": (peers, ("peers",)),
    "students": (students, ("student",)),
    "scoring": (scoring, ("scoring",)),
    "scoring-short": (scoring, ("scoring_short",)),
    "scoring-gpu": (scoring, ("scoring_gpu",)),
    "memory": (memory, ("memory",)),
    "cost": (cost, ("cost",)),
}


def amazon(key: str) -> str:
    """A figure of the run on Amazon reviews, as prose says it."""
    record = read_record("report_en-amazon")
    student, teacher = record["student"], record["teacher"]
    figures: Dict[str, str] = {
        "retained": f"{100 * student['retained']:.0f} %",
        "speed": f"{student['words_per_second'] / teacher['words_per_second']:,.0f}",
        "size": f"{teacher['size_mb'] / student['size_mb']:,.0f}",
        "verdict": record.get("verdict", {}).get("sentence", ""),
    }
    return figures[key]


def demo(key: str) -> str:
    """A figure of the run on the demo, as prose says it."""
    seconds = sum(row["cpu_seconds"] for row in read_record("times_en")["steps"])
    return {"cpu_minutes": f"{seconds / 60:.0f}"}[key]


FIGURES: Dict[str, Callable[[str], str]] = {"amazon": amazon, "demo": demo}


def list_ablation(name: str) -> List[str]:
    """The groups of an ablation."""
    return [group["name"] for group in read_record(f"ablation_{name}")["groups"]]
