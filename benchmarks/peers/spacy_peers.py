"""spaCy's own text classifiers."""

from pathlib import Path
from typing import Any, Dict, List

import spacy.pipeline.textcat
from spacy.cli.init_config import init_config
from spacy.cli.train import train
from spacy.tokens import Doc
from thinc.api import Config

from benchmarks.peers.data import Data
from scripts.data.docbins import write_docs
from scripts.files import move_into_place, remove

# spaCy's own settings but for these, for what is slow: about four passes over 1,000 reviews, then no pass without
# progress on dev. By its defaults (200, 1600, 20000) a stock CNN would train for an hour.
DEFAULT: Dict[str, int] = {}
SHORT = {"eval_frequency": 400, "patience": 800, "max_steps": 2400}


def train_bow(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train `TextCatBOW` as `spacy init config` sets it up.

    data (Data): The texts.
    seed (int): The seed.
    folder (Path): Where the pipeline shall stand.
    shared (Path): Folder for what is only needed on the way.
    RETURNS (Dict[str, Any]): The settings that are not spaCy's.
    """
    return _train_stock("bow", DEFAULT, data, seed, folder, shared)


def train_reduce(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train `TextCatReduce` over the CNN that its documentation names. The parameters are those of `train_bow`."""
    return _train_stock("cnn", SHORT, data, seed, folder, shared)


def train_ensemble(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Train `TextCatEnsemble`, the default of `textcat`. The parameters are those of `train_bow`."""
    return _train_stock("default", SHORT, data, seed, folder, shared)


def label_docs(data: Data, split: str) -> List[Doc]:
    """The documents of train or dev as spaCy's trainer reads them.

    data (Data): The texts.
    split (str): "train" or "dev".
    RETURNS (List[Doc]): Copies with words and spaces, and `cats` of the labels that are to be learned.
    """
    docs = []
    for doc, number in zip(data.docs[split], data.numbers[split]):
        copy = Doc(doc.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
        copy.cats = data.task.make_cats(data.task.labels[number])
        docs.append(copy)
    return docs


def _train_stock(
    kind: str, training: Dict[str, int], data: Data, seed: int, folder: Path, shared: Path
) -> Dict[str, Any]:
    """Train a model block that spaCy itself holds as a default."""
    config = init_config(lang=data.lang, pipeline=["textcat"], optimize="efficiency", gpu=False, silent=True)
    model = Config().from_str(getattr(spacy.pipeline.textcat, f"single_label_{kind}_config"))["model"]
    config["components"]["textcat"]["model"] = model
    config["training"].update(training)
    shared.mkdir(parents=True, exist_ok=True)
    config.to_disk(shared / "config.cfg")
    paths = {}
    for split in ("train", "dev"):
        paths[f"paths.{split}"] = str(shared / f"{split}.spacy")
        write_docs(label_docs(data, split), shared / f"{split}.spacy")
    remove(shared / "trained")
    train(shared / "config.cfg", shared / "trained", overrides={**paths, "system.seed": seed})
    move_into_place(shared / "trained" / "model-best", folder)
    remove(shared / "trained")
    return dict(training)
