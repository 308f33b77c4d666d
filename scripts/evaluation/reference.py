"""The references: what labels are worth to TF-IDF and logistic regression, gold alone and the teacher's beside them."""

import pickle
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

import numpy
from spacy import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from spacy.vocab import Vocab

from scripts.data.docbins import stream_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, UNLABELLED
from scripts.evaluation.tfidf import Analyzers, tune


def lower_words(doc: Doc) -> List[str]:
    """The tokens of a document in lower case."""
    return [token.lower_ for token in doc]


def lower_text(doc: Doc) -> str:
    """The text of a document in lower case."""
    return doc.text.lower()


def words_and_characters(doc: Doc) -> List[str]:
    """The n-grams of a document's words, 1 to 3, and of its characters, 1 to 5; these are marked."""
    words, text = lower_words(doc), lower_text(doc)
    grams = [" ".join(words[i : i + n]) for n in range(1, 4) for i in range(len(words) - n + 1)]
    return grams + [f"\0{text[i : i + n]}" for n in range(1, 6) for i in range(len(text) - n + 1)]


def keep(doc: Doc) -> Doc:
    """The document as it is, for a tokenizer to read."""
    return doc


# What our students choose from, and shorter n-grams of words.
ANALYZERS: Analyzers = {
    "words, 1 to 2": {
        "preprocessor": keep,
        "tokenizer": lower_words,
        "token_pattern": None,
        "ngram_range": (1, 2),
    },
    "words, 1 to 3": {
        "preprocessor": keep,
        "tokenizer": lower_words,
        "token_pattern": None,
        "ngram_range": (1, 3),
    },
    "characters, 1 to 5": {"preprocessor": lower_text, "analyzer": "char", "ngram_range": (1, 5)},
    "words, 1 to 3, characters, 1 to 5": {"analyzer": words_and_characters},
}
# More long reviews than these would take minutes to count and fit, and gigabytes.
MAX_TAUGHT = 10_000


def fit_reference(
    train: List[Doc],
    train_gold: numpy.ndarray,
    dev: List[Doc],
    dev_gold: numpy.ndarray,
    task: Task,
    *,
    make: Callable[[], Language],
    name: str,
) -> Tuple[Language, Dict[str, Any]]:
    """Fit a reference on train; its settings are chosen on dev.

    train, dev (List[Doc]): Documents, tokenized as for the students.
    train_gold, dev_gold (ndarray): Numbers of their labels. Shape: (n_docs,).
    task (Task): The labels.
    make (Callable[[], Language]): Makes a blank pipeline whose tokenizer is that of the documents.
    name (str): Shown beside the progress bar.
    RETURNS (Tuple[Language, Dict[str, Any]]): A pipeline that sets `cats`, and its settings with accuracy on dev.
    """
    classifier, settings = tune(ANALYZERS, train, train_gold, dev, dev_gold, name=name)
    nlp = make()
    nlp.add_pipe("reference_classifier", name="textcat", config={})
    component: Any = nlp.get_pipe("textcat")
    component.classifier, component.labels = classifier, task.labels
    return nlp, settings


def read_taught(transfer: Path, vocab: Vocab, task: Task) -> Tuple[List[Doc], numpy.ndarray]:
    """Read what the student knows beside gold: texts without a gold label, and the label that the teacher gives them.

    Augmented texts are taken only where there are no unlabelled ones: they are the student's means, not information.

    transfer (Path): Folder of the scored transfer set.
    vocab (Vocab): The vocabulary that the documents shall share.
    task (Task): The labels.
    RETURNS (Tuple[List[Doc], ndarray]): The first MAX_TAUGHT documents, and the numbers of their labels.
        Shape: (n_docs,).
    """
    docs: List[Doc] = []
    for source in (UNLABELLED, AUGMENTED):
        stream = (doc for doc in stream_docs(transfer, vocab) if doc._.source == source)
        docs = docs or list(islice(stream, MAX_TAUGHT))
    logits = numpy.array([doc._.teacher_logits for doc in docs]).reshape(len(docs), len(task.labels))
    return docs, task.decide(logits)


def measure_size(nlp: Language) -> float:
    """The size of a reference.

    nlp (Language): What `fit_reference` returns.
    RETURNS (float): Megabytes of 10^6 bytes of its pickled classifier.
    """
    component: Any = nlp.get_pipe("textcat")
    return len(pickle.dumps(component.classifier)) / 1e6


class ReferenceClassifier:
    """Sets `cats` by a scikit-learn classifier, so that it is measured as the others are."""

    def __init__(self) -> None:
        """A classifier that has yet to be given its model."""
        self.classifier: Any = None
        self.labels: List[str] = []

    def __call__(self, doc: Doc) -> Doc:
        """doc (Doc): A document. RETURNS (Doc): The same, with `cats`."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """stream (Iterable[Doc]): Documents. YIELDS (Doc): The same, with `cats`."""
        for docs in minibatch(stream, batch_size):
            docs = list(docs)
            for doc, probs in zip(docs, self.classifier.predict_proba(docs)):
                # The classifier knows the labels that train has, in the order of their numbers.
                doc.cats = dict.fromkeys(self.labels, 0.0)
                doc.cats.update({self.labels[c]: float(p) for c, p in zip(self.classifier.classes_, probs)})
                yield doc


@Language.factory("reference_classifier")
def create_reference_classifier(nlp: Language, name: str) -> ReferenceClassifier:
    """Create the component; `fit_reference` gives it its model."""
    return ReferenceClassifier()
