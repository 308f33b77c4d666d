"""Model2Vec: each piece and word read alone by the encoder, reduced by PCA, averaged; logistic regression on top.

SOURCE: Tulkens and van Dongen (2024), Model2Vec: fast state-of-the-art static embeddings.
"""

from pathlib import Path
from typing import Any, Dict, List, cast

import numpy
import spacy
import srsly
from model2vec.distill import distill_from_model
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from transformers import AutoModel, AutoTokenizer

from benchmarks.peers.data import Data
from benchmarks.peers.sklearn_peers import Candidate, dev_accuracy, save, tune_regression
from scripts.lexicon.__main__ import choose_words

# Words that are added to the encoder's own vocabulary: those of the lexicon.
MIN_COUNT, MAX_WORDS = 3, 30_000


def distill_encoder(data: Data, seed: int, folder: Path, shared: Path) -> Dict[str, Any]:
    """Model2Vec of the encoder as it was downloaded. Nothing of it is random.

    data (Data): The texts.
    folder (Path): Where vectors and classifier shall stand.
    RETURNS (Dict[str, Any]): The settings, chosen on dev.
    """
    encoder = srsly.read_json(data.training / "encoder.json")["path"]
    return distill(data, AutoModel.from_pretrained(encoder), AutoTokenizer.from_pretrained(encoder), folder)


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
    tokenize = spacy.blank(data.lang).tokenizer
    texts = [*data.texts("train"), *data.unlabelled]
    words = choose_words((t.text for text in texts for t in tokenize(text)), min_count=MIN_COUNT, max_words=MAX_WORDS)
    candidates: List[Candidate] = []
    for vocabulary in ([], list(words)):
        # Dimensions and weights are the library's defaults: 256, and Zipf's law with SIF.
        model = distill_from_model(encoder, tokenizer, vocabulary, device="cpu")
        # Sentence encoders pad and cut texts to 128 pieces; static vectors need neither.
        model.tokenizer.no_padding()
        model.tokenizer.no_truncation()
        # PCA leaves the array in Fortran order, of which safetensors writes the entries in the wrong places.
        model.embedding = numpy.ascontiguousarray(model.embedding)
        train, dev = (model.encode(data.texts(split), max_length=None) for split in ("train", "dev"))
        settings = {"words_added": len(vocabulary)}
        candidates += [(*found, model) for found in tune_regression(data, train, dev, settings)]
    settings, regression, model = max(candidates, key=dev_accuracy)
    save(folder, (data.labels, regression))
    model.save_pretrained(folder / "static")
    return settings
