"""Adam with a rate of its own for the head."""

from typing import Any

import numpy
import pytest
from spacy.util import load_config, registry

from scripts.teacher.optimizer import HeadOptimizer, create_optimizer
from tests.conftest import ROOT

SETTINGS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "L2": 0.0, "grad_clip": 1.0}


def make(**settings: float) -> HeadOptimizer:
    return create_optimizer(**{"learn_rate": 0.01, "head_factor": 20.0, **SETTINGS, **settings})


def update(optimizer: HeadOptimizer, name: str, weights: Any, gradient: Any) -> Any:
    arrays: Any = [numpy.array(values, dtype="f") for values in (weights, gradient)]
    return optimizer((0, name), *arrays)[0]


@pytest.mark.parametrize("name, rate", [("W", 0.2), ("b", 0.2), ("encoder.layer.0.output.dense.weight", 0.01)])
def test_the_head_has_a_higher_rate_than_the_encoder(name: str, rate: float) -> None:
    # Adam's first step is the learn rate, whatever the gradient.
    assert update(make(), name, [0, 0, 0], [0.1, -0.2, 0.3]) == pytest.approx([-rate, rate, -rate], rel=1e-3)


def test_weight_decay_is_that_of_adamw() -> None:
    assert update(make(L2=0.5), "layer.weight", [1], [0]) == pytest.approx([1 - 0.01 * 0.5])


def test_the_cfg_of_the_teacher_names_it() -> None:
    config = load_config(ROOT / "configs" / "teacher.cfg")
    optimizer = registry.resolve({"optimizer": {**config["training"]["optimizer"], "learn_rate": 0.1}})["optimizer"]
    assert isinstance(optimizer, HeadOptimizer) and optimizer.head_factor > 1 and optimizer.averages is None


def test_a_head_that_could_not_learn_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"head_factor of textdistill\.Adam\.v1 must be over 0, got 0"):
        make(head_factor=0.0)
