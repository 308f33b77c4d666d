import math

import pytest

from scripts.serving.similarity import compare


@pytest.mark.parametrize(
    ("probs", "teacher", "cosine", "kl"),
    [
        ((0.3, 0.7), (0.3, 0.7), 1.0, 0.0),
        ((1.0, 0.0), (0.0, 1.0), 0.0, -math.log(1.1754943508222875e-38)),
        ((0.5, 0.5), (1.0, 0.0), math.sqrt(0.5), math.log(2)),
        ((0.2, 0.8), (0.6, 0.4), 0.44 / math.sqrt(0.68 * 0.52), 0.6 * math.log(3) + 0.4 * math.log(0.5)),
    ],
)
def test_cosine_and_kl_are_those_of_their_formulas(probs: tuple, teacher: tuple, cosine: float, kl: float) -> None:
    found = compare(dict(zip("ab", probs)), dict(zip("ab", teacher)))
    assert found.cosine == pytest.approx(cosine, abs=1e-9) and found.kl == pytest.approx(kl, abs=1e-6)


def test_labels_are_compared_by_name_not_by_order() -> None:
    assert compare({"b": 0.7, "a": 0.3}, {"a": 0.3, "b": 0.7}).kl == 0
    with pytest.raises(ValueError, match=r"\['a'\] and \['b'\]"):
        compare({"a": 1.0}, {"b": 1.0})
