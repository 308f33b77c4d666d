import itertools
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.conversion.problems import CHOICES, CONFLICT, NEAR_COPY, REPEATED, SHARED, SINGLE, STOP, Policies
from scripts.conversion.report import count_rows
from scripts.conversion.splits import SPLITS, Splits
from scripts.data.near_copies import normalize
from tests.conversion.review_files import make_rows, make_splits, read_all, row
from tests.data.table_files import write_jsonl, write_xlsx
from tests.data.test_spreadsheet import patch

LONG = "we stayed three nights in a small room above the bar and slept like stones every single night"
PARCEL = "my parcel {} has not come yet and nobody can tell me where it is now"


def texts(splits: Splits, split: str) -> List[str]:
    return [review.text for review in splits.reviews[split]]


def kinds(splits: Splits, split: str) -> Dict[str, int]:
    dropped: Dict[str, int] = count_rows(splits)[split]["dropped"]
    return dropped


def test_splits_are_read_as_they_are(tmp_path: Path) -> None:
    splits = read_all(make_splits(tmp_path))
    assert {split: len(reviews) for split, reviews in splits.reviews.items()} == dict.fromkeys(SPLITS, 20)
    assert splits.task.labels == ["NEGATIVE", "POSITIVE"] and not splits.problems and not splits.errors
    assert all(review.label is None for review in splits.reviews["unlabelled"])


def test_missing_splits_are_split_off_train_stratified_and_seeded(tmp_path: Path) -> None:
    paths = make_splits(tmp_path, dev=None, test=None, unlabelled=None)
    splits = read_all(paths)
    sizes = {split: len(reviews) for split, reviews in splits.reviews.items()}
    assert sizes == {"train": 14, "dev": 3, "test": 3, "unlabelled": 0}
    for split in ("dev", "test"):
        labels = [review.label for review in splits.reviews[split]]
        assert abs(labels.count("POSITIVE") - labels.count("NEGATIVE")) <= 1
    assert len({review.text for reviews in splits.reviews.values() for review in reviews}) == 20
    assert read_all(paths) == splits
    assert read_all(paths, seed=1) != splits


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": 5, "b": 5}, {"dev": 2, "test": 2}),
        ({"a": 4, "b": 4}, {"dev": 2, "test": 2}),
        ({"a": 3, "b": 3}, {"dev": 2, "test": 2}),
        ({"a": 98, "b": 2}, {"dev": 15, "test": 13}),
        # More classes than a dev of 15 % has room for.
        ({f"c{i}": 2 for i in range(77)}, {"dev": 24, "test": 20}),
        ({f"c{i}": 5 for i in range(77)}, {"dev": 58, "test": 50}),
    ],
)
def test_small_classes_are_split_and_keep_a_text_in_train(
    sizes: Dict[str, int], expected: Dict[str, int], tmp_path: Path
) -> None:
    rows = [row(f"{label} number {i} of all", label) for label, size in sizes.items() for i in range(size)]
    splits = read_all(make_splits(tmp_path, train=rows, dev=None, test=None, unlabelled=None))
    assert not splits.errors and splits.task.labels == sorted(sizes)
    assert {split: len(splits.reviews[split]) for split in ("dev", "test")} == expected
    assert {review.label for review in splits.reviews["train"]} == set(sizes)
    for split in expected:
        missing = set(sizes) - {review.label for review in splits.reviews[split]}
        assert any(told.startswith(f"{split} has no text of") for told in splits.warnings) == bool(missing)


def test_rows_of_equal_numbers_are_each_split_off_once(tmp_path: Path) -> None:
    rows = [row(f"{'ab'[i % 2]} number {i} of all", "ab"[i % 2]) for i in range(20)]
    # A class of one text, so that labels are not spread evenly.
    path = write_xlsx(tmp_path / "train.xlsx", [*rows, row("another thing", "c")])
    patch(path, r'<row r="1\d"', '<row r="4"')
    splits = read_all({"train": path}, policies=Policies(on_single="keep"))
    assert not splits.problems and [len(splits.reviews[split]) for split in SPLITS] == [14, 4, 3, 0]


def test_rows_that_do_not_sum_up_are_a_fault_of_the_program(tmp_path: Path) -> None:
    splits = read_all(make_splits(tmp_path))
    del splits.reviews["dev"][0]
    with pytest.raises(RuntimeError, match="The rows of dev do not sum up"):
        count_rows(splits)


