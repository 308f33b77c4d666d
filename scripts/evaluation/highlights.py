"""The texts that are worth reading after a run, and what their words add to what the student says of them."""

from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import srsly
from spacy import Language

from scripts.data.task import Task
from scripts.evaluation.label_errors import find_label_errors
from scripts.evaluation.predictions import Predictions
from scripts.files import replaced
from scripts.inspection.contributions import explain_docs

# Kinds of texts, in the order in which they are shown.
MISTAKE, DISAGREEMENT, GOLD_ERROR = "mistake", "disagreement", "gold error"
# So many of each kind and split: more than anybody reads, and few enough for a page of less than 3 MB.
N_PER_KIND = 40
# The words of a long text that are shown.
MAX_TOKENS = 400


def choose_texts(splits: Dict[str, Predictions], task: Task) -> List[Dict[str, Any]]:
    """Choose the texts that are worth reading.

    Mistakes and disagreements are of test alone, as the student's factors are fitted on dev. Gold may be wrong in both.

    splits (Dict[str, Predictions]): What the systems say of dev and test.
    task (Task): The labels.
    RETURNS (List[Dict[str, Any]]): For each text its split, its number there, and its `kinds`, each with the rank that
        the text has in it: 0 is the most striking of its split.
    """
    test = splits["test"]
    found = [("test", MISTAKE, find_mistakes(test, task)), ("test", DISAGREEMENT, find_disagreements(test, task))]
    for split in ("test", "dev"):
        doubtful = find_label_errors(splits[split].probs["teacher"], splits[split].gold)
        found.append((split, GOLD_ERROR, doubtful[:N_PER_KIND]))
    chosen: Dict[Tuple[str, int], Dict[str, int]] = {}
    for split, kind, numbers in found:
        for rank, number in enumerate(numbers):
            chosen.setdefault((split, number), {})[kind] = rank
    return [{"split": split, "number": number, "kinds": kinds} for (split, number), kinds in chosen.items()]


def find_mistakes(predicted: Predictions, task: Task) -> List[int]:
    """Find what the student gets wrong with most confidence.

    predicted (Predictions): What the systems say of a split.
    task (Task): The labels.
    RETURNS (List[int]): Numbers of texts, the most confident mistake first.
    """
    probs = predicted.probs["student"]
    wrong = numpy.flatnonzero(task.decide(probs) != predicted.gold)
    return wrong[numpy.argsort(-probs[wrong].max(axis=1), kind="stable")][:N_PER_KIND].tolist()


def find_disagreements(predicted: Predictions, task: Task) -> List[int]:
    """Find where teacher and student say different things.

    predicted (Predictions): What the systems say of a split.
    task (Task): The labels.
    RETURNS (List[int]): Numbers of texts; first those on which both are most sure of what they say.
    """
    student, teacher = predicted.probs["student"], predicted.probs["teacher"]
    apart = numpy.flatnonzero(task.decide(student) != task.decide(teacher))
    confidence = student[apart].max(axis=1) + teacher[apart].max(axis=1)
    return apart[numpy.argsort(-confidence, kind="stable")][:N_PER_KIND].tolist()


def write_highlights(path: Path, student: Language, splits: Dict[str, Predictions], task: Task) -> None:
    """Write highlights.jsonl: the chosen texts, with what their words add to the label that the student gives them.

    path (Path): The file.
    student (Language): The student.
    splits (Dict[str, Predictions]): What the systems say of dev and test.
    task (Task): The labels.
    """
    rows = choose_texts(splits, task)
    docs = [student.make_doc(splits[row["split"]].texts[row["number"]]) for row in rows]
    numbers = [task.decide(splits[row["split"]].probs["student"][[row["number"]]])[0] for row in rows]
    labels = [task.labels[number] for number in numbers]
    for row, label, words in zip(rows, labels, explain_docs(student, docs, labels)):
        shown = words[:MAX_TOKENS]
        row.update(label=label, words=[[start, end, round(share, 4)] for start, end, share in shown])
    with replaced(path) as partial:
        srsly.write_jsonl(partial, rows)
