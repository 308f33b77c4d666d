"""How near what a model says is to what its teacher says."""

import math
from typing import Dict, NamedTuple

import numpy

# The smallest float32 that is not 0: what a probability that has underflowed counts as.
SMALLEST = float(numpy.finfo("float32").tiny)


class Similarity(NamedTuple):
    """How near two distributions are.

    cosine (float): Of the angle between them as vectors: 1 if they are the same.
    kl (float): The Kullback-Leibler divergence of the first from the teacher's, in nats: 0 if they are the same.
    """

    cosine: float
    kl: float


def compare(cats: Dict[str, float], teacher: Dict[str, float]) -> Similarity:
    """Compare probabilities with a teacher's.

    cats (Dict[str, float]): The probability of each label.
    teacher (Dict[str, float]): The teacher's, of the same labels.
    RETURNS (Similarity): How near they are.
    RAISES (ValueError): The labels differ.
    """
    if set(cats) != set(teacher):
        raise ValueError(f"labels {sorted(cats)} and {sorted(teacher)}")
    pairs = [(cats[label], prob) for label, prob in teacher.items()]
    product = sum(prob * other for prob, other in pairs)
    lengths = math.hypot(*cats.values()) * math.hypot(*teacher.values())
    kl = sum(other * (math.log(max(other, SMALLEST)) - math.log(max(prob, SMALLEST))) for prob, other in pairs)
    # Rounding can leave them beyond what they can be.
    return Similarity(min(product / lengths, 1.0) if lengths else 0.0, max(kl, 0.0))
