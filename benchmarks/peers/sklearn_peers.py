"""TF-IDF with logistic regression, over spaCy's tokens and over scikit-learn's own."""

import pickle
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.peers.data import Data
from scripts.evaluation.reference import INVERSE_L2, MIN_DOCS, SUBLINEAR, fit_reference

# The grid of the reference, for strings.
ANALYZERS: Dict[str, Dict[str, Any]] = {
    "words, 1 to 2": {"ngram_range": (1, 2)},
    "words, 1 to 3": {"ngram_range": (1, 3)},
    "characters, 2 to 5": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}
# Settings with the accuracy on dev, the classifier, and what makes its features.
Candidate = Tuple[Dict[str, Any], Any, Any]


def train_reference(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Fit what `evaluate` calls the reference. Nothing of it is random.

    data (Data): The texts.
    folder (Path): Where the model shall stand.
    RETURNS (Dict[str, Any]): The settings, chosen on dev.
    """
    train, dev = data.docs["train"], data.docs["dev"]
    nlp, settings = fit_reference(train, data.gold["train"], dev, data.gold["dev"], data.labels)
    component: Any = nlp.get_pipe("textcat")
    save(folder, (data.lang, data.labels, component.classifier))
    return settings


def train_tfidf(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Fit the same with scikit-learn's own tokenizer. The parameters are those of `train_reference`."""
    candidates: List[Candidate] = []
    for analyzer, sublinear, min_docs in product(ANALYZERS, SUBLINEAR, MIN_DOCS):
        vectorizer = TfidfVectorizer(
            sublinear_tf=sublinear, min_df=min_docs, dtype=numpy.float32, **ANALYZERS[analyzer]
        )
        features = vectorizer.fit_transform(data.texts("train")), vectorizer.transform(data.texts("dev"))
        settings = {"features": analyzer, "sublinear": sublinear, "min_docs": min_docs}
        candidates += [(*found, vectorizer) for found in tune_regression(data, *features, settings)]
    settings, regression, vectorizer = max(candidates, key=dev_accuracy)
    save(folder, (data.labels, make_pipeline(vectorizer, regression)))
    return settings


def save(folder: Path, content: Any) -> None:
    """Pickle a classifier with what its loader needs.

    folder (Path): A new folder.
    content (Any): What can be pickled.
    """
    folder.mkdir(parents=True)
    (folder / "model.pkl").write_bytes(pickle.dumps(content))


def tune_regression(
    data: Data, train: Any, dev: Any, settings: Dict[str, Any]
) -> Iterator[Tuple[Dict[str, Any], LogisticRegression]]:
    """Fit logistic regressions on features.

    data (Data): The gold labels.
    train, dev (Any): Features. Shape: (n_docs, n_features).
    settings (Dict[str, Any]): What the features follow from.
    YIELDS (Tuple[Dict[str, Any], LogisticRegression]): All settings with the accuracy on dev, and the classifier.
    """
    for inverse_l2 in INVERSE_L2:
        regression = LogisticRegression(C=inverse_l2, max_iter=1000).fit(train, data.gold["train"])
        yield {**settings, "C": inverse_l2, "dev_accuracy": float(regression.score(dev, data.gold["dev"]))}, regression


def dev_accuracy(candidate: Candidate) -> float:
    """What candidates are chosen by."""
    return candidate[0]["dev_accuracy"]
