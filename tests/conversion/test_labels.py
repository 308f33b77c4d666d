import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.conversion.labels import Labelling, MissingLabel, find_lookalikes, read_label
from scripts.conversion.problems import Review
from scripts.conversion.reviews import read_reviews
from tests.data.table_files import WRITERS

LABELLING = Labelling("label", "stars")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.dates(),
    st.lists(st.text()),
)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (" POSITIVE ", "POSITIVE"),
        (7, "7"),
        (0, "0"),
        (1.0, "1"),
        (-2.0, "-2"),
        (Decimal("3.00"), "3"),
        ("1.0", "1"),
        ("+1.0", "1"),
        ("+1", "1"),
        ("-1", "-1"),
        ("01", "01"),
        ("1.2.3", "1.2.3"),
        ("4,0", "4,0"),
        (True, "true"),
        (False, "false"),
        ("True", "true"),
        ("FALSE", "false"),
        ("true", "true"),
        ("tRUE", "tRUE"),
        (datetime.date(2024, 3, 1), "2024-03-01"),
        (datetime.datetime(2024, 3, 1, 12), "2024-03-01T12:00:00"),
        (datetime.time(12, 30), "12:30:00"),
        ("none", "none"),
        ("a, b", "a, b"),
        ("he said \"no\"\n-> 'yes'", "he said \"no\"\n-> 'yes'"),
        ("ü😀→" * 100, "ü😀→" * 100),
    ],
)
def test_labels(value: Any, label: str) -> None:
    assert read_label(value) == label
    assert read_label(label) == label


@pytest.mark.parametrize(
    "value", ["nan", "NaN", "None", "NULL", "null", "#N/A", " N/A ", "<NA>", "NaT", "#REF!", "#DIV/0!", "#VALUE!"]
)
def test_words_for_a_missing_label_are_no_class_unless_asked_for(value: str) -> None:
    with pytest.raises(MissingLabel, match="the label is missing, got") as error:
        read_label(value)
    assert error.value.label == value.strip()


@pytest.mark.parametrize("value", ["", " \n", "\u200b", "\ufeff\u2060", None, float("nan"), Decimal("nan")])
def test_a_label_that_is_not_there_can_be_no_class(value: Any) -> None:
    for row in ({"label": value}, {"stars": value}):
        with pytest.raises(MissingLabel) as error:
            LABELLING.read(row)
        assert error.value.label is None


@pytest.mark.parametrize("value", [0.5, "0.5", -1.25, Decimal("2.10"), float("inf")])
def test_fractions_are_no_labels_in_any_file_type(value: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown label .* or a whole number. Give fractions a name"):
        read_label(value)


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}, b"a", datetime.timedelta(1)])
def test_what_is_no_name_is_no_label(value: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown label .*, expected a name such as POSITIVE: one for each text"):
        read_label(value)


def test_half_a_character_is_no_label() -> None:
    with pytest.raises(ValueError, match="holds half a character"):
        read_label("good \ud83d")


@given(VALUES)
def test_a_value_is_a_label_or_a_reason(value: Any) -> None:
    for row in ({"label": value}, {"stars": value}):
        try:
            label = LABELLING.read(row)
        except ValueError as error:
            assert str(error)
        else:
            assert label and label == label.strip()


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".xlsx", ".parquet"])
@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([True, False], ["true", "false"]),
        ([1, 0], ["1", "0"]),
        ([1.0, 3.0], ["1", "3"]),
        (["yes", "no"], ["yes", "no"]),
        ([datetime.date(2024, 3, 1), datetime.date(2024, 3, 2)], ["2024-03-01", "2024-03-02"]),
    ],
)
def test_every_file_type_gives_the_same_labels(
    values: List[Any], labels: List[str], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"reviews{suffix}"
    rows = [{"text": f"text {i}", "label": value} for i, value in enumerate(values)]
    if suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        pyarrow = pytest.importorskip("pyarrow")
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif suffix in (".csv", ".tsv"):
        # As pandas writes it.
        lines = ["text,label", *(f"{row['text']},{row['label']}" for row in rows)]
        path.write_text("\n".join(lines).replace(",", "\t" if suffix == ".tsv" else ","), encoding="utf8")
    else:
        # JSON has no dates.
        WRITERS[suffix](path, json.loads(json.dumps(rows, default=str)) if suffix == ".jsonl" else rows)
    read = read_reviews(path, "train", text_column="text", labelling=LABELLING)
    assert [review.label for review in read if isinstance(review, Review)] == labels


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (1, "NEGATIVE"),
        ("2", "NEGATIVE"),
        (2.5, "POSITIVE"),
        (" 5 ", "POSITIVE"),
        (Decimal("4.0"), "POSITIVE"),
        (3, None),
    ],
)
def test_stars(value: Any, label: Optional[str]) -> None:
    assert Labelling("label", "stars", skip_stars=3).read({"stars": value}) == label


@pytest.mark.parametrize(
    "value",
    ["5.0 out of 5 stars", "4,0", "★★★★★", "5/5", "inf", "Infinity", float("inf"), -1, "1_0", True, "many", [5]],
)
def test_stars_must_be_a_number(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"the stars must be a number such as 4, got .* Write the number alone, with a point"
    ):
        LABELLING.read({"stars": value})


def test_a_row_needs_one_of_the_columns() -> None:
    with pytest.raises(ValueError, match="no column 'label' and no column 'stars', found text, mood"):
        LABELLING.read({"text": "", "mood": ""})
    # The label column wins.
    assert LABELLING.read({"label": "NEGATIVE", "stars": 5}) == "NEGATIVE"


@pytest.mark.parametrize(
    "labels",
    [
        ["POSITIVE", "Positive"],
        ["very good", "very  good", "verygood"],
        ["POSITIVE", "POSITIVE\u200b", "\ufeffpositive"],
        ["caf\u00e9", "cafe\u0301"],
        ["\uff21\uff11", "a1"],
        ["❤", "❤\ufe0f"],
        ["Straße", "STRASSE"],
        ["true", "1"],
        ["false", "0", "No"],
        ["1", "+1", "01", "1.", "1.0"],
        ["-1", "-01"],
        ["0", "00"],
        ["good.", "good", "Good!"],
        ["很好", "很好。"],
    ],
)
def test_lookalikes(labels: List[str]) -> None:
    assert find_lookalikes([*labels, "other", *labels]) == [sorted(labels)]


def test_labels_that_differ_are_no_lookalikes() -> None:
    assert (
        find_lookalikes(
            [
                "C++",
                "C#",
                "C",
                "दिन",
                "दीन",
                "1",
                "-1",
                "10",
                "1.5",
                "15",
                "?",
                "!",
                "true story",
                "a-b",
                "a_b",
                json.dumps("a"),
            ]
        )
        == []
    )
