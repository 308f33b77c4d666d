"""How well a student of several languages does in each of them."""

from typing import Any, Dict, List, Optional, Tuple

import numpy

from scripts.data.task import Task
from scripts.evaluation.quality import measure_quality


def measure_languages(
    langs: List[Optional[str]], gold: numpy.ndarray, probs: Dict[str, numpy.ndarray], task: Task
) -> Dict[str, Any]:
    """Measure all systems on the texts of each language.

    langs (List[Optional[str]]): The language of each text.
    gold (ndarray): Numbers of the gold labels. Shape: (n_texts,).
    probs (Dict[str, ndarray]): Probabilities by system. Shape: (n_texts, n_labels).
    task (Task): The labels.
    RETURNS (Dict[str, Any]): By language the number of `texts` and by system what `measure_quality` gives; empty where
        texts do not tell their language.
    """
    measured: Dict[str, Any] = {}
    for lang in sorted({lang for lang in langs if lang}):
        own = numpy.array([other == lang for other in langs])
        measured[lang] = {"texts": int(own.sum())}
        measured[lang].update({name: measure_quality(of[own], gold[own], task) for name, of in probs.items()})
    return measured


def tabulate_languages(measured: Dict[str, Any], systems: Tuple[str, ...]) -> Tuple[List[Tuple[str, ...]], List[str]]:
    """The accuracy of each system in each language, as a table.

    measured (Dict[str, Any]): What `measure_languages` gave.
    systems (Tuple[str, ...]): The systems to show.
    RETURNS (Tuple[List[Tuple[str, ...]], List[str]]): Rows, and the header.
    """
    rows = [
        (lang, f"{row['texts']:,}", *(f"{row[name]['accuracy']:.3f}" for name in systems))
        for lang, row in measured.items()
    ]
    return rows, ["", "texts", *systems]
