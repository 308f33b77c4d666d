import pytest

from benchmarks.cost import describe


def test_cost_follows_from_speed_length_and_price() -> None:
    row = describe("score", [1000.0, 2000.0, 4000.0], words_per_review=100, price_per_hour=3.6)
    # 100 million words at 2,000 a second take 50,000 seconds.
    assert row["hours_per_million"] == pytest.approx(50_000 / 3600)
    assert row["cost_per_million"] == pytest.approx(50.0)
    assert (row["reviews_per_second"], row["lowest"], row["highest"]) == (20, 1000, 4000)
