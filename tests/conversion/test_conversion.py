import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
import spacy
import srsly
from weasel.util.config import load_project_config

from scripts.conversion.__main__ import convert
from scripts.conversion.labels import Labelling
from scripts.conversion.reviews import read_reviews
from scripts.conversion.splits import read_splits
from scripts.data.docbins import read_docs
from scripts.data.task import Task, find_gold
from scripts.data.texts import read_unlabelled
from scripts.files import UserError
from scripts.provenance import hash_sources
from tests.conftest import ROOT, run_here
from tests.data.table_files import WRITERS, write_jsonl

LABELLING = Labelling("label", "stars")
ROWS = [{"text": "good, really", "label": "POSITIVE"}, {"text": 'bad "one"\nagain', "label": "NEGATIVE"}]
LONG = "we stayed three nights in a small room above the bar and slept like stones every single night"


def read(path: Path, labelling: Optional[Labelling] = LABELLING, text_column: str = "text") -> List[Any]:
    return list(read_reviews(path, text_column=text_column, labelling=labelling))


def make_splits(folder: Path, **splits: List[Any]) -> Dict[str, Path]:
    """Write splits of numbered reviews; those given replace the numbered ones, None leaves the file out."""
    paths = {}
    for offset, split in enumerate(("train", "dev", "test", "unlabelled")):
        rows = [
            {"text": f"review {offset} {i} {'yes' if i % 2 else 'no'}", "label": ["NEGATIVE", "POSITIVE"][i % 2]}
            for i in range(20)
        ]
        paths[split] = folder / f"{split}.jsonl"
        if splits.get(split, rows) is not None:
            write_jsonl(paths[split], splits.get(split, rows))
    return paths


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".xlsx"])
def test_every_format_gives_the_same_reviews(suffix: str, tmp_path: Path) -> None:
    reviews = read(WRITERS[suffix](tmp_path / f"reviews{suffix}", ROWS))
    assert [(r.text, r.label) for r in reviews] == [("good, really", "POSITIVE"), ('bad "one" again', "NEGATIVE")]
    assert [r.line for r in reviews] == {".tsv": [2, 4], ".xlsx": [2, 3]}.get(suffix, [1, 2])


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".xlsx"])
def test_missing_column_names_file_and_line(suffix: str, tmp_path: Path) -> None:
    path = WRITERS[suffix](tmp_path / f"reviews{suffix}", [{"review": "good", "label": "POSITIVE"}])
    with pytest.raises(
        UserError, match=r"reviews.*, line \d: no column 'text', found review, label.*--vars.text_column"
    ):
        read(path)
    path = WRITERS[suffix](tmp_path / f"other{suffix}", [{"text": "good", "sentiment": "pos"}])
    with pytest.raises(UserError, match=r"other.*, line \d: no column 'label' and no column 'stars'"):
        read(path)


@pytest.mark.parametrize(
    "row, message",
    [
        ({"text": "", "label": "POSITIVE"}, "line 2: the text is empty"),
        ({"text": " \t", "label": "POSITIVE"}, "line 2: the text is empty"),
        ({"text": 7, "label": "POSITIVE"}, "line 2: the text must be a string, got 7"),
        ({"text": None, "label": "POSITIVE"}, "line 2: the text must be a string, got None"),
        ({"text": "x", "label": None}, "line 2: the label is missing, got None"),
        ({"text": "x", "label": ""}, "line 2: the label is missing, got ''"),
        ({"text": "x", "label": 0.5}, "line 2: unknown label 0.5"),
        ({"text": "x", "stars": "many"}, "line 2: the stars must be a number such as 4, got 'many'"),
        ({"text": "x", "stars": None}, "line 2: the stars must be a number"),
    ],
)
def test_bad_rows_name_file_line_and_value(row: Any, message: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "reviews.jsonl", [ROWS[0], row])
    with pytest.raises(UserError, match=f"reviews.jsonl, {message}"):
        read(path)


def test_stars_become_labels(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"text": "x", "stars": stars} for stars in (1, 2, "3", 4.0, 5)])
    assert [r.label for r in read(path)] == ["NEGATIVE"] * 2 + ["POSITIVE"] * 3
    skipping = Labelling("label", "stars", negative_up_to=1, skip_stars=3)
    assert [r.label for r in read(path, skipping)] == ["NEGATIVE", "POSITIVE", None, "POSITIVE", "POSITIVE"]


