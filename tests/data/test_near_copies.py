from hypothesis import given
from hypothesis import strategies as st

from scripts.data.near_copies import NearCopies, normalize, split_words

LONG = "we stayed three nights in a small room above the bar and slept like stones every single night"


def test_near_copies() -> None:
    held_out = NearCopies([LONG, "short one", "この本は本当に面白かったです"])
    for copy in (LONG.upper() + "!!!", "Short, one", f"{LONG} and then we left", LONG[:60], "この本は本当に面白かった"):
        assert copy in held_out, copy
    for other in ("short two", "we stayed three nights", "この映画は退屈でした", "", LONG.split("above")[1][:12]):
        assert other not in held_out, other


@given(st.text(), st.text())
def test_normalize_is_stable_and_copies_are_found(one: str, other: str) -> None:
    assert normalize(normalize(one)) == normalize(one)
    assert one in NearCopies([one, other])
    assert split_words(one) == split_words(one.upper().casefold()) or not one.isascii()
