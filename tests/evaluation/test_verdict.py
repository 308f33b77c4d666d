from typing import Dict

import numpy

from scripts.evaluation.verdict import System, judge


def make_right(n_right: int, n_docs: int = 100) -> numpy.ndarray:
    """The first texts are right, the others wrong."""
    return numpy.arange(n_docs) < n_right


STUDENT = System(make_right(90), 1000.0, 5.0)


def make_rivals(**n_right: int) -> Dict[str, System]:
    wanted = {"reference": 60, "reference_distilled": 65, "baseline": 70, **n_right}
    return {name: System(make_right(right), 500.0, 2.5) for name, right in wanted.items()}


def test_a_student_that_is_ahead_of_all_is_shipped() -> None:
    verdict = judge(STUDENT, make_rivals())
    assert verdict["ship"] == "student"
    assert verdict["against"]["baseline"]["difference"] == 0.2 and verdict["against"]["baseline"]["p_value"] < 0.001
    # 20 of 100 texts differ, all one way: the standard error is (.2 * .8 / 100) ** .5 = .04.
    assert verdict["reason"].startswith("Ship the student. 100 test texts show it ahead of reference, ")
    assert (
        "its smallest lead, over baseline, is +20.0 points, 95 % interval +12.0 to +28.0, p < .001."
        in verdict["reason"]
    )


def test_the_simpler_one_is_shipped_where_the_texts_cannot_tell() -> None:
    # 2 of 100 texts differ: neither is drawn in (.98 ** 100) = 13 % of the samples.
    verdict = judge(STUDENT, make_rivals(reference_distilled=88))
    assert verdict["ship"] == "reference_distilled"
    assert 0.2 < verdict["against"]["reference_distilled"]["p_value"] < 0.32
    assert "one, reference_distilled: 100 test texts cannot tell the student from it" in verdict["reason"]
    assert "(the student has +2.0 points, 95 % interval +0.0 to +5.0, p " in verdict["reason"]
    assert "0.5 times the student's speed and has 0.5 times its size. It has no wheel: it takes" in verdict["reason"]
    # One lead is enough to be told from nothing, one more rival to lose it.
    assert judge(STUDENT, make_rivals(reference_distilled=80))["ship"] == "student"
    assert judge(STUDENT, make_rivals(reference_distilled=80, reference=90))["ship"] == "reference"


def test_a_rival_that_is_ahead_is_said_to_be() -> None:
    verdict = judge(STUDENT, make_rivals(baseline=99))
    assert verdict["ship"] == "baseline" and "100 test texts show it ahead of the student" in verdict["reason"]
    assert "the student has -9.0 points" in verdict["reason"]


def test_of_several_one_without_a_teacher_is_shipped() -> None:
    assert judge(STUDENT, make_rivals(reference_distilled=90, baseline=89))["ship"] == "baseline"
    assert judge(STUDENT, make_rivals(reference=90, baseline=89))["ship"] == "reference"


def test_what_is_slower_and_larger_is_not_simpler() -> None:
    rivals = make_rivals(reference_distilled=88)
    rivals["reference_distilled"] = rivals["reference_distilled"]._replace(size_mb=6.0)
    verdict = judge(STUDENT, rivals)
    assert verdict["ship"] == "student"
    assert "They cannot tell it from reference_distilled, which is neither faster nor smaller." in verdict["reason"]
    # What needs no teacher is, whatever its size.
    rivals = {name: rival._replace(size_mb=6.0) for name, rival in make_rivals(reference=88).items()}
    assert judge(STUDENT, rivals)["ship"] == "reference"