def test_too_few_texts_to_split_name_the_classes(tmp_path: Path) -> None:
    rows = [row(f"number {i}", "ab"[i % 2]) for i in range(5)]
    splits = read_all(make_splits(tmp_path, train=rows, dev=None, test=None))
    (error,) = splits.errors
    assert "train.jsonl: too few texts to split off test" in error and "'b' 1, 'a' 2" in error


def test_a_shared_text_stays_in_test_or_else_in_dev(tmp_path: Path) -> None:
    shared = [row("Great", "POSITIVE"), row("so dull", "NEGATIVE")]
    train = [*make_rows("train"), *shared]
    splits = read_all(make_splits(tmp_path, train=train, test=[row("great!"), *make_rows("test")]))
    assert len(splits.reviews["train"]) == 21 and kinds(splits, "train") == {SHARED: 1}
    (problem,) = splits.problems
    assert problem.what == f"the same text stands in {tmp_path / 'test.jsonl'}, line 1"
    assert problem.review.place == f"{tmp_path / 'train.jsonl'}, line 21"
    other = read_all(make_splits(tmp_path, train=train, test=[row("great!", "NEGATIVE"), *make_rows("test")]))
    assert other.problems[0].what.endswith("test.jsonl, line 1, with the label 'NEGATIVE'")
    files = {split: [*make_rows(split), *shared] for split in ("train", "dev", "test")}
    splits = read_all(make_splits(tmp_path, **files))
    assert {split: len(splits.reviews[split]) for split in files} == {"train": 20, "dev": 20, "test": 22}
    assert not splits.errors and not any("with the label" in problem.what for problem in splits.problems)
    (error,) = read_all(make_splits(tmp_path, **files), policies=Policies(on_shared=STOP)).errors
    assert error.startswith("shared text: 4 rows, and --vars.on_shared is stop")


CONFLICTS = [row("same", "POSITIVE"), row("Same.", "NEGATIVE"), row("same!", "NEGATIVE"), row("tie", "POSITIVE")]
CONFLICTS += [row("Tie", "NEGATIVE")]


@pytest.mark.parametrize(
    ("policy", "kept", "dropped"),
    [
        ("majority", {"Same.": "NEGATIVE"}, {CONFLICT: 3, REPEATED: 1}),
        ("drop", {}, {CONFLICT: 5}),
        ("keep", {"same": "POSITIVE", "tie": "POSITIVE"}, {CONFLICT: 3}),
        ("stop", {}, {CONFLICT: 5}),
    ],
)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_conflict_is_settled_by_its_policy(
    split: str, policy: str, kept: Dict[str, str], dropped: Dict[str, int], tmp_path: Path
) -> None:
    paths = make_splits(tmp_path, **{split: [*make_rows(split), *CONFLICTS]})
    splits = read_all(paths, policies=Policies(on_conflict=policy))
    assert {review.text: review.label for review in splits.reviews[split][20:]} == kept
    assert kinds(splits, split) == dropped and bool(splits.errors) == (policy == "stop")
    first = next(problem for problem in splits.problems if problem.review.text == "Tie")
    assert first.what == "the same text as in line 24, but the label 'NEGATIVE', not 'POSITIVE'"
    assert first.other is not None and first.other.line == 24


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_label_of_one_text_is_taken_for_a_slip(split: str, tmp_path: Path) -> None:
    paths = make_splits(tmp_path, **{split: [*make_rows(split), row("typo", "POSITVE")]})
    splits = read_all(paths)
    assert not splits.errors and splits.task.labels == ["NEGATIVE", "POSITIVE"]
    assert kinds(splits, split) == {SINGLE: 1} and "'POSITVE': a slip" in splits.problems[0].what
    (error,) = read_all(paths, policies=Policies(on_single=STOP)).errors
    assert error.startswith("label with one text: 1 row, and --vars.on_single is stop")
    kept = read_all(paths, policies=Policies(on_single="keep"))
    assert kept.task.labels == ["NEGATIVE", "POSITIVE", "POSITVE"]
    # A class that train does not have cannot be learned.
    assert bool(kept.errors) == (split != "train")


