"""How a text is decided without one of its words, for each word in turn.

SOURCE: Li, Monroe, Jurafsky (2016), Understanding neural networks through representation erasure, arXiv:1612.08220.
"""

from typing import Any, Callable, Iterable, Iterator, List, Optional

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from thinc.types import Ragged
from thinc.util import to_numpy

# Tokens of documents that are held at once.
BATCH_TOKENS = 1 << 14
# A text of more words is shortened by so many runs of words, or a long one would take minutes.
MAX_PARTS = 500


def batch_by_tokens(docs: Iterable[Doc]) -> Iterator[List[Doc]]:
    """Batches of BATCH_TOKENS tokens or a few more, so that memory is bounded by the longest document.

    docs (Iterable[Doc]): Read as batches are.
    YIELDS (List[Doc]): At least one document.
    """
    batch: List[Doc] = []
    n_tokens = 0
    for doc in docs:
        batch.append(doc)
        n_tokens += len(doc)
        if n_tokens >= BATCH_TOKENS:
            yield batch
            batch, n_tokens = [], 0
    if batch:
        yield batch


def occlude(
    predict: Callable[[List[Doc]], numpy.ndarray], doc: Doc, ends: List[int], *, mask: Optional[str]
) -> numpy.ndarray:
    """What each part of a document adds to the logits; its tokens share it equally.

    predict (Callable[[List[Doc]], ndarray]): From documents to centred logits. Shape: (n_docs, n_labels).
    doc (Doc): The document.
    ends (List[int]): Where each part ends.
    mask (Optional[str]): The word that takes the place of a part; None leaves none there.
    RETURNS (ndarray): Shape: (n_tokens, n_labels).
    """
    # A copy, as pipelines write on what they read.
    whole = predict([erase(doc, 0, 0, mask=None)])
    if not ends:
        return numpy.zeros((0, whole.shape[1]))
    starts = [0, *ends[:-1]]
    shortened = (erase(doc, start, end, mask=mask) for start, end in zip(starts, ends))
    without = numpy.concatenate([predict(batch) for batch in batch_by_tokens(shortened)])
    sizes = numpy.subtract(ends, starts)
    return numpy.repeat((whole - without) / sizes[:, None], sizes, axis=0)


def erase(doc: Doc, start: int, end: int, *, mask: Optional[str]) -> Doc:
    """A document without a run of its tokens.

    doc (Doc): The document.
    start, end (int): The run.
    mask (Optional[str]): The word that takes its place; None leaves none there.
    RETURNS (Doc): A new document of the same vocabulary.
    """
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    words[start:end], spaces[start:end] = ([], []) if mask is None else ([mask], [spaces[end - 1]])
    return Doc(doc.vocab, words=words, spaces=spaces)


