"""What a transfer set is made of."""

from pathlib import Path
from typing import Any, Dict, List

import numpy
from spacy.vocab import Vocab

from scripts.data.docbins import stream_docs
from scripts.data.task import Task
from scripts.data.texts import SOURCES


def describe_transfer(transfer: Path, vocab: Vocab, task: Task) -> Dict[str, Any]:
    """Count the texts of a transfer set by where they come from.

    transfer (Path): Folder of the scored transfer set.
    vocab (Vocab): The vocabulary that reads it.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): By source, of those that it has: `texts`, their number; `labels`, how many of them the
        teacher gives each label; `confidence`, the mean probability of that label.
    """
    n_labels = len(task.labels)
    counts = {source: numpy.zeros(n_labels, dtype=int) for source in SOURCES}
    confidence = dict.fromkeys(SOURCES, 0.0)
    batch: Dict[str, List[List[float]]] = {source: [] for source in SOURCES}

    def add(source: str) -> None:
        logits: Any = numpy.array(batch[source]).reshape(-1, n_labels)
        probs = task.activate(logits)
        counts[source] += numpy.bincount(task.decide(probs), minlength=n_labels)
        confidence[source] += float(probs.max(axis=1).sum())
        batch[source] = []

    for doc in stream_docs(transfer, vocab):
        batch[doc._.source].append(doc._.teacher_logits)
        if len(batch[doc._.source]) == 10_000:
            add(doc._.source)
    for source in SOURCES:
        if batch[source]:
            add(source)
    return {
        source: {
            "texts": int(counts[source].sum()),
            "labels": dict(zip(task.labels, counts[source].tolist())),
            "confidence": confidence[source] / counts[source].sum(),
        }
        for source in SOURCES
        if counts[source].any()
    }
