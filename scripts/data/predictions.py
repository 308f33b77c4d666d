"""What models say about many documents, a batch at a time, so that memory does not grow with their number."""

from typing import Any, List

import numpy
from spacy.tokens import Doc
from spacy.util import minibatch
from thinc.util import to_numpy

BATCH_SIZE = 256


def predict_docs(predictor: Any, docs: List[Doc]) -> numpy.ndarray:
    """Predict documents without writing on them.

    predictor (Any): A component (its probabilities), a student's model or a member or layer of it (logits).
    docs (List[Doc]): At least one document.
    RETURNS (ndarray): On the CPU. Shape: (n_docs, n_labels).
    """
    return numpy.concatenate([to_numpy(predictor.predict(batch)) for batch in minibatch(docs, BATCH_SIZE)])
