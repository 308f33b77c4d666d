"""The reference: what gold labels are worth without a teacher, to TF-IDF and logistic regression."""

import pickle
from itertools import product
from typing import Any, Dict, Iterable, Iterator, List, Tuple

import numpy
import spacy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from spacy import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from tqdm import tqdm


def lower_words(doc: Doc) -> List[str]:
    """The tokens of a document in lower case."""
    return [token.lower_ for token in doc]


def lower_text(doc: Doc) -> str:
    """The text of a document in lower case."""
    return doc.text.lower()


def keep(doc: Doc) -> Doc:
    """The document as it is, for a tokenizer to read."""
    return doc


# Every combination is fitted on train; the best on dev is kept, the first of those that are equal. A reference that
# was tuned less than the students would flatter them.
ANALYZERS: Dict[str, Dict[str, Any]] = {
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
    "characters, 2 to 5": {"preprocessor": lower_text, "analyzer": "char_wb", "ngram_range": (2, 5)},
}
SUBLINEAR = (True, False)
MIN_DOCS = (1, 2)
INVERSE_L2 = (1.0, 4.0, 16.0, 64.0)


def fit_reference(
    train: List[Doc], train_gold: numpy.ndarray, dev: List[Doc], dev_gold: numpy.ndarray, labels: List[str]
) -> Tuple[Language, Dict[str, Any]]:
    """Fit TF-IDF with logistic regression on train; its settings are chosen on dev.

    train, dev (List[Doc]): Gold documents, tokenized as for the students.
    train_gold, dev_gold (ndarray): Numbers of their gold labels. Shape: (n_docs,).
    labels (List[str]): Label order.
    RETURNS (Tuple[Language, Dict[str, Any]]): A pipeline that sets `cats`, and its settings with accuracy on dev.
    """
    fitted: List[Tuple[float, Dict[str, Any], Pipeline]] = []
    grid = list(product(ANALYZERS, SUBLINEAR, MIN_DOCS))
    for analyzer, sublinear, min_docs in tqdm(grid, desc="Tuning the reference", unit="setting", disable=None):
        vectorizer = TfidfVectorizer(
            sublinear_tf=sublinear, min_df=min_docs, lowercase=False, dtype=numpy.float32, **ANALYZERS[analyzer]
        )
        features, dev_features = vectorizer.fit_transform(train), vectorizer.transform(dev)
        for inverse_l2 in INVERSE_L2:
            regression = LogisticRegression(C=inverse_l2, max_iter=1000).fit(features, train_gold)
            accuracy = float(regression.score(dev_features, dev_gold))
            settings = {"features": analyzer, "sublinear": sublinear, "min_docs": min_docs, "C": inverse_l2}
            fitted.append((accuracy, settings, make_pipeline(vectorizer, regression)))
    accuracy, settings, classifier = max(fitted, key=lambda candidate: candidate[0])
    nlp = spacy.blank(train[0].lang_)
    nlp.add_pipe("reference_classifier", name="textcat", config={})
    component: Any = nlp.get_pipe("textcat")
    component.classifier, component.labels = classifier, labels
    return nlp, {**settings, "dev_accuracy": accuracy}


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

    def size(self) -> int:
        """Bytes of the pickled classifier."""
        return len(pickle.dumps(self.classifier))


@Language.factory("reference_classifier")
def create_reference_classifier(nlp: Language, name: str) -> ReferenceClassifier:
    """Create the component; `fit_reference` gives it its model."""
    return ReferenceClassifier()
