from typing import Any, Dict, List

import numpy
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from scripts.evaluation import tfidf
from scripts.evaluation.tfidf import tune

TRAIN = ["good film", "good plot", "bad film", "bad plot", "good, very good", "bad, so bad"]
LABELS = numpy.array([1, 1, 0, 0, 1, 0])
DEV, DEV_LABELS = ["a good one", "a bad one", "good bad bad"], numpy.array([1, 0, 0])
WORDS: Dict[str, Dict[str, Any]] = {"words": {"ngram_range": (1, 2)}}


def test_it_is_what_scikit_learn_makes_of_the_same_settings() -> None:
    found, settings = tune(WORDS, TRAIN, LABELS, DEV, DEV_LABELS, name="rival")
    assert settings == {"features": "words", "sublinear": True, "min_docs": 2, "C": 16.0, "dev_accuracy": 1.0}
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=numpy.float32)
    wanted = make_pipeline(vectorizer, LogisticRegression(C=16.0)).fit(TRAIN, LABELS)
    assert found.steps[0][1].vocabulary_ == vectorizer.vocabulary_
    assert numpy.array_equal(found.predict_proba([*TRAIN, *DEV]), wanted.predict_proba([*TRAIN, *DEV]))


def test_each_setting_is_chosen_with_the_best_of_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: List[Dict[str, Any]] = []

    def fit(counts: tfidf.Counts, settings: Dict[str, Any], *labels: numpy.ndarray) -> tfidf.Candidate:
        seen.append({"features": counts.features, **settings})
        accuracy = 0.5 + 0.1 * (counts.features == "pairs") + 0.1 * (settings["min_docs"] == 1)
        return tfidf.Candidate(accuracy, settings, counts, make_pipeline(None))

    monkeypatch.setattr(tfidf, "fit", fit)
    analyzers = {**WORDS, "pairs": {"ngram_range": (2, 2)}, "more": {"ngram_range": (1, 3)}}
    _, settings = tune(analyzers, TRAIN, LABELS, DEV, DEV_LABELS, name="rival")
    # Of those that are equal the first is kept.
    assert settings == {"features": "pairs", "sublinear": True, "min_docs": 1, "C": 16.0, "dev_accuracy": 0.7}
    assert [row["features"] for row in seen] == ["words", "pairs", "more", *["pairs"] * 5]
    assert [row["min_docs"] for row in seen] == [2, 2, 2, 2, 1, 1, 1, 1]
    assert [row["C"] for row in seen[5:]] == [1.0, 4.0, 64.0]


def test_the_labels_decide_what_is_learned() -> None:
    found, _ = tune(WORDS, TRAIN, 1 - LABELS, DEV, DEV_LABELS, name="rival")
    assert found.predict(DEV).tolist() == (1 - DEV_LABELS).tolist()
