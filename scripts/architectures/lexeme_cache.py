"""The CNN at prediction: what it computes from a word alone is kept, as texts repeat their words.

A window is linear up to its activation, so a token's activation is a sum of three rows, which its left neighbour, the
word itself and its right neighbour give. The rows are those of the parameters they were computed with, or they are
dropped; they are never serialised. Shipped module: it imports only spaCy, Thinc, NumPy and the standard library.
"""

import os
from threading import Lock
from typing import Any, Callable, List, Optional, Tuple, cast

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.layers.chain import forward as forward_chain
from thinc.types import Floats2d, Ints1d, Ragged

# Tokens of the documents that are computed together: their rows stay in the processor's cache.
CHUNK = 1024
# Row of what stands beyond the ends of a document, and row of the unknown word that an empty document counts as.
PADDING, UNKNOWN = 0, 1


@registry.architectures("textdistill.CachedCNN.v1")
def build_cached_cnn(
    cnn: Model[List[Doc], Floats2d], cache_mb: float = 64.0, nO: Optional[int] = None
) -> Model[List[Doc], Floats2d]:
    """Build a CNN that predicts the same as another one, and several times as fast.

    Its layers are those of the other one, so that it loads the same weights. It does without the cache on a GPU, and
    for good once it is trained, as an optimizer changes parameters in place: save and load it to have it back. It
    notices parameters that are replaced (`set_param`, `use_params`, `from_bytes`), not arrays that are written to, nor
    attributes that are given to the lexemes of words that it has read.

    cnn (Model[List[Doc], Floats2d]): A textdistill.LexemeCNN.v1.
    cache_mb (float): Most memory of the cache, in megabytes of 10^6 bytes; when it is full, it starts anew. A batch
        that has more distinct words than the cache has rows is predicted without it; 0 uses none.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO).
    """
    model: Model[List[Doc], Floats2d] = Model(
        "cached_cnn",
        forward,
        init=cnn.init,
        dims={name: cnn.get_dim(name) if cnn.has_dim(name) else None for name in cnn.dim_names},
        layers=cnn.layers,
        refs={name: cnn.get_ref(name) for name in cnn.ref_names},
        attrs={"multi_label": cnn.attrs["multi_label"], "cache": LexemeCache(cache_mb)},
    )
    if nO is not None:
        model.set_dim("nO", nO)
    return model


def forward(model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool) -> Tuple[Floats2d, Callable]:
    """Compute logits.

    docs (List[Doc]): Documents or spans, of one vocabulary.
    RETURNS (Tuple[Floats2d, Callable]): Logits, shape (n_docs, nO), and the callback from their gradient, which
        raises a ValueError unless `is_train` was given.
    """
    cache: LexemeCache = model.attrs["cache"]
    cache.is_used = cache.is_used and not is_train
    # A copy of a model has no references: Thinc leaves them out.
    if not cache.is_used or model.ops.xp is not numpy or not model.has_ref("window"):
        return forward_chain(model, docs, is_train)
    nothing = numpy.zeros((1,), dtype="uint64")
    keys = [doc.to_array([ORTH]).ravel() if len(doc) else nothing for doc in docs]
    lengths = numpy.array([len(doc_keys) for doc_keys in keys], dtype="int32")
    found = cache.find(model, numpy.concatenate(keys), docs[0].vocab)
    if found is None:
        return forward_chain(model, docs, is_train)
    pooled = _pool(model, *found, lengths)
    return model.get_ref("output_layer").predict(pooled), _refuse_backprop


