"""Adam with a rate of its own for the head of a teacher, which begins at zero while its encoder knows much."""

from typing import Any, Tuple

from spacy.util import registry
from thinc.optimizers import FloatOrSeq, Optimizer
from thinc.types import FloatsXd

# Thinc's names of the parameters of a linear layer; those of an encoder have dots.
HEAD = ("W", "b")


class HeadOptimizer(Optimizer):
    """Adam whose learn rate is multiplied for the parameters of linear layers."""

    def __init__(self, learn_rate: FloatOrSeq, *, head_factor: float, **settings: Any) -> None:
        """learn_rate (FloatOrSeq): That of all other parameters.
        head_factor (float): What it is multiplied with.
        settings (Any): As of Thinc's optimizer.
        """
        super().__init__(learn_rate, **settings)
        self.head_factor = head_factor

    def __call__(
        self, key: Tuple[int, str], weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> Tuple[FloatsXd, FloatsXd]:
        """As Thinc's optimizer."""
        scale = lr_scale * self.head_factor if key[1] in HEAD else lr_scale
        return super().__call__(key, weights, gradient, lr_scale=scale)


@registry.optimizers("textdistill.Adam.v1")
def create_optimizer(
    learn_rate: FloatOrSeq, head_factor: float, beta1: float, beta2: float, eps: float, L2: float, grad_clip: float
) -> HeadOptimizer:
    """Create Adam with decoupled weight decay for a teacher.

    learn_rate (FloatOrSeq): Learn rate of the encoder.
    head_factor (float): The head's is so many times higher.
    beta1 (float): First-order momentum.
    beta2 (float): Second-order momentum.
    eps (float): Epsilon of Adam.
    L2 (float): Weight decay.
    grad_clip (float): Gradient clipping.
    RETURNS (HeadOptimizer): The optimizer.
    RAISES (ValueError): The factor is 0 or less.

    SOURCE: discriminative fine-tuning, Howard and Ruder (2018), arXiv:1801.06146, section 3.2; weight decay: Loshchilov
    and Hutter (2019), arXiv:1711.05101.
    """
    if head_factor <= 0:
        raise ValueError(f"head_factor of textdistill.Adam.v1 must be over 0, got {head_factor}")
    settings = {"beta1": beta1, "beta2": beta2, "eps": eps, "L2": L2, "grad_clip": grad_clip}
    return HeadOptimizer(learn_rate, head_factor=head_factor, use_averages=False, L2_is_weight_decay=True, **settings)
