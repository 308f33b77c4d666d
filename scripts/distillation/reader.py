"""Corpus reader that streams the transfer set, so that its size does not show in memory, and chooses from it."""

import random
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, Optional
from zlib import crc32

import numpy
from spacy import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from scripts.data.docbins import SOURCES, stream_docs
from scripts.files import UserError

# A stream is not balanced exactly: that would take its whole length.
BALANCE_SLACK = 32


@registry.readers("textdistill.TransferCorpus.v1")
def create_transfer_corpus(
    path: Optional[Path],
    buffer_size: int,
    seed: int,
    shares: Optional[Dict[str, float]] = None,
    min_confidence: float = 0.0,
    balance: bool = False,
) -> Callable[[Language], Iterable[Example]]:
    """Read a folder of transfer shards, or a single .spacy file, in a new order on each pass.

    path (Optional[Path]): A .spacy file or a folder of them; None only in a config that is not trained with.
    buffer_size (int): Number of documents that are held in memory and shuffled.
    seed (int): Each pass is shuffled by seed + number of the pass.
    shares (Optional[Dict[str, float]]): Share of the reviews that each source may use, 0 to 1: which ones is decided
        by their number, so a review is in or out with all its pieces. A source that is not named is used whole.
    min_confidence (float): Documents without gold for which the teacher's highest probability is lower are left out.
    balance (bool): Leave out documents of the label that the teacher gives too often.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader that `[corpora]` expects. Use it with
        `training.max_epochs = -1`, which streams.
    RAISES (ValueError): A source is unknown, or a share out of range.
    """
    for source, share in (shares or {}).items():
        if source not in SOURCES or not 0 <= share <= 1:
            raise ValueError(
                f"shares of textdistill.TransferCorpus.v1 takes 0 to 1 for {', '.join(SOURCES)}, got {source} = {share}"
            )
    # The config system hands the path over as it is written, as a string.
    return TransferCorpus(
        Path(path) if path else None,
        buffer_size=buffer_size,
        seed=seed,
        shares=shares or {},
        min_confidence=min_confidence,
        balance=balance,
    )


class TransferCorpus:
    """The reader; it counts its passes."""

    def __init__(
        self,
        path: Optional[Path],
        *,
        buffer_size: int,
        seed: int,
        shares: Dict[str, float],
        min_confidence: float,
        balance: bool,
    ) -> None:
        """The parameters are those of `create_transfer_corpus`."""
        self.path = path
        self.buffer_size = buffer_size
        self.seed = seed
        self.shares = shares
        self.min_confidence = min_confidence
        self.balance = balance
        self.n_passes = 0

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield an example of each chosen document.

        nlp (Language): Gives the vocabulary.
        YIELDS (Example): Reference and predicted document share their tokens, as masked words must stay tokens.
        """
        if self.path is None:
            raise UserError(
                "The reader of the transfer set has no path. Give one, e.g. --paths.train corpus/en/transfer"
            )
        rng = random.Random(self.seed + self.n_passes)
        self.n_passes += 1
        docs = stream_docs(self.path, nlp.vocab, buffer_size=self.buffer_size, rng=rng)
        docs = (doc for doc in docs if self._is_shared(doc) and self._is_confident(doc))
        for doc in _balance(docs) if self.balance else docs:
            # textcat neither reads annotations nor sets any while it learns, so one document serves as both.
            yield Example(doc, doc)

    def _is_shared(self, doc: Doc) -> bool:
        """Whether the document's review is among the share of its source."""
        share = self.shares.get(doc._.source, 1.0)
        return share == 1 or crc32(str(doc._.review).encode("ascii")) < share * 2**32

    def _is_confident(self, doc: Doc) -> bool:
        """Whether the teacher is sure enough of a document without gold."""
        if not self.min_confidence or doc.cats:
            return True
        odds = numpy.exp(numpy.subtract(doc._.teacher_logits, max(doc._.teacher_logits)))
        return bool(1 / odds.sum() >= self.min_confidence)


def _balance(docs: Iterable[Doc]) -> Iterator[Doc]:
    """Drop documents so that each of the teacher's labels is given at most BALANCE_SLACK times more than any other.

    docs (Iterable[Doc]): Documents with teacher logits.
    YIELDS (Doc): A part of them.
    """
    counts: Dict[int, int] = {}
    for doc in docs:
        logits = doc._.teacher_logits
        for label in range(len(logits)):
            counts.setdefault(label, 0)
        label = int(numpy.argmax(logits))
        if counts[label] < min(counts.values()) + BALANCE_SLACK:
            counts[label] += 1
            yield doc
