"""Our students beside their peers: two tables, and what follows from them in words (benchmarks.peers)."""

from statistics import median
from typing import Any, Dict, Iterable, List, Tuple

from benchmarks.tables.table import Table, name_machine
from scripts.data.significance import ALPHA, Comparison

Record = Dict[str, Any]
Row = Dict[str, Any]
# The peer that speeds are compared to: the project's default.
YARDSTICK = "ensemble"


def peers(record: Record) -> Table:
    """Accuracy, speed, size and memory of all peers."""
    yardstick = next((row["rates"] for row in record["peers"] if row["name"] == YARDSTICK), None)
    rows: List[List[str]] = []
    for row in record["peers"]:
        spread = "" if row["spread"] is None else f" ± {100 * row['spread']:.1f}"
        ratios = [rate / own for rate, own in zip(row["rates"], yardstick)] if yardstick else []
        rows.append(
            [
                f"**{row['name']}**" if row["is_ours"] else row["name"],
                row["learns_from"],
                f"{100 * row['accuracy']:.1f}{spread}",
                f"{row['words_per_second']:,.0f}",
                f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else "",
                f"{row['p50_ms']:.2f}",
                f"{row['p95_ms']:.2f}",
                f"{row['size_mb']:.1f}",
                f"{row['load_seconds']:.2f}",
                f"{row['peak_rss_mb']:.0f}",
            ]
        )
    counts = record["counts"]
    accuracy = max(row["accuracy"] for row in record["peers"])
    chance = 196 * (accuracy * (1 - accuracy) / counts["test"]) ** 0.5
    caption = (
        f"{counts['train']:,} training, {counts['dev']:,} dev, {counts['test']:,} test and {counts['unlabelled']:,} "
        f"unlabelled texts. Accuracy: mean ± standard deviation over {record['n_seeds']} seeds where there is chance. "
        f"A share of so many test texts is sure to ± {chance:.1f} points. “+teacher”: learns the teacher's labels, "
        "too, as our students do. Speed: one core, from strings to labels, texts that the process has not read before, "
        f"medians of {record['n_rounds']} rounds; words are spaCy's tokens. Load time and memory count Python and all "
        f"imports, without PyTorch where a peer needs none. {name_machine(record['machine'])}"
    )
    header = ("", "learns from", "accuracy", "words/s", f"to {YARDSTICK}", "p50 ms", "p95 ms", "MB", "load s", "RSS MB")
    return Table(header, rows, caption, n_words=2)


def peer_settings(record: Record) -> Table:
    """What was chosen on dev for those peers that have settings."""
    rows = [
        [row["name"], ", ".join(f"{name} {value}" for name, value in flatten(row["settings"]))]
        for row in record["peers"]
        if row["settings"] and not row["is_ours"]
    ]
    return Table(("", "chosen on dev"), rows, n_words=2)


def flatten(settings: Dict[str, Any]) -> List[Tuple[str, str]]:
    """Settings as names and texts, without levels."""
    pairs: List[Tuple[str, str]] = []
    for name, value in settings.items():
        pairs += (
            flatten(value)
            if isinstance(value, dict)
            else [(name, f"{value:.3f}" if name == "dev_accuracy" else f"{value}")]
        )
    return pairs


def find_front(rows: List[Row]) -> List[str]:
    """The Pareto front of accuracy and speed.

    rows (List[Row]): Rows with accuracy and words_per_second.
    RETURNS (List[str]): Names of the peers that no other beats in one without losing in the other.
    """
    return [row["name"] for row in rows if not find_better(row, rows)]


def find_better(row: Row, rows: Iterable[Row]) -> List[str]:
    """Who is at least as good in accuracy and speed, and better in one. RETURNS (List[str]): Their names."""
    own = (row["accuracy"], row["words_per_second"])
    others = {other["name"]: (other["accuracy"], other["words_per_second"]) for other in rows}
    return [name for name, (a, w) in others.items() if a >= own[0] and w >= own[1] and (a, w) != own]


def describe_front(record: Record) -> List[str]:
    """Who is on the Pareto front, where we are not, and what does as well as ours though it is faster or smaller.

    record (Record): Rows of all peers, the comparisons of ours with the others, and the front.
    RETURNS (List[str]): Sentences.
    """
    rows, n_test = {row["name"]: row for row in record["peers"]}, record["counts"]["test"]
    lines = [f"On the Pareto front of accuracy and words/s: {', '.join(record['front'])}."]
    for ours in (row for row in record["peers"] if row["is_ours"]):
        name = ours["name"]
        if name not in record["front"]:
            lines.append(
                f"Ours, but not on it: {name}, beaten in both by {', '.join(find_better(ours, rows.values()))}."
            )
        pairs = [pair for pair in record["pairs"] if pair["ours"] == name and is_lighter(rows[pair["rival"]], ours)]
        level = [pair for pair in pairs if pair["difference"] <= 0 or pair["p_value"] >= ALPHA]
        for pair in level:
            rival, found = rows[pair["rival"]], Comparison(*(pair[field] for field in Comparison._fields))
            told = "is ahead of" if found.difference < 0 and found.p_value < ALPHA else "does as well as"
            speed, size = (rival[field] / ours[field] for field in ("words_per_second", "size_mb"))
            lines.append(
                f"{rival['name']} {told} {name}, as far as {n_test} texts can tell ({name} has {found}), at "
                f"{speed:.2g} times its speed and {size:.2g} times its size."
            )
        if pairs and not level:
            lines.append(f"{name} is ahead of all that is faster or smaller.")
    return lines


def is_lighter(rival: Row, ours: Row) -> bool:
    """Whether a rival is faster or smaller than one of ours."""
    return rival["words_per_second"] > ours["words_per_second"] or rival["size_mb"] < ours["size_mb"]


def list_front(record: Record) -> str:
    """The sentences on the front as a list in Markdown."""
    return "\n".join(f"- {line}" for line in describe_front(record))
