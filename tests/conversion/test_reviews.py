import json
from pathlib import Path
from typing import Any, List, Optional

import pytest

from scripts.conversion.labels import Labelling
from scripts.conversion.problems import EMPTY, SKIPPED, UNREADABLE, UNUSABLE, Problem, Review
from scripts.conversion.reviews import read_reviews
from scripts.files import UserError
from tests.conversion.review_files import LABELLING
from tests.data.table_files import WRITERS, write_jsonl, write_text

ROWS = [{"text": "good, really", "label": "POSITIVE"}, {"text": 'bad "one"\nagain', "label": "NEGATIVE"}]


def read(
    path: Path, labelling: Optional[Labelling] = LABELLING, text_column: str = "text", **options: Any
) -> List[Any]:
    return list(read_reviews(path, "train", text_column=text_column, labelling=labelling, **options))


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".xlsx"])
def test_every_format_gives_the_same_reviews(suffix: str, tmp_path: Path) -> None:
    reviews = read(WRITERS[suffix](tmp_path / f"reviews{suffix}", ROWS))
    assert [(r.text, r.label) for r in reviews] == [("good, really", "POSITIVE"), ('bad "one" again', "NEGATIVE")]
    assert [r.line for r in reviews] == {".tsv": [2, 4], ".xlsx": [2, 3]}.get(suffix, [1, 2])


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".xlsx"])
def test_a_missing_column_ends_reading_at_the_first_row(suffix: str, tmp_path: Path) -> None:
    path = WRITERS[suffix](tmp_path / f"reviews{suffix}", [{"review": "good", "label": "POSITIVE"}])
    with pytest.raises(
        UserError, match=r"reviews.*, line \d: no column 'text', found 'review', 'label'.*vars.text_column"
    ):
        read(path)
    path = WRITERS[suffix](tmp_path / f"other{suffix}", [{"text": "good", "sentiment": "pos"}])
    with pytest.raises(UserError, match=r"other.*, line \d: no column 'label' and no column 'stars'"):
        read(path)


@pytest.mark.parametrize(
    ("row", "kind", "what"),
    [
        ({"text": "", "label": "POSITIVE"}, EMPTY, "the text is empty"),
        ({"text": " \t", "label": "POSITIVE"}, EMPTY, "the text is empty"),
        ({"text": None, "label": "POSITIVE"}, EMPTY, "the text is empty"),
        ({"label": "POSITIVE"}, EMPTY, "no column 'text'"),
        ({"text": 7, "label": "POSITIVE"}, UNUSABLE, "the text must be a string, got 7"),
        ({"text": "half \ud83d", "label": "POSITIVE"}, UNUSABLE, "half a character"),
        ({"text": "word " * 250_000, "label": "POSITIVE"}, UNUSABLE, "characters"),
        ({"text": "x", "label": None}, UNREADABLE, "None"),
        ({"text": "x", "label": ""}, UNREADABLE, "''"),
        ({"text": "x", "label": "#N/A"}, UNREADABLE, "#N/A"),
        ({"text": "x", "label": 0.5}, UNREADABLE, "unknown label 0.5"),
        ({"text": "x"}, UNREADABLE, "no column 'label' and no column 'stars'"),
        ({"text": "x", "stars": "many"}, UNREADABLE, "the stars must be a number such as 4, got 'many'"),
    ],
)
def test_a_row_that_cannot_be_used_says_why_and_ends_nothing(row: Any, kind: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    # ASCII keeps half a character.
    write_text(path, "".join(f"{line}\n" for line in map(json.dumps, [ROWS[0], row, ROWS[1]])))
    first, found, last = read(path)
    assert isinstance(first, Review) and isinstance(last, Review) and isinstance(found, Problem)
    assert (found.kind, found.split, found.review.place) == (kind, "train", f"{path}, line 2")
    assert what in found.what


@pytest.mark.parametrize(
    ("first", "kind"), [({"label": "POSITIVE"}, EMPTY), ({"text": "x"}, UNREADABLE), ({"id": 1}, EMPTY)]
)
def test_the_first_line_of_json_speaks_for_itself_alone(first: Any, kind: str, tmp_path: Path) -> None:
    found = read(write_jsonl(tmp_path / "r.jsonl", [first, *ROWS]))
    assert found[0].kind == kind and [review.label for review in found[1:]] == ["POSITIVE", "NEGATIVE"]
    with pytest.raises(UserError, match=r"r.jsonl, line 1: no column 'text', found 'label'"):
        read(write_jsonl(tmp_path / "r.jsonl", [{"label": "POSITIVE"}] * 100 + ROWS))


def test_texts_without_labels_are_checked_too(tmp_path: Path) -> None:
    found = read(write_jsonl(tmp_path / "r.jsonl", [{"text": "x"}, {"text": " "}]), labelling=None)
    assert isinstance(found[0], Review) and found[0].label is None and found[1].kind == EMPTY


def test_words_for_a_missing_label_are_names_if_they_are_asked_for(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"text": "x", "label": label} for label in ("None", "nan", None)])
    assert [found.kind for found in read(path)] == [UNREADABLE] * 3
    kept = read(path, keep_missing=True)
    assert [review.label for review in kept[:2]] == ["None", "nan"] and kept[2].kind == UNREADABLE


def test_stars_become_labels(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"text": "x", "stars": stars} for stars in (1, 2, "3", 4.0, 5)])
    assert [r.label for r in read(path)] == ["NEGATIVE"] * 2 + ["POSITIVE"] * 3
    found = read(path, Labelling("label", "stars", negative_up_to=1, skip_stars=3))
    assert [r.label for r in found if isinstance(r, Review)] == ["NEGATIVE"] + ["POSITIVE"] * 3
    assert [r.kind for r in found if isinstance(r, Problem)] == [SKIPPED]


def test_the_label_column_wins_and_class_numbers_are_labels(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"text": "x", "stars": 1, "label": 1}, {"text": "y", "label": " a "}])
    assert [r.label for r in read(path)] == ["1", "a"]
