"""Accuracy against cost of a cascade, for every threshold, from what student and teacher say alone. Pure functions."""

from typing import List, NamedTuple, Sequence, Tuple

import numpy

from scripts.data.significance import bound_loss
from scripts.data.task import Task

# Thresholds that are tried: what so many shares of the texts are decided with, and 0, which never asks the teacher.
N_SHARES = 100
# Digits of a threshold, as it is read and typed.
DIGITS = 4
# No probability is as high: the teacher is asked always.
ALWAYS = 1.1


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
    most_lost (float): What it loses against the teacher at most, 0 to 1, as far as so many texts can tell.
    escalated (float): Share of the texts that the teacher answers.
    words (float): Share of the words that it reads for that, as texts are not equally long. This is what it costs.
    """

    threshold: float
    accuracy: float
    most_lost: float
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
    return [measure(sides, float(threshold), task) for threshold in numpy.unique([0.0, *thresholds, ALWAYS])]


def measure(sides: Sides, threshold: float, task: Task) -> Point:
    """What a cascade with one threshold does.

    sides (Sides): What student and teacher say.
    threshold (float): The threshold.
    task (Task): The labels.
    RETURNS (Point): Its accuracy and cost.
    """
    is_asked = find_asked(sides.student, threshold)
    right = answer(sides, threshold, task) == sides.gold
    teacher_right = task.decide(sides.teacher) == sides.gold
    most_lost = 0.0 if is_asked.all() else bound_loss(right, teacher_right)
    words = float(sides.n_words[is_asked].sum() / max(1, sides.n_words.sum()))
    return Point(threshold, float(right.mean()), most_lost, float(is_asked.mean()), words)


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


def choose_threshold(curve: Sequence[Point], *, max_loss: float, max_words: float) -> Tuple[Point, bool]:
    """Choose the cheapest cascade that is as good as it shall be, and not by luck.

    curve (Sequence[Point]): By ascending threshold.
    max_loss (float): Points of accuracy that may be lost against the teacher. Each threshold is judged for itself.
    max_words (float): Largest share of the words that the teacher may read.
    RETURNS (Tuple[Point, bool]): The choice, and whether it is good enough; if none within the budget is, the one that
        loses least for certain, the cheapest where several do.
    """
    affordable = [point for point in curve if point.words <= max_words]
    for point in affordable:
        if point.most_lost <= max_loss / 100 + 1e-9:
            return point, True
    return min(affordable, key=lambda point: (point.most_lost, point.words)), False
