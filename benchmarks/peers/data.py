"""What all peers learn from and are tested on: the texts of a finished run."""

from pathlib import Path
from typing import Dict, List, NamedTuple

import numpy
import spacy
import srsly
from spacy.tokens import Doc

from scripts.data.docbins import UNLABELLED, number_gold, read_docs
from scripts.files import UserError


class Data(NamedTuple):
    """The texts of a run, the same for all.

    lang (str): Language code.
    labels (List[str]): Label order.
    docs (Dict[str, List[Doc]]): Gold documents of train, dev and test.
    gold (Dict[str, ndarray]): Numbers of their labels. Shape: (n_docs,).
    unlabelled (List[str]): The unlabelled texts of the transfer set, so without near copies of dev and test.
    corpus, training (Path): Folders of the run.
    """

    lang: str
    labels: List[str]
    docs: Dict[str, List[Doc]]
    gold: Dict[str, numpy.ndarray]
    unlabelled: List[str]
    corpus: Path
    training: Path

    def texts(self, split: str) -> List[str]:
        """The texts of train, dev or test."""
        return [doc.text for doc in self.docs[split]]


def read_data(corpus: Path, training: Path) -> Data:
    """Read the texts of a run.

    corpus, training (Path): Folders of the run, with scores and a teacher.
    RETURNS (Data): The texts.
    RAISES (UserError): The run is not that far.
    """
    for path in (corpus / "transfer" / "scores.json", training / "teacher" / "model-best", training / "lexicon"):
        if not path.exists():
            raise UserError(f"{path} does not exist. Run the project up to `lexicon` first.")
    lang, labels = srsly.read_json(corpus / "data.json")["lang"], srsly.read_json(corpus / "gold" / "labels.json")
    vocab = spacy.blank(lang).vocab
    docs = {split: read_docs(corpus / "gold" / f"{split}.spacy", vocab) for split in ("train", "dev", "test")}
    rows = srsly.read_jsonl(corpus / "transfer" / "texts.jsonl")
    unlabelled = [row["text"] for row in rows if row["source"] == UNLABELLED]
    gold = {split: number_gold(split_docs, labels) for split, split_docs in docs.items()}
    return Data(lang, labels, docs, gold, unlabelled, corpus, training)
