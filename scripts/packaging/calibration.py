"""Calibration: each member of a student gets a factor for its logits, fitted on dev and folded into its weights.

A student that learns fast enough to be right is not sure enough of it, or too sure; and in a sum of logits, the member
with the larger ones decides alone. One factor each mends both, and costs nothing at prediction.
"""

from typing import Any, List

import numpy
from scipy.optimize import minimize
from scipy.special import log_softmax
from spacy import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from scripts.docbins import number_gold

BATCH_SIZE = 256


def calibrate(nlp: Language, docs: List[Doc]) -> List[float]:
    """Multiply the logits of a student, those of each member of an ensemble by a factor of its own.

    nlp (Language): A pipeline with a trained `textcat_distill` component named textcat; its output layers are scaled.
    docs (List[Doc]): Gold documents that it was not trained on.
    RETURNS (List[float]): The factor of each member.
    """
    textcat: Any = nlp.get_pipe("textcat")
    members = textcat.model.layers if "members" in textcat.model.attrs else [textcat.model]
    batches = list(minibatch(docs, BATCH_SIZE))
    logits = [
        numpy.concatenate([member.ops.to_numpy(member.predict(batch)) for batch in batches]) for member in members
    ]
    factors = fit_factors(numpy.stack(logits), number_gold(docs, list(textcat.labels))).tolist()
    for member, factor in zip(members, factors):
        output_layer = member.get_ref("output_layer")
        for name in ("W", "b"):
            output_layer.set_param(name, output_layer.get_param(name) * factor)
    return factors


def fit_factors(logits: numpy.ndarray, gold: numpy.ndarray) -> numpy.ndarray:
    """The factors, none below 0, with which the sum of several logits makes gold labels most likely.

    logits (ndarray): Shape: (n_members, n_docs, n_labels).
    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    RETURNS (ndarray): Where all texts are right, so that none would be best, they end where the gradient is all but 0.
        Shape: (n_members,).

    SOURCE: with one member, temperature scaling: Guo et al. (2017), arXiv:1706.04599, section 4.2; with several,
        a logarithmic opinion pool: Heskes (1998), Selecting weighting factors in logarithmic opinion pools.
    """
    rows = numpy.arange(len(gold))
    logits = logits.astype("float64")

    def loss(factors: numpy.ndarray) -> Any:
        log_probs = log_softmax(numpy.tensordot(factors, logits, axes=1), axis=1)
        errors = numpy.exp(log_probs)
        errors[rows, gold] -= 1
        return -log_probs[rows, gold].mean(), (errors * logits).sum(axis=(1, 2)) / len(gold)

    # The loss is convex, so the start does not matter.
    start = numpy.ones(len(logits))
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(logits)).x
