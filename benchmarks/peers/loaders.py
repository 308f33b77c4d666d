"""How each kind of artefact becomes a function from texts to labels, in a process that has loaded nothing else.

What a loader imports counts in its time and memory, so each imports its own.
"""

from pathlib import Path
from typing import Callable, List

Classify = Callable[[List[str]], List[str]]


def load_spacy(folder: Path) -> Classify:
    """folder (Path): A pipeline with `cats`. RETURNS (Classify): Gives the label of the highest one."""
    import spacy

    nlp = spacy.load(folder)
    return lambda texts: [max(doc.cats, key=doc.cats.__getitem__) for doc in nlp.pipe(texts)]


def load_student(folder: Path) -> Classify:
    """folder (Path): A student as it is packaged. RETURNS (Classify): As of any pipeline."""
    # What its wheel brings along.
    import scripts.architectures.characters
    import scripts.architectures.ensemble
    import scripts.architectures.lexeme_cache
    import scripts.architectures.lexemes
    import scripts.architectures.ngrams
    import scripts.architectures.softmax  # noqa: F401

    return load_spacy(folder)


def load_reference(folder: Path) -> Classify:
    """folder (Path): A pickled scikit-learn pipeline over documents. RETURNS (Classify): Tokenizes with spaCy."""
    import pickle

    from scripts.tokenizing import make_blank

    lang, segmenter, labels, classifier = pickle.loads((folder / "model.pkl").read_bytes())
    nlp = make_blank(lang, segmenter)
    return lambda texts: [labels[number] for number in classifier.predict(list(nlp.pipe(texts)))]


def load_sklearn(folder: Path) -> Classify:
    """folder (Path): A pickled scikit-learn pipeline over strings. RETURNS (Classify): Predicts all at once."""
    import pickle

    labels, classifier = pickle.loads((folder / "model.pkl").read_bytes())
    return lambda texts: [labels[number] for number in classifier.predict(texts)]


def load_fasttext(folder: Path) -> Classify:
    """folder (Path): A fastText model. RETURNS (Classify): Predicts all at once."""
    import fasttext

    from benchmarks.peers.fasttext_lines import LABEL, make_line

    model = fasttext.load_model(str(next(folder.glob("model.*"))))
    # A list, as the wrapper of a single string asks NumPy 2 for what it refuses.
    return lambda texts: [found[0][len(LABEL) :] for found in model.predict([make_line(text) for text in texts])[0]]


def load_static(folder: Path) -> Classify:
    """folder (Path): A Model2Vec model and a classifier. RETURNS (Classify): Predicts all at once."""
    import pickle

    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder / "static")
    labels, classifier = pickle.loads((folder / "model.pkl").read_bytes())
    return lambda texts: [labels[number] for number in classifier.predict(model.encode(texts, max_length=None))]
