"""Distillation loss: the teacher's soft targets mixed with gold labels. It works on logits alone."""

from typing import Generator, Iterator, List, Optional, Tuple, Union

from spacy.util import registry
from thinc.api import get_array_module
from thinc.types import Floats1d, Floats2d

Schedule = Union[float, List[float], Generator]
OBJECTIVES = ("kl", "mse")


@registry.losses("textdistill.SoftTargets.v2")
def create_soft_targets(objective: str, temperature: Schedule, hard_weight: Schedule) -> "SoftTargets":
    """Configure the distillation loss.

    objective (str): "kl" (Hinton et al.) or "mse" on centred logits (Tang et al.).
    temperature (Schedule): Softening of both distributions, > 0; a number or a Thinc schedule. Used by "kl".
    hard_weight (Schedule): Weight of cross-entropy with gold, 0 to 1; a number or a Thinc schedule. The soft
        part has the weight 1 - hard_weight. At 1 the loss is plain cross-entropy, as it is without a teacher.
    RETURNS (SoftTargets): The loss.
    """
    return SoftTargets(objective=objective, temperature=temperature, hard_weight=hard_weight)


class SoftTargets:
    """(1 - w) * T^2 * KL(teacher_T || student_T) + w * CE(gold, student), averaged over documents.

    With objective "mse" the first term is (1 - w) * mean((student - teacher)^2) over centred logits. Documents without
    gold have only the soft term, with the same weight. Without a teacher, w is 1.

    SOURCE: Hinton, Vinyals, Dean (2015), arXiv:1503.02531, section 2; Tang et al. (2019), arXiv:1903.12136,
        section 3.2.
    """

    def __init__(self, *, objective: str, temperature: Schedule, hard_weight: Schedule) -> None:
        """The parameters are those of `create_soft_targets`.

        RAISES (ValueError): Unknown objective, or a value out of range.
        """
        if objective not in OBJECTIVES:
            known = ", ".join(f'"{name}"' for name in OBJECTIVES)
            raise ValueError(f"objective of textdistill.SoftTargets.v2 must be one of {known}, got {objective!r}")
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
            raise ValueError(f"temperature of textdistill.SoftTargets.v2 must be > 0, got {self.temperature}")
        if not 0 <= self.hard_weight <= 1:
            raise ValueError(f"hard_weight of textdistill.SoftTargets.v2 must be 0 to 1, got {self.hard_weight}")

    def __call__(self, logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> Tuple[Floats2d, float]:
        """Compute gradient and loss.

        logits (Floats2d): Student scores before softmax. Shape: (n_docs, n_labels).
        teacher_logits (Optional[Floats2d]): Teacher scores at temperature 1, or None. Same shape.
        gold (Floats2d): One-hot rows, or rows of zeros for documents without gold. Same shape.
        RETURNS (Tuple[Floats2d, float]): Gradient with respect to logits, divided by n_docs; loss per document,
            in nats for "kl".
        RAISES (ValueError): Shapes differ.
        """
        _check_shapes(logits, teacher_logits, gold)
        xp = get_array_module(logits)
        has_gold = gold.sum(axis=1, keepdims=True)
        log_probs = log_softmax(logits)
        hard_weight = 1.0 if teacher_logits is None else self.hard_weight
        d_logits = hard_weight * (has_gold * xp.exp(log_probs) - gold)
        losses: Floats1d = -hard_weight * (gold * log_probs).sum(axis=1)
        if teacher_logits is not None:
            d_soft, soft = self._soft_part(logits, teacher_logits)
            d_logits = d_logits + (1 - hard_weight) * d_soft
            losses = losses + (1 - hard_weight) * soft
        return d_logits / len(logits), float(losses.mean())

    def _soft_part(self, logits: Floats2d, teacher_logits: Floats2d) -> Tuple[Floats2d, Floats1d]:
        """Gradient and loss of each document for the soft part alone, without weights."""
        xp = get_array_module(logits)
        if self.objective == "mse":
            difference = center(logits) - center(teacher_logits)
            return 2 / logits.shape[1] * difference, (difference**2).mean(axis=1)
        T = self.temperature
        log_p, log_q = log_softmax(teacher_logits / T), log_softmax(logits / T)
        # d/dz of T^2 KL: the inner derivative 1/T leaves one factor T.
        return T * (xp.exp(log_q) - xp.exp(log_p)), T**2 * (xp.exp(log_p) * (log_p - log_q)).sum(axis=1)


def log_softmax(logits: Floats2d) -> Floats2d:
    """Row-wise log(softmax), without overflow for any finite logits. Shape: (n_docs, n_labels)."""
    xp = get_array_module(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))


def center(logits: Floats2d) -> Floats2d:
    """Subtract the mean of each row: softmax does not see it. Shape: (n_docs, n_labels)."""
    return logits - logits.mean(axis=1, keepdims=True)


def _check_shapes(logits: Floats2d, teacher_logits: Optional[Floats2d], gold: Floats2d) -> None:
    """Refuse arrays that broadcasting would let pass."""
    if gold.shape != logits.shape:
        raise ValueError(f"gold has shape {gold.shape}, logits have {logits.shape}: they must be the same")
    if teacher_logits is not None and teacher_logits.shape != logits.shape:
        raise ValueError(f"teacher_logits have shape {teacher_logits.shape}, logits have {logits.shape}")


def _as_values(schedule: Schedule) -> Iterator[float]:
    """The values of a schedule; a number is a schedule of one value, which then stays."""
    return iter([schedule]) if isinstance(schedule, (int, float)) else iter(schedule)
