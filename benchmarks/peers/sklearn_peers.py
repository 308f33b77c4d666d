"""TF-IDF with logistic regression, over spaCy's tokens and over scikit-learn's own."""

import pickle
from pathlib import Path
from typing import Any, Dict

from benchmarks.peers.data import Data
from scripts.evaluation.reference import ANALYZERS
from scripts.evaluation.tfidf import Analyzers, tune

# What the reference counts, for strings.
STRING_ANALYZERS: Analyzers = {
    "words, 1 to 2": {"ngram_range": (1, 2)},
    "words, 1 to 3": {"ngram_range": (1, 3)},
    "characters, 2 to 5": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}


def train_reference(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Fit what `evaluate` calls the reference. Nothing of it is random.

    data (Data): The texts.
    folder (Path): Where the model shall stand.
    RETURNS (Dict[str, Any]): The settings, chosen on dev.
    """
    train, dev = ((data.docs[split], data.numbers[split]) for split in ("train", "dev"))
    classifier, settings = tune(ANALYZERS, *train, *dev, name="reference")
    save(folder, (data.lang, data.segmenter, data.task.labels, classifier))
    return settings


def train_tfidf(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Fit the same with scikit-learn's own tokenizer. The parameters are those of `train_reference`."""
    train, dev = ((data.texts(split), data.numbers[split]) for split in ("train", "dev"))
    classifier, settings = tune(STRING_ANALYZERS, *train, *dev, name="tfidf")
    save(folder, (data.task.labels, classifier))
    return settings


def save(folder: Path, content: Any) -> None:
    """Pickle a classifier with what its loader needs.

    folder (Path): A new folder.
    content (Any): What can be pickled.
    """
    folder.mkdir(parents=True)
    (folder / "model.pkl").write_bytes(pickle.dumps(content))
