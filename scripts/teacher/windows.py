"""What a teacher's encoder reads: windows of wordpieces, each with its weight in the mean over its document.

From wordpiece to document, the teacher takes means alone: over the wordpieces of a token, then over the tokens. So
every wordpiece has one weight, and the document's vector is a weighted sum of the encoder's hidden states.
"""

from typing import Any, Callable, Iterator, List, NamedTuple

import numpy
from spacy.tokens import Doc, Span

GetSpans = Callable[[List[Doc]], List[List[Span]]]


class Window(NamedTuple):
    """One input of the encoder.

    doc (int): Number of its document.
    input_ids (ndarray): Wordpieces with the special tokens. Shape: (n_wordpieces,).
    token_type_ids (ndarray): Same shape.
    weights (ndarray): Weight of each wordpiece in the document's mean, float32. Same shape.
    """

    doc: int
    input_ids: numpy.ndarray
    token_type_ids: numpy.ndarray
    weights: numpy.ndarray


def make_windows(docs: List[Doc], get_spans: GetSpans, tokenizer: Any) -> List[Window]:
    """Cut documents into windows, as spacy-transformers does: the same wordpieces, cut off at the same length.

    docs (List[Doc]): The documents.
    get_spans (GetSpans): The transformer's span getter. Spans may overlap.
    tokenizer (PreTrainedTokenizerFast): The transformer's tokenizer.
    RETURNS (List[Window]): The windows in the order of the documents; an empty document has none.
    """
    spans = [(i, span) for i, doc_spans in enumerate(get_spans(docs)) for span in doc_spans if len(span)]
    if not spans:
        return []
    encoded = tokenizer(
        [span.text for _, span in spans], return_offsets_mapping=True, return_attention_mask=False, verbose=False
    )
    max_length = tokenizer.model_max_length
    owners = [token_of_wordpieces(span, encoded["offset_mapping"][k]) for k, (_, span) in enumerate(spans)]
    # A wordpiece that was cut off still has no say: its token shares the rest.
    kept = [tokens[:, tokens[1] < max_length] for tokens in owners]
    counts = [numpy.zeros(len(doc), dtype="int64") for doc in docs]
    for (i, _), (tokens, _) in zip(spans, kept):
        numpy.add.at(counts[i], tokens, 1)
    windows = []
    for k, (i, _) in enumerate(spans):
        input_ids = numpy.array(encoded["input_ids"][k][:max_length], dtype="int64")
        type_ids = encoded["token_type_ids"][k][:max_length] if "token_type_ids" in encoded else [0] * len(input_ids)
        tokens, wordpieces = kept[k]
        weights = numpy.bincount(wordpieces, 1 / counts[i][tokens], minlength=len(input_ids)) / len(docs[i])
        windows.append(Window(i, input_ids, numpy.array(type_ids, dtype="int64"), weights.astype("float32")))
    return windows


def token_of_wordpieces(span: Span, offsets: List[Any]) -> numpy.ndarray:
    """Find the tokens that wordpieces are part of, as `get_alignment_via_offset_mapping` of spacy-transformers does.

    span (Span): The text that was cut into wordpieces.
    offsets (List[Tuple[int, int]]): First character of each wordpiece and the one behind its last; equal for none.
    RETURNS (ndarray): Pairs of a token, counted in its document, and a wordpiece. Shape: (2, n_pairs).
    """
    sizes = span.doc.to_array(["LENGTH", "SPACY"])[span.start : span.end].astype("int64").sum(axis=1)
    token_of_char = numpy.repeat(numpy.arange(span.start, span.end), sizes)
    starts, ends = numpy.array(offsets, dtype="int64").reshape(-1, 2).T
    n_chars = numpy.maximum(ends - starts, 0)
    wordpieces = numpy.repeat(numpy.arange(len(starts)), n_chars)
    # The characters of one wordpiece after the other.
    chars = numpy.arange(n_chars.sum()) + numpy.repeat(starts - n_chars.cumsum() + n_chars, n_chars)
    pairs = numpy.stack([token_of_char[chars], wordpieces])
    # Characters of one wordpiece in one token stand side by side.
    is_first = numpy.ones(pairs.shape[1], dtype="bool")
    is_first[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    return pairs[:, is_first]


def batch_by_tokens(order: List[int], lengths: List[int], *, max_tokens: int) -> Iterator[List[int]]:
    """Cut a sequence into batches whose padded size stays within a budget.

    order (List[int]): Numbers of texts or windows, longest first.
    lengths (List[int]): Tokens of each.
    max_tokens (int): Budget: number of texts times the longest one.
    YIELDS (List[int]): A batch; a text over the budget makes one alone.
    """
    batch: List[int] = []
    for i in order:
        if batch and (len(batch) + 1) * max(1, lengths[batch[0]]) > max_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def batch_by_length(docs: List[Doc], max_tokens: int) -> Iterator[List[int]]:
    """Cut documents into batches of like length whose padded size stays within a budget, the longest first.

    docs (List[Doc]): The documents.
    max_tokens (int): Budget: number of documents times the longest one.
    YIELDS (List[int]): Numbers of the documents of a batch.
    """
    # If memory runs out, it does so at once.
    order = sorted(range(len(docs)), key=lambda i: (-len(docs[i]), i))
    return batch_by_tokens(order, [len(doc) for doc in docs], max_tokens=max_tokens)


def batch_windows(windows: List[Window], max_wordpieces: int) -> Iterator[List[Window]]:
    """Cut windows into batches of like length whose padded size stays within a budget, the longest first.

    windows (List[Window]): The windows.
    max_wordpieces (int): Budget: number of windows times the longest one.
    YIELDS (List[Window]): A batch.
    """
    lengths = [len(window.input_ids) for window in windows]
    order = sorted(range(len(windows)), key=lambda i: (-lengths[i], i))
    for batch in batch_by_tokens(order, lengths, max_tokens=max_wordpieces):
        yield [windows[i] for i in batch]


def pad_windows(batch: List[Window], pad_token_id: int) -> List[numpy.ndarray]:
    """Stack a batch of windows.

    batch (List[Window]): The windows.
    pad_token_id (int): The tokenizer's padding.
    RETURNS (List[ndarray]): Wordpieces, attention mask, token types and weights. Shape: (n_windows, longest).
    """
    shape = (len(batch), max(len(window.input_ids) for window in batch))
    input_ids = numpy.full(shape, pad_token_id, dtype="int64")
    mask, type_ids = numpy.zeros(shape, dtype="int64"), numpy.zeros(shape, dtype="int64")
    weights = numpy.zeros(shape, dtype="float32")
    for row, window in enumerate(batch):
        n = len(window.input_ids)
        input_ids[row, :n], mask[row, :n] = window.input_ids, 1
        type_ids[row, :n], weights[row, :n] = window.token_type_ids, window.weights
    return [input_ids, mask, type_ids, weights]
