"""Adam with a rate of its own for the head."""

import numpy
import pytest
from spacy.util import load_config, registry

from scripts.teacher.optimizer import HeadOptimizer
from tests.conftest import ROOT

SETTINGS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "L2": 0.0, "grad_clip": 1.0}


def make(**settings: float) -> HeadOptimizer:
    return registry.optimizers.get("textdistill.Adam.v1")(
        **{"learn_rate": 0.01, "head_factor": 20.0, **SETTINGS, **settings}
    )


@pytest.mark.parametrize("name, rate", [("W", 0.2), ("b", 0.2), ("encoder.layer.0.output.dense.weight", 0.01)])
def test_the_head_has_a_higher_rate_than_the_encoder(name: str, rate: float) -> None:
    # Adam's first step is the learn rate, whatever the gradient.
    weights, _ = make()((0, name), numpy.zeros(3, dtype="f"), numpy.array([0.1, -0.2, 0.3], dtype="f"))
    assert weights == pytest.approx([-rate, rate, -rate], rel=1e-3)


def test_weight_decay_is_that_of_adamw() -> None:
    weights, _ = make(L2=0.5)((0, "layer.weight"), numpy.ones(1, dtype="f"), numpy.zeros(1, dtype="f"))
    assert weights == pytest.approx([1 - 0.01 * 0.5])


def test_the_cfg_of_the_teacher_names_it() -> None:
    config = load_config(ROOT / "configs" / "teacher.cfg")
    optimizer = registry.resolve({"optimizer": {**config["training"]["optimizer"], "learn_rate": 0.1}})["optimizer"]
    assert isinstance(optimizer, HeadOptimizer) and optimizer.head_factor > 1 and optimizer.averages is None


def test_a_head_that_could_not_learn_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"head_factor of textdistill\.Adam\.v1 must be over 0, got 0"):
        make(head_factor=0.0)
