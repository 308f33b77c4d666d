"""Quality of one system, and how closely one follows another. Functions over arrays."""

from typing import Any, Dict, List, Optional, Tuple

import numpy
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score
from spacy import Language
from tqdm import tqdm

N_BINS = 10


def classify(nlp: Language, texts: List[str], labels: List[str], *, name: str) -> numpy.ndarray:
    """Classify texts.

    nlp (Language): The pipeline.
    texts (List[str]): The texts.
    labels (List[str]): Label order.
    name (str): Shown beside the progress bar.
    RETURNS (ndarray): Probabilities. Shape: (n_texts, n_labels).
    """
    docs = tqdm(nlp.pipe(texts), total=len(texts), desc=f"Testing {name}", unit="text", disable=None)
    return numpy.array([[doc.cats[label] for label in labels] for doc in docs])


def measure_quality(probs: numpy.ndarray, gold: numpy.ndarray) -> Dict[str, Any]:
    """Measure the predictions of one system.

    probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    RETURNS (Dict[str, Any]): accuracy with its 95 % Wilson interval, macro_f1, and ece; all 0 to 1.
    """
    predicted = probs.argmax(axis=1)
    interval = binomtest(int((predicted == gold).sum()), len(gold)).proportion_ci(method="wilson")
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "accuracy_interval": [float(interval.low), float(interval.high)],
        "macro_f1": float(f1_score(gold, predicted, average="macro")),
        "ece": calibration_error(probs, gold),
    }


def calibration_error(probs: numpy.ndarray, gold: numpy.ndarray, *, n_bins: int = N_BINS) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over bins of equal width.

    probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    gold (ndarray): Number of the gold label of each document. Shape: (n_docs,).
    n_bins (int): Number of bins of confidence over [0, 1].
    RETURNS (float): 0 is perfect, 1 the worst.

    SOURCE: Guo et al. (2017), On calibration of modern neural networks, equation 3.
    """
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == gold
    bins = numpy.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs((correct[bins == b] - confidence[bins == b]).sum()) for b in range(n_bins)]
    return float(sum(gaps) / len(gold))


def compare_to_teacher(student_probs: numpy.ndarray, teacher_probs: numpy.ndarray) -> Dict[str, float]:
    """Measure how closely a student follows its teacher.

    student_probs (ndarray): Probabilities. Shape: (n_docs, n_labels).
    teacher_probs (ndarray): Probabilities. Same shape.
    RETURNS (Dict[str, float]): agreement (share of equal decisions) and kl (mean KL(teacher || student) in nats).
    """
    tiny = numpy.finfo("float32").tiny
    log_ratio = numpy.log(numpy.maximum(teacher_probs, tiny)) - numpy.log(numpy.maximum(student_probs, tiny))
    agreement = accuracy_score(teacher_probs.argmax(axis=1), student_probs.argmax(axis=1))
    return {"agreement": float(agreement), "kl": float((teacher_probs * log_ratio).sum(axis=1).mean())}


def measure_gap(baseline: float, student: float, teacher: float) -> Tuple[float, Optional[float]]:
    """How much of the teacher the student keeps.

    baseline, student, teacher (float): Accuracies; the baseline is the best system that learned from gold alone.
    RETURNS (Tuple[float, Optional[float]]): retained (student / teacher) and gap_closed ((student - baseline) /
        (teacher - baseline)); the second is None where the teacher does not beat the baseline.
    """
    gap_closed = (student - baseline) / (teacher - baseline) if teacher > baseline else None
    return student / teacher, gap_closed
