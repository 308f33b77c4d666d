"""Where gold may be wrong: confident learning, over arrays."""

from typing import List

import numpy


def find_label_errors(probs: numpy.ndarray, gold: numpy.ndarray) -> List[int]:
    """Find texts whose gold label is likely to be another.

    A text may have a label if its probability is at least that which texts of the label have on average. If the most
    probable of these labels is not the gold one, gold is in doubt.

    probs (ndarray): Probabilities of a model that has not learned from these texts. Shape: (n_texts, n_labels).
    gold (ndarray): Number of the gold label of each text. Shape: (n_texts,).
    RETURNS (List[int]): Numbers of texts, the most doubtful first: by how much another label is more probable than
        that of gold.

    SOURCE: Northcutt, Jiang, Chuang (2021), Confident learning, JAIR 70, section 3.1 (the confident joint) and 3.2.2
        (ranking by normalised margin).
    """
    n_texts, n_labels = probs.shape
    # No text has a label that gold does not have.
    thresholds = numpy.array([probs[gold == c, c].mean() if (gold == c).any() else numpy.inf for c in range(n_labels)])
    likely = numpy.where(probs >= thresholds, probs, -1.0)
    doubtful = numpy.flatnonzero((likely.max(axis=1) >= 0) & (likely.argmax(axis=1) != gold))
    rows = numpy.arange(n_texts)
    others = probs.copy()
    others[rows, gold] = -1.0
    margins = probs[rows, gold] - others.max(axis=1)
    return doubtful[numpy.argsort(margins[doubtful], kind="stable")].tolist()