def test_a_label_of_two_texts_is_a_class_wherever_they_stand(tmp_path: Path) -> None:
    rare = [row("one of them", "RARE"), row("another thing", "RARE")]
    both = {"train": [*make_rows("train"), rare[0]], "test": [*make_rows("test"), rare[1]]}
    splits = read_all(make_splits(tmp_path, **both))
    assert splits.task.labels == ["NEGATIVE", "POSITIVE", "RARE"] and not splits.errors
    assert any(told.startswith("dev has no text of the class 'RARE'") for told in splits.warnings)
    (error,) = read_all(make_splits(tmp_path, test=[*make_rows("test"), *rare])).errors
    assert error.startswith(
        "train has no text of the class 'RARE': its label stands nowhere there. It has 0 in dev and 2"
    )


def test_a_class_that_loses_all_of_train_is_an_error_that_says_why(tmp_path: Path) -> None:
    parcels = [row(PARCEL.format(i), "parcel") for i in range(24)]
    files = {"train": [*make_rows("train"), *parcels[:20]], "dev": [*make_rows("dev"), *parcels[20:]]}
    (error,) = read_all(make_splits(tmp_path, **files)).errors
    assert "no text of the class 'parcel': all of its rows there were dropped, 20 as near copy of dev or test" in error
    # One that nothing is left of anywhere is not forgotten.
    conflicts = [row(f"so {i}", label) for i in range(3) for label in ("NEUTRAL", "POSITIVE")]
    (error,) = read_all(make_splits(tmp_path, train=[*make_rows("train"), *conflicts])).errors
    assert "no text of the class 'NEUTRAL': all of its rows there were dropped, 3 as conflict. It has 0 in dev" in error


def test_a_file_of_which_nothing_is_left_is_an_error(tmp_path: Path) -> None:
    (error,) = read_all(make_splits(tmp_path, dev=make_rows("test"))).errors
    assert error.startswith("dev has no text left: 20 as shared text")


def test_one_label_alone_is_an_error(tmp_path: Path) -> None:
    rows = [row(f"text {i}") for i in range(5)]
    splits = read_all(make_splits(tmp_path, train=rows, dev=[row("a")], test=[row("b")]))
    assert splits.errors == ["train needs reviews of at least two labels, found 'POSITIVE'."]


def test_a_file_with_many_unusable_rows_stops_and_asks_for_the_column(tmp_path: Path) -> None:
    rows = [*make_rows("train", 89), *({"text": f"text {i}", "label": None} for i in range(11))]
    paths = make_splits(tmp_path, train=rows)
    (error,) = read_all(paths).errors
    assert f"{tmp_path / 'train.jsonl'}: 11 of 100 rows cannot be used (unreadable label: 11). Line 90: " in error
    assert "vars.label_column right? If so, choose another --vars.on_label (drop, keep, stop)" in error
    assert not read_all(paths, policies=Policies(max_unusable=0.11)).errors
    # Few are slips, however short the file.
    assert not read_all(make_splits(tmp_path, train=rows[80:99])).errors
    # But none that is left is an error, and the only one.
    (error,) = read_all(make_splits(tmp_path, train=rows[90:])).errors
    assert "10 of 10 rows cannot be used" in error


def test_a_file_without_labels_is_not_asked_for_their_column(tmp_path: Path) -> None:
    (error,) = read_all(make_splits(tmp_path, unlabelled=[{"text": "word " * 250_000}])).errors
    assert "1 of 1 row cannot be used (unusable text: 1)" in error and "label_column" not in error
    assert "Is --vars.text_column right? If so, choose another --vars.on_text" in error


def test_repeated_and_near_copies_are_dropped_and_counted(tmp_path: Path) -> None:
    unlabelled = [
        {"text": "new words altogether"},
        {"text": "NEW words, altogether!"},
        {"text": "review 0 3 yes"},  # in train
        {"text": "review 1 3 yes ..."},  # in dev
        {"text": LONG.replace("small", "tiny")},  # one word differs from test
    ]
    test = [row(LONG), row("so dull", "NEGATIVE")]
    splits = read_all(make_splits(tmp_path, unlabelled=unlabelled, test=test))
    assert texts(splits, "unlabelled") == ["new words altogether"]
    assert kinds(splits, "unlabelled") == {REPEATED: 2, NEAR_COPY: 2}


