from pathlib import Path
from typing import Dict

import pytest

from scripts.conversion.inputs import find_inputs, find_unread
from scripts.files import UserError


def find(train: Path, **named: str) -> Dict[str, str]:
    """The names of the files that are found."""
    paths = find_inputs({"train": str(train), "dev": "", "test": "", "unlabelled": "", **named})
    return {split: path.name for split, path in paths.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train.csv", "dev.CSV", "test.jsonl.gz", "unlabelled.XLSX", "dev_old.csv", "notes.txt", "~$test.xlsx"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_files_beside_train_are_found_whatever_their_suffix(folder: Path) -> None:
    beside = {"dev": "dev.CSV", "test": "test.jsonl.gz", "unlabelled": "unlabelled.XLSX"}
    assert find(folder) == find(folder / "train.csv") == {"train": "train.csv", **beside}
    # Whatever train is called.
    (folder / "train.csv").rename(folder / "reviews.csv")
    assert find(folder / "reviews.csv") == {"train": "reviews.csv", **beside}


def test_train_alone_is_enough(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(b"")
    assert find(tmp_path / "train.csv") == {"train": "train.csv"}


def test_a_named_file_wins_and_none_means_none(folder: Path) -> None:
    found = find(folder, dev=str(folder / "dev_old.csv"), test="none")
    assert found == {"train": "train.csv", "dev": "dev_old.csv", "unlabelled": "unlabelled.XLSX"}


def test_what_could_be_read_and_is_not_is_found(folder: Path) -> None:
    inputs = find_inputs({"train": str(folder), "dev": "", "test": "none"})
    assert [path.name for path in find_unread(inputs)] == ["dev_old.csv", "test.jsonl.gz", "unlabelled.XLSX"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"train": "more.csv"}, r"more.csv does not exist. Give the path of the reviews"),
        ({"dev": "more.csv"}, r"more.csv does not exist. Give the path of the reviews"),
        ({"dev": "."}, r"is a folder. Give the path of a file in it"),
        ({"dev": "train.csv"}, r"train.csv is to be both .* Give --vars.dev another file, or none"),
        ({"test": "dev.CSV"}, r"dev.CSV is to be both .* Give --vars.\w+ another file, or none"),
    ],
)
def test_a_mistake_names_the_file_and_the_variable(named: Dict[str, str], message: str, folder: Path) -> None:
    with pytest.raises(UserError, match=message):
        find(**{"train": folder, **{split: str(folder / name) for split, name in named.items()}})  # type: ignore[arg-type]


def test_a_folder_without_train_says_what_it_holds(folder: Path) -> None:
    (folder / "train.csv").unlink()
    with pytest.raises(
        UserError, match=r"holds no file called train; it holds dev.CSV, dev_old.csv, .* --vars.train FILE"
    ):
        find(folder)
