"""Linear classifier over a pruned table of n-grams of words, of characters, or of both: the fastest student.

A document is a sublinear TF-IDF vector of the n-grams that the table knows, scaled to a fixed length. The table is
fitted once, on the documents seen at initialisation, and is shipped with the weights.
Shipped module: it imports only spaCy, Thinc, NumPy and the standard library.
"""

from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, cast

import numpy
from spacy.attrs import LOWER
from spacy.tokens import Doc
from spacy.util import minibatch, registry
from thinc.api import Model, with_cpu
from thinc.types import Floats1d, Floats2d

Arrays = Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]
# Odd 64-bit constants: the golden ratio (Fibonacci hashing) and the multiplier of MurmurHash64A.
_GOLDEN, _MURMUR, _SHIFT = numpy.uint64(0x9E3779B97F4A7C15), numpy.uint64(0xC6A4A7935BD1E995), numpy.uint64(29)
# The last bit of a key tells what its n-gram is made of.
_KIND, _WORDS, _CHARS = numpy.uint64(1), numpy.uint64(0), numpy.uint64(1)
# Past so many distinct n-grams, those seen once are dropped (lossy counting, Manku and Motwani 2002): memory is flat.
_MAX_COUNTED, _COUNT_CHUNK = 8_000_000, 2_000_000
# Texts that are weighed at a time, and texts that tell how much larger logits must be once n-grams are gone.
_WEIGHED, _SCALED = 256, 2_000


