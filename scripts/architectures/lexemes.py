"""Students over word vectors that are computed once per distinct word: a convolution, and a BiLSTM to compare it with.

A word's vector mixes hashed sub-word features with its row of the lexicon, which holds what the teacher knows about
words. A text repeats its words, so a batch embeds each lexeme once; a layer that reads the context, attention and max
pooling, and a linear layer follow. Shipped module: it imports only spaCy, Thinc and NumPy.
"""

from typing import Any, Callable, List, Optional, Tuple, Union, cast

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import (
    ArgsKwargs,
    Dropout,
    HashEmbed,
    Linear,
    Maxout,
    Model,
    ParametricAttention,
    PyTorchWrapper,
    chain,
    concatenate,
    expand_window,
    list2ragged,
    reduce_max,
    reduce_sum,
    residual,
    torch2xp,
    uniqued,
    with_array,
    xp2torch,
)
from thinc.types import Floats2d, Ints2d, Ragged

# The first column tells lexemes apart and the second finds the row of the lexicon; each of the others is embedded in a
# table of its own.
LEXEME_ATTRS: List[Union[int, str]] = ["ORTH", "LOWER", "NORM", "PREFIX", "SUFFIX", "SHAPE"]
N_TABLES = 4


@registry.architectures("textdistill.LexemeCNN.v1")
def build_lexeme_cnn(
    width: int,
    rows: List[int],
    maxout_pieces: int,
    lexicon_width: int = 0,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Build a CNN over lexeme embeddings that ends in logits.

    width (int): Size of word and window vectors.
    rows (List[int]): Rows of the hash tables for NORM, PREFIX, SUFFIX and SHAPE.
    maxout_pieces (int): Pieces of the two Maxout layers.
    lexicon_width (int): Width of the vectors in `[initialize] vectors`, which the layer takes over; 0 uses none.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO).

    SOURCE: hash embeddings with sub-word features: Miranda et al. (2022), arXiv:2212.09255; attention
        pooling: Yang et al. (2016), Hierarchical Attention Networks, section 2.2, with a linear key.
    """
    mix_window: Model[Floats2d, Floats2d] = Maxout(width, width * 3, nP=maxout_pieces, dropout=0.0, normalize=True)
    convolution: Model[Ragged, Ragged] = residual(chain(expand_window(1), with_array(mix_window)))
    embed = _embed_lexemes(width, rows, maxout_pieces, lexicon_width)
    return _classify(embed, convolution, width, nO)


@registry.architectures("textdistill.LexemeBiLSTM.v1")
def build_lexeme_bilstm(
    width: int,
    rows: List[int],
    maxout_pieces: int,
    depth: int,
    lexicon_width: int = 0,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Build a BiLSTM over the same lexeme embeddings as the CNN's. It needs PyTorch, also at prediction.

    width (int): Size of word vectors, and of both directions of the LSTM together.
    depth (int): Number of LSTM layers.

    The other parameters are those of `build_lexeme_cnn`.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO).

    SOURCE: Tang et al. (2019), arXiv:1903.12136, section 3.1.
    """
    embed = _embed_lexemes(width, rows, maxout_pieces, lexicon_width)
    return _classify(embed, _build_packed_lstm(width, depth), width, nO)


