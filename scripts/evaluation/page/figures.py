"""The numbers behind the charts. Functions over arrays and saved records."""

from typing import Any, Dict, List, Tuple

import numpy

from scripts.evaluation.quality import find_bins

# Dots of a scatter plot; more of them would hide each other.
MAX_DOTS = 1500
# A confusion matrix of more labels cannot be read: the commonest confusions are listed then.
MAX_MATRIX = 12
N_CONFUSIONS = 20
# What a cell of the ablation may change beside its share of the unlabelled texts.
OTHER_CHANGES = {"data", "targets", "augment", "lexicon", "teachers", "set"}


def measure_reliability(probs: numpy.ndarray, gold: numpy.ndarray) -> List[Dict[str, Any]]:
    """How often what is decided with a certain confidence is right.

    probs (ndarray): Probabilities. Shape: (n_texts, n_labels).
    gold (ndarray): Number of the gold label of each text. Shape: (n_texts,).
    RETURNS (List[Dict[str, Any]]): For each bin with a text: mean `confidence`, `accuracy` and number of `texts`. The
        bins are those of the calibration error.
    """
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == gold
    bins = find_bins(confidence)
    return [
        {
            "confidence": round(float(confidence[bins == b].mean()), 4),
            "accuracy": round(float(right[bins == b].mean()), 4),
            "texts": int((bins == b).sum()),
        }
        for b in numpy.unique(bins)
    ]


def measure_coverage(probs: numpy.ndarray, gold: numpy.ndarray) -> List[Dict[str, float]]:
    """What is left, and how much of it is right, if only confident decisions count.

    probs (ndarray): Probabilities. Shape: (n_texts, n_labels).
    gold (ndarray): Number of the gold label of each text. Shape: (n_texts,).
    RETURNS (List[Dict[str, float]]): By `threshold`, in steps of a point: `coverage`, the share of texts with at least
        this confidence, and their `accuracy`. It ends where no text is left.
    """
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == gold
    rows = []
    for percent in range(100 // probs.shape[1], 100):
        kept = confidence >= percent / 100
        if kept.any():
            rows.append(
                {
                    "threshold": percent / 100,
                    "coverage": round(float(kept.mean()), 4),
                    "accuracy": round(float(right[kept].mean()), 4),
                }
            )
    return rows


def count_confusions(decided: numpy.ndarray, gold: numpy.ndarray, n_labels: int) -> numpy.ndarray:
    """Count texts by gold label and decision.

    decided, gold (ndarray): Numbers of labels. Shape: (n_texts,).
    n_labels (int): Number of labels.
    RETURNS (ndarray): Gold in rows, decisions in columns. Shape: (n_labels, n_labels).
    """
    counts = numpy.zeros((n_labels, n_labels), dtype=int)
    numpy.add.at(counts, (gold, decided), 1)
    return counts


def list_confusions(counts: numpy.ndarray) -> List[Tuple[int, int, int]]:
    """The commonest confusions.

    counts (ndarray): What `count_confusions` returns.
    RETURNS (List[Tuple[int, int, int]]): Gold label, decision and number of texts, the commonest first.
    """
    wrong = counts * (1 - numpy.eye(len(counts), dtype=int))
    order = numpy.argsort(-wrong, axis=None, kind="stable")[:N_CONFUSIONS]
    pairs = (divmod(int(place), len(counts)) for place in order)
    return [(gold, decided, int(wrong[gold, decided])) for gold, decided in pairs if wrong[gold, decided]]


def pair_probs(student: numpy.ndarray, teacher: numpy.ndarray, gold: numpy.ndarray) -> List[Dict[str, Any]]:
    """What student and teacher say of the same texts.

    student, teacher (ndarray): Probabilities. Shape: (n_texts, n_labels).
    gold (ndarray): Number of the gold label of each text. Shape: (n_texts,).
    RETURNS (List[Dict[str, Any]]): For each of at most MAX_DOTS texts the probabilities that `student` and `teacher`
        give: of the second label, if there are two; else of the label that the teacher prefers. And who is `right`.
    """
    rows = numpy.arange(len(gold))
    label = numpy.ones(len(gold), dtype=int) if student.shape[1] == 2 else teacher.argmax(axis=1)
    student_right, teacher_right = student.argmax(axis=1) == gold, teacher.argmax(axis=1) == gold
    names = numpy.array(
        ["neither is right", "only the teacher is right", "only the student is right", "both are right"]
    )
    right = names[2 * student_right + teacher_right]
    step = -(-len(gold) // MAX_DOTS)
    return [
        {"student": round(float(a), 3), "teacher": round(float(b), 3), "right": str(c)}
        for a, b, c in list(zip(student[rows, label], teacher[rows, label], right))[::step]
    ]


def estimate_cost(system: Dict[str, Any], words_per_text: float) -> float:
    """What a million texts take.

    system (Dict[str, Any]): What was measured of a system.
    words_per_text (float): Mean number of words of a text.
    RETURNS (float): Hours of a processor core.
    """
    return 1e6 * words_per_text / system["words_per_second"] * system["cores"] / 3600


def count_unlabelled(report: Dict[str, Any]) -> int:
    """report (Dict[str, Any]): The report of a run. RETURNS (int): Unlabelled texts of its transfer set."""
    return int(report["provenance"]["selection"]["selected"])


def find_sizes(ablation: Dict[str, Any], n_unlabelled: int) -> List[Dict[str, Any]]:
    """What unlabelled texts are worth, where `ablate` has trained on shares of them.

    ablation (Dict[str, Any]): The record; empty where it was not run.
    n_unlabelled (int): Number of unlabelled texts of the run.
    RETURNS (List[Dict[str, Any]]): By `student`: number of unlabelled `texts`, and their mean `accuracy` on test with
        its `spread` over seeds; without cells that change something else, too.
    """
    cells = [cell for group in ablation.get("groups", []) for cell in group["cells"]]
    own = [cell for cell in cells if "student" in cell and not OTHER_CHANGES & set(cell)]
    shared = {cell["student"] for cell in own if "unlabelled" in cell}
    rows = [
        {
            "student": cell["student"],
            "texts": round(cell.get("unlabelled", 1) * n_unlabelled),
            "accuracy": cell["test_mean"],
            "spread": cell["test_spread"],
        }
        for cell in own
        if cell["student"] in shared
    ]
    return sorted(rows, key=lambda row: (row["student"], row["texts"]))
