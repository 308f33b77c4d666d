"""Students over word vectors that are computed once per distinct word: a convolution, and a BiLSTM to compare it with.

A word's vector mixes hashed sub-word features with its row of the lexicon, which holds what the teacher knows about
words. A text repeats its words, so a batch embeds each lexeme once; a layer that reads the context, attention and max
pooling, and a linear layer follow. Shipped module: it imports only spaCy, Thinc, NumPy and the standard library.
"""

from collections import Counter
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, Union, cast

import numpy
from spacy.attrs import LOWER, ORTH
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
    NumpyOps,
    ParametricAttention,
    PyTorchWrapper,
    chain,
    concatenate,
    expand_window,
    reduce_max,
    reduce_sum,
    residual,
    torch2xp,
    with_array,
    xp2torch,
)
from thinc.types import Floats2d, Ints1d, Ints2d, Ragged

# The first column finds the row of the lexicon; each of the others is embedded in a table of its own.
LEXEME_ATTRS: List[Union[int, str]] = ["LOWER", "NORM", "PREFIX", "SUFFIX", "SHAPE"]
N_TABLES = 4


@registry.architectures("textdistill.LexemeCNN.v1")
def build_lexeme_cnn(
    width: int, rows: List[int], maxout_pieces: int, lexicon_width: int = 0, nO: Optional[int] = None
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
    model = _classify(embed, convolution, width, nO)
    # What textdistill.CachedCNN.v1 computes in another way at prediction.
    for name, layer in zip(("window", "norm"), mix_window.layers[0].layers):
        model.set_ref(name, layer)
    model.attrs["predicts_as"] = cache_words
    return model


def cache_words(cnn: Dict[str, Any]) -> Dict[str, Any]:
    """The config block of a CNN that keeps what it computes from words alone, in place of that of the CNN."""
    return {"@architectures": "textdistill.CachedCNN.v1", "cache_mb": 64.0, "cnn": cnn}


@registry.architectures("textdistill.LexemeBiLSTM.v1")
def build_lexeme_bilstm(
    width: int, rows: List[int], maxout_pieces: int, depth: int, lexicon_width: int = 0, nO: Optional[int] = None
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

    # A class of its own could not be sent to a process that is spawned: only what a module holds can.
    module = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(width, width // 2, num_layers=depth, bidirectional=True)})
    module.forward = partial(_read_packed, module)
    wrapper = PyTorchWrapper(module, convert_inputs=_convert_inputs, convert_outputs=_convert_outputs)
    wrapper.attrs["requires"] = ["torch>=2.0"]
    return wrapper


def _read_packed(module: Any, words: Any, lengths: Any) -> Any:
    """Run the LSTM on texts of their own lengths. Shape of words and result: (n_tokens, width)."""
    import torch
    from torch.nn.utils import rnn

    packed = rnn.pack_sequence(list(words.split(lengths.tolist())), enforce_sorted=False)
    output, _ = rnn.pad_packed_sequence(module["lstm"](packed)[0], batch_first=True)
    return torch.cat([text[:length] for text, length in zip(output, lengths.tolist())])


def _convert_inputs(model: Model, X: Ragged, is_train: bool) -> Tuple[ArgsKwargs, Callable]:
    """From word vectors to what PyTorch reads, and back for gradients."""
    import torch

    words = xp2torch(X.dataXd, requires_grad=is_train)
    args = ArgsKwargs(args=(words, torch.tensor(X.lengths.tolist())), kwargs={})
    return args, lambda d_args: Ragged(torch2xp(d_args.args[0]), X.lengths)


def _convert_outputs(model: Model, outputs: Any, is_train: bool) -> Tuple[Ragged, Callable]:
    """From what PyTorch has computed to vectors, and back for gradients."""
    X, Y = outputs

    def convert_gradient(dY: Ragged) -> ArgsKwargs:
        return ArgsKwargs(args=((Y,),), kwargs={"grad_tensors": xp2torch(dY.dataXd)})

    return Ragged(torch2xp(Y), X.lengths), convert_gradient


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
        features.append(build_lexicon(lexicon_width, column=0))
    embed: Model[Ints2d, Floats2d] = chain(
        concatenate(*features),
        Maxout(width, width * N_TABLES + lexicon_width, nP=maxout_pieces, dropout=0.0, normalize=True),
    )
    words: Model[List[Doc], Ragged] = Model("embed_distinct", embed_distinct, init=init_embed, layers=[embed])
    return chain(words, with_array(Dropout(0.0)))


def _classify(
    embed: Model[List[Doc], Ragged], encode: Model[Ragged, Ragged], width: int, nO: Optional[int]
) -> Model[List[Doc], Floats2d]:
    """Logits from word vectors, a layer that reads the context, attention and max pooling."""
    attention: Model[Ragged, Ragged] = ParametricAttention(width)
    pooling = concatenate(chain(attention, reduce_sum()), reduce_max())
    output_layer = Linear(nO, width * 2)
    model: Model[List[Doc], Floats2d] = chain(embed, encode, pooling, output_layer)
    model.set_ref("embed", embed)
    model.set_ref("attention", attention)
    model.set_ref("output_layer", output_layer)
    model.attrs["multi_label"] = False
    for node in model.walk():
        # NumPy's matrix products are more than twice as fast as those of BLIS, Thinc's default.
        if type(node.ops) is NumpyOps:
            node.ops = NumpyOps(use_blis=False)
    return model


def embed_distinct(model: Model[List[Doc], Ragged], docs: List[Doc], is_train: bool) -> Tuple[Ragged, Callable]:
    """Embed each distinct word of a batch once. An empty document counts as one unknown word.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[Ragged, Callable]): Word vectors, shape of the data: (n_tokens, width), and the callback.
    """
    ops = model.ops
    features, inverse, lengths = extract_lexemes(docs)
    # spaCy's keys have 64 bits; Thinc's default for integers has 32.
    vectors, backprop_vectors = model.layers[0](ops.asarray2i(cast(Ints2d, features), dtype="uint64"), is_train)
    rows = ops.asarray1i(cast(Ints1d, inverse))

    def backprop(d_words: Ragged) -> List[Doc]:
        d_vectors = ops.alloc2f(*vectors.shape)
        ops.scatter_add(d_vectors, rows, cast(Floats2d, d_words.dataXd))
        backprop_vectors(d_vectors)
        # There is no gradient with respect to a word.
        return []

    return Ragged(vectors[rows], ops.asarray1i(cast(Ints1d, lengths))), backprop


def init_embed(model: Model[List[Doc], Ragged], X: Optional[List[Doc]] = None, Y: Optional[Ragged] = None) -> None:
    """Initialise the layers that embed words: all their sizes are known."""
    model.layers[0].initialize()


def extract_lexemes(docs: List[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Read the attributes of the distinct words of documents from the vocabulary.

    They are the lexeme's and not the token's: a tokenizer's exception gives the norm "not" to the "n't" that it splits
    off and not to others, so a word's vector would depend on where it stands, and on the batch.

    docs (List[Doc]): Documents or spans, of one vocabulary. An empty one counts as one word, whose attributes are 0.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): Attributes, shape (n_words, 5); the word of each token, shape
        (n_tokens,); the number of tokens of each document.
    """
    nothing = numpy.zeros((1,), dtype="uint64")
    keys = [doc.to_array([ORTH]).ravel() if len(doc) else nothing for doc in docs]
    lengths = numpy.array([len(doc_keys) for doc_keys in keys], dtype="int32")
    distinct, inverse = numpy.unique(numpy.concatenate(keys), return_inverse=True)
    features = numpy.zeros((len(distinct), len(LEXEME_ATTRS)), dtype="uint64")
    # A document made of words has the attributes of their lexemes, and hands over all of them at once.
    vocab = docs[0].vocab
    words = Doc(vocab, words=[vocab.strings[key] for key in distinct[distinct > 0].tolist()])
    features[distinct > 0] = cast(numpy.ndarray, words.to_array(LEXEME_ATTRS))
    return features, inverse, lengths


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
        # What the columns are multiplied by: not 1 where the vectors are integers.
        "scales": numpy.ones((width,), dtype="float32"),
        "take_vectors": take_vectors,
        "table": WordTable,
    }
    return Model("lexicon", look_up, dims={"nO": width}, attrs=attrs)


def take_vectors(lexicon: Model[Ints2d, Floats2d], vocab: Vocab) -> None:
    """Move the vectors of a vocabulary into the layer that looks them up; one without any leaves it empty.

    lexicon (Model[Ints2d, Floats2d]): The layer.
    vocab (Vocab): Its vectors stand under words in lower case.
    RAISES (ValueError): The vectors have another width.
    """
    vectors = vocab.vectors
    width = lexicon.get_dim("nO")
    if vectors.n_keys and vectors.shape[1] != width:
        raise ValueError(
            f"The vectors have {vectors.shape[1]} dimensions, lexicon_width is {width}. Set it to "
            f"{vectors.shape[1]}, or write the lexicon anew with that many dimensions."
        )
    keys = sorted(vectors.key2row)
    # On a GPU the vectors are there, too; the table is looked up on the CPU.
    data = lexicon.ops.to_numpy(vectors.data)
    rows = numpy.array([vectors.key2row[key] for key in keys], dtype="int64")
    lexicon.attrs["keys"] = numpy.array(keys, dtype="uint64")
    lexicon.attrs["vectors"] = data[rows].astype("float16").reshape((-1, width))
    lexicon.attrs["scales"] = numpy.ones((width,), dtype="float32")


class WordTable:
    """The words of a lexicon as `compress` prunes them: those that are read least go first."""

    name = "words"

    def __init__(self, layer: Model[Ints2d, Floats2d], docs: List[Doc]) -> None:
        """layer (Model[Ints2d, Floats2d]): The lexicon. docs (List[Doc]): Texts like those to come."""
        self.layer = layer
        counts = Counter(numpy.concatenate([doc.to_array([LOWER]).ravel() for doc in docs]).tolist())
        self.importance = numpy.array([counts[key] for key in layer.attrs["keys"].tolist()])

    def keep(self, rows: numpy.ndarray) -> None:
        """Drop all rows but these, in ascending order; keep vectors in 8 bits."""
        attrs = self.layer.attrs
        vectors = attrs["vectors"][rows].astype("float32") * attrs["scales"]
        attrs["scales"] = numpy.maximum(numpy.abs(vectors).max(axis=0), 1e-12) / 127
        attrs["keys"], attrs["vectors"] = attrs["keys"][rows], numpy.rint(vectors / attrs["scales"]).astype("int8")


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
        found[known] = vectors[rows[known]] * model.attrs["scales"]
    return model.ops.asarray2f(cast(Floats2d, found)), lambda d_found: model.ops.xp.zeros_like(features)
