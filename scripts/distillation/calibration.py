"""Calibration: the members of a student, and what gold labels alone teach its n-gram table, are weighed on dev.

A student that learns fast enough to be right is not sure enough of it, or too sure; and in a sum of logits, the member
with the larger ones decides alone. One factor each mends both. And where the teacher is poor, gold labels know what it
does not: a second set of weights for the n-gram table, fitted to them alone, gets a factor, too, which is all but 0
where the teacher is good. All is folded into the weights and costs nothing at prediction.
"""

from typing import Any, List, Optional, Tuple

import numpy
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from spacy import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from scripts.data.predictions import BATCH_SIZE, predict_docs
from scripts.data.task import Task

# Inverse strength of the regularisation of the weights that are fitted to gold labels.
INVERSE_L2 = 3.0


def calibrate(nlp: Language, train: List[Doc], dev: List[Doc]) -> List[float]:
    """Multiply the logits of each member of a student by a factor of its own, and add those of gold labels.

    nlp (Language): A pipeline with a trained `textcat_distill` component named textcat; its output layers are changed.
    train (List[Doc]): Gold documents that it was trained on.
    dev (List[Doc]): Gold documents that it was not trained on.
    RETURNS (List[float]): The factor of each member; last, those of the logits that gold labels alone teach the layers
        with `attrs["features"]`.
    """
    textcat: Any = nlp.get_pipe("textcat")
    task = Task(list(textcat.labels))
    members = list_members(textcat.model)
    logits = [predict_docs(member, dev) for member in members]
    tables = [node for node in textcat.model.walk() if "features" in node.attrs]
    gold_weights = [fit_gold(table, train, task.number_gold(train)) for table in tables]
    for table, (W, b) in zip(tables, gold_weights):
        learned = table.get_param("W"), table.get_param("b")
        set_weights(table, W, b)
        logits.append(predict_docs(table, dev))
        set_weights(table, *learned)
    factors = fit_factors(numpy.stack(logits), task.number_gold(dev)).tolist()
    for member, factor in zip(members, factors):
        layer = member.get_ref("output_layer")
        set_weights(layer, layer.get_param("W") * factor, layer.get_param("b") * factor)
    for table, (W, b), factor in zip(tables, gold_weights, factors[len(members) :]):
        set_weights(table, table.get_param("W") + W * factor, table.get_param("b") + b * factor)
    return factors


def list_members(model: Any) -> List[Any]:
    """The models whose logits a student adds: itself, if it is no ensemble."""
    return model.layers if "members" in model.attrs else [model]


def fit_gold(table: Any, docs: List[Doc], gold: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Fit weights for a linear layer to gold labels alone.

    table (Any): A layer with `attrs["features"]`, initialised.
    docs (List[Doc]): The documents.
    gold (ndarray): Number of the gold label of each. Shape: (n_docs,).
    RETURNS (Tuple[ndarray, ndarray]): As `regress` gives them.
    """
    n_rows, n_labels = table.get_param("W").shape
    return regress(read_features(table, docs, n_rows), gold, n_labels)


def read_features(table: Any, docs: List[Doc], n_rows: Optional[int] = None) -> csr_matrix:
    """What a layer reads in documents.

    table (Any): A layer with `attrs["features"]`.
    docs (List[Doc]): The documents.
    n_rows (Optional[int]): Rows of the layer's table; None counts no further than what is read.
    RETURNS (csr_matrix): Shape: (n_docs, n_rows).
    """
    parts = [table.attrs["features"](table, batch) for batch in minibatch(docs, BATCH_SIZE)]
    doc_ids, rows, values = (numpy.concatenate(arrays) for arrays in zip(*parts))
    starts = numpy.repeat(numpy.arange(len(parts)) * BATCH_SIZE, [len(part[0]) for part in parts])
    n_columns = int(rows.max(initial=0)) + 1 if n_rows is None else n_rows
    return csr_matrix((values, (doc_ids + starts, rows)), shape=(len(docs), n_columns))


def regress(features: csr_matrix, gold: numpy.ndarray, n_labels: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Fit the weights of a linear layer by logistic regression.

    features (csr_matrix): Shape: (n_docs, n_rows).
    gold (ndarray): Number of the label of each document. Shape: (n_docs,).
    n_labels (int): Number of labels.
    RETURNS (Tuple[ndarray, ndarray]): W, shape (n_rows, n_labels), and b, shape (n_labels,), with zeros for labels that
        no document has; float32.
    """
    # Imported late: who trains needs the factors of the members, and none of this.
    from sklearn.linear_model import LogisticRegression

    W, b = numpy.zeros((features.shape[1], n_labels), "float32"), numpy.zeros((n_labels,), "float32")
    if len(numpy.unique(gold)) > 1:
        regression = LogisticRegression(C=INVERSE_L2, max_iter=1000).fit(features, gold)
        coefficients, intercepts = regression.coef_, regression.intercept_
        if len(regression.classes_) == 2:
            # It gives the difference of two logits as one.
            coefficients, intercepts = (numpy.stack([-half, half])[:, 0] for half in (coefficients / 2, intercepts / 2))
        W[:, regression.classes_], b[regression.classes_] = coefficients.T, intercepts
    return W, b


def set_weights(layer: Any, W: numpy.ndarray, b: numpy.ndarray) -> None:
    """Set the parameters of an output layer."""
    layer.set_param("W", W)
    layer.set_param("b", b)


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
