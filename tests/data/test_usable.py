# ruff: noqa: RUF001 (signs that look like others are among those that spaCy takes off)
import base64
import random
import time
from typing import Any

import pytest
import spacy
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.data.usable import clean, find_fault, is_empty, loosen

URL = "https://example.org/a/b-c_d/" + "e1/" * 60 + "?" + "&".join(f"key{i}=val.{i}%20" for i in range(40))
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()))
# Signs in every mixture, too long to be cut alike.
ROWS = st.text("=!(.-_'sa €😀\u200d", min_size=300, max_size=3000)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "the text must be a string, got None"),
        (7, "the text must be a string, got 7"),
        (["a"] * 99, r"the text must be a string, got \['a', .*\.\.\.\]"),
        ("", "the text is empty"),
        (" \n\u00a0", "the text is empty"),
        ("\u200b\ufeff\0", "the text is empty"),
        ("\ufe0f\u3164", "the text is empty"),
        ("#N/A", "the text is #N/A, an error of a spreadsheet"),
        (" #REF! ", "the text is #REF!, an error of a spreadsheet"),
        ("half \ud83d", "the text holds half a character"),
        ("\ud83d", "the text holds half a character"),
        ("ab " * 400_000, "the text has 1,200,000 characters, spaCy takes 1,000,000. Cut it."),
        # With its spaces, it would be too long.
        ("=" * 1_000_000, "the text has 1,004,999 characters, spaCy takes 1,000,000. Cut it."),
    ],
)
def test_faults(value: Any, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        raise AssertionError(find_fault(value))


@pytest.mark.parametrize(
    "text",
    [
        "a",
        ".",
        "😀",
        "nan",
        "N/A",
        "None",
        "#N/A in all cells",
        "\0a",
        "ab " * 333_333 + "a",
        "सेवा",
        "\u202bשלום\u202c",
    ],
)
def test_texts_that_can_be_used(text: str) -> None:
    assert find_fault(text) is None and not is_empty(text)


def test_a_pipeline_may_take_fewer_characters() -> None:
    assert find_fault("four", max_length=4) is None
    assert find_fault("fives", max_length=4) == "the text has 5 characters, spaCy takes 4. Cut it."


@given(VALUES)
@example("\ud83d")
def test_any_value_can_be_used_or_has_a_fault(value: Any) -> None:
    fault = find_fault(value)
    assert fault or isinstance(value, str)
    if is_empty(value):
        assert fault


@pytest.mark.parametrize(
    "text",
    [
        URL,
        base64.b64encode(random.Random(0).randbytes(700)).decode("ascii"),
        "https://example.org/" + "a" * 900,
        "-" * 200,
        "Good!!!!!!!!!! " * 100,
        "这家店很好，" * 1000,
        "この店は、とても良い。" * 1000,
        "อาหารอร่อยมาก" * 1000,
        "ខ្ញុំចូលចិត្ត" * 1000,
        "Donaudampfschifffahrtsgesellschaft " * 50,
    ],
)
def test_ordinary_long_stretches_are_left_alone(text: str) -> None:
    assert loosen(text) == text


@given(ROWS)
@example("=" * 9000)
@example("a" * 5000)
def test_loosen_adds_spaces_only_and_once(text: str) -> None:
    loose = loosen(text)
    assert loose.replace(" ", "") == text.replace(" ", "")
    assert loosen(loose) == loose
    assert clean(loose) == clean(text)


# Each took spaCy 0.5 to 9 seconds; what is bought is a bound, so 100,000 characters may take 25 seconds.
@pytest.mark.parametrize(
    ("lang", "parts"),
    [
        ("en", ["=", "!", "(", "😀", "€"]),
        ("en", ["'s", "’s"]),
        ("en", [".", "=", "..."]),
        ("ro", ["a-", "c-", "de-"]),
        ("el", list("0123456789")),
        ("xx", ["中", "。", "！", "="]),
    ],
)
def test_no_stretch_keeps_the_tokenizer_busy(lang: str, parts: list) -> None:
    rng = random.Random(0)
    text = loosen("".join(rng.choice(parts) for _ in range(1200)))
    tokenizer = spacy.blank(lang).tokenizer
    start = time.process_time()
    tokenizer(text)
    assert (time.process_time() - start) / len(text) < 25 / 100_000
