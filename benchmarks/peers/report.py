"""The table and the plot of the peers, and who is on the Pareto front."""

from pathlib import Path
from statistics import median
from typing import Any, Dict, Iterable, List, Tuple

import srsly
from wasabi import MarkdownRenderer, msg

from benchmarks.peers.plot import plot_peers
from scripts.data.significance import ALPHA, Comparison
from scripts.files import replaced

HEADER = ("", "learns from", "accuracy", "words/s", "to ours", "p50 ms", "p95 ms", "MB", "load s", "RSS MB")
PACKAGES = ("spacy", "thinc", "numpy", "scikit-learn", "torch", "transformers", "fasttext-wheel", "model2vec")
# The peer that speeds are compared to: the project's default.
YARDSTICK = "ensemble"


def write_report(record: Dict[str, Any], folder: Path) -> None:
    """Write peers.json, peers.md and peers.png, and print the table.

    record (Dict[str, Any]): Rows of all peers, and provenance.
    folder (Path): Where they shall stand.
    """
    record["front"] = find_front(record["peers"])
    with replaced(folder / "peers.json") as partial:
        srsly.write_json(partial, record)
    with replaced(folder / "peers.md") as partial:
        partial.write_text(render_report(record), encoding="utf8")
    with replaced(folder / "peers.png") as partial:
        plot_peers(record).savefig(partial, format="png", dpi=120, metadata={"Software": None})
    msg.table(table_rows(record["peers"]), header=HEADER, divider=True, aligns=("l", "l", *"rrrrrrrr"))
    for line in describe_front(record):
        msg.text(line)


def find_front(rows: List[Dict[str, Any]]) -> List[str]:
    """The Pareto front of accuracy and speed.

    rows (List[Dict[str, Any]]): Rows with accuracy and words_per_second.
    RETURNS (List[str]): Names of the peers that no other beats in one without losing in the other.
    """
    return [row["name"] for row in rows if not find_better(row, rows)]


def find_better(row: Dict[str, Any], rows: Iterable[Dict[str, Any]]) -> List[str]:
    """Who is at least as good in accuracy and speed, and better in one. RETURNS (List[str]): Their names."""
    own = (row["accuracy"], row["words_per_second"])
    others = {other["name"]: (other["accuracy"], other["words_per_second"]) for other in rows}
    return [name for name, (a, w) in others.items() if a >= own[0] and w >= own[1] and (a, w) != own]


def table_rows(rows: List[Dict[str, Any]]) -> List[Tuple[str, ...]]:
    """The rows of the table.

    rows (List[Dict[str, Any]]): Rows of the peers.
    RETURNS (List[Tuple[str, ...]]): Cells under HEADER.
    """
    yardstick = next((row["rates"] for row in rows if row["name"] == YARDSTICK), None)
    cells: List[Tuple[str, ...]] = []
    for row in rows:
        spread = "" if row["spread"] is None else f" ± {100 * row['spread']:.1f}"
        ratios = [rate / own for rate, own in zip(row["rates"], yardstick)] if yardstick else []
        cells.append(
            (
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
            )
        )
    return cells


def describe_front(record: Dict[str, Any]) -> List[str]:
    """Who is on the Pareto front, where we are not, and what does as well as ours though it is faster or smaller.

    record (Dict[str, Any]): Rows of all peers, the comparisons of ours with the others, and the front.
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


def is_lighter(rival: Dict[str, Any], ours: Dict[str, Any]) -> bool:
    """Whether a rival is faster or smaller than one of ours."""
    return rival["words_per_second"] > ours["words_per_second"] or rival["size_mb"] < ours["size_mb"]


def render_report(record: Dict[str, Any]) -> str:
    """Render the report as Markdown.

    record (Dict[str, Any]): Rows of all peers, the front, and provenance.
    RETURNS (str): The text.
    """
    counts, n_test = record["counts"], record["counts"]["test"]
    accuracy = max(row["accuracy"] for row in record["peers"])
    chance = 196 * (accuracy * (1 - accuracy) / n_test) ** 0.5
    facts = [
        f"Run {record['run']}: {counts['train']} training, {counts['dev']} dev, {n_test} test and "
        f"{counts['unlabelled']} unlabelled texts. All settings were chosen on dev.",
        f"Accuracy in percent: mean ± standard deviation over seeds 0 to {record['n_seeds'] - 1}; no ± where nothing "
        f"is random, and the teacher is one model. A share of {n_test} texts is sure to ± {chance:.1f} points only.",
        "“+teacher”: train holds the unlabelled texts, too, with the label that the teacher gives them. Our students "
        "have the same texts and the teacher's logits.",
        "What does as well: a paired bootstrap over the test texts, of the means over seeds.",
        "Words/s from strings to labels on test texts that the process has not read before, milliseconds for single "
        f"texts, both on one core; words are spaCy's tokens. Medians of {record['n_rounds']} rounds, each of which "
        f"measured every peer once, in a fresh process. “To ours” is the ratio to `{YARDSTICK}` of the same round: "
        "median and range.",
        "Load time and peak memory count Python and all imports. PyTorch and transformers are hidden from all "
        "processes but the teacher's, as an installation of a peer alone would lack them.",
        *(f"{row['name']}: {', '.join(f'{k} {v}' for k, v in flatten(row['settings']))}" for row in record["peers"]),
        f"Machine: {', '.join(f'{name} {value}' for name, value in record['machine'].items())}",
        f"Versions: {', '.join(f'{name} {value}' for name, value in record['versions'].items())}",
    ]
    markdown = MarkdownRenderer()
    markdown.add(markdown.title(1, "Students beside their peers"))
    markdown.add(markdown.table(table_rows(record["peers"]), HEADER))
    markdown.add("\n\n".join(describe_front(record)))
    markdown.add("![Accuracy against words per second](peers.png)")
    markdown.add(markdown.list(facts))
    return markdown.text + "\n"


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
