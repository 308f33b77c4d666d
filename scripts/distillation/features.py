"""What the n-grams of a student are made of, words, characters or both, is chosen on dev, once for each training.

It follows from the language (one that writes no spaces, or glues its words together), from the texts (how they are
spelt) and from their number, so no table of languages would be right for long. A linear model is fitted to what the
student is to learn, as cheap as the references' and far cheaper than a training; the gold labels of dev say how well
it does. Characters are many, and halve the speed: they must be shown to be better than words, and by a point.
"""

from typing import Any, Dict, List, NamedTuple, Tuple

import numpy
from scipy.special import log_softmax
from spacy.tokens import Doc
from tqdm import tqdm

from scripts.data.significance import ALPHA, compare_paired
from scripts.data.task import Task, find_gold
from scripts.distillation.calibration import fit_factors, read_features, regress

# Texts that a choice is made by: seconds for each choice.
MAX_CHOICE_DOCS = 4_000
# Accuracy on dev that must be gained for the speed that is lost.
MIN_GAIN = 0.01


class Found(NamedTuple):
    """What a linear model makes of dev.

    right (ndarray): Whether each document gets its gold label. Shape: (n_docs,).
    log_probs (ndarray): Logarithm of the probability of that, calibrated. Shape: (n_docs,).
    """

    right: numpy.ndarray
    log_probs: numpy.ndarray


def choose_features(node: Any, docs: List[Doc], dev: List[Doc], task: Task) -> None:
    """Choose what a layer reads, and set its attrs to that. Its table is not fitted for good.

    The fastest stands unless another gives the gold labels of dev a higher probability, by more than the choice of the
    texts explains, and has MIN_GAIN more of them right; of several such, the one with the highest probability. Accuracy
    alone says less: only texts near the border change it. Without two labels to tell apart, nothing is chosen.

    node (Any): A layer with `attrs["choices"]`.
    docs (List[Doc]): Documents that the student learns from, with gold or the teacher's logits.
    dev (List[Doc]): Gold documents that it does not learn from.
    task (Task): The labels.
    """
    docs, labels = find_labels(docs, task)
    dev = [doc for doc in dev if find_gold(doc) in task.labels]
    if len(numpy.unique(labels)) < 2 or not dev:
        return
    gold = task.number_gold(dev)
    choices = node.attrs["choices"]
    found: Dict[str, Found] = {}
    for name in tqdm(choices, desc="Choosing features", unit="choice", disable=None):
        node.attrs.update(choices[name])
        node.attrs["fit"](node, docs)
        found[name] = try_features(node, docs, labels, dev, gold, len(task.labels))
    first, *others = choices
    gains = {name: compare_paired(found[name].log_probs, found[first].log_probs) for name in others}
    gained = {name: found[name].right.mean() - found[first].right.mean() >= MIN_GAIN for name in others}
    better = [name for name in others if gained[name] and gains[name].difference > 0 and gains[name].p_value < ALPHA]
    best = max(better, key=lambda name: gains[name].difference, default=first)
    node.attrs.update(choices[best])
    node.attrs["chosen"] = {
        "texts": len(docs),
        "dev": len(dev),
        "p_values": {name: gain.p_value for name, gain in gains.items()},
        "accuracy": {name: float(one.right.mean()) for name, one in found.items()},
        "log_loss": {name: -float(one.log_probs.mean()) for name, one in found.items()},
    }


def find_labels(docs: List[Doc], task: Task) -> Tuple[List[Doc], numpy.ndarray]:
    """What documents teach: gold, or what the teacher decides where there is none.

    docs (List[Doc]): The documents.
    task (Task): The labels.
    RETURNS (Tuple[List[Doc], ndarray]): Those that have either, and the number of the label of each. Shape: (n_docs,).
    """
    taught: List[Doc] = []
    labels: List[int] = []
    for doc in docs:
        label, logits = find_gold(doc), doc._.teacher_logits
        if label is not None and label in task.labels:
            labels.append(task.labels.index(label))
        elif logits is not None:
            labels.append(int(task.decide(numpy.array([logits]))[0]))
        else:
            continue
        taught.append(doc)
    return taught, numpy.array(labels, dtype="int64")


def try_features(
    node: Any, docs: List[Doc], labels: numpy.ndarray, dev: List[Doc], gold: numpy.ndarray, n_labels: int
) -> Found:
    """Fit a linear model to what a layer reads.

    node (Any): The layer, fitted.
    docs, dev (List[Doc]): Documents to learn from, and others.
    labels, gold (ndarray): The numbers of their labels. Shape: (n_docs,).
    n_labels (int): Number of labels.
    RETURNS (Found): What it makes of dev.
    """
    read = read_features(node, [*docs, *dev])
    W, b = regress(read[: len(docs)], labels, n_labels)
    logits = read[len(docs) :] @ W + b
    log_probs = log_softmax(fit_factors(logits[None], gold)[0] * logits, axis=1)
    return Found(logits.argmax(axis=1) == gold, log_probs[numpy.arange(len(dev)), gold])
