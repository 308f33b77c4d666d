"""Accuracy against cost, and the threshold that follows."""

from itertools import pairwise
from typing import List

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cascade.__main__ import interleave
from scripts.cascade.curve import (
    ALWAYS,
    Point,
    Sides,
    answer,
    choose_threshold,
    estimate_speed,
    measure,
    trace_curve,
)
from scripts.data.task import Task

TASK = Task(["A", "B"])


def make_sides(n: int = 500, seed: int = 0) -> Sides:
    """A teacher that is right nine times of ten, and a student that is often right where it is sure."""
    rng = numpy.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    confidence = rng.uniform(0.5, 1, n)
    student_right, teacher_right = rng.uniform(size=n) < confidence, rng.uniform(size=n) < 0.9
    student, teacher = numpy.empty((n, 2)), numpy.full((n, 2), 0.1)
    said = numpy.where(student_right, gold, 1 - gold)
    student[numpy.arange(n), said], student[numpy.arange(n), 1 - said] = confidence, 1 - confidence
    teacher[numpy.arange(n), numpy.where(teacher_right, gold, 1 - gold)] = 0.9
    return Sides(student, teacher, gold, rng.integers(1, 50, n))


def test_a_point_by_hand() -> None:
    student = numpy.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.45, 0.55]])
    teacher = numpy.array([[0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
    sides = Sides(student, teacher, numpy.array([0, 0, 1, 1]), numpy.array([10, 20, 30, 40]))
    assert answer(sides, 0.7, TASK).tolist() == [0, 0, 1, 1]
    for threshold, accuracy, escalated, words in ((0.7, 1.0, 0.5, 0.6), (0.6, 0.75, 0.25, 0.4)):
        point = measure(sides, threshold, TASK)
        assert (point.accuracy, point.escalated, point.words) == (accuracy, escalated, words)
    assert estimate_speed(0.6, student=100.0, teacher=1.0) == pytest.approx(1 / 0.61)


def test_the_curve_leads_from_the_student_alone_to_the_teacher_alone() -> None:
    sides = make_sides()
    curve = trace_curve(sides, TASK)
    thresholds = [point.threshold for point in curve]
    assert thresholds == sorted(set(thresholds)) and all(round(value, 4) == value for value in thresholds)
    assert (curve[0].threshold, curve[0].escalated) == (0.0, 0.0)
    assert curve[-1] == Point(ALWAYS, (TASK.decide(sides.teacher) == sides.gold).mean(), 0.0, 1.0, 1.0)
    assert curve[0].accuracy == pytest.approx((TASK.decide(sides.student) == sides.gold).mean())
    assert all(a.words <= b.words for a, b in pairwise(curve))


def choose(losses: List[float], *, max_loss: float = 1.0, max_words: float = 1.0) -> tuple:
    curve = [Point(i / 10, 0.9, loss, i / 10, i / 10) for i, loss in enumerate(losses)]
    point, reached = choose_threshold(curve, max_loss=max_loss, max_words=max_words)
    return point.threshold, reached


def test_the_cheapest_that_surely_loses_little_is_chosen() -> None:
    assert choose([0.05, 0.02, 0.01, 0.0]) == (0.2, True)
    # A student can be right where its teacher is wrong, so that more asking loses again.
    assert choose([0.05, 0.005, 0.02, 0.0]) == (0.1, True)
    assert choose([-0.01, 0.0, 0.0]) == (0.0, True)


def test_within_a_budget_that_is_too_small_the_least_loss_is_taken() -> None:
    assert choose([0.09, 0.05, 0.02, 0.0], max_words=0.2) == (0.2, False)
    assert choose([0.09, 0.05, 0.05, 0.0], max_words=0.2) == (0.1, False)
    assert choose([0.09, 0.05, 0.05, 0.0], max_words=0.0) == (0.0, False)
    assert choose([0.09, 0.05, 0.05, 0.0], max_loss=5.0, max_words=0.2) == (0.1, True)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
@settings(deadline=None)
def test_each_beginning_of_the_texts_is_asked_about_as_often_as_all(asked: List[bool]) -> None:
    order = interleave(numpy.array(asked))
    assert sorted(order) == list(range(len(asked)))
    share = sum(asked) / len(asked)
    for n in range(1, len(asked) + 1):
        assert abs(sum(asked[i] for i in order[:n]) - n * share) <= 1
