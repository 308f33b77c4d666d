"""Mean, spread and paired significance of accuracies over seeds."""

from typing import Any, Dict, List

import numpy

from scripts.data.significance import compare_paired
from scripts.data.task import Task
from scripts.evaluation.quality import compare_to_teacher, measure_quality


def summarize(
    results: List[Dict[str, Any]], baseline: List[Dict[str, Any]], teacher: Dict[str, Any], task: Task
) -> Dict[str, Any]:
    """Summarise the runs of one cell.

    results (List[Dict[str, Any]]): What each seed's model predicts, as `run_cell` wrote it.
    baseline (List[Dict[str, Any]]): The same for the cell to compare with, on the same test texts.
    teacher (Dict[str, Any]): The same for the teacher.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): Mean and standard deviation (over seeds; 0 for one) of the accuracy on dev and test, mean
        agreement on both, means of macro F1 and calibration error on test, difference from the baseline, its p-value.
    """
    accuracy = [result["test"]["accuracy"] for result in results]
    dev = [result["dev"]["accuracy"] for result in results]
    compared = {
        split: [
            compare_to_teacher(numpy.array(result[split]["probs"]), numpy.array(teacher[split]["probs"]), task)
            for result in results
        ]
        for split in ("dev", "test")
    }
    return {
        "n_seeds": len(results),
        "dev_mean": float(numpy.mean(dev)),
        "dev_spread": spread(dev),
        "dev_agreement": float(numpy.mean([comparison["agreement"] for comparison in compared["dev"]])),
        "test_mean": float(numpy.mean(accuracy)),
        "test_spread": spread(accuracy),
        "macro_f1": float(numpy.mean([result["test"]["macro_f1"] for result in results])),
        "ece": float(numpy.mean([result["test"]["ece"] for result in results])),
        "agreement": float(numpy.mean([comparison["agreement"] for comparison in compared["test"]])),
        "kl": float(numpy.mean([comparison["kl"] for comparison in compared["test"]])),
        "difference": float(numpy.mean(accuracy) - numpy.mean([result["test"]["accuracy"] for result in baseline])),
        "p_value": compare_paired(correctness(results, task), correctness(baseline, task)).p_value,
        "model_mb": float(numpy.mean([result["model_mb"] for result in results])),
    }


def spread(values: List[float]) -> float:
    """Standard deviation of a sample; 0 for a single value."""
    return float(numpy.std(values, ddof=1)) if len(values) > 1 else 0.0


def correctness(results: List[Dict[str, Any]], task: Task) -> numpy.ndarray:
    """For each test text the share of seeds that get it right.

    results (List[Dict[str, Any]]): What each seed's model predicts.
    task (Task): The labels.
    RETURNS (ndarray): 0 to 1. Shape: (n_docs,).
    """
    rights = [
        task.decide(numpy.array(result["test"]["probs"])) == numpy.array(result["test"]["gold"]) for result in results
    ]
    return numpy.mean(rights, axis=0)


def merge(results: List[Dict[str, Any]], task: Task) -> Dict[str, Any]:
    """The result of several models taken together: the mean of their probabilities, measured.

    results (List[Dict[str, Any]]): What each model predicts, as `run_cell` wrote it.
    task (Task): The labels.
    RETURNS (Dict[str, Any]): The same for all of them; model_mb is their sum.
    """
    merged: Dict[str, Any] = {"model_mb": sum(result["model_mb"] for result in results)}
    for split in ("dev", "test"):
        gold = results[0][split]["gold"]
        probs = numpy.mean([result[split]["probs"] for result in results], axis=0)
        merged[split] = {**measure_quality(probs, numpy.array(gold), task), "gold": gold, "probs": probs.tolist()}
    return merged
