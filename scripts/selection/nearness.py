"""How near texts are to the labelled ones, as far as the teacher knows their words.

A text is the mean of the vectors that the lexicon has for its words: what the fine-tuned teacher makes of them. A
linear model learns to tell labelled texts from others by it. The probability that it gives a text of being a labelled
one is its nearness. Each text is judged by a model that has not learned from it.
"""

import math
from typing import Iterable

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from spacy.tokens import Doc
from spacy.vectors import Vectors  # type: ignore[import-not-found]

N_FOLDS = 5
# Texts that a judge learns from at most, beside the labelled ones: seconds.
MAX_TEXTS = 50_000


def average_vectors(docs: Iterable[Doc], n_docs: int, vectors: Vectors) -> numpy.ndarray:
    """The mean over the words of each document that have a vector; 0 where none has.

    docs (Iterable[Doc]): The documents.
    n_docs (int): Their number.
    vectors (Vectors): By word in lower case.
    RETURNS (ndarray): float32. Shape: (n_docs, dimensions).
    """
    means = numpy.zeros((n_docs, vectors.shape[1]), dtype="float32")
    for mean, doc in zip(means, docs):
        rows = vectors.find(keys=doc.to_array("LOWER"))
        if (rows >= 0).any():
            mean[:] = vectors.data[rows[rows >= 0]].mean(axis=0)
    return means


def judge(gold: numpy.ndarray, others: numpy.ndarray, *, max_texts: int = MAX_TEXTS) -> numpy.ndarray:
    """Tell how near texts are to the labelled ones.

    gold, others (ndarray): Mean vectors of the labelled texts, and of others. Shape: (n_texts, dimensions).
    max_texts (int): How many of the others are learned from at most.
    RETURNS (ndarray): Nearness, 0 to 1: of the labelled texts, then of the others. Shape: (n_gold + n_others,).

    SOURCE: the probabilistic classifier of Bickel, Brueckner and Scheffer (2009), Discriminative Learning Under
    Covariate Shift. There its odds weigh texts; here they choose them.
    """
    vectors = numpy.concatenate([gold, others])
    is_gold = numpy.arange(len(vectors)) < len(gold)
    # Numbers within each kind, so that every fold has its share of both.
    numbers = numpy.concatenate([numpy.arange(len(gold)), numpy.arange(len(others))])
    folds = numbers % N_FOLDS
    is_learned = is_gold | (numbers // N_FOLDS % math.ceil(len(others) / max_texts) == 0)
    nearness = numpy.zeros(len(vectors))
    for fold in range(N_FOLDS):
        seen = is_learned & (folds != fold)
        model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(vectors[seen], is_gold[seen])
        nearness[folds == fold] = model.predict_proba(vectors[folds == fold])[:, 1]
    return nearness


def tell_apart(gold: numpy.ndarray, others: numpy.ndarray) -> float:
    """gold, others (ndarray): Nearness of labelled texts, and of others. RETURNS (float): How often a labelled one is
    nearer than another one: .5 where they are alike."""
    return float(roc_auc_score(numpy.repeat([1, 0], [len(gold), len(others)]), numpy.concatenate([gold, others])))


def find_least(gold: numpy.ndarray, others: numpy.ndarray, *, share: float, minimum: int) -> float:
    """The nearness that a text must have.

    gold, others (ndarray): Nearness of labelled texts, and of others. Shape: (n_texts,).
    share (float): Share of the labelled texts that may be less near.
    minimum (int): How many of the others are near enough in any case: the nearest. There are more.
    RETURNS (float): 0 to 1.
    """
    return min(float(numpy.quantile(gold, share)), float(numpy.sort(others)[-minimum]))
