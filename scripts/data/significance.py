"""Whether two systems differ on the same texts by more than the choice of the texts explains."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy

N_SAMPLES = 10_000
# A difference whose p-value is at least this is one that the texts cannot tell from none.
ALPHA = 0.05
# Quantile of the normal distribution: a loss is at most its bound 95 times of 100.
Z_95 = NormalDist().inv_cdf(0.95)


class Comparison(NamedTuple):
    """One system against another.

    difference (float): Mean of the first minus mean of the second, -1 to 1.
    low, high (float): The 95 % interval of the difference.
    p_value (float): Two-sided, above 0 and at most 1; 1 if the systems do not differ.
    """

    difference: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        """The difference in points, with its uncertainty."""
        low, high = 100 * self.low, 100 * self.high
        p_value = "p < .001" if self.p_value < 0.001 else f"p {self.p_value:.3f}".replace("0.", ".")
        return f"{100 * self.difference:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}, {p_value}"


def compare_paired(one: numpy.ndarray, other: numpy.ndarray, *, n_samples: int = N_SAMPLES) -> Comparison:
    """Compare two systems by a paired bootstrap over texts: how often the sign of the difference is in doubt.

    one, other (ndarray): Of each text whether the system is right, or the share of its seeds that are.
        Shape: (n_docs,).
    n_samples (int): Number of samples.
    RETURNS (Comparison): The difference with its percentile interval; the p-value is at least 1 / (n_samples + 1).

    SOURCE: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 and 15; the +1 keeps p above 0.
    """
    difference = numpy.asarray(one, dtype="float64") - numpy.asarray(other, dtype="float64")
    n_docs = len(difference)
    # A sample of n texts with replacement is a draw of how often each one occurs; those that are equal count together.
    values, counts = numpy.unique(difference.round(9), return_counts=True)
    means = numpy.random.default_rng(0).multinomial(n_docs, counts / n_docs, size=n_samples) @ values / n_docs
    tail = min((means <= 1e-9).sum(), (means >= -1e-9).sum())
    low, high = numpy.quantile(means, [0.025, 0.975])
    p_value = min(1.0, 2 * (tail + 1) / (n_samples + 1))
    return Comparison(float(difference.mean()), float(low), float(high), float(p_value))


def bound_loss(right: numpy.ndarray, other_right: numpy.ndarray) -> float:
    """What a system loses against another at most, with a certainty of 95 %.

    right, other_right (ndarray): Of each text whether they decide as gold says. Shape: (n_texts,).
    RETURNS (float): Upper end of the one-sided interval of the difference in accuracy, -1 to 1.

    SOURCE: Agresti and Min (2005), Simple improved confidence intervals for comparing matched proportions, Statistics
        in Medicine 24: half a text is added to each of the four counts, as no loss in ten texts is no proof of none.
    """
    lost = float((~right & other_right).sum()) + 0.5
    won = float((right & ~other_right).sum()) + 0.5
    n_texts = len(right) + 2
    deviation = math.sqrt(lost + won - (lost - won) ** 2 / n_texts)
    return (lost - won + Z_95 * deviation) / n_texts
