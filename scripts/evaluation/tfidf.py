"""TF-IDF with logistic regression, tuned on dev: what one would take instead of a student.

A rival that was tuned less than the students would flatter them, and two rivals that were tuned differently would not
tell what their labels are worth. So all of them are made by `tune`.
"""

from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from threadpoolctl import threadpool_limits
from tqdm import tqdm

# Options of a CountVectorizer by the name of what it counts.
Analyzers = Dict[str, Dict[str, Any]]
# The first value of each stands until its turn comes.
GRID: Dict[str, Tuple[Any, ...]] = {"sublinear": (True, False), "min_docs": (2, 1), "C": (16.0, 1.0, 4.0, 64.0)}


class Counts(NamedTuple):
    """How often each n-gram stands in each text: counted once for all settings that follow.

    features (str): Name of the analyzer.
    vectorizer (CountVectorizer): Knows all n-grams of train.
    train, dev (Any): Sparse counts. Shape: (n_docs, n_ngrams).
    """

    features: str
    vectorizer: CountVectorizer
    train: Any
    dev: Any


class Candidate(NamedTuple):
    """A classifier of counts, fitted on train and measured on dev.

    accuracy (float): On dev, 0 to 1.
    settings (Dict[str, Any]): Its settings, as in GRID.
    counts (Counts): What it is made of.
    classifier (Pipeline): TF-IDF and regression over those of the n-grams that are in enough documents.
    """

    accuracy: float
    settings: Dict[str, Any]
    counts: Counts
    classifier: Pipeline


def tune(
    analyzers: Analyzers,
    train: List[Any],
    train_gold: numpy.ndarray,
    dev: List[Any],
    dev_gold: numpy.ndarray,
    *,
    name: str,
) -> Tuple[Pipeline, Dict[str, Any]]:
    """Fit TF-IDF with logistic regression on train. First what it counts, then each of GRID is chosen on dev.

    analyzers (Analyzers): Options of a CountVectorizer by name.
    train, dev (List[Any]): What the analyzers read.
    train_gold, dev_gold (ndarray): Numbers of their labels. Shape: (n_docs,).
    name (str): Shown beside the progress bar.
    RETURNS (Tuple[Pipeline, Dict[str, Any]]): From what the analyzers read to labels; its settings with the accuracy
        on dev. Of those that are equal the first is kept.
    """
    start = {setting: values[0] for setting, values in GRID.items()}
    n_fits = len(analyzers) + sum(len(values) - 1 for values in GRID.values())
    # On vectors of this size several threads wait for each other longer than they work.
    with threadpool_limits(1), tqdm(total=n_fits, desc=f"Tuning the {name}", unit="fit", disable=None) as bar:

        def fit_next(counts: Counts, settings: Dict[str, Any]) -> Candidate:
            bar.update()
            return fit(counts, settings, train_gold, dev_gold)

        counted = (count(features, options, train, dev) for features, options in analyzers.items())
        best = max((fit_next(counts, start) for counts in counted), key=lambda candidate: candidate.accuracy)
        best = refine(best, GRID, partial(fit_next, best.counts))
    # What is counted from now on is what the classifier reads.
    counts, n_docs = best.counts, best.settings["min_docs"]
    names = counts.vectorizer.get_feature_names_out()[find_columns(counts, n_docs)]
    counts.vectorizer.vocabulary_ = {ngram: column for column, ngram in enumerate(names.tolist())}
    settings = {"features": counts.features, **best.settings, "dev_accuracy": best.accuracy}
    return make_pipeline(counts.vectorizer, *(step for _, step in best.classifier.steps)), settings


def count(features: str, options: Dict[str, Any], train: List[Any], dev: List[Any]) -> Counts:
    """Count the n-grams of train, and the same in dev.

    features (str): Name of the analyzer.
    options (Dict[str, Any]): Its options.
    train, dev (List[Any]): What it reads.
    RETURNS (Counts): The counts.
    """
    vectorizer = CountVectorizer(dtype=numpy.float32, **options)
    return Counts(features, vectorizer, vectorizer.fit_transform(train), vectorizer.transform(dev))


def refine(best: Any, grid: Dict[str, Tuple[Any, ...]], fit_one: Callable[[Dict[str, Any]], Any]) -> Any:
    """Choose settings one after the other, each with what was best before it.

    best (Any): What the first values of the grid give: anything with `settings` and `accuracy`, which is on dev.
    grid (Dict[str, Tuple[Any, ...]]): Values by setting.
    fit_one (Callable[[Dict[str, Any]], Any]): Makes the same of other settings.
    RETURNS (Any): The best, the first of those that are equal.
    """
    for setting, values in grid.items():
        for value in values[1:]:
            candidate = fit_one({**best.settings, setting: value})
            best = candidate if candidate.accuracy > best.accuracy else best
    return best


def fit(counts: Counts, settings: Dict[str, Any], train_gold: numpy.ndarray, dev_gold: numpy.ndarray) -> Candidate:
    """Fit one classifier.

    counts (Counts): The n-grams of train and dev.
    settings (Dict[str, Any]): Its settings, as in GRID.
    train_gold, dev_gold (ndarray): Numbers of the labels. Shape: (n_docs,).
    RETURNS (Candidate): The classifier, with its accuracy on dev.
    """
    columns = find_columns(counts, settings["min_docs"])
    classifier = make_pipeline(
        TfidfTransformer(sublinear_tf=settings["sublinear"]), LogisticRegression(C=settings["C"], max_iter=1000)
    ).fit(counts.train[:, columns], train_gold)
    return Candidate(float(classifier.score(counts.dev[:, columns], dev_gold)), settings, counts, classifier)


def find_columns(counts: Counts, min_docs: int) -> numpy.ndarray:
    """Numbers of the n-grams that stand in at least `min_docs` texts of train. Shape: (n_kept,)."""
    return numpy.flatnonzero(counts.train.getnnz(axis=0) >= min_docs)
