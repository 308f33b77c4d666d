"""Turns a student that ends in logits into one that ends in probabilities, for stock `textcat`.

Shipped module: it imports only spaCy and Thinc.
"""

from typing import List

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, chain, softmax_activation
from thinc.types import Floats2d


@registry.architectures("textdistill.Softmax.v1")
def build_softmax(logits: Model[List[Doc], Floats2d]) -> Model[List[Doc], Floats2d]:
    """Build a model whose rows sum to 1 from one that ends in logits.

    logits (Model[List[Doc], Floats2d]): The student.
    RETURNS (Model[List[Doc], Floats2d]): Probabilities. Shape: (n_docs, nO).
    """
    model: Model[List[Doc], Floats2d] = chain(logits, softmax_activation())
    model.set_ref("output_layer", logits.get_ref("output_layer"))
    model.attrs["multi_label"] = False
    return model