class WordRows:
    """What the CNN computes from words alone, for as many words as there is room for; it only ever grows."""

    def __init__(self, model: Model[List[Doc], Floats2d], vocab: Vocab, max_bytes: float) -> None:
        """Make room, which the system hands out as it is filled.

        model (Model[List[Doc], Floats2d]): The CNN.
        vocab (Vocab): The vocabulary of the words.
        max_bytes (float): Most memory.
        """
        self.model = model
        self.vocab = vocab
        # All that the rows follow from, and the rest of the prediction too.
        self.params = [(node, name, node.get_param(name)) for node in model.walk() for name in node.param_names]
        self.tables = [
            (node, name, value)
            for node in model.walk()
            for name, value in node.attrs.items()
            if isinstance(value, numpy.ndarray)
        ]
        window = model.get_ref("window")
        weights = cast(numpy.ndarray, window.get_param("W"))
        width, n_pieces = weights.shape[:2]
        # Pieces come first, so that the largest one is that of whole rows. Shape: (left, self, right; in; pieces, out).
        self.weights = weights.transpose(1, 0, 2).reshape((n_pieces * width, 3, width)).transpose(1, 2, 0)
        self.bias = cast(numpy.ndarray, window.get_param("b")).T.ravel()
        self.shift = cast(numpy.ndarray, model.get_ref("norm").get_param("b"))
        # A row has three window contributions and a word vector, and up to 8 slots of two numbers in the hash table.
        row_bytes = 4 * (3 * n_pieces * width + width) + 8 * 16
        self.n_rows = int(max_bytes // row_bytes)
        n_slots = 1 << (4 * max(1, self.n_rows)).bit_length()
        self.mask = numpy.uint64(n_slots - 1)
        # A free slot has the key 0, which is that of the unknown word, and points to its row.
        self.keys = numpy.zeros((n_slots,), dtype="uint64")
        self.rows = numpy.full((n_slots,), UNKNOWN)
        self.windows = [numpy.empty((self.n_rows, n_pieces * width), dtype="float32") for _ in range(3)]
        self.words = numpy.empty((self.n_rows, width), dtype="float32")
        self.n_used = 0
        if self.n_rows > UNKNOWN:
            for rows in self.windows:
                rows[PADDING] = 0
            self.n_used = UNKNOWN
            self._add([Doc(vocab)], 1)

    def is_current(self, vocab: Vocab) -> bool:
        """Whether vocabulary and parameters are still the same objects.

        vocab (Vocab): The vocabulary of the words.
        """
        return (
            vocab is self.vocab
            and all(node.get_param(name) is value for node, name, value in self.params)
            and all(node.attrs.get(name) is value for node, name, value in self.tables)
        )

    def find(self, keys: numpy.ndarray) -> Optional[numpy.ndarray]:
        """Find the rows of words; those that have none yet are computed together.

        keys (ndarray): Hashes of words. Shape: (n_tokens,).
        RETURNS (Optional[ndarray]): Rows, shape (n_tokens,); None if there is no room for all words.
        """
        slots = self._find_slots(keys)
        missing = numpy.unique(keys[self.keys[slots] != keys])
        if self.n_used + len(missing) > self.n_rows or not self.n_used:
            return None
        if len(missing):
            rows = numpy.arange(self.n_used, self.n_used + len(missing))
            words = [self.vocab.strings[key] for key in missing.tolist()]
            self._add([Doc(self.vocab, words=words)], len(missing))
            rest = missing
            while len(rest):
                free = self._find_slots(rest)
                # Two words may want the same slot; the one that does not get it looks further.
                self.keys[free] = rest
                rest = rest[self.keys[free] != rest]
            self.rows[self._find_slots(missing)] = rows
            slots = self._find_slots(keys)
        return self.rows[slots]

    def _find_slots(self, keys: numpy.ndarray) -> numpy.ndarray:
        """The slot of each key, or the free one that it would get."""
        slots = (keys & self.mask).view("int64")
        found = self.keys[slots]
        rest = numpy.flatnonzero((found != keys) & (found != 0))
        while len(rest):
            slots[rest] = (slots[rest] + 1) & int(self.mask)
            found = self.keys[slots[rest]]
            rest = rest[(found != keys[rest]) & (found != 0)]
        return slots

    def _add(self, docs: List[Doc], n_words: int) -> None:
        """Compute the rows of words and append them."""
        vectors = cast(Ragged, self.model.get_ref("embed").predict(docs)).dataXd
        new = slice(self.n_used, self.n_used + n_words)
        for rows, weights in zip(self.windows, self.weights):
            rows[new] = vectors @ weights
        self.windows[1][new] += self.bias
        self.words[new] = vectors + self.shift
        self.n_used += n_words


class LexemeCache:
    """The rows of the words that a model has read, as long as its parameters are the same arrays."""

    _pid: int
    _lock: Lock
    _filled: Optional[WordRows]

    def __init__(self, max_mb: float) -> None:
        """max_mb (float): Most memory, in megabytes of 10^6 bytes."""
        self.max_mb = max_mb
        self.is_used = max_mb > 0
        self._reset()

    def __reduce__(self) -> Tuple[Any, ...]:
        """A copy begins empty, as a lock cannot be copied and rows need not be."""
        return LexemeCache, (self.max_mb,)

    def find(
        self, model: Model[List[Doc], Floats2d], keys: numpy.ndarray, vocab: Vocab
    ) -> Optional[Tuple[WordRows, numpy.ndarray]]:
        """Find the rows of words, all of which are in place when it returns. Several threads may call it.

        model (Model[List[Doc], Floats2d]): The CNN.
        keys (ndarray): Hashes of words. Shape: (n_tokens,).
        vocab (Vocab): Their vocabulary.
        RETURNS (Optional[Tuple[WordRows, ndarray]]): The rows, and which are those of the words, shape (n_tokens,).
            None if there is no room for them.
        """
        if self._pid != os.getpid():
            # Another thread of the process that was forked may have held the lock.
            self._reset()
        with self._lock:
            # Put back at the end, so that an interrupt leaves nothing half done.
            filled = self._filled
            self._filled = None
            if filled is None or not filled.is_current(vocab):
                filled = WordRows(model, vocab, self.max_mb * 1e6)
            rows = filled.find(keys)
            if rows is None:
                # New arrays, as other threads may still read the old ones.
                filled = WordRows(model, vocab, self.max_mb * 1e6)
                rows = filled.find(keys)
            self._filled = filled
            return None if rows is None else (filled, rows)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = Lock()
        self._filled = None


def _pool(model: Model[List[Doc], Floats2d], filled: WordRows, rows: numpy.ndarray, lengths: numpy.ndarray) -> Floats2d:
    """The CNN between word vectors and output layer: window, residual connection, attention and max pooling."""
    ops = model.ops
    key = cast(numpy.ndarray, model.get_ref("attention").get_param("Q"))
    scale = cast(numpy.ndarray, model.get_ref("norm").get_param("G"))
    width = len(key)
    mean = numpy.full((width,), 1 / width, dtype="float32")
    ends = numpy.cumsum(lengths)
    left, right = numpy.roll(rows, 1), numpy.roll(rows, -1)
    left[ends - lengths] = right[ends - 1] = PADDING
    pooled = numpy.empty((len(lengths), 2 * width), dtype="float32")
    for start, stop in _split(ends):
        tokens = slice(ends[start] - lengths[start], ends[stop - 1])
        pieces = filled.windows[1].take(rows[tokens], axis=0)
        pieces += filled.windows[0].take(left[tokens], axis=0)
        pieces += filled.windows[2].take(right[tokens], axis=0)
        hidden = pieces[:, :width]
        for first in range(width, pieces.shape[1], width):
            hidden = numpy.maximum(hidden, pieces[:, first : first + width])
        # Layer normalisation; its shift comes with the words.
        # Not a product of BLAS: its threads would take longer to wake up.
        hidden = hidden - numpy.einsum("ij,j->i", hidden, mean)[:, None]
        variance = numpy.einsum("ij,ij->i", hidden, hidden) / width
        hidden *= (1 / numpy.sqrt(variance + 1e-8))[:, None]
        hidden *= scale
        hidden += filled.words.take(rows[tokens], axis=0)
        n_tokens = cast(Ints1d, lengths[start:stop])
        attention = ops.softmax_sequences(numpy.einsum("ij,j->i", hidden, key)[:, None], n_tokens)
        pooled[start:stop, width:] = ops.reduce_max(cast(Floats2d, hidden), n_tokens)[0]
        pooled[start:stop, :width] = ops.reduce_sum(cast(Floats2d, hidden * attention), n_tokens)
    return cast(Floats2d, pooled)


def _split(ends: numpy.ndarray) -> List[Tuple[int, int]]:
    """Ranges of documents that have CHUNK tokens or a few more together."""
    ranges = []
    start = first_token = 0
    for stop, end in enumerate(ends.tolist(), start=1):
        if end - first_token >= CHUNK or stop == len(ends):
            ranges.append((start, stop))
            start, first_token = stop, end
    return ranges


def _refuse_backprop(d_logits: Floats2d) -> List[Doc]:
    raise ValueError("textdistill.CachedCNN.v1 predicted with its cache and keeps no gradients: pass is_train=True.")
