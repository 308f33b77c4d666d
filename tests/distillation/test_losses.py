from typing import Any, cast

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scripts.distillation.losses import SoftTargets, center, log_softmax


def random_batch(n_docs: int = 5, n_labels: int = 3, seed: int = 0) -> Any:
    rng = numpy.random.default_rng(seed)
    logits, teacher = rng.normal(size=(2, n_docs, n_labels)) * 2
    gold = numpy.eye(n_labels)[rng.integers(n_labels, size=n_docs)]
    gold[0] = 0  # the first document has no gold label
    return logits, teacher, gold


@pytest.mark.parametrize("objective", ["kl", "mse"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3, 1.0])
def test_gradient_equals_finite_differences(objective: str, temperature: float, hard_weight: float) -> None:
    loss = SoftTargets(objective=objective, temperature=temperature, hard_weight=hard_weight)
    logits, teacher, gold = random_batch()
    d_logits: Any = loss(logits, teacher, gold)[0]
    eps = 1e-6
    for index in numpy.ndindex(*logits.shape):
        shift = numpy.zeros_like(logits)
        shift[index] = eps
        difference = loss(logits + shift, teacher, gold)[1] - loss(logits - shift, teacher, gold)[1]
        assert d_logits[index] == pytest.approx(difference / (2 * eps), abs=1e-7)


def test_two_by_two_by_hand() -> None:
    # Student is undecided, the teacher says 3 : 1. KL = .75 ln(.75/.5) + .25 ln(.25/.5) for the first document.
    logits: Any = numpy.zeros((2, 2))
    teacher: Any = numpy.array([[numpy.log(3.0), 0.0], [0.0, 0.0]])
    gold: Any = numpy.array([[1.0, 0.0], [0.0, 0.0]])
    loss = SoftTargets(objective="kl", temperature=1.0, hard_weight=0.2)
    kl = 0.75 * numpy.log(1.5) + 0.25 * numpy.log(0.5)
    d_logits, value = loss(logits, teacher, gold)
    assert value == pytest.approx((0.8 * kl + 0.2 * numpy.log(2)) / 2)
    assert d_logits == pytest.approx(
        numpy.array([[0.8 * (0.5 - 0.75) + 0.2 * (0.5 - 1), 0.8 * (0.5 - 0.25) + 0.2 * 0.5], [0, 0]]) / 2
    )


def test_mse_by_hand() -> None:
    loss = SoftTargets(objective="mse", temperature=1.0, hard_weight=0.0)
    # Centred, the rows are (1, -1) and (0, 0): each entry is off by 1.
    logits: Any = numpy.array([[3.0, 1.0]])
    teacher: Any = numpy.array([[5.0, 5.0]])
    d_logits, value = loss(logits, teacher, cast(Any, numpy.zeros((1, 2))))
    assert value == pytest.approx(1.0)
    assert d_logits == pytest.approx(numpy.array([[1.0, -1.0]]))


@pytest.mark.parametrize(("hard_weight", "with_teacher"), [(1.0, True), (1.0, False), (0.2, False)])
def test_hard_weight_one_is_cross_entropy_and_so_is_no_teacher(hard_weight: float, with_teacher: bool) -> None:
    logits, teacher, gold = random_batch()
    gold[0] = [1, 0, 0]
    loss = SoftTargets(objective="kl", temperature=3.0, hard_weight=hard_weight)
    d_logits, value = loss(logits, teacher if with_teacher else None, gold)
    probs = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    assert value == pytest.approx(-numpy.log(probs[gold == 1]).mean())
    assert d_logits == pytest.approx((probs - gold) / len(gold))


def test_sure_teacher_at_temperature_one_is_cross_entropy() -> None:
    logits, _, gold = random_batch()
    gold[0] = [0, 1, 0]
    soft = SoftTargets(objective="kl", temperature=1.0, hard_weight=0.0)
    hard = SoftTargets(objective="kl", temperature=1.0, hard_weight=1.0)
    sure = gold * 60.0
    assert soft(logits, sure, gold)[0] == pytest.approx(hard(logits, None, gold)[0], abs=1e-12)
    assert soft(logits, sure, gold)[1] == pytest.approx(hard(logits, None, gold)[1], abs=1e-12)


def test_high_temperature_tends_to_mse() -> None:
    # Hinton et al., section 2.1: for T -> infinity the gradient is that of (z - v)^2 / (2 N).
    logits, teacher, gold = random_batch()
    kl = SoftTargets(objective="kl", temperature=1e4, hard_weight=0.0)
    mse = SoftTargets(objective="mse", temperature=1.0, hard_weight=0.0)
    assert kl(logits, teacher, gold)[0] == pytest.approx(mse(logits, teacher, gold)[0] / 2, abs=1e-3)


finite_rows = arrays("float64", (3, 4), elements=st.floats(-500, 500))


@given(finite_rows, finite_rows)
def test_loss_is_zero_at_the_teacher_and_positive_elsewhere(logits: Any, teacher: Any) -> None:
    gold: Any = numpy.zeros_like(logits)
    d_logits: Any
    for objective in ("kl", "mse"):
        loss = SoftTargets(objective=objective, temperature=2.0, hard_weight=0.0)
        d_logits, value = loss(teacher + 7.0, teacher, gold)
        assert abs(value) < 1e-9 and numpy.abs(d_logits).max() < 1e-9
        d_logits, value = loss(logits, teacher, gold)
        assert value > -1e-9 and numpy.isfinite(d_logits).all()
        assert numpy.abs(d_logits.sum(axis=1)).max() < 1e-9


@given(finite_rows)
def test_log_softmax_and_center(logits: Any) -> None:
    probs: Any = numpy.exp(cast(Any, log_softmax(logits)))
    assert probs.sum(axis=1) == pytest.approx(numpy.ones(3))
    assert center(logits).sum(axis=1) == pytest.approx(numpy.zeros(3), abs=1e-9)


def test_schedules_move_by_step_and_lists_keep_their_last_value() -> None:
    loss = SoftTargets(objective="kl", temperature=(t for t in (4.0, 2.0, 1.0)), hard_weight=[0.0, 0.5])
    seen = [(loss.temperature, loss.hard_weight)]
    for _ in range(3):
        loss.step()
        seen.append((loss.temperature, loss.hard_weight))
    assert seen == [(4.0, 0.0), (2.0, 0.5), (1.0, 0.5), (1.0, 0.5)]


def test_errors_name_the_value() -> None:
    for settings, words in [
        ({"objective": "l1", "temperature": 1.0, "hard_weight": 0.0}, "'l1'"),
        ({"objective": "kl", "temperature": 0.0, "hard_weight": 0.0}, "must be > 0, got 0.0"),
        ({"objective": "kl", "temperature": 1.0, "hard_weight": 1.5}, "0 to 1, got 1.5"),
    ]:
        with pytest.raises(ValueError, match=words):
            SoftTargets(**settings)  # type: ignore[arg-type]
    logits, teacher, gold = random_batch()
    loss = SoftTargets(objective="kl", temperature=1.0, hard_weight=0.5)
    with pytest.raises(ValueError, match=r"\(5, 2\)"):
        loss(logits, teacher[:, :2], gold)
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        loss(logits, teacher, gold[1:])