def cut_words(doc: Doc) -> List[int]:
    """Where each word ends, or each run of words where these are many.

    doc (Doc): The document.
    RETURNS (List[int]): At most MAX_PARTS ends, in ascending order; none for a document without tokens.
    """
    n_parts = min(len(doc), MAX_PARTS)
    return [len(doc) * number // n_parts for number in range(1, n_parts + 1)]


def cut_sentences(doc: Doc) -> List[int]:
    """Where each sentence ends.

    doc (Doc): The document.
    RETURNS (List[int]): The ends, in ascending order; none for a document without tokens.
    """
    if not len(doc):
        return []
    (starts,) = Sentencizer().predict([doc])
    return [*(i for i, is_start in enumerate(starts) if is_start and i), len(doc)]


def erase_words(cnn: Any, docs: List[Doc]) -> numpy.ndarray:
    """The logits of a CNN for documents without one of their words: what it says of the shortened documents.

    Only the neighbours of the word see another window, and what is pooled is summed up from both sides. So a document
    costs as much as some reads of it, not as many as it has words.

    cnn (Model[List[Doc], Floats2d]): A textdistill.LexemeCNN.v1, or the cached one.
    docs (List[Doc]): The documents, of one vocabulary.
    RETURNS (ndarray): A row for each token, through all documents. Shape: (n_tokens, n_labels).
    """
    lengths = [len(doc) for doc in docs]
    # Of a document of one word nothing is left, which is read as one unknown word.
    logits = numpy.repeat(to_numpy(cnn.predict([Doc(docs[0].vocab)])), sum(lengths), axis=0)
    if max(lengths) > 1:
        logits[numpy.repeat(lengths, lengths) > 1] = _erase_words(cnn, [doc for doc in docs if len(doc) > 1])
    return logits


def _erase_words(cnn: Any, docs: List[Doc]) -> numpy.ndarray:
    """The same for documents of at least two tokens."""
    embed, attention, output_layer = (cnn.get_ref(name) for name in ("embed", "attention", "output_layer"))
    convolve = cnn.layers[1]
    read: Ragged = embed.predict(docs)
    key = to_numpy(attention.get_param("Q")).astype("float64")
    ends = numpy.cumsum([len(doc) for doc in docs])[:-1]
    vectors, hidden = (numpy.split(to_numpy(rows.dataXd), ends) for rows in (read, convolve.predict(read)))
    pooled = [_pool_without(rows, _read_neighbours(convolve, words), key) for words, rows in zip(vectors, hidden)]
    rows = numpy.concatenate(pooled).astype("float32")
    return to_numpy(output_layer.predict(output_layer.ops.asarray2f(rows)))


def _read_neighbours(convolve: Any, vectors: numpy.ndarray) -> numpy.ndarray:
    """What the words before and after each word become where it is missing. Shape: (n_tokens, 2, width)."""
    n, width = vectors.shape
    # As beyond the ends of a text.
    padded = numpy.concatenate([numpy.zeros((2, width), "float32"), vectors, numpy.zeros((2, width), "float32")])
    # Two words before and two after the missing one; the outer ones are windows alone.
    runs = padded[numpy.arange(n)[:, None] + numpy.array([0, 1, 3, 4])]
    ops = convolve.ops
    read = convolve.predict(Ragged(ops.asarray2f(runs.reshape((4 * n, width))), ops.asarray1i([4] * n)))
    return to_numpy(read.dataXd).reshape((n, 4, width))[:, 1:3]


def _pool_without(hidden: numpy.ndarray, changed: numpy.ndarray, key: numpy.ndarray) -> numpy.ndarray:
    """Attention and max pooling without each word.

    hidden (ndarray): The words of the whole document. Shape: (n_tokens, width).
    changed (ndarray): The words before and after each word where it is missing. Shape: (n_tokens, 2, width).
    key (ndarray): The key of attention. Shape: (width,).
    RETURNS (ndarray): Shape: (n_tokens, 2 * width).
    """
    n = len(hidden)
    # Words beyond the ends of the text count for nothing.
    exists = numpy.ones((n, 2, 1), dtype=bool)
    exists[0, 0] = exists[-1, 1] = False
    # As Thinc's softmax of sequences does.
    weights, new_weights = (numpy.exp(numpy.clip(rows @ key, -20, 20))[..., None] for rows in (hidden, changed))
    new_weights *= exists
    sums = [
        _accumulate_others(numpy.add, rows * weights, 0) + (new_rows * new_weights).sum(axis=1)
        for rows, new_rows in ((hidden, changed), (numpy.ones((n, 1)), numpy.ones((n, 2, 1))))
    ]
    maxima = numpy.where(exists, changed, -numpy.inf).max(axis=1)
    maxima = numpy.maximum(maxima, _accumulate_others(numpy.maximum, hidden, -numpy.inf))
    return numpy.concatenate([sums[0] / sums[1], maxima], axis=1)


def _accumulate_others(ufunc: numpy.ufunc, rows: numpy.ndarray, nothing: float) -> numpy.ndarray:
    """Sum or maximum of all rows but a word's own and those of its neighbours, for each word. Shape: that of rows."""
    before, after = numpy.full_like(rows, nothing), numpy.full_like(rows, nothing)
    before[2:] = ufunc.accumulate(rows)[:-2]
    after[:-2] = ufunc.accumulate(rows[::-1])[::-1][2:]
    return ufunc(before, after)
