"""Accuracy against cost of a cascade, for every threshold, from what student and teacher say alone. Pure functions."""

from typing import List, NamedTuple, Sequence, Tuple

import numpy

from scripts.data.task import Task

# Thresholds that are tried: what so many shares of the texts are decided with, and 0, which never asks the teacher.
N_SHARES = 100
# Digits of a threshold, as it is read and typed.
DIGITS = 4


class Sides(NamedTuple):
    """What student and teacher say of the same texts.

    student, teacher (ndarray): Probabilities. Shape: (n_texts, n_labels).
    gold (ndarray): Number of the gold label of each. Shape: (n_texts,).
    n_words (ndarray): Length of each. Shape: (n_texts,).
    """

    student: numpy.ndarray
    teacher: numpy.ndarray
    gold: numpy.ndarray
    n_words: numpy.ndarray


class Point(NamedTuple):
    """A cascade with one threshold.

    threshold (float): The student answers if its highest probability is at least this.
    accuracy (float): 0 to 1.
    escalated (float): Share of the texts that the teacher answers.
    words (float): Share of the words that it reads for that, as texts are not equally long. This is what it costs.
    """

    threshold: float
    accuracy: float
    escalated: float
    words: float


def trace_curve(sides: Sides, task: Task) -> List[Point]:
    """What a cascade does at each threshold.

    sides (Sides): What student and teacher say.
    task (Task): The labels.
    RETURNS (List[Point]): By ascending threshold.
    """
    confidence = sides.student.max(axis=1)
    # Rounded up, so that what lies at a quantile is asked about.
    thresholds = numpy.ceil(numpy.quantile(confidence, numpy.linspace(0, 1, N_SHARES + 1)) * 10**DIGITS) / 10**DIGITS
    return [measure(sides, float(threshold), task) for threshold in numpy.unique([0.0, *thresholds])]


def measure(sides: Sides, threshold: float, task: Task) -> Point:
    """What a cascade with one threshold does.

    sides (Sides): What student and teacher say.
    threshold (float): The threshold.
    task (Task): The labels.
    RETURNS (Point): Its accuracy and cost.
    """
    is_asked = find_asked(sides.student, threshold)
    right = answer(sides, threshold, task) == sides.gold
    words = float(sides.n_words[is_asked].sum() / max(1, sides.n_words.sum()))
    return Point(threshold, float(right.mean()), float(is_asked.mean()), words)


def estimate_speed(words: float, *, student: float, teacher: float) -> float:
    """The speed of a cascade that follows from those of its two: the student reads all words.

    words (float): Share of the words that the teacher reads, too.
    student, teacher (float): Words per second.
    RETURNS (float): Words per second.
    """
    return 1 / (1 / student + words / teacher)


def find_asked(student: numpy.ndarray, threshold: float) -> numpy.ndarray:
    """Of which texts the teacher is asked.

    student (ndarray): The student's probabilities. Shape: (n_texts, n_labels).
    threshold (float): The threshold.
    RETURNS (ndarray): Booleans. Shape: (n_texts,).
    """
    return student.max(axis=1) < threshold


def answer(sides: Sides, threshold: float, task: Task) -> numpy.ndarray:
    """What a cascade decides. RETURNS (ndarray): Number of the label of each text. Shape: (n_texts,)."""
    is_asked = find_asked(sides.student, threshold)
    return numpy.where(is_asked, task.decide(sides.teacher), task.decide(sides.student))


def choose_threshold(
    curve: Sequence[Point], teacher_accuracy: float, *, max_loss: float, max_words: float
) -> Tuple[Point, bool]:
    """Choose the cheapest cascade that is as good as it shall be.

    One that does well where dearer ones did not was lucky, so those that may be chosen are taken from the dearest one
    down, as long as they reach what is asked for.

    curve (Sequence[Point]): By ascending threshold.
    teacher_accuracy (float): The teacher's accuracy on the same texts, 0 to 1.
    max_loss (float): Points of accuracy that may be lost against the teacher.
    max_words (float): Largest share of the words that the teacher may read.
    RETURNS (Tuple[Point, bool]): The choice, and whether it reaches the accuracy; if none within the budget does, the
        most accurate one of those, the cheapest where several are.
    """
    affordable = [point for point in curve if point.words <= max_words]
    lowest = teacher_accuracy - max_loss / 100 - 1e-9
    good: List[Point] = []
    for point in reversed(affordable):
        if point.accuracy < lowest:
            break
        good.append(point)
    if good:
        return good[-1], True
    return max(affordable, key=lambda point: (point.accuracy, -point.words)), False