def test_a_column_that_holds_no_texts_is_suspected(tmp_path: Path) -> None:
    rows = [row(f"so {i % 2}", "ab"[i % 2]) for i in range(30)]
    (told,) = [told for told in read_all(make_splits(tmp_path, train=rows)).warnings if "text_column" in told]
    assert told == f"{tmp_path / 'train.jsonl'}: 28 of 30 rows have the text of another. Is --vars.text_column right?"


def test_a_long_label_is_told_in_short(tmp_path: Path) -> None:
    splits = read_all(make_splits(tmp_path, train=[*make_rows("train"), row("x", LONG * 5)]))
    assert len(splits.problems[0].what) < 160 and "…" in splits.problems[0].what


def test_labels_that_look_alike_are_one_suspicion(tmp_path: Path) -> None:
    rows = [row(f"text number {i}", ("POSITIVE", "Positive", "POSITIVE\u200b", "other")[i % 4]) for i in range(40)]
    (told,) = [told for told in read_all(make_splits(tmp_path, train=rows)).warnings if "one class" in told]
    assert r"'POSITIVE\u200b' (9 characters, 10 rows)" in told and "'Positive' (8 characters, 10 rows)" in told


WORDS = ["good", "Good!", "bad", "so so", LONG, LONG.replace("small", "tiny"), "dull", "fine thing", " ", "", None, 7]
ROWS = st.lists(
    st.fixed_dictionaries(
        {"text": st.sampled_from([*WORDS, *(f"number {i}" for i in range(12))])},
        optional={"label": st.sampled_from(["a", "b", "b", "A", "slip", None, "nan"])},
    ),
    min_size=1,
    max_size=30,
)
POLICIES = st.builds(
    Policies,
    **{option: st.sampled_from(choices) for option, choices in CHOICES.items()},
    max_unusable=st.sampled_from([0.0, 0.5, 1.0]),
)


def is_text(row: Dict[str, Any]) -> bool:
    return isinstance(row["text"], str) and bool(row["text"].strip())


@settings(max_examples=150, deadline=None)
@given(
    files=st.fixed_dictionaries({"train": ROWS}, optional={"dev": ROWS, "test": ROWS, "unlabelled": ROWS}),
    policies=POLICIES,
    seed=st.integers(0, 3),
)
def test_whatever_stands_in_the_files_no_text_is_learned_and_tested_and_all_rows_are_told_of(
    files: Dict[str, List[Any]], policies: Policies, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "random"
    folder.mkdir(exist_ok=True)
    # The first row says which columns there are.
    rows = {split: [{"text": "first of all", "label": "a", **rows[0]}, *rows[1:]] for split, rows in files.items()}
    paths = {split: write_jsonl(folder / f"{split}.jsonl", rows[split]) for split in rows}
    splits = read_all(paths, seed=seed, policies=policies)
    kept = {split: [normalize(text) for text in texts(splits, split)] for split in SPLITS}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not set(kept[one]) & set(kept[other])
    # Nor one of a file to test with whose row there could not be used.
    held_out = {normalize(row["text"]) for split in ("dev", "test") for row in rows.get(split, []) if is_text(row)}
    assert not held_out & {*kept["train"], *kept["unlabelled"]}
    for split, counts in count_rows(splits).items():
        assert len(set(kept[split])) == len(kept[split]) == counts["kept"]
        assert counts["read"] == len(rows.get(split, []))
        assert counts["read"] + counts["moved"] == counts["kept"] + sum(counts["dropped"].values())
    assert sum(splits.moved.values()) == 0
    # Each row is told of once.
    places = Counter(problem.review.place for problem in splits.problems)
    places.update(review.place for reviews in splits.reviews.values() for review in reviews)
    assert set(places.values()) == {1} and len(places) == sum(map(len, rows.values()))
    for split in ("train", "dev", "test"):
        labels = {review.label for review in splits.reviews[split]}
        assert labels <= set(splits.task.labels)
        # What may be used can be learned.
        assert splits.errors or (labels and (split != "train" or labels == set(splits.task.labels)))
    # Neither the order of the files nor chance decides.
    assert read_all(dict(reversed(paths.items())), seed=seed, policies=policies) == splits
    write_jsonl(paths["train"], [dict(reversed(row.items())) for row in rows["train"]])
    assert read_all(paths, seed=seed, policies=policies) == splits