def test_the_label_column_wins_and_class_numbers_are_labels(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"text": "x", "stars": 1, "label": 1}, {"text": "y", "label": " a "}])
    assert [r.label for r in read(path)] == ["1", "a"]


def read_all(paths: Dict[str, Path], seed: int = 0) -> Any:
    return read_splits(paths, text_column="text", labelling=LABELLING, seed=seed)


def test_splits_are_read_as_they_are(tmp_path: Path) -> None:
    splits = read_all(make_splits(tmp_path))
    assert {split: len(reviews) for split, reviews in splits.reviews.items()} == dict.fromkeys(
        ("train", "dev", "test", "unlabelled"), 20
    )
    assert splits.task.labels == ["NEGATIVE", "POSITIVE"]
    assert all(review.label is None for review in splits.reviews["unlabelled"])


def test_missing_splits_are_split_off_train_stratified_and_seeded(tmp_path: Path) -> None:
    paths = make_splits(tmp_path, dev=None, test=None, unlabelled=None)  # type: ignore[arg-type]
    splits = read_all(paths)
    sizes = {split: len(reviews) for split, reviews in splits.reviews.items()}
    assert sum(sizes.values()) == 20 and min(sizes["dev"], sizes["test"]) >= 2 and sizes["unlabelled"] == 0
    for split in ("dev", "test"):
        labels = [review.label for review in splits.reviews[split]]
        assert abs(labels.count("POSITIVE") - labels.count("NEGATIVE")) <= 1
    texts = [review.text for reviews in splits.reviews.values() for review in reviews]
    assert len(set(texts)) == 20
    assert read_all(paths) == splits
    assert read_all(paths, seed=1) != splits


def test_duplicate_across_splits_names_both_places(tmp_path: Path) -> None:
    paths = make_splits(tmp_path, test=[{"text": "Review 0 3, YES!", "label": "POSITIVE"}] * 2)
    with pytest.raises(UserError, match=r"test.jsonl, line 1: duplicate across splits.*train.jsonl, line 4"):
        read_all(paths)


def test_equal_texts_with_different_labels_are_an_error(tmp_path: Path) -> None:
    rows = [{"text": "same", "label": "POSITIVE"}, {"text": "Same.", "label": "NEGATIVE"}]
    with pytest.raises(
        UserError, match=r"train.jsonl, line 2: the same text as in line 1, but with the label NEGATIVE"
    ):
        read_all(make_splits(tmp_path, train=rows))


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_unknown_label_names_file_and_line(split: str, tmp_path: Path) -> None:
    paths = make_splits(tmp_path)
    with paths[split].open("a", encoding="utf8") as file:
        file.write(json.dumps({"text": "typo", "label": "POSITVE"}) + "\n")
    told = "the label 'POSITVE' stands in train only once" if split == "train" else "unknown label 'POSITVE'"
    with pytest.raises(UserError, match=rf"{split}.jsonl, line 21: {told}.*NEGATIVE, POSITIVE"):
        read_all(paths)


def test_a_file_that_was_named_must_be_there_and_what_is_looked_for_may_be_absent(tmp_path: Path) -> None:
    paths = make_splits(tmp_path)
    with pytest.raises(UserError, match=r"more.csv does not exist. Check --vars.unlabelled"):
        run_convert({**paths, "unlabelled": tmp_path / "more.csv"}, tmp_path / "corpus")
    defaults = load_project_config(ROOT, overrides={"vars.reviews": str(tmp_path / "none")})["vars"]
    looked_for = {split: Path(defaults[split]) for split in ("dev", "test", "unlabelled")}
    run_convert({**paths, **looked_for}, tmp_path / "corpus")
    assert not list(read_unlabelled(tmp_path / "corpus" / "unlabelled.jsonl"))


def test_one_label_alone_is_an_error(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "POSITIVE"} for i in range(5)]
    with pytest.raises(UserError, match="at least two labels, found POSITIVE"):
        read_all(make_splits(tmp_path, train=rows, dev=rows[:0], test=rows[:0]))


