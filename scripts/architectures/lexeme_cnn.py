"""Convolutional student over hashed sub-word features that are computed once per distinct word.

A text repeats its words, so a batch embeds each lexeme once; one window convolution, attention and max
pooling, and a linear layer follow. Shipped module: it imports only spaCy and Thinc.
"""

from typing import Callable, List, Optional, Tuple, Union, cast

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import (
    HashEmbed,
    Linear,
    Maxout,
    Model,
    ParametricAttention,
    chain,
    concatenate,
    expand_window,
    list2ragged,
    reduce_max,
    reduce_sum,
    residual,
    uniqued,
    with_array,
)
from thinc.types import Floats2d, Ints2d, Ragged

# The first column only tells lexemes apart; each of the others is embedded in a table of its own.
LEXEME_ATTRS: List[Union[int, str]] = ["ORTH", "NORM", "PREFIX", "SUFFIX", "SHAPE"]


@registry.architectures("textdistill.LexemeCNN.v1")
def build_lexeme_cnn(
    width: int, rows: List[int], maxout_pieces: int, nO: Optional[int] = None
) -> Model[List[Doc], Floats2d]:
    """Build a CNN over lexeme embeddings that ends in logits.

    width (int): Size of word and window vectors.
    rows (List[int]): Rows of the hash tables for NORM, PREFIX, SUFFIX and SHAPE.
    maxout_pieces (int): Pieces of the two Maxout layers.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO).

    SOURCE: hash embeddings with sub-word features: Miranda et al. (2022), arXiv:2212.09255; attention
        pooling: Yang et al. (2016), Hierarchical Attention Networks, section 2.2, with a linear key.
    """
    if len(rows) != len(LEXEME_ATTRS) - 1:
        attrs = ", ".join(map(str, LEXEME_ATTRS[1:]))
        raise ValueError(f"rows of textdistill.LexemeCNN.v1 needs one number for each of {attrs}, got {rows}")
    # `training.dropout` sets the dropout of the Maxout layers.
    tables: List[Model[Ints2d, Floats2d]] = [
        HashEmbed(width, n_rows, column=column, seed=column, dropout=0.0) for column, n_rows in enumerate(rows, start=1)
    ]
    embed: Model[Ints2d, Floats2d] = chain(
        concatenate(*tables),
        Maxout(width, width * len(tables), nP=maxout_pieces, dropout=0.0, normalize=True),
    )
    mix_window: Model[Floats2d, Floats2d] = Maxout(width, width * 3, nP=maxout_pieces, dropout=0.0, normalize=True)
    convolution: Model[Ragged, Ragged] = residual(chain(expand_window(1), with_array(mix_window)))
    pooling = concatenate(chain(ParametricAttention(width), reduce_sum()), reduce_max())
    output_layer = Linear(nO, width * 2)
    model: Model[List[Doc], Floats2d] = chain(
        Model("extract_lexemes", extract_lexemes),
        list2ragged(),
        with_array(cast(Model[Floats2d, Floats2d], uniqued(embed, column=0))),
        convolution,
        pooling,
        output_layer,
    )
    model.set_ref("output_layer", output_layer)
    model.attrs["multi_label"] = False
    return model


def extract_lexemes(
    model: Model[List[Doc], List[Ints2d]], docs: List[Doc], is_train: bool
) -> Tuple[List[Ints2d], Callable]:
    """Read the lexical attributes of each token; an empty document counts as one unknown word.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[List[Ints2d], Callable]): One array per document, shape (n_tokens, 5), and the callback.
    """
    features = [
        model.ops.asarray2i(cast(Ints2d, doc.to_array(LEXEME_ATTRS)))
        if len(doc)
        else model.ops.alloc2i(1, len(LEXEME_ATTRS))
        for doc in docs
    ]
    return features, _end_backprop


def _end_backprop(d_features: List[Ints2d]) -> List[Doc]:
    """There is no gradient with respect to a word."""
    return []
