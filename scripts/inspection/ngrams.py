"""Which tokens the n-grams of a document are due to. A table holds hashes of n-grams; here those of the text at hand
are hashed once more, and so found where they stand.
"""

from typing import Any, Iterator, List, Tuple

import numpy
from spacy.tokens import Doc

from scripts.architectures.ngrams import NgramIndex, hash_ngrams


def locate_ngrams(layer: Any, docs: List[Doc]) -> Tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """What an n-gram layer reads (`attrs["features"]`), divided among the tokens that it is due to.

    The value of an n-gram is shared equally by the places where it occurs in a document, and in each of them by its
    tokens or, if it is one of characters, by these. A character is its token's, and so is the space that follows that.

    layer (Model[List[Doc], Floats2d]): The layer of textdistill.NgramLinear.v2.
    docs (List[Doc]): The documents.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): Token, counted through all documents, table row and value of each part;
        the parts of an entry sum to its value.
    """
    doc_ids, rows, values = layer.attrs["features"](layer, docs)
    known = doc_ids * len(layer.attrs["keys"]) + rows
    tokens, numbers, sizes = [], [], []
    for owners, entries in find_ngrams(layer, docs):
        size = owners.shape[1]
        tokens.append(owners.ravel())
        numbers.append(numpy.repeat(numpy.searchsorted(known, entries), size))
        sizes.append(numpy.full(owners.size, size))
    parts, n_items = numpy.concatenate(numbers), numpy.concatenate(sizes)
    n_places = numpy.bincount(parts, weights=1 / n_items, minlength=len(known))
    return numpy.concatenate(tokens), rows[parts], values[parts] / (n_places[parts] * n_items)


def find_ngrams(layer: Any, docs: List[Doc]) -> Iterator[Tuple[numpy.ndarray, numpy.ndarray]]:
    """Find the n-grams of the table, for each length.

    layer (Model[List[Doc], Floats2d]): The layer.
    docs (List[Doc]): The documents.
    YIELDS (Tuple[ndarray, ndarray]): The tokens of each n-gram, counted through all documents, shape (n, length), and
        document * n_rows + row of each, shape (n,).
    """
    keys, n_words, n_chars = (layer.attrs[name] for name in ("keys", "ngram_size", "char_ngram_size"))
    index = NgramIndex(keys)
    words, chars = numpy.arange(sum(map(len, docs))), own_chars(docs)
    kinds = [*((words, n) for n in range(1, n_words + 1)), *((chars, n) for n in range(1, n_chars + 1))]
    for (owners, n), (grams, first, last) in zip(kinds, hash_ngrams(docs, n_words, n_chars)):
        places, rows = index.find(grams)
        inside = first[places] == last[places]
        places, rows = places[inside], rows[inside]
        yield owners[places[:, None] + numpy.arange(n)], first[places] * len(keys) + rows


def own_chars(docs: List[Doc]) -> numpy.ndarray:
    """The token of each character that `hash_ngrams` reads.

    docs (List[Doc]): The documents.
    RETURNS (ndarray): Tokens, counted through all documents. Shape: (n_chars,).
    """
    # Some characters become several in lower case.
    lengths = [len(token.text_with_ws.lower()) for doc in docs for token in doc]
    return numpy.repeat(numpy.arange(len(lengths)), lengths)
