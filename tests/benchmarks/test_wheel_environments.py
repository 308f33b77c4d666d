"""The wheel under other versions: how predictions are read and compared. One test makes real environments."""

import copy
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import spacy
import srsly

from benchmarks import wheel_environments
from benchmarks.tables.speed import environments
from benchmarks.wheel_environments import find_difference, make_environment, read_cats, read_oldest_spacy, run
from scripts.data.docbins import write_docs
from scripts.files import UserError
from scripts.packaging.export import export_pipeline
from scripts.packaging.wheel import build_wheel
from tests.conftest import BOW, TEXTS, train


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> List[Path]:
    """Wheels of two languages."""
    folder = tmp_path_factory.mktemp("wheels")
    options: Any = {"name": "Toy", "package_version": "0.1.0"}
    options["meta"] = {"description": "", "author": "", "email": "", "url": "", "license": "MIT"}
    for number, lang in enumerate(("en", "de")):
        # Of two trainings, so that what one says is not taken for what the other does.
        export_pipeline(train(BOW, lang=lang, n_updates=5 + number)).to_disk(folder / lang)
    return [build_wheel(folder / lang, folder, **options) for lang in ("en", "de")]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.spacy"
    write_docs([spacy.blank("en").make_doc(text) for text, _ in TEXTS], path)
    return path


def test_the_largest_difference_of_any_label() -> None:
    one, other = [{"A": 0.5, "B": 0.5}, {"A": 0.1, "B": 0.9}], [{"A": 0.5, "B": 0.5}, {"A": 0.25, "B": 0.9}]
    assert find_difference(one, one) == 0
    assert find_difference(one, other) == pytest.approx(0.15) == find_difference(other, one)
    with pytest.raises(KeyError):
        find_difference(one, [{"A": 0.5, "B": 0.5}, {"A": 0.1, "C": 0.9}])


def test_environments_are_compared_with_this_one(
    wheels: List[Path], texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: List[Dict[str, Any]] = []

    def read_here(python: str, wheels: List[Path], texts: Path, *sites: Path) -> Dict[str, Any]:
        if sites:
            read.append(read_cats(python, wheels, texts, *sites))
            return copy.deepcopy(read[0])
        cats = [{**read[0]["cats"][0], "POSITIVE": 0.0}, *read[0]["cats"][1:]]
        return {**read[0], "spacy": "3.7.5", "cats": cats, "warnings": ["[W095] another version"]}

    # Of the oldest spaCy there are no wheels.
    monkeypatch.setattr(
        wheel_environments, "make_environment", lambda *args: "python" if args[3] == ["spacy"] else None
    )
    monkeypatch.setattr(wheel_environments, "read_cats", read_here)
    record = tmp_path / "record.json"
    wheel_environments.try_environments(wheels, texts, ["python3"], tmp_path / "environments", record)
    found = srsly.read_json(record)
    (row,) = found["rows"]
    here = {name: read[0][name] for name in ("python", "spacy", "thinc", "numpy", "warnings")}
    assert found["here"] == here and here["spacy"] == spacy.about.__version__ and here["warnings"] == []
    assert found["n_texts"] == len(TEXTS) and list(found["wheels"]) == ["en_Toy", "de_Toy"]
    # Both have said something of each text, and not the same.
    english, german = read[0]["cats"][::2], read[0]["cats"][1::2]
    assert len(english) == len(german) == len(TEXTS) and english != german
    difference = read[0]["cats"][0]["POSITIVE"]
    assert row == {
        **here,
        "spacy": "3.7.5",
        "warnings": ["[W095] another version"],
        "difference": pytest.approx(difference),
    }
    assert environments(found).rows == [[row["python"], "3.7.5", row["thinc"], row["numpy"], f"{difference:.0e}"]]


def test_the_oldest_spacy_is_what_the_wheel_says(wheels: List[Path]) -> None:
    assert read_oldest_spacy(wheels[0]) == "3.7.5"


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"failed: .*No module named nothing"):
        run([sys.executable, "-m", "nothing"])


@pytest.mark.network
def test_the_oldest_and_the_newest_spacy_predict_the_same(wheels: List[Path], texts: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    wheel_environments.try_environments(wheels, texts, [sys.executable], tmp_path / "environments", record)
    rows = srsly.read_json(record)["rows"]
    assert rows and all(row["difference"] <= wheel_environments.LIMIT and not row["warnings"] for row in rows)


@pytest.mark.network
def test_a_spacy_without_wheels_is_left_out(wheels: List[Path], tmp_path: Path) -> None:
    assert make_environment(sys.executable, tmp_path / "environment", wheels, ["spacy==2.0.0"]) is None
