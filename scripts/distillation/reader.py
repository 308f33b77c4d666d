"""Corpus reader that streams the transfer set, so that its size does not show in memory."""

import random
from pathlib import Path
from typing import Callable, Iterable, Iterator, Optional

from spacy import Language
from spacy.training import Example
from spacy.util import registry

from scripts.data.docbins import stream_docs
from scripts.files import UserError


@registry.readers("textdistill.TransferCorpus.v2")
def create_transfer_corpus(
    path: Optional[Path], buffer_size: int, seed: int
) -> Callable[[Language], Iterable[Example]]:
    """Read a folder of transfer shards, or a single .spacy file, in a new order on each pass.

    path (Optional[Path]): A .spacy file or a folder of them; None only in a config that is not trained with.
    buffer_size (int): Number of documents that are held in memory and shuffled.
    seed (int): Each pass is shuffled by seed + number of the pass.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader that `[corpora]` expects. Use it with
        `training.max_epochs = -1`, which streams.
    """
    # The config system hands the path over as it is written, as a string.
    return TransferCorpus(Path(path) if path else None, buffer_size=buffer_size, seed=seed)


class TransferCorpus:
    """The reader; it counts its passes."""

    def __init__(self, path: Optional[Path], *, buffer_size: int, seed: int) -> None:
        """The parameters are those of `create_transfer_corpus`."""
        self.path = path
        self.buffer_size = buffer_size
        self.seed = seed
        self.n_passes = 0

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield an example of each document.

        nlp (Language): Gives the vocabulary.
        YIELDS (Example): Reference and predicted document share their tokens, as masked words must stay tokens.
        """
        if self.path is None:
            raise UserError(
                "The reader of the transfer set has no path. Give one, e.g. --paths.train corpus/en/transfer"
            )
        rng = random.Random(self.seed + self.n_passes)
        self.n_passes += 1
        for doc in stream_docs(self.path, nlp.vocab, buffer_size=self.buffer_size, rng=rng):
            # textcat neither reads annotations nor sets any while it learns, so one document serves as both.
            yield Example(doc, doc)
