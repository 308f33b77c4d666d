"""Mean, spread and paired significance of accuracies over seeds."""

from typing import Any, Dict, List

import numpy

from scripts.evaluation.quality import compare_to_teacher, measure_quality

N_SAMPLES = 10_000


def summarize(results: List[Dict[str, Any]], baseline: List[Dict[str, Any]], teacher: Dict[str, Any]) -> Dict[str, Any]:
    """Summarise the runs of one cell.

    results (List[Dict[str, Any]]): What each seed's model predicts, as `run_cell` wrote it.
    baseline (List[Dict[str, Any]]): The same for the cell to compare with, on the same test texts.
    teacher (Dict[str, Any]): The same for the teacher.
    RETURNS (Dict[str, Any]): Mean and standard deviation (over seeds; 0 for one) of the accuracy on dev and test, mean
        agreement on both, means of macro F1 and calibration error on test, difference from the baseline, its p-value.
    """
    accuracy = [result["test"]["accuracy"] for result in results]
    dev = [result["dev"]["accuracy"] for result in results]
    compared = {
        split: [
            compare_to_teacher(numpy.array(result[split]["probs"]), numpy.array(teacher[split]["probs"]))
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
        "p_value": bootstrap_p_value(correctness(results), correctness(baseline)),
        "model_mb": float(numpy.mean([result["model_mb"] for result in results])),
    }


def spread(values: List[float]) -> float:
    """Standard deviation of a sample; 0 for a single value."""
    return float(numpy.std(values, ddof=1)) if len(values) > 1 else 0.0


def correctness(results: List[Dict[str, Any]]) -> numpy.ndarray:
    """For each test text the share of seeds that get it right.

    results (List[Dict[str, Any]]): What each seed's model predicts.
    RETURNS (ndarray): 0 to 1. Shape: (n_docs,).
    """
    rights = [
        numpy.array(result["test"]["probs"]).argmax(axis=1) == numpy.array(result["test"]["gold"]) for result in results
    ]
    return numpy.mean(rights, axis=0)


def bootstrap_p_value(one: numpy.ndarray, other: numpy.ndarray, *, n_samples: int = N_SAMPLES) -> float:
    """Two-sided p-value of a paired bootstrap over texts: how often the sign of the difference is in doubt.

    one, other (ndarray): Correctness of two systems on the same texts. Shape: (n_docs,).
    n_samples (int): Number of samples.
    RETURNS (float): 0 to 1, at least 1 / (n_samples + 1). 1 if the systems do not differ.

    SOURCE: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 15; the +1 keeps p above 0.
    """
    difference = one - other
    rng = numpy.random.default_rng(0)
    # A sample of n texts with replacement is a draw of how often each one occurs.
    counts = rng.multinomial(len(difference), numpy.full(len(difference), 1 / len(difference)), size=n_samples)
    sums = counts @ difference
    tail = min((sums <= 1e-9).sum(), (sums >= -1e-9).sum())
    return float(min(1.0, 2 * (tail + 1) / (n_samples + 1)))


def merge(results: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The result of several models taken together: the mean of their probabilities, measured.

    results (List[Dict[str, Any]]): What each model predicts, as `run_cell` wrote it.
    RETURNS (Dict[str, Any]): The same for all of them; model_mb is their sum.
    """
    merged: Dict[str, Any] = {"model_mb": sum(result["model_mb"] for result in results)}
    for split in ("dev", "test"):
        gold = results[0][split]["gold"]
        probs = numpy.mean([result[split]["probs"] for result in results], axis=0)
        merged[split] = {**measure_quality(probs, numpy.array(gold)), "gold": gold, "probs": probs.tolist()}
    return merged
