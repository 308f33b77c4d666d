"""Linear classifier over a pruned table of word and, if asked for, character n-grams: the fastest student.

A document is a sublinear TF-IDF vector of the n-grams that the table knows, scaled to a fixed length.
The table is fitted once, on the documents seen at initialisation, and is shipped with the weights.
Shipped module: it imports only spaCy, Thinc, NumPy and the standard library.
"""

from typing import Callable, Iterable, Iterator, List, Optional, Tuple, cast

import numpy
from spacy.attrs import LOWER
from spacy.tokens import Doc
from spacy.util import minibatch, registry
from thinc.api import Model, with_cpu
from thinc.types import Floats1d, Floats2d

Arrays = Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
# Odd 64-bit constants: the golden ratio (Fibonacci hashing) and the multiplier of MurmurHash64A.
_GOLDEN = numpy.uint64(0x9E3779B97F4A7C15)
_MURMUR = numpy.uint64(0xC6A4A7935BD1E995)
_SHIFT = numpy.uint64(29)
# Distinct n-grams held while counting. Past it those seen once are dropped (lossy counting, Manku and
# Motwani 2002), so that memory stays flat on any number of documents.
_MAX_COUNTED = 8_000_000
_COUNT_CHUNK = 2_000_000
# Texts that are weighed at a time, and texts that tell how much larger logits must be once n-grams are gone.
_WEIGHED, _SCALED = 256, 2_000