def _build_packed_lstm(width: int, depth: int) -> Model[Ragged, Ragged]:
    """A BiLSTM that never reads padding. Thinc's PyTorchLSTM does, so its result would depend on the batch."""
    # Imported here, so that a package of the CNN needs no PyTorch.
    import torch
    from torch.nn.utils import rnn

    class PackedLSTM(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(width, width // 2, num_layers=depth, bidirectional=True)

        def forward(self, words: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            packed = rnn.pack_sequence(list(words.split(lengths.tolist())), enforce_sorted=False)
            output, _ = rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
            return torch.cat([text[:length] for text, length in zip(output, lengths.tolist())])

    def convert_inputs(model: Model, X: Ragged, is_train: bool) -> Tuple[ArgsKwargs, Callable]:
        words = xp2torch(X.dataXd, requires_grad=is_train)
        args = ArgsKwargs(args=(words, torch.tensor(X.lengths.tolist())), kwargs={})
        return args, lambda d_args: Ragged(torch2xp(d_args.args[0]), X.lengths)

    def convert_outputs(model: Model, outputs: Any, is_train: bool) -> Tuple[Ragged, Callable]:
        X, Y = outputs

        def convert_gradient(dY: Ragged) -> ArgsKwargs:
            return ArgsKwargs(args=((Y,),), kwargs={"grad_tensors": xp2torch(dY.dataXd)})

        return Ragged(torch2xp(Y), X.lengths), convert_gradient

    return PyTorchWrapper(PackedLSTM(), convert_inputs=convert_inputs, convert_outputs=convert_outputs)


def _embed_lexemes(width: int, rows: List[int], maxout_pieces: int, lexicon_width: int) -> Model[List[Doc], Ragged]:
    """The word vectors of documents, each distinct word computed once. Shape of the data: (n_tokens, width)."""
    if len(rows) != N_TABLES:
        attrs = ", ".join(map(str, LEXEME_ATTRS[-N_TABLES:]))
        raise ValueError(f"rows of a lexeme student needs one number for each of {attrs}, got {rows}")
    first = len(LEXEME_ATTRS) - N_TABLES
    # `training.dropout` sets every rate of dropout that is given here, whatever its value.
    features: List[Model[Ints2d, Floats2d]] = [
        HashEmbed(width, n_rows, column=column, seed=column) for column, n_rows in enumerate(rows, start=first)
    ]
    if lexicon_width:
        features.append(build_lexicon(lexicon_width, column=1))
    embed: Model[Ints2d, Floats2d] = chain(
        concatenate(*features),
        Maxout(width, width * N_TABLES + lexicon_width, nP=maxout_pieces, dropout=0.0, normalize=True),
    )
    return chain(
        Model("extract_lexemes", extract_lexemes),
        list2ragged(),
        with_array(chain(cast(Model[Floats2d, Floats2d], uniqued(embed, column=0)), Dropout(0.0))),
    )


def _classify(
    embed: Model[List[Doc], Ragged], encode: Model[Ragged, Ragged], width: int, nO: Optional[int]
) -> Model[List[Doc], Floats2d]:
    """Logits from word vectors, a layer that reads the context, attention and max pooling."""
    pooling = concatenate(chain(ParametricAttention(width), reduce_sum()), reduce_max())
    output_layer = Linear(nO, width * 2)
    model: Model[List[Doc], Floats2d] = chain(embed, encode, pooling, output_layer)
    model.set_ref("output_layer", output_layer)
    model.attrs["multi_label"] = False
    for node in model.walk():
        if node.name == "lexicon":
            model.attrs["take_vectors"] = TakeVectors(node)
    return model


def extract_lexemes(
    model: Model[List[Doc], List[Ints2d]], docs: List[Doc], is_train: bool
) -> Tuple[List[Ints2d], Callable]:
    """Read the lexical attributes of each token; an empty document counts as one unknown word.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[List[Ints2d], Callable]): One array per document, shape (n_tokens, 6), and the callback.
    """
    features = [
        # spaCy's keys have 64 bits; Thinc's default for integers has 32.
        model.ops.asarray2i(cast(Ints2d, doc.to_array(LEXEME_ATTRS)), dtype="uint64")
        if len(doc)
        else model.ops.alloc2i(1, len(LEXEME_ATTRS), dtype="uint64")
        for doc in docs
    ]
    return features, _end_backprop


def build_lexicon(width: int, *, column: int) -> Model[Ints2d, Floats2d]:
    """Build a table of fixed word vectors: the keys of one column of features are looked up in it.

    width (int): Width of the vectors.
    column (int): The column with the keys.
    RETURNS (Model[Ints2d, Floats2d]): The vectors; zeros for words that the table does not know. Shape: (n, width).
    """
    attrs = {
        "column": column,
        "keys": numpy.zeros((0,), dtype="uint64"),
        # float16 keeps the package small; a vector's rounding is far below what tells words apart.
        "vectors": numpy.zeros((0, width), dtype="float16"),
    }
    return Model("lexicon", look_up, dims={"nO": width}, attrs=attrs)


class TakeVectors:
    """Moves the vectors of a vocabulary into the layer that looks them up; a class, so that a model can be pickled."""

    def __init__(self, layer: Model[Ints2d, Floats2d]) -> None:
        """layer (Model[Ints2d, Floats2d]): The lexicon."""
        self.layer = layer

    def __call__(self, vocab: Vocab) -> None:
        """Take all vectors of a vocabulary; one without any leaves the lexicon empty.

        vocab (Vocab): Its vectors stand under words in lower case.
        RAISES (ValueError): The vectors have another width.
        """
        vectors = vocab.vectors
        width = self.layer.get_dim("nO")
        if vectors.n_keys and vectors.shape[1] != width:
            raise ValueError(
                f"The vectors have {vectors.shape[1]} dimensions, lexicon_width is {width}. Set it to "
                f"{vectors.shape[1]}, or write the lexicon anew with that many dimensions."
            )
        keys = numpy.array(sorted(vectors.key2row), dtype="uint64")
        rows = vectors.find(keys=keys) if len(keys) else numpy.zeros((0,), dtype="int64")
        self.layer.attrs["keys"] = keys
        data = self.layer.ops.to_numpy(vectors.data)
        self.layer.attrs["vectors"] = data[rows].astype("float16").reshape((-1, width))


def look_up(model: Model[Ints2d, Floats2d], features: Ints2d, is_train: bool) -> Tuple[Floats2d, Callable]:
    """Find the vectors of words.

    features (Ints2d): Lexical attributes. Shape: (n, n_attrs).
    RETURNS (Tuple[Floats2d, Callable]): Vectors, shape (n, nO), and the callback; the table gets no gradient.
    """
    table, vectors = model.attrs["keys"], model.attrs["vectors"]
    keys = model.ops.to_numpy(features)[:, model.attrs["column"]]
    found = numpy.zeros((len(keys), vectors.shape[1]), dtype="float32")
    if len(table):
        rows = numpy.searchsorted(table, keys)
        rows[rows == len(table)] = 0
        known = table[rows] == keys
        found[known] = vectors[rows[known]]
    return model.ops.asarray2f(cast(Floats2d, found)), lambda d_found: model.ops.xp.zeros_like(features)


def _end_backprop(d_features: List[Ints2d]) -> List[Doc]:
    """There is no gradient with respect to a word."""
    return []
