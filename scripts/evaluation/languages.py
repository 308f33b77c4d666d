"""How well a student of several languages does in each of them."""

from typing import Any, Dict, List, Tuple

import numpy

from scripts.data.task import Task
from scripts.evaluation.predictions import Predictions
from scripts.evaluation.quality import measure_quality


def measure_languages(predicted: Predictions, task: Task) -> Dict[str, Any]:
    """Measure all systems on the texts of each language.

    predicted (Predictions): What they say of all texts.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): By language the number of `texts` and by system what `measure_quality` gives; empty in a
        run of one language.
    """
    measured: Dict[str, Any] = {}
    for lang in sorted(set(predicted.langs)):
        own = numpy.array([other == lang for other in predicted.langs])
        measured[lang] = {"texts": int(own.sum())}
        for name, probs in predicted.probs.items():
            measured[lang][name] = measure_quality(probs[own], predicted.gold[own], task)
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
