"""The reference: what gold labels are worth without a teacher, to TF-IDF and logistic regression."""

import pickle
from itertools import product
from typing import Any, Dict, List, Tuple

import numpy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from spacy import Language
from tqdm import tqdm

# Every combination is fitted on train and the best on dev is kept: the first one of those that are equal.
ANALYZERS: List[Dict[str, Any]] = [
    {"analyzer": "word", "ngram_range": (1, 2)},
    {"analyzer": "word", "ngram_range": (1, 3)},
    {"analyzer": "char_wb", "ngram_range": (2, 5)},
]
MIN_DOCS = (1, 2, 3)
INVERSE_L2 = (1.0, 4.0, 16.0, 64.0)


def fit_reference(
    train: Tuple[List[str], numpy.ndarray], dev: Tuple[List[str], numpy.ndarray], tokenizer: Language
) -> Tuple[Pipeline, Dict[str, Any]]:
    """Fit TF-IDF with logistic regression on train; its settings are chosen on dev.

    train, dev (Tuple[List[str], ndarray]): Texts and the numbers of their gold labels.
    tokenizer (Language): Splits texts into words, as it does for the students.
    RETURNS (Tuple[Pipeline, Dict[str, Any]]): The classifier, its settings and its accuracy on dev.
    """
    split = WordSplitter(tokenizer)
    best: Tuple[float, Pipeline, Dict[str, Any]] = (-1.0, Pipeline([("none", "passthrough")]), {})
    grid = list(product(ANALYZERS, MIN_DOCS))
    for analyzer, min_df in tqdm(grid, desc="Tuning the reference", unit="setting", disable=None):
        words = {"tokenizer": split, "token_pattern": None} if analyzer["analyzer"] == "word" else {}
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=min(min_df, len(train[0])), **analyzer, **words)
        features, dev_features = vectorizer.fit_transform(train[0]), vectorizer.transform(dev[0])
        for inverse_l2 in INVERSE_L2:
            regression = LogisticRegression(C=inverse_l2, max_iter=1000).fit(features, train[1])
            accuracy = float(regression.score(dev_features, dev[1]))
            if accuracy > best[0]:
                settings = {**analyzer, "min_df": min_df, "C": inverse_l2, "dev_accuracy": accuracy}
                best = accuracy, make_pipeline(vectorizer, regression), settings
    return best[1], best[2]


class WordSplitter:
    """Splits a text into the tokens of a pipeline."""

    def __init__(self, nlp: Language) -> None:
        """nlp (Language): Only its tokenizer is used."""
        self.nlp = nlp

    def __call__(self, text: str) -> List[str]:
        """text (str): A text. RETURNS (List[str]): Its tokens."""
        return [token.text for token in self.nlp.make_doc(text)]

    def __reduce__(self) -> Tuple[Any, ...]:
        # The size of the reference is that of its weights and words, not of spaCy's tokenizer.
        return WordSplitter, (None,)


def size_of(reference: Pipeline) -> int:
    """Bytes of the pickled classifier."""
    return len(pickle.dumps(reference))
