"""Student that adds the logits of two: an n-gram table knows phrases, a CNN knows words it has not counted.

Each learns from the teacher by itself: together, the one that learns faster leaves the other nothing to learn, and
they are wrong on the same texts.

Shipped module: it imports only spaCy and Thinc.
"""

from typing import List, Optional

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, add
from thinc.types import Floats2d


@registry.architectures("textdistill.LogitEnsemble.v2")
def build_logit_ensemble(
    bow: Model[List[Doc], Floats2d], cnn: Model[List[Doc], Floats2d], nO: Optional[int] = None
) -> Model[List[Doc], Floats2d]:
    """Build the sum of two models that end in logits.

    bow (Model[List[Doc], Floats2d]): First model, e.g. textdistill.NgramLinear.v2.
    cnn (Model[List[Doc], Floats2d]): Second model, e.g. textdistill.LexemeCNN.v1.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO).
    """
    model: Model[List[Doc], Floats2d] = add(bow, cnn)
    if nO is not None:
        model.set_dim("nO", nO)
    model.set_ref("output_layer", cnn.get_ref("output_layer"))
    model.attrs["multi_label"] = False
    model.attrs["members"] = ["bow", "cnn"]
    return model