def test_repeated_and_near_copies_are_dropped_and_counted(tmp_path: Path) -> None:
    unlabelled = [
        {"text": "new words altogether"},
        {"text": "NEW words, altogether!"},
        {"text": "review 0 3 yes"},  # in train
        {"text": "review 1 3 yes ..."},  # in dev
        {"text": LONG.replace("small", "tiny")},  # one word differs from test
    ]
    test = [{"text": LONG, "label": "POSITIVE"}, {"text": "so dull", "label": "NEGATIVE"}]
    splits = read_all(make_splits(tmp_path, unlabelled=unlabelled, test=test))
    assert [review.text for review in splits.reviews["unlabelled"]] == ["new words altogether"]
    assert splits.dropped["unlabelled"]["repeated"] == 2
    assert splits.dropped["unlabelled"]["near copies of dev or test"] == 2


def run_convert(paths: Dict[str, Path], output: Path) -> None:
    columns = {"text_column": "text", "label_column": "label", "stars_column": "stars"}
    convert(output, lang="en", **paths, **columns, negative_up_to=2, skip_stars=-1, seed=0)  # type: ignore[arg-type]


def test_convert_writes_one_hot_gold_and_skips_what_is_up_to_date(tmp_path: Path) -> None:
    paths, output = make_splits(tmp_path), tmp_path / "corpus"
    run_convert(paths, output)
    docs = read_docs(output / "gold" / "train.spacy", spacy.blank("en").vocab)
    assert len(docs) == 20 and all(sorted(doc.cats.values()) == [0.0, 1.0] for doc in docs)
    assert [find_gold(doc) for doc in docs[:2]] == ["NEGATIVE", "POSITIVE"]
    assert Task.read(output / "gold") == Task(["NEGATIVE", "POSITIVE"])
    assert len(list(read_unlabelled(output / "unlabelled.jsonl"))) == 20
    contents = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in contents}
    run_convert(paths, output)
    assert times == {path: path.stat().st_mtime_ns for path in contents}
    # A lost output is made again, byte for byte; a changed input is noticed.
    for name in ("test.spacy", "task.json"):
        (output / "gold" / name).unlink()
        run_convert(paths, output)
        assert contents == {path: path.read_bytes() for path in contents}
    run_convert({**paths, "dev": tmp_path / "en" / "dev.jsonl.gz"}, output)
    assert contents[output / "gold" / "dev.spacy"] != (output / "gold" / "dev.spacy").read_bytes()


def test_convert_runs_again_when_code_that_it_uses_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, output = make_splits(tmp_path), tmp_path / "corpus"
    run_convert(paths, output)
    before = srsly.read_json(output / "data.json")
    files = "scripts/files.py"
    assert files in before["code"]
    monkeypatch.setattr(
        "scripts.conversion.__main__.hash_sources", lambda path: {**hash_sources(path), files: "changed"}
    )
    run_convert(paths, output)
    # Nothing else is another, so it is this change that was seen.
    after = srsly.read_json(output / "data.json")
    assert {key for key in before if before[key] != after[key]} == {"code"}


def test_a_mistake_ends_the_command_with_code_one_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = make_splits(tmp_path, train=[{"text": "", "label": "POSITIVE"}])
    options = [part for split, path in paths.items() for part in (f"--{split}", path)]
    assert run_here("scripts.conversion", tmp_path / "corpus", "--lang", "en", *options) == 1
    printed = capsys.readouterr()
    assert "train.jsonl, line 1: the text is empty" in printed.err
    assert "Traceback" not in printed.out + printed.err
    assert not (tmp_path / "corpus").exists()


def test_real_reviews_of_a_language_are_read(real_reviews: Path) -> None:
    paths = {split: real_reviews / "nl" / f"{split}.jsonl.gz" for split in ("train", "dev", "test", "unlabelled")}
    splits = read_all(paths)
    assert [len(splits.reviews[split]) for split in ("dev", "test")] == [1000, 1000]
    assert 990 <= len(splits.reviews["train"]) <= 1000  # a few are near copies of dev or test
    assert len(splits.reviews["unlabelled"]) > 4000
