"""Quality of one system, and how closely one follows another. Functions over arrays."""

from typing import Any, Dict, List, Optional, Tuple

import numpy
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score
from spacy import Language
from tqdm import tqdm

from scripts.data.task import Task

N_BINS = 10


def classify(nlp: Language, texts: List[str], task: Task, *, name: str) -> numpy.ndarray:
    """Classify texts.

    nlp (Language): The pipeline.
    texts (List[str]): The texts.
    task (Task): The labels.
    name (str): Shown beside the progress bar.
    RETURNS (ndarray): Probabilities. Shape: (n_texts, n_labels).
    """
    docs = tqdm(nlp.pipe(texts), total=len(texts), desc=f"Testing {name}", unit="text", disable=None)
    return numpy.array([[doc.cats[label] for label in task.labels] for doc in docs])


def measure_quality(probs: numpy.ndarray, gold: numpy.ndarray, task: Task) -> Dict[str, Any]:
    """Measure the predictions of one system.

    probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    task (Task): The labels.
    RETURNS (Dict[str, Any]): accuracy with its 95 % Wilson interval, macro_f1, and ece, all 0 to 1, and brier, 0
        to 2. To macro F1 each label counts as one, as in spaCy: one that no document has with 0, as nothing shows that
        it is ever found.
    """
    predicted = task.decide(probs)
    interval = binomtest(int((predicted == gold).sum()), len(gold)).proportion_ci(method="wilson")
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "accuracy_interval": [float(interval.low), float(interval.high)],
        "macro_f1": float(
            f1_score(gold, predicted, labels=range(len(task.labels)), average="macro", zero_division=0.0)
        ),
        "ece": calibration_error(probs.max(axis=1), predicted == gold),
        "brier": brier_score(probs, gold),
    }


def find_untested(gold: numpy.ndarray, task: Task) -> List[str]:
    """Find the labels of which nothing is measured.

    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    task (Task): The labels.
    RETURNS (List[str]): Labels that no document has.
    """
    return [label for number, label in enumerate(task.labels) if not (gold == number).any()]


def find_bins(confidence: numpy.ndarray) -> numpy.ndarray:
    """Sort confidence into N_BINS bins of equal width.

    confidence (ndarray): Probabilities. Shape: (n_docs,).
    RETURNS (ndarray): Number of the bin of each, from 0. Shape: (n_docs,).
    """
    return numpy.minimum((confidence * N_BINS).astype(int), N_BINS - 1)


def calibration_error(confidence: numpy.ndarray, correct: numpy.ndarray) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over bins of equal width.

    confidence (ndarray): Probability of what was decided for each document. Shape: (n_docs,).
    correct (ndarray): Whether that is right. Shape: (n_docs,).
    RETURNS (float): 0 is perfect, 1 the worst.

    SOURCE: Guo et al. (2017), On calibration of modern neural networks, equation 3.
    """
    bins = find_bins(confidence)
    gaps = [abs((correct[bins == b] - confidence[bins == b]).sum()) for b in numpy.unique(bins)]
    return float(sum(gaps) / len(correct))


def brier_score(probs: numpy.ndarray, gold: numpy.ndarray) -> float:
    """Mean squared distance of probabilities and gold, summed over labels: calibration and quality in one.

    probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    RETURNS (float): 0 is perfect, 2 the worst.

    SOURCE: Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    return float(((probs - numpy.eye(probs.shape[1])[gold]) ** 2).sum(axis=1).mean())


def compare_to_teacher(student_probs: numpy.ndarray, teacher_probs: numpy.ndarray, task: Task) -> Dict[str, float]:
    """Measure how closely a student follows its teacher.

    student_probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    teacher_probs (ndarray): Probabilities. Same shape.
    task (Task): The labels.
    RETURNS (Dict[str, float]): agreement (share of equal decisions) and kl (mean KL(teacher || student) in nats).
    """
    tiny = numpy.finfo("float32").tiny
    log_ratio = numpy.log(numpy.maximum(teacher_probs, tiny)) - numpy.log(numpy.maximum(student_probs, tiny))
    agreement = accuracy_score(task.decide(teacher_probs), task.decide(student_probs))
    return {"agreement": float(agreement), "kl": float((teacher_probs * log_ratio).sum(axis=1).mean())}


def measure_gap(baseline: float, student: float, teacher: float) -> Tuple[float, Optional[float]]:
    """How much of the teacher the student keeps.

    baseline, student, teacher (float): Accuracies; the baseline is the best system that learned from gold alone.
    RETURNS (Tuple[float, Optional[float]]): retained (student / teacher) and gap_closed ((student - baseline) /
        (teacher - baseline)); the second is None where the teacher does not beat the baseline.
    """
    gap_closed = (student - baseline) / (teacher - baseline) if teacher > baseline else None
    return student / teacher, gap_closed
