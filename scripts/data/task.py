"""What is to be learned: the labels, and what follows from whether they exclude each other. Nothing else decides it.

Gold as `cats` and as numbers, probabilities from logits and back, and the label that probabilities stand for.
"""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy
import srsly
from spacy.tokens import Doc
from thinc.api import get_array_module
from thinc.types import Floats2d

from scripts.files import UserError, replaced

# Beside each other in the folder of the gold DocBins. The first is what `spacy.read_labels.v1` reads.
LABELS_FILE, TASK_FILE = "labels.json", "task.json"


class Task(NamedTuple):
    """A classification task.

    labels (List[str]): The labels; their order is that of all arrays.
    exclusive (bool): Whether each text has exactly one of them.
    """

    labels: List[str]
    exclusive: bool = True

    @classmethod
    def read(cls, folder: Path) -> "Task":
        """Read a task.

        folder (Path): Folder of the gold DocBins, e.g. corpus/en/gold.
        RETURNS (Task): The task.
        RAISES (UserError): A file is missing, or the task is of a kind that nothing here can learn.
        """
        for name in (LABELS_FILE, TASK_FILE):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name} does not exist. Run the `convert` step first.")
        task = cls(srsly.read_json(folder / LABELS_FILE), srsly.read_json(folder / TASK_FILE)["exclusive"])
        if not task.exclusive:
            raise UserError(f"{folder / TASK_FILE}: only labels that exclude each other can be learned.")
        return task

    def write(self, folder: Path) -> List[Path]:
        """Write the task.

        folder (Path): Folder of the gold DocBins.
        RETURNS (List[Path]): The files.
        """
        contents: Dict[str, Any] = {LABELS_FILE: self.labels, TASK_FILE: {"exclusive": self.exclusive}}
        for name, content in contents.items():
            with replaced(folder / name) as partial:
                srsly.write_json(partial, content)
        return [folder / name for name in contents]

    def make_cats(self, label: Optional[str]) -> Dict[str, float]:
        """The `cats` of a gold label.

        label (Optional[str]): One of the labels, or None where gold is unknown.
        RETURNS (Dict[str, float]): 1.0 for the label, 0.0 for the others; empty for None.
        RAISES (ValueError): The label is not among the labels.
        """
        if label is None:
            return {}
        if label not in self.labels:
            raise ValueError(f"Label {label!r} is not one of {', '.join(self.labels)}")
        return {name: float(name == label) for name in self.labels}

    def number_gold(self, docs: List[Doc]) -> numpy.ndarray:
        """Gold as arrays of scores have it.

        docs (List[Doc]): Gold documents.
        RETURNS (ndarray): The number of the label of each. Shape: (n_docs,).
        """
        return numpy.array([self.labels.index(str(find_gold(doc))) for doc in docs])

    def decide(self, probs: Any) -> Any:
        """What probabilities, or logits, say.

        probs (Floats2d): Shape: (n_docs, n_labels).
        RETURNS (Ints1d): The number of the most probable label of each document. Shape: (n_docs,).
        """
        return probs.argmax(axis=1)

    def measure_margins(self, probs: numpy.ndarray) -> numpy.ndarray:
        """How far each document is from being decided otherwise.

        probs (ndarray): Shape: (n_docs, n_labels).
        RETURNS (ndarray): The difference of the two highest probabilities. Shape: (n_docs,).
        """
        second, first = numpy.sort(probs, axis=1)[:, -2:].T
        return first - second

    def activate(self, logits: Floats2d) -> Floats2d:
        """Probabilities from logits.

        logits (Floats2d): Shape: (n_docs, n_labels).
        RETURNS (Floats2d): Rows that sum to 1. Same shape.
        """
        xp = get_array_module(logits)
        odds = xp.exp(logits - xp.max(logits, axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def recover_logits(self, probs: numpy.ndarray) -> numpy.ndarray:
        """Centred logits from probabilities: log p - mean(log p), of which `activate` makes the same probabilities.

        probs (ndarray): Rows that sum to 1. Shape: (n_docs, n_labels).
        RETURNS (ndarray): Rows that sum to 0, float32. Same shape.
        """
        # The smallest float32 keeps a probability that has underflowed to 0 finite.
        logs = numpy.log(numpy.maximum(probs, numpy.finfo("float32").tiny), dtype="float64")
        return (logs - logs.mean(axis=1, keepdims=True)).astype("float32")


def find_gold(doc: Doc) -> Optional[str]:
    """The label whose cat is 1, or None for a document without gold."""
    return next((label for label, value in doc.cats.items() if value == 1.0), None)
