"""Model2Vec: each piece and word read alone by the encoder, reduced by PCA, averaged; logistic regression on top.

SOURCE: Tulkens and van Dongen (2024), Model2Vec: fast state-of-the-art static embeddings.
"""

from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple, cast

import numpy
import spacy
from model2vec.distill import distill_from_model
from sklearn.linear_model import LogisticRegression
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from transformers import AutoModel, AutoTokenizer

from benchmarks.peers.data import Data
from benchmarks.peers.sklearn_peers import save
from scripts.encoders import DataOnly, find_encoder
from scripts.evaluation.tfidf import GRID, refine
from scripts.lexicon.__main__ import choose_words
from scripts.tokenizing import make_blank

# Words that are added to the encoder's own vocabulary: those of the lexicon.
MIN_COUNT, MAX_WORDS = 3, 30_000


class Candidate(NamedTuple):
    """A classifier of static vectors.

    settings (Dict[str, Any]): Whether words were added, and C of the regression.
    accuracy (float): On dev, 0 to 1.
    static, regression (Any): The vectors and the classifier.
    """

    settings: Dict[str, Any]
    accuracy: float
    static: Any
    regression: Any


def distill_encoder(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Model2Vec of the encoder as it was downloaded. Nothing of it is random.

    data (Data): The texts.
    folder (Path): Where vectors and classifier shall stand.
    RETURNS (Dict[str, Any]): The settings, chosen on dev.
    """
    encoder = find_encoder(data.training / "encoder.json")
    model = DataOnly(AutoModel, reads_weights=True).from_pretrained(encoder)
    return distill(data, model, DataOnly(AutoTokenizer).from_pretrained(encoder), folder)


def distill_teacher(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Model2Vec of the encoder as the teacher was fine-tuned. The parameters are those of `distill_encoder`."""
    nlp = spacy.load(data.training / "teacher" / "model-best")
    wrapped = cast(TransformerModel, cast(Transformer, nlp.get_pipe("transformer")).model)
    wrapped.transformer.name_or_path = str(data.training)
    return distill(data, wrapped.transformer, wrapped.tokenizer, folder)


def distill(data: Data, encoder: Any, tokenizer: Any, folder: Path) -> Dict[str, Any]:
    """Make static vectors of an encoder's pieces, and of the frequent words of all texts, and a classifier.

    data (Data): The texts.
    encoder, tokenizer (Any): A Hugging Face encoder.
    folder (Path): Where vectors and classifier shall stand.
    RETURNS (Dict[str, Any]): The settings, chosen on dev.
    """
    tokenize = make_blank(data.lang, data.segmenter).tokenizer
    found = (t.text for text in data.all_texts() for t in tokenize(text))
    words = list(choose_words(found, min_count=MIN_COUNT, max_words=MAX_WORDS))
    encoded: Dict[bool, Tuple[Any, Any, Any]] = {}

    def fit_one(settings: Dict[str, Any]) -> Candidate:
        with_words = settings["words"]
        if with_words not in encoded:
            # Dimensions and weights are the library's defaults: 256, and Zipf's law with SIF.
            static = distill_from_model(encoder, tokenizer, words if with_words else [], device="cpu")
            # Sentence encoders pad and cut texts to 128 pieces; static vectors need neither.
            static.tokenizer.no_padding()
            static.tokenizer.no_truncation()
            # PCA leaves the array in Fortran order, of which safetensors writes the entries in the wrong places.
            static.embedding = numpy.ascontiguousarray(static.embedding)
            train, dev = (static.encode(data.texts(split), max_length=None) for split in ("train", "dev"))
            encoded[with_words] = static, train, dev
        static, train, dev = encoded[with_words]
        regression = LogisticRegression(C=settings["C"], max_iter=1000).fit(train, data.numbers["train"])
        return Candidate(settings, float(regression.score(dev, data.numbers["dev"])), static, regression)

    grid = {"words": (False, True), "C": GRID["C"]}
    best = refine(fit_one({name: values[0] for name, values in grid.items()}), grid, fit_one)
    save(folder, (data.task.labels, best.regression))
    best.static.save_pretrained(folder / "static")
    n_words = len(words) if best.settings["words"] else 0
    return {"words_added": n_words, "C": best.settings["C"], "dev_accuracy": best.accuracy}
