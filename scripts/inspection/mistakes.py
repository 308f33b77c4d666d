"""What a pipeline gets wrong, the worst first."""

from typing import List, NamedTuple

import numpy
from spacy import Language
from spacy.tokens import Doc

from scripts.apply.classifier import read_labels
from scripts.data.task import Task, find_gold
from scripts.evaluation.quality import classify
from scripts.files import UserError


class Mistake(NamedTuple):
    """A text that is decided otherwise than gold says.

    number (int): Which of the texts it is, from 1 on.
    doc (Doc): Its document.
    gold (str): Its label.
    """

    number: int
    doc: Doc
    gold: str


def find_worst(nlp: Language, docs: List[Doc], limit: int) -> List[Mistake]:
    """Find the texts that are decided wrongly with most confidence: those whose gold label has the lowest probability.

    nlp (Language): The pipeline.
    docs (List[Doc]): Gold documents, of any vocabulary; those without a label are left out.
    limit (int): How many to find at most.
    RETURNS (List[Mistake]): The worst first, with documents of the pipeline.
    RAISES (UserError): No text has a label, or one has a label that the pipeline does not know.
    """
    task = Task(read_labels(nlp))
    labelled = [(number, doc, label) for number, doc in enumerate(docs, start=1) if (label := find_gold(doc))]
    unknown = sorted({label for *_, label in labelled} - set(task.labels))
    if not labelled or unknown:
        found = f"texts with the label {unknown[0]!r}" if unknown else "no text with a label"
        raise UserError(
            f"There is {found}; the pipeline knows {', '.join(task.labels)}. Name the gold texts of its own run, e.g. "
            "corpus/en/gold/test.spacy."
        )
    probs = classify(nlp, [doc.text for _, doc, _ in labelled], task, name="texts")
    gold = task.number_gold([doc for _, doc, _ in labelled])
    losses = probs[numpy.arange(len(gold)), gold]
    wrong = numpy.flatnonzero(task.decide(probs) != gold)
    worst = wrong[numpy.argsort(losses[wrong], kind="stable")][:limit]
    return [Mistake(labelled[i][0], nlp.make_doc(labelled[i][1].text), labelled[i][2]) for i in worst]
