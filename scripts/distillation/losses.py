"""Distillation loss: the teacher's soft targets mixed with gold labels. It works on logits alone."""

from typing import Generator, Iterator, List, Optional, Tuple, Union

from spacy.util import registry
from thinc.api import get_array_module
from thinc.types import Floats1d, Floats2d

Schedule = Union[float, List[float], Generator]


@registry.losses("textdistill.SoftTargets.v1")
def create_soft_targets(objective: str, temperature: Schedule, hard_weight: Schedule) -> "SoftTargets":
    """Configure the distillation loss.

    objective (str): "kl" (Hinton et al.) or "mse" on centred logits (Tang et al.).
    temperature (Schedule): Softening of both distributions, > 0; a number or a Thinc schedule. Used by "kl".
    hard_weight (Schedule): Weight of cross-entropy with gold, 0 to 1; a number or a Thinc schedule. The soft
        part has the weight 1 - hard_weight. At 1 the loss is plain cross-entropy and needs no teacher.
    RETURNS (SoftTargets): The loss.
    """
    return SoftTargets(objective=objective, temperature=temperature, hard_weight=hard_weight)


class SoftTargets:
    """(1 - w) * T^2 * KL(teacher_T || student_T) + w * CE(gold, student), averaged over documents.

    With objective "mse" the first term is (1 - w) * mean((student - teacher)^2) over centred logits.
    Documents without gold have only the soft term, with the same weight.

    SOURCE: Hinton, Vinyals, Dean (2015), arXiv:1503.02531, section 2; Tang et al. (2019), arXiv:1903.12136,
        section 3.2.
    """

    def __init__(self, *, objective: str, temperature: Schedule, hard_weight: Schedule) -> None:
        """The parameters are those of `create_soft_targets`.

        RAISES (ValueError): Unknown objective, or a value out of range.
        """
        if objective not in ("kl", "mse"):
            raise ValueError(f'objective of textdistill.SoftTargets.v1 must be "kl" or "mse", got {objective!r}')
        self.objective = objective
        self._temperatures = _as_values(temperature)
        self._hard_weights = _as_values(hard_weight)
        self.temperature = self.hard_weight = 0.0
        self.step()

    def step(self) -> None:
        """Move both schedules to their next value. The component calls it once per update."""
        # A list that has come to its end keeps its last value.
        self.temperature = next(self._temperatures, self.temperature)
        self.hard_weight = next(self._hard_weights, self.hard_weight)
        if not self.temperature > 0:
            raise ValueError(f"temperature of textdistill.SoftTargets.v1 must be > 0, got {self.temperature}")
        if not 0 <= self.hard_weight <= 1:
            raise ValueError(f"hard_weight of textdistill.SoftTargets.v1 must be 0 to 1, got {self.hard_weight}")

    def __call__(self, logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> Tuple[Floats2d, float]:
        """Compute gradient and loss.

        logits (Floats2d): Student scores before softmax. Shape: (n_docs, n_labels).
        teacher_logits (Optional[Floats2d]): Teacher scores at temperature 1; None only at hard weight 1. Same shape.
        gold (Floats2d): One-hot rows, or rows of zeros for documents without gold. Same shape.
        RETURNS (Tuple[Floats2d, float]): Gradient with respect to logits, divided by n_docs; loss per document,
            in nats for "kl".
        RAISES (ValueError): Shapes differ, or the teacher is missing while the soft part has a weight.
        """
        return self.get_grad(logits, teacher_logits, gold), self.get_loss(logits, teacher_logits, gold)

    def get_grad(self, logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> Floats2d:
        """The gradient that `__call__` returns."""
        teacher_logits = self._check(logits, teacher_logits, gold)
        xp = get_array_module(logits)
        has_gold = gold.sum(axis=1, keepdims=True)
        d_logits = self.hard_weight * has_gold * (xp.exp(log_softmax(logits)) - gold)
        if teacher_logits is not None:
            if self.objective == "kl":
                T = self.temperature
                # d/dz of T^2 KL: the inner derivative 1/T leaves one factor T.
                d_soft = T * (xp.exp(log_softmax(logits / T)) - xp.exp(log_softmax(teacher_logits / T)))
            else:
                d_soft = 2 / logits.shape[1] * (center(logits) - center(teacher_logits))
            d_logits = d_logits + (1 - self.hard_weight) * d_soft
        return d_logits / len(logits)

    def get_loss(self, logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> float:
        """The loss that `__call__` returns."""
        teacher_logits = self._check(logits, teacher_logits, gold)
        xp = get_array_module(logits)
        losses: Floats1d = -self.hard_weight * (gold * log_softmax(logits)).sum(axis=1)
        if teacher_logits is not None:
            if self.objective == "kl":
                T = self.temperature
                log_p, log_q = log_softmax(teacher_logits / T), log_softmax(logits / T)
                soft = T**2 * (xp.exp(log_p) * (log_p - log_q)).sum(axis=1)
            else:
                soft = ((center(logits) - center(teacher_logits)) ** 2).mean(axis=1)
            losses = losses + (1 - self.hard_weight) * soft
        return float(losses.mean())

    def _check(self, logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> Optional[Floats2d]:
        """Validate the inputs; the teacher is dropped where it has no weight."""
        if gold.shape != logits.shape:
            raise ValueError(f"gold has shape {gold.shape}, logits have {logits.shape}: they must be the same")
        if self.hard_weight == 1:
            return None
        if teacher_logits is None:
            raise ValueError("Teacher logits are missing. Train on scored shards, or set hard_weight = 1")
        if teacher_logits.shape != logits.shape:
            raise ValueError(f"teacher_logits have shape {teacher_logits.shape}, logits have {logits.shape}")
        return teacher_logits


def log_softmax(logits: Floats2d) -> Floats2d:
    """Row-wise log(softmax), without overflow for any finite logits. Shape: (n_docs, n_labels)."""
    xp = get_array_module(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))


def center(logits: Floats2d) -> Floats2d:
    """Subtract the mean of each row: softmax does not see it. Shape: (n_docs, n_labels)."""
    return logits - logits.mean(axis=1, keepdims=True)


def _as_values(schedule: Schedule) -> Iterator[float]:
    """The values of a schedule; a number is a schedule of one value, which then stays."""
    return iter([schedule]) if isinstance(schedule, (int, float)) else iter(schedule)