@registry.architectures("textdistill.NgramLinear.v1")
def build_ngram_linear(
    ngram_size: int,
    min_docs: int,
    max_ngrams: int,
    scale: float,
    char_ngram_size: int = 0,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Build a linear model over TF-IDF weighted n-grams that ends in logits.

    ngram_size (int): Longest n-gram, in tokens; all shorter ones are used too.
    min_docs (int): Number of documents that an n-gram must occur in to be kept.
    max_ngrams (int): Size of the table; the n-grams of most documents are kept.
    scale (float): Length of a document vector. With Adam, the logits move `scale` times the learn rate.
    char_ngram_size (int): Longest n-gram of characters, spaces included, from 2 on; 0 uses none. For languages that
        write no spaces, and for noisy text.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO). `attrs["fit"]` must run before
        initialisation; without it the table is fitted on the initialisation sample.
    """
    for name, value in (("ngram_size", ngram_size), ("min_docs", min_docs), ("max_ngrams", max_ngrams)):
        if value < 1:
            raise ValueError(f"{name} of textdistill.NgramLinear.v1 must be at least 1, got {value}")
    if char_ngram_size == 1 or char_ngram_size < 0:
        raise ValueError(
            f"char_ngram_size of textdistill.NgramLinear.v1 must be 0, or from 2 on, got {char_ngram_size}"
        )
    attrs = {
        "ngram_size": ngram_size,
        "char_ngram_size": char_ngram_size,
        "min_docs": min_docs,
        "max_ngrams": max_ngrams,
        "scale": scale,
        "keys": numpy.zeros((0,), dtype="uint64"),
        "idf": numpy.zeros((0,), dtype="float32"),
        "fit": fit_table,
        "features": weigh_ngrams,
        "table": NgramTable,
    }
    linear: Model[List[Doc], Floats2d] = Model(
        "ngram_linear", forward, init=init, dims={"nO": nO}, params={"W": None, "b": None}, attrs=attrs
    )
    # The lookups are NumPy's, so the layer stays on the CPU; only the logits move.
    model = with_cpu(linear, linear.ops)
    model.set_ref("output_layer", linear)
    model.attrs["multi_label"] = False
    return model


def fit_table(layer: Model[List[Doc], Floats2d], docs: Iterable[Doc]) -> None:
    """Choose the n-grams of the table and their inverse document frequencies.

    layer (Model[List[Doc], Floats2d]): The layer whose table is fitted.
    docs (Iterable[Doc]): Read once.
    """
    attrs = layer.attrs
    keys, n_in, n_docs = count_documents(docs, attrs["ngram_size"], attrs["char_ngram_size"])
    frequent = n_in >= attrs["min_docs"]
    keys, n_in = keys[frequent], n_in[frequent]
    if len(keys) > attrs["max_ngrams"]:
        # Stable, so that ties are decided by the key and not by chance.
        chosen = numpy.sort(numpy.argsort(-n_in, kind="stable")[: attrs["max_ngrams"]])
        keys, n_in = keys[chosen], n_in[chosen]
    attrs["keys"], attrs["idf"] = keys, (numpy.log((1 + n_docs) / (1 + n_in)) + 1).astype("float32")


def init(model: Model[List[Doc], Floats2d], X: Optional[List[Doc]] = None, Y: Optional[Floats2d] = None) -> None:
    """Set the weights to zero; fit the table on the sample if that has not been done."""
    if Y is not None:
        model.set_dim("nO", Y.shape[1])
    if not len(model.attrs["keys"]) and X is not None:
        fit_table(model, X)
    # A table may be empty (no n-gram is frequent enough), a parameter may not.
    n_rows = max(1, len(model.attrs["keys"]))
    model.set_param("W", model.ops.alloc2f(n_rows, model.get_dim("nO")))
    model.set_param("b", model.ops.alloc1f(model.get_dim("nO")))


def forward(model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool) -> Tuple[Floats2d, Callable]:
    """Compute logits.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[Floats2d, Callable]): Logits, shape (n_docs, nO), and the callback from their gradient.
    """
    W, b = numpy.asarray(model.get_param("W")), numpy.asarray(model.get_param("b"))
    if is_train and W.dtype != numpy.float32:
        # A compressed table learns in full precision.
        W = W.astype("float32")
        model.set_param("W", cast(Floats2d, W))
    nI, nO = W.shape
    doc_ids, rows, values = weigh_ngrams(model, docs)
    logits = numpy.tile(b, (len(docs), 1))
    for label in range(nO):
        logits[:, label] += numpy.bincount(doc_ids, weights=values * W[rows, label], minlength=len(docs))

    def backprop(d_logits: Floats2d) -> List[Doc]:
        d_values = numpy.asarray(d_logits)
        dW = numpy.zeros((nI, nO), dtype="float32")
        for label in range(nO):
            dW[:, label] = numpy.bincount(rows, weights=values * d_values[doc_ids, label], minlength=nI)
        model.inc_grad("W", cast(Floats2d, dW))
        model.inc_grad("b", cast(Floats1d, d_values.sum(axis=0)))
        return []

    return cast(Floats2d, logits), backprop


def weigh_ngrams(model: Model[List[Doc], Floats2d], docs: List[Doc]) -> Arrays:
    """The non-zero entries of the documents' vectors: scale * x / |x| with x = (1 + ln tf) * idf.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): Document number, table row and value of each entry, sorted.

    SOURCE: Manning, Raghavan, Schütze (2008), Introduction to Information Retrieval, section 6.4.
    """
    keys, idf = model.attrs["keys"], model.attrs["idf"]
    index = model.attrs.get("index")
    if index is None or index.keys is not keys:
        index = model.attrs["index"] = NgramIndex(keys)
    entries = []
    for grams, first, last in hash_ngrams(docs, model.attrs["ngram_size"], model.attrs["char_ngram_size"]):
        # Few n-grams are in the table: only of those it matters whether they stand within one document.
        places, found = index.find(grams)
        inside = first[places] == last[places]
        entries.append(first[places[inside]] * len(keys) + found[inside])
    sorted_entries = numpy.sort(numpy.concatenate(entries))
    starts = numpy.flatnonzero(numpy.diff(sorted_entries, prepend=-1))
    counts = numpy.diff(starts, append=len(sorted_entries))
    doc_ids, rows = numpy.divmod(sorted_entries[starts], max(1, len(keys)))
    values = (1 + numpy.log(counts, dtype="float32")) * idf[rows]
    norms = numpy.sqrt(numpy.bincount(doc_ids, weights=values**2, minlength=len(docs)))
    values *= (model.attrs["scale"] / numpy.maximum(norms, 1e-12)).astype("float32")[doc_ids]
    return doc_ids, rows, values


class NgramTable:
    """The n-grams as `compress` prunes them: those that move the logits of texts least go first."""

    name = "ngrams"

    def __init__(self, layer: Model[List[Doc], Floats2d], docs: List[Doc]) -> None:
        """layer (Model[List[Doc], Floats2d]): The layer. docs (List[Doc]): Texts like those to come."""
        self.layer = layer
        parts = numpy.zeros(len(layer.attrs["keys"]))
        for batch in minibatch(docs, _WEIGHED):
            _, rows, values = weigh_ngrams(layer, batch)
            parts += numpy.bincount(rows, weights=values, minlength=len(parts))
        # What an n-gram does is its part of a text's vector times the difference that it makes between labels.
        self.importance = parts * numpy.ptp(numpy.asarray(layer.get_param("W")), axis=1)
        self.docs = docs[:_SCALED]
        self.logits = self._read_logits()

    def keep(self, rows: numpy.ndarray) -> None:
        """Drop all rows but these, in ascending order; keep idf and weights in 16 bits."""
        attrs = self.layer.attrs
        attrs["keys"], attrs["idf"] = attrs["keys"][rows], attrs["idf"][rows].astype("float16")
        self.layer.set_param("W", numpy.asarray(self.layer.get_param("W"))[rows].astype("float16"))
        # Texts have a fixed length: without the n-grams that say little the others would say too much.
        logits = self._read_logits()
        attrs["scale"] *= float((logits * self.logits).sum() / max((logits**2).sum(), 1e-12))

    def _read_logits(self) -> numpy.ndarray:
        batches = [numpy.asarray(self.layer.predict(batch)) for batch in minibatch(self.docs, _WEIGHED)]
        return numpy.concatenate(batches) - self.layer.get_param("b")


class NgramIndex:
    """Finds many keys in a sorted table: their first bits tell where to look, as the keys are well mixed."""

    def __init__(self, keys: numpy.ndarray) -> None:
        """keys (ndarray): The table, sorted, 64-bit. It must not be changed in place. Shape: (n_rows,)."""
        self.keys = keys
        n_bits = max(1, (2 * len(keys)).bit_length())
        self.shift = numpy.uint64(64 - n_bits)
        sizes = numpy.bincount((keys >> self.shift).view("int64"), minlength=1 << n_bits)
        self.starts = (numpy.cumsum(sizes) - sizes).astype("int32")
        # What no key is greater than ends every search.
        self.table = numpy.append(keys, ~numpy.uint64(0))

    def find(self, keys: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """Find keys.

        keys (ndarray): 64-bit keys. Shape: (n,).
        RETURNS (Tuple[ndarray, ndarray]): The positions of those that are in the table, and their rows.
        """
        rows = self.starts[(keys >> self.shift).view("int64")]
        candidates = self.table[rows]
        hits = numpy.flatnonzero(candidates == keys)
        found = [(hits, rows[hits])]
        rest = numpy.flatnonzero(candidates < keys)
        rows, keys = rows[rest], keys[rest]
        while len(rest):
            rows += 1
            candidates = self.table[rows]
            hits = candidates == keys
            found.append((rest[hits], rows[hits]))
            later = candidates < keys
            rest, rows, keys = rest[later], rows[later], keys[later]
        places, places_rows = zip(*found)
        return numpy.concatenate(places), numpy.concatenate(places_rows)


def hash_ngrams(docs: List[Doc], ngram_size: int, char_ngram_size: int = 0) -> Iterator[Arrays]:
    """Hash every n-gram of lower-cased tokens and characters of documents that are laid end to end, for each length.

    docs (List[Doc]): The documents; spans will do, which know attributes by number alone.
    ngram_size (int): Longest n-gram of tokens; from 1 on.
    char_ngram_size (int): Longest n-gram of characters; from 2 on, 0 for none.
    YIELDS (Tuple[ndarray, ndarray, ndarray]): 64-bit keys, and the numbers of the documents in which each n-gram begins
        and ends; one that crosses the end of a document is none of it.
    """
    yield from _hash_sequences([doc.to_array([LOWER]).ravel() for doc in docs], 1, ngram_size)
    if char_ngram_size:
        codes = [numpy.frombuffer(doc.text.lower().encode("utf-32-le"), dtype="<u4") for doc in docs]
        # A word's key is a hash of 64 bits; a character's number is moved out of the way of other small numbers.
        yield from _hash_sequences([_mix(code.astype("uint64") + _GOLDEN) for code in codes], 2, char_ngram_size)


def _hash_sequences(sequences: List[numpy.ndarray], n_min: int, n_max: int) -> Iterator[Arrays]:
    """Hash every n-gram of sequences of 64-bit numbers in the same way."""
    items = numpy.concatenate([numpy.zeros((0,), dtype="uint64"), *sequences])
    ids = numpy.repeat(numpy.arange(len(sequences)), [len(sequence) for sequence in sequences])
    grams = _mix(items)
    for n in range(1, n_max + 1):
        if n > 1:
            grams = _mix(grams[:-1] * _MURMUR + items[n - 1 :])
        if n >= n_min:
            yield grams, ids[: len(grams)], ids[n - 1 :]


def count_documents(
    docs: Iterable[Doc], ngram_size: int, char_ngram_size: int = 0
) -> Tuple[numpy.ndarray, numpy.ndarray, int]:
    """Count in how many documents each n-gram occurs, in bounded memory.

    docs (Iterable[Doc]): Read once.
    ngram_size (int): Longest n-gram of tokens.
    char_ngram_size (int): Longest n-gram of characters, 0 for none.
    RETURNS (Tuple[ndarray, ndarray, int]): Sorted keys, their document counts, the number of documents.
    """
    keys, counts = numpy.zeros((0,), dtype="uint64"), numpy.zeros((0,), dtype="int64")
    chunk: List[numpy.ndarray] = []
    n_chunk = n_docs = 0

    def merge() -> Tuple[numpy.ndarray, numpy.ndarray]:
        new_keys, new_counts = numpy.unique(numpy.concatenate(chunk), return_counts=True)
        merged, inverse = numpy.unique(numpy.concatenate([keys, new_keys]), return_inverse=True)
        totals = numpy.bincount(inverse, weights=numpy.concatenate([counts, new_counts])).astype("int64")
        if len(merged) > _MAX_COUNTED:
            merged, totals = merged[totals > 1], totals[totals > 1]
        return merged, totals

    for doc in docs:
        hashed = [grams for grams, *_ in hash_ngrams([doc], ngram_size, char_ngram_size)]
        doc_keys = numpy.unique(numpy.concatenate(hashed))
        chunk.append(doc_keys)
        n_chunk += len(doc_keys)
        n_docs += 1
        if n_chunk > _COUNT_CHUNK:
            keys, counts = merge()
            chunk, n_chunk = [], 0
    if n_chunk:
        keys, counts = merge()
    return keys, counts, n_docs


def _mix(values: numpy.ndarray) -> numpy.ndarray:
    """Spread the bits of 64-bit keys; without it neighbouring n-grams of rare words could collide."""
    mixed = values * _GOLDEN
    return mixed ^ (mixed >> _SHIFT)
