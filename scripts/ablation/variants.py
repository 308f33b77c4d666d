"""Transfer sets that differ from the run's in one thing: what teaches, or how many unlabelled texts there are.

No option of a student is needed for these questions, as other documents answer them.
"""

from functools import cache
from pathlib import Path
from typing import Any, List
from zlib import crc32

import numpy
import spacy
from spacy import Language
from spacy.tokens import Doc

from scripts.data.predictions import predict_docs
from scripts.data.task import Task
from scripts.data.texts import UNLABELLED

# Difference of the logits of a teacher that is sure: e^-60 is far below what float32 tells from 0 beside 1.
SURE = 60.0
load_once = cache(spacy.load)


def take_share(docs: List[Doc], *, share: float) -> List[Doc]:
    """Leave out unlabelled texts. Which ones is decided by their number, so a smaller share is part of a larger one.

    docs (List[Doc]): Documents of a transfer set.
    share (float): Share of the unlabelled ones that stay, 0 to 1.
    RETURNS (List[Doc]): Those that stay; all others do.
    """
    return [doc for doc in docs if doc._.source != UNLABELLED or crc32(str(doc._.review).encode()) < share * 2**32]


def take_labels(docs: List[Doc], *, task: Task) -> List[Doc]:
    """Replace the teacher's logits by its labels, as it would give them if it were sure of each.

    At temperature 1, the soft part of `textdistill.SoftTargets.v2` is then cross-entropy with these labels.

    docs (List[Doc]): Documents of a transfer set; changed in place.
    task (Task): The task.
    RETURNS (List[Doc]): All of them.
    """
    n_labels = len(task.labels)
    for doc in docs:
        logits = numpy.full(n_labels, -SURE / n_labels)
        logits[task.decide(numpy.array([doc._.teacher_logits]))] += SURE
        doc._.teacher_logits = logits.tolist()
    return docs


def take_teachers(docs: List[Doc], *, teachers: List[Path], task: Task) -> List[Doc]:
    """Replace the teacher's logits by the mean of those of trained students.

    docs (List[Doc]): Documents of a transfer set; changed in place.
    teachers (List[Path]): The students.
    task (Task): The task.
    RETURNS (List[Doc]): All of them.
    """
    if docs:
        logits = numpy.mean([predict_logits(docs, load_once(teacher), task) for teacher in teachers], axis=0)
        for doc, row in zip(docs, logits):
            doc._.teacher_logits = row.tolist()
    return docs


def predict_logits(docs: List[Doc], nlp: Language, task: Task) -> numpy.ndarray:
    """The centred logits of tokenized documents.

    docs (List[Doc]): The documents; what a pipeline sets on them is left in place.
    nlp (Language): A trained student.
    task (Task): The task.
    RETURNS (ndarray): Shape: (n_docs, n_labels).
    """
    textcat: Any = nlp.get_pipe("textcat")
    columns = [textcat.labels.index(label) for label in task.labels]
    return task.recover_logits(predict_docs(textcat, docs)[:, columns])