@registry.architectures("textdistill.NgramLinear.v2")
def build_ngram_linear(
    features: str,
    ngram_size: int,
    char_ngram_size: int,
    min_docs: int,
    max_ngrams: int,
    scale: float,
    nO: Optional[int] = None,
) -> Model[List[Doc], Floats2d]:
    """Build a linear model over TF-IDF weighted n-grams that ends in logits.

    features (str): What is read: "words", "characters", "words and characters"; "auto": words, until a trainer chooses.
    ngram_size (int): Longest n-gram of words, in tokens; all shorter ones are used too.
    char_ngram_size (int): The same for characters, in lower case; their n-grams run over the ends of words.
    min_docs (int): Number of documents that an n-gram must occur in to be kept.
    max_ngrams (int): Size of the table for words, and of that for characters; the n-grams of most documents are kept.
    scale (float): Length of a document vector. With Adam, the logits move `scale` times the learn rate.
    nO (Optional[int]): Number of labels; inferred at initialisation when None.
    RETURNS (Model[List[Doc], Floats2d]): Logits. Shape: (n_docs, nO). Unless `fit` ran, `init` fits the table.
    """
    sizes = {"ngram_size": ngram_size, "char_ngram_size": char_ngram_size, "min_docs": min_docs}
    for name, value in {**sizes, "max_ngrams": max_ngrams}.items():
        if value < 1:
            raise ValueError(f"{name} of textdistill.NgramLinear.v2 must be at least 1, got {value}")
    # The fastest first. A kind that is not read has the size 0.
    kinds = {"words": (ngram_size, 0), "characters": (0, char_ngram_size)}
    kinds["words and characters"] = (ngram_size, char_ngram_size)
    if features not in (*kinds, "auto"):
        raise ValueError(f"features of textdistill.NgramLinear.v2 must be {', '.join(kinds)} or auto, got {features!r}")
    choices = {
        name: {"ngram_size": n_words, "char_ngram_size": n_chars, "reads": name}
        for name, (n_words, n_chars) in kinds.items()
    }
    attrs: Dict[str, Any] = dict(choices["words" if features == "auto" else features])
    attrs |= {"choices": choices if features == "auto" else {}, "min_docs": min_docs, "max_ngrams": max_ngrams}
    attrs |= {"scale": scale, "keys": numpy.zeros((0,), dtype="uint64"), "idf": numpy.zeros((0,), dtype="float32")}
    attrs |= {"fit": fit_table, "features": weigh_ngrams, "table": NgramTable}
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
    frequent = numpy.flatnonzero(n_in >= attrs["min_docs"])
    # Stable, so that ties are decided by the key and not by chance.
    ranked = frequent[numpy.argsort(-n_in[frequent], kind="stable")]
    kinds = keys[ranked] & _KIND
    chosen = numpy.sort(numpy.concatenate([ranked[kinds == kind][: attrs["max_ngrams"]] for kind in (_WORDS, _CHARS)]))
    attrs["keys"] = keys[chosen]
    attrs["idf"] = (numpy.log((1 + n_docs) / (1 + n_in[chosen])) + 1).astype("float32")


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

    Where words and characters are read, x is that of one kind, and each has the length scale / sqrt(2): there are many
    more n-grams of characters, and they would leave the words none of it.

    docs (List[Doc]): The documents.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): Document number, table row and value of each entry, sorted.

    SOURCE: Manning, Raghavan, Schütze (2008), Introduction to Information Retrieval, section 6.4.
    """
    keys, idf = model.attrs["keys"], model.attrs["idf"]
    index = model.attrs.get("index")
    if index is None or index.keys is not keys:
        index = model.attrs["index"] = NgramIndex(keys)
    # Numbers of 32 bits are sorted twice as fast.
    dtype = "int32" if len(docs) * len(keys) < 2**31 else "int64"
    entries = []
    for grams, first, last in hash_ngrams(docs, model.attrs["ngram_size"], model.attrs["char_ngram_size"]):
        # Few n-grams are in the table: only of those it matters whether they stand within one document.
        places, found = index.find(grams)
        inside = first[places] == last[places]
        entries.append(first[places[inside]].astype(dtype) * len(keys) + found[inside])
    sorted_entries = numpy.sort(numpy.concatenate(entries))
    starts = numpy.flatnonzero(numpy.append(sorted_entries[:1] >= 0, sorted_entries[1:] != sorted_entries[:-1]))
    counts = numpy.diff(starts, append=len(sorted_entries))
    doc_ids, rows = numpy.divmod(sorted_entries[starts], max(1, len(keys)))
    values = (1 + numpy.log(counts, dtype="float32")) * idf[rows]
    blocks, n_kinds = doc_ids, 1
    if model.attrs["ngram_size"] and model.attrs["char_ngram_size"]:
        blocks, n_kinds = doc_ids * 2 + (keys[rows] & _KIND).view("int64"), 2
    squares = numpy.bincount(blocks, weights=values**2, minlength=n_kinds * len(docs))
    values *= (model.attrs["scale"] / numpy.sqrt(n_kinds * numpy.maximum(squares, 1e-24))).astype("float32")[blocks]
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


def hash_ngrams(docs: List[Doc], ngram_size: int, char_ngram_size: int) -> Iterator[Arrays]:
    """Hash every n-gram of documents that are laid end to end: for each length from 1 on those of lower-cased tokens,
    then those of the characters of `doc.text.lower()`.

    docs (List[Doc]): The documents; spans will do, which know attributes by number alone.
    ngram_size (int): Longest n-gram of tokens, 0 for none.
    char_ngram_size (int): Longest n-gram of characters, 0 for none.
    YIELDS (Tuple[ndarray, ndarray, ndarray]): 64-bit keys, and the numbers of the documents in which each n-gram begins
        and ends; one that crosses the end of a document is none of it.
    """
    if ngram_size:
        words = [doc.to_array([LOWER]).ravel() for doc in docs]
        yield from ((grams & ~_KIND, first, last) for grams, first, last in _hash_sequences(words, ngram_size))
    if char_ngram_size:
        texts = [numpy.frombuffer(doc.text.lower().encode("utf-32-le"), dtype="<u4") for doc in docs]
        # A word's key is a hash of 64 bits; a character's number is a small one, and its bits are spread.
        codes = [_mix(text.astype("uint64") + _GOLDEN) for text in texts]
        yield from ((grams | _CHARS, first, last) for grams, first, last in _hash_sequences(codes, char_ngram_size))


def _hash_sequences(sequences: List[numpy.ndarray], n_max: int) -> Iterator[Arrays]:
    """Hash every n-gram of sequences of 64-bit numbers in the same way."""
    items = numpy.concatenate([numpy.zeros((0,), dtype="uint64"), *sequences])
    ids = numpy.repeat(numpy.arange(len(sequences)), [len(sequence) for sequence in sequences])
    grams = _mix(items)
    yield grams, ids, ids
    for n in range(2, n_max + 1):
        grams = _mix(grams[:-1] * _MURMUR + items[n - 1 :])
        yield grams, ids[: len(grams)], ids[n - 1 :]


def count_documents(
    docs: Iterable[Doc], ngram_size: int, char_ngram_size: int
) -> Tuple[numpy.ndarray, numpy.ndarray, int]:
    """Count in how many documents each n-gram occurs, in bounded memory.

    docs (Iterable[Doc]): Read once.
    ngram_size, char_ngram_size (int): As in `hash_ngrams`.
    RETURNS (Tuple[ndarray, ndarray, int]): Sorted keys, their document counts, the number of documents.
    """
    keys, counts = numpy.zeros((0,), dtype="uint64"), numpy.zeros((0,), dtype="int64")
    chunk: List[numpy.ndarray] = []
    n_chunk = n_docs = 0

    def merge() -> Tuple[numpy.ndarray, numpy.ndarray]:
        merged, inverse = numpy.unique(numpy.concatenate([keys, *chunk]), return_inverse=True)
        weights = numpy.append(counts, numpy.ones(len(inverse) - len(counts)))
        totals = numpy.bincount(inverse, weights=weights).astype("int64")
        return (merged, totals) if len(merged) <= _MAX_COUNTED else (merged[totals > 1], totals[totals > 1])

    for doc in docs:
        hashed = [grams for grams, *_ in hash_ngrams([doc], ngram_size, char_ngram_size)]
        chunk.append(numpy.unique(numpy.concatenate(hashed)))
        n_docs, n_chunk = n_docs + 1, n_chunk + len(chunk[-1])
        if n_chunk > _COUNT_CHUNK:
            keys, counts = merge()
            chunk, n_chunk = [], 0
    return (*merge(), n_docs)


def _mix(values: numpy.ndarray) -> numpy.ndarray:
    """Spread the bits of 64-bit keys; without it neighbouring n-grams of rare words could collide."""
    mixed = values * _GOLDEN
    return mixed ^ (mixed >> _SHIFT)
