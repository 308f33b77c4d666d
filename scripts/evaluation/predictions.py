"""What every system says of dev and test, saved once: whatever is shown of them later needs no new prediction.

A row of predictions.jsonl has a `text`, its `split`, its `gold` label, and under `probs` the probabilities of each
system, in the order of `labels` in the report.json beside it. In a run of several languages it has its `lang`, too.
"""

from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

import numpy
import srsly
from spacy.tokens import Doc

from scripts.data.task import Task
from scripts.files import UserError, replaced

SPLITS = ("dev", "test")
# The student before calibration and compression, beside the systems that are compared.
UNCALIBRATED = "uncalibrated"
# Digits of a probability: a millionth is far below what any figure shows.
N_DIGITS = 6


class Predictions(NamedTuple):
    """What the systems say of one split.

    texts (List[str]): The texts.
    gold (ndarray): Number of the gold label of each. Shape: (n_texts,).
    probs (Dict[str, ndarray]): By system. Shape: (n_texts, n_labels).
    langs (Sequence[str]): The language of each; empty in a run of one language.
    """

    texts: List[str]
    gold: numpy.ndarray
    probs: Dict[str, numpy.ndarray]
    langs: Sequence[str] = ()

    @classmethod
    def collect(cls, docs: List[Doc], probs: Dict[str, numpy.ndarray], task: Task) -> "Predictions":
        """docs (List[Doc]): Gold documents. probs: By system. task (Task): The labels. RETURNS (Predictions): All."""
        langs = [doc._.lang for doc in docs] if all(doc._.lang for doc in docs) else []
        return cls([doc.text for doc in docs], task.number_gold(docs), probs, langs)


def check_saved(*paths: Path) -> None:
    """Check that `evaluate` was run.

    paths (Path): What it writes.
    RAISES (UserError): One of them does not exist.
    """
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} does not exist. Run the `evaluate` step first.")


def write_predictions(path: Path, splits: Dict[str, Predictions], task: Task) -> None:
    """Write predictions.jsonl.

    path (Path): The file.
    splits (Dict[str, Predictions]): By name of the split.
    task (Task): The labels.
    """
    rows = (
        {
            "split": split,
            "text": text,
            "gold": task.labels[predicted.gold[number]],
            **({"lang": predicted.langs[number]} if predicted.langs else {}),
            "probs": {name: probs[number].round(N_DIGITS).tolist() for name, probs in predicted.probs.items()},
        }
        for split, predicted in splits.items()
        for number, text in enumerate(predicted.texts)
    )
    with replaced(path) as partial:
        srsly.write_jsonl(partial, rows)


def read_predictions(path: Path, task: Task) -> Dict[str, Predictions]:
    """Read predictions.jsonl.

    path (Path): The file.
    task (Task): The labels.
    RETURNS (Dict[str, Predictions]): By name of the split.
    RAISES (UserError): It does not exist.
    """
    check_saved(path)
    rows = list(srsly.read_jsonl(path))
    splits = {}
    for split in SPLITS:
        own = [row for row in rows if row["split"] == split]
        gold = numpy.array([task.labels.index(row["gold"]) for row in own])
        probs = {name: numpy.array([row["probs"][name] for row in own]) for name in own[0]["probs"]}
        langs = [row["lang"] for row in own if "lang" in row]
        splits[split] = Predictions([row["text"] for row in own], gold, probs, langs)
    return splits
