"""fastText: supervised, with vectors of the unlabelled texts, and quantized."""

from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

import fasttext
import numpy
import srsly

from benchmarks.peers.data import Data
from benchmarks.peers.fasttext_lines import LABEL, make_line
from scripts.evaluation.tfidf import refine
from scripts.files import replaced

# Tuned on dev with seed 0, as the reference is. 200,000 buckets for the bigrams in place of 2,000,000, which only make
# the file larger.
GRID: Dict[str, Tuple[Any, ...]] = {"lr": (0.5, 0.25, 1.0), "epoch": (10, 5, 25, 50), "wordNgrams": (1, 2)}
FIXED = {"dim": 100, "bucket": 200_000, "thread": 1, "verbose": 0}
# Skip-grams as the library has them by default, but without characters: the supervised model reads whole words.
SKIPGRAMS = {"model": "skipgram", "dim": 100, "minCount": 3, "maxn": 0, "minn": 0, "thread": 1, "verbose": 0}


class Candidate(NamedTuple):
    """Settings, and the accuracy on dev of what they give."""

    settings: Dict[str, Any]
    accuracy: float


def train_supervised(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train on the labelled texts alone.

    data (Data): The texts.
    seed (int): The seed.
    folder (Path): Where the model shall stand.
    shared (Path): What all seeds share: the tuned settings.
    RETURNS (Dict[str, Any]): The settings.
    """
    return _train(data, seed, folder, shared, {})


def train_with_vectors(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train on the labelled texts, from word vectors of all texts. The parameters are those of `train_supervised`."""
    return _train(data, seed, folder, shared, {"pretrainedVectors": str(learn_vectors(data, shared))})


def train_quantized(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Compress what `train_with_vectors` gives. The parameters are those of `train_supervised`."""
    settings = train_with_vectors(data, seed, folder, shared)
    model = fasttext.load_model(str(folder / "model.bin"))
    # As in its documentation: prune the features, train on, quantize norms.
    model.quantize(str(write_lines(data, shared)), qnorm=True, retrain=True, cutoff=50_000, thread=1, verbose=0)
    model.save_model(str(folder / "model.ftz"))
    (folder / "model.bin").unlink()
    return {**settings, "cutoff": 50_000}


def write_lines(data: Data, shared: Path) -> Path:
    """Write the labelled lines that fastText trains on. RETURNS (Path): Their file."""
    path = shared / "train.txt"
    lines = [
        f"{LABEL}{data.task.labels[number]} {make_line(text)}\n"
        for text, number in zip(data.texts("train"), data.numbers["train"])
    ]
    with replaced(path) as partial:
        partial.write_text("".join(lines), encoding="utf8")
    return path


def learn_vectors(data: Data, shared: Path) -> Path:
    """Learn word vectors from train and the unlabelled texts, once for all seeds. RETURNS (Path): Their .vec file."""
    path = shared / "vectors.vec"
    if path.is_file():
        return path
    texts = shared / "texts.txt"
    with replaced(texts) as partial:
        lines = [make_line(text) + "\n" for text in data.all_texts()]
        partial.write_text("".join(lines), encoding="utf8")
    model = fasttext.train_unsupervised(str(texts), **SKIPGRAMS)
    words = model.get_words()
    with replaced(path) as partial, partial.open("w", encoding="utf8") as file:
        file.write(f"{len(words)} {model.get_dimension()}\n")
        for word in words:
            vector = model.get_word_vector(word)
            file.write(f"{word} {' '.join(f'{value:.5f}' for value in vector)}\n")
    return path


def _train(data: Data, seed: int, folder: Path, shared: Path, options: Dict[str, Any]) -> Dict[str, Any]:
    """Train with the settings that are best on dev."""
    lines = write_lines(data, shared)
    settings = shared / "settings.json"
    if not settings.is_file():
        with replaced(settings) as partial:
            srsly.write_json(partial, _tune(data, lines, options))
    best = srsly.read_json(settings)
    model = fasttext.train_supervised(str(lines), **best["set"], **FIXED, **options, seed=seed)
    folder.mkdir(parents=True)
    model.save_model(str(folder / "model.bin"))
    return best


def _tune(data: Data, lines: Path, options: Dict[str, Any]) -> Dict[str, Any]:
    """The settings that are best on dev."""
    dev = [make_line(text) for text in data.texts("dev")]

    def fit_one(settings: Dict[str, Any]) -> Candidate:
        model = fasttext.train_supervised(str(lines), **settings, **FIXED, **options, seed=0)
        predicted = [data.task.labels.index(found[0][len(LABEL) :]) for found in model.predict(dev)[0]]
        return Candidate(settings, float(numpy.mean(predicted == data.numbers["dev"])))

    best = refine(fit_one({name: values[0] for name, values in GRID.items()}), GRID, fit_one)
    return {"set": best.settings, "dev_accuracy": best.accuracy}
