"""What all peers learn from and are tested on: the texts of a finished run."""

from pathlib import Path
from typing import Dict, List, NamedTuple

import numpy
import srsly
from spacy.tokens import Doc

from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.evaluation.reference import read_taught
from scripts.files import UserError
from scripts.tokenizing import make_blank


class Data(NamedTuple):
    """The texts of a run, the same for all.

    lang, segmenter (str): Language code, and how texts are cut into words.
    task (Task): The labels.
    docs (Dict[str, List[Doc]]): Documents of train, dev and test.
    numbers (Dict[str, ndarray]): Numbers of their labels. Shape: (n_docs,).
    taught (List[Doc]): The unlabelled texts of the transfer set, so without near copies of dev and test.
    taught_numbers (ndarray): Numbers of the labels that the teacher gives them. Shape: (n_taught,).
    corpus, training (Path): Folders of the run.
    """

    lang: str
    segmenter: str
    task: Task
    docs: Dict[str, List[Doc]]
    numbers: Dict[str, numpy.ndarray]
    taught: List[Doc]
    taught_numbers: numpy.ndarray
    corpus: Path
    training: Path

    def texts(self, split: str) -> List[str]:
        """The texts of train, dev or test."""
        return [doc.text for doc in self.docs[split]]

    def all_texts(self) -> List[str]:
        """The texts of train and the unlabelled ones, each once, for those that learn from texts alone."""
        return list(dict.fromkeys([*self.texts("train"), *(doc.text for doc in self.taught)]))

    def teach(self) -> "Data":
        """The same run, of which train holds the unlabelled texts, too, with the teacher's labels."""
        train = [*self.docs["train"], *self.taught]
        numbers = numpy.concatenate([self.numbers["train"], self.taught_numbers])
        return self._replace(docs={**self.docs, "train": train}, numbers={**self.numbers, "train": numbers})


def read_data(corpus: Path, training: Path) -> Data:
    """Read the texts of a run.

    corpus, training (Path): Folders of the run, with scores and a teacher.
    RETURNS (Data): The texts.
    RAISES (UserError): The run is not that far.
    """
    for path in (corpus / "transfer" / "scores.json", training / "teacher" / "model-best", training / "lexicon"):
        if not path.exists():
            raise UserError(f"{path} does not exist. Run the project up to `lexicon` first.")
    data, task = srsly.read_json(corpus / "data.json"), Task.read(corpus / "gold")
    language = data["lang"], data["segmenter"]
    vocab = make_blank(*language).vocab
    docs = {split: read_docs(corpus / "gold" / f"{split}.spacy", vocab) for split in ("train", "dev", "test")}
    numbers = {split: task.number_gold(split_docs) for split, split_docs in docs.items()}
    return Data(*language, task, docs, numbers, *read_taught(corpus / "transfer", vocab, task), corpus, training)
