"""A finished run without its models: what `evaluate` and the trainings save, of invented texts."""

from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import srsly

from scripts.data.task import Task
from scripts.evaluation.highlights import choose_texts
from scripts.evaluation.predictions import UNCALIBRATED, Predictions, write_predictions
from scripts.evaluation.quality import compare_to_teacher, find_untested, measure_quality
from scripts.evaluation.report import SYSTEMS, list_limits, write_report
from scripts.evaluation.verdict import TAKES, System, judge
from tests.conftest import LABELS

# Share of the texts that each system has right, its words per second and its megabytes.
MEASURED = {
    "reference": (0.7, 350_000.0, 0.9),
    "reference_distilled": (0.75, 260_000.0, 9.6),
    "baseline": (0.72, 480_000.0, 3.1),
    "student": (0.88, 465_000.0, 5.9),
    "teacher": (0.9, 4_300.0, 92.4),
}
WORDS = ["It", "was", "<b>never</b>", "good", "&", "cheap"]


DATA = {"train": {"path": "/home/somebody/reviews/train.csv", "sha256": "abc"}}


def write_run(
    run: Path,
    *,
    labels: Sequence[str] = LABELS,
    n_texts: int = 300,
    ship: bool = True,
    data: Dict[str, Dict[str, str]] = DATA,
) -> Path:
    """Write the files of a run.

    run (Path): Its folder.
    labels (Sequence[str]): The labels.
    n_texts (int): Number of texts of dev, and of test.
    ship (bool): Whether the student is worth shipping, or no better than the baseline.
    data (Dict[str, Dict[str, str]]): The files of its texts.
    RETURNS (Path): The folder.
    """
    task, rng = Task(list(labels)), numpy.random.default_rng(0)
    rights = {name: right for name, (right, _, _) in MEASURED.items()}
    rights["baseline"] = rights["baseline"] if ship else rights["student"]
    splits = {split: predict(rng, task, n_texts, rights, split) for split in ("dev", "test")}
    test = splits["test"]
    report: Dict[str, Any] = {}
    for name, (_, words_per_second, size_mb) in MEASURED.items():
        report[name] = {
            **measure_quality(test.probs[name], test.gold, task),
            **{"words_per_second": words_per_second, "speed_texts": 100, "cores": 1.0, "size_mb": size_mb},
            **{"latency_p50": 1e5 / words_per_second, "latency_p95": 3e5 / words_per_second, "latency_texts": 100},
        }
    right = {name: task.decide(test.probs[name]) == test.gold for name in SYSTEMS}
    systems = {name: System(right[name], *MEASURED[name][1:]) for name in SYSTEMS}
    for name in ("reference", "reference_distilled"):
        report[name].update(settings={"C": 4.0, "dev_accuracy": 0.8}, texts=100)
    report["student"].update(compare_to_teacher(test.probs["student"], test.probs["teacher"], task))
    report["student"].update(retained=0.98, gap_closed=0.9)
    report["verdict"] = judge(systems["student"], {name: systems[name] for name in TAKES})
    report["untested"] = find_untested(test.gold, task)
    report["labels"] = task.labels
    report["limits"] = list_limits(report)
    report["words_per_text"] = 6.0
    counts = dict.fromkeys(task.labels, 50)
    report["transfer"] = {
        source: {"texts": 50 * len(counts), "labels": counts, "confidence": 0.9} for source in ("gold", "unlabelled")
    }
    report["provenance"] = {
        "student_kind": "bow",
        "seed": 0,
        "lang": "en",
        "counts": {"train": 100, "dev": n_texts, "test": n_texts, "unlabelled": 800},
        "data": data,
        "selection": {"texts": 1200, "selected": 700},
        "transfer_set": {"texts": 900, "teacher": "training/en/teacher/model-best", "teacher_sha256": "def"},
        "versions": {"spacy": "3"},
        "machine": {"processor": "Toy", "cores": "2", "gpu": "none"},
    }
    folder = run / "report"
    write_report(report, folder)
    write_predictions(folder / "predictions.jsonl", splits, task)
    rows = choose_texts(splits, task)
    for number, row in enumerate(rows):
        row.update(label=task.labels[0], words=mark_words(splits[row["split"]].texts[row["number"]], number))
    srsly.write_jsonl(folder / "highlights.jsonl", rows)
    srsly.write_json(run / "encoder.json", {"encoder": "all-MiniLM-L6-v2"})
    for name in ("teacher", "baseline", "student_bow"):
        (run / name).mkdir(parents=True, exist_ok=True)
        srsly.write_jsonl(run / name / "log.jsonl", [{"step": 100 * n, "score": 0.8 - 0.3 / 2**n} for n in range(5)])
    return run


def predict(rng: Any, task: Task, n_texts: int, rights: Dict[str, float], split: str) -> Predictions:
    """Invent what all systems say."""
    n_labels = len(task.labels)
    gold = numpy.arange(n_texts) % n_labels
    probs = {}
    for name in (*SYSTEMS, UNCALIBRATED):
        is_right = rng.random(n_texts) < rights.get(name, 0.88)
        said = numpy.where(is_right, gold, (gold + 1) % n_labels)
        confidence = rng.uniform(0.5, 0.99, n_texts)[:, None]
        probs[name] = numpy.where(numpy.eye(n_labels)[said] == 1, confidence, (1 - confidence) / (n_labels - 1))
    return Predictions([f"{' '.join(WORDS)} {split} {number}" for number in range(n_texts)], gold, probs)


def mark_words(text: str, number: int) -> List[List[Any]]:
    """Invent what words add: two for, one against."""
    starts = [text.index(word) for word in WORDS]
    shares = [0.001, 0.0, 1.0, -0.6, 0.0, 0.3 + number / 1000]
    return [[start, start + len(word), share] for start, word, share in zip(starts, WORDS, shares)]
