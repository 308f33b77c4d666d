import numpy
import pytest

from scripts.data.significance import Comparison, bound_loss, compare_paired


def test_noise_is_told_from_difference() -> None:
    rng = numpy.random.default_rng(1)
    one = (rng.random(400) < 0.8).astype(float)
    assert compare_paired(one, one) == Comparison(0.0, 0.0, 0.0, 1.0)
    assert compare_paired(one, numpy.clip(one - (rng.random(400) < 0.1), 0, 1)).p_value < 0.01
    assert compare_paired(one, (rng.random(400) < 0.8).astype(float)).p_value > 0.05


def test_a_comparison_by_hand() -> None:
    # Of two texts one differs; its sign is in doubt only where it is never drawn, 1/4 of the samples.
    found = compare_paired(numpy.array([True, True]), numpy.array([False, True]))
    assert found.p_value == pytest.approx(2 * 0.25, abs=0.03)
    assert (found.difference, found.low, found.high) == (0.5, 0.0, 1.0)
    # 100 of 400 texts gained, 60 lost: the standard error is ((160 / 400 - .1 ** 2) / 400) ** .5 = .0312.
    one, other = numpy.zeros(400), numpy.zeros(400)
    one[:100], other[100:160] = 1, 1
    found = compare_paired(one, other)
    assert found.difference == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - 1.96 * 0.0312, abs=0.003)
    assert found.high == pytest.approx(0.1 + 1.96 * 0.0312, abs=0.003)
    assert found.p_value == pytest.approx(0.0014, abs=0.001)
    mirrored = compare_paired(other, one)
    assert mirrored.difference == -found.difference and mirrored.p_value == pytest.approx(found.p_value, abs=0.001)


def test_shares_of_seeds_count_as_shares() -> None:
    assert compare_paired(numpy.array([0.5, 1.0]), numpy.array([0.0, 0.5])).difference == 0.5


def test_a_comparison_in_words() -> None:
    assert str(Comparison(0.0125, -0.02, 0.0451, 0.2849)) == "+1.2 points, 95 % interval -2.0 to +4.5, p .285"
    assert str(Comparison(-0.1, -0.2, -0.05, 0.0002)).endswith("-10.0 points, 95 % interval -20.0 to -5.0, p < .001")
    assert str(Comparison(0.0, 0.0, 0.0, 1.0)).endswith("p 1.000")


def count_right(both: int, lost: int, won: int, neither: int) -> tuple:
    """Whether a system and another are right, for so many texts each."""
    counts = (both, lost, won, neither)
    return numpy.repeat([True, False, True, False], counts), numpy.repeat([True, True, False, False], counts)


def test_the_bound_of_a_loss_by_hand() -> None:
    # 7.5 and 3.5 of 102: a difference of 4 / 102, and a deviation of sqrt(11 - 16 / 102) / 102.
    assert bound_loss(*count_right(80, 7, 3, 10)) == pytest.approx((4 + 1.6449 * 3.2929) / 102, abs=1e-4)
    assert bound_loss(*count_right(80, 3, 7, 10)) == pytest.approx((-4 + 1.6449 * 3.2929) / 102, abs=1e-4)


def test_few_texts_rule_out_little() -> None:
    assert 0.03 < bound_loss(*count_right(50, 0, 0, 0)) < 0.04
    assert 0.001 < bound_loss(*count_right(900, 0, 0, 100)) < 0.002


def test_the_bound_is_seldom_passed() -> None:
    rng = numpy.random.default_rng(0)
    # Both, lost, won, neither: a loss of two points.
    draws = rng.multinomial(400, [0.83, 0.05, 0.03, 0.09], size=500)
    assert 0.92 < numpy.mean([bound_loss(*count_right(*draw)) > 0.02 for draw in draws]) < 0.98
