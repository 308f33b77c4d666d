from pathlib import Path
from typing import Dict

import pytest
import spacy

from scripts.files import UserError
from scripts.serving.models import Served, cut_pieces, find_pipeline, find_teacher, load_models
from scripts.serving.settings import Settings


def test_models_have_the_names_of_packages_or_of_what_they_are_or_those_that_they_are_given(student: Path) -> None:
    models = load_models(Settings([str(student), f"mine={student}"], teachers=[str(student)]))
    assert list(models) == ["en_pipeline", "mine", "en_teacher"]
    assert [served.role for served in models.values()] == ["student", "student", "teacher"]
    assert all(served.size_mb > 0 for served in models.values())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], r"No model was named. Name a packaged student"),
        (["a=STUDENT", "a=STUDENT"], r"Two models would be called 'a'. Name one yourself: NAME=a="),
        (["no_such_package"], r"The pipeline 'no_such_package' cannot be loaded"),
    ],
)
def test_models_that_cannot_be_served_are_told(entries: list, message: str, student: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_models(Settings([entry.replace("STUDENT", str(student)) for entry in entries]))


def test_a_package_that_was_built_and_not_installed_is_found_in_its_folder(student: Path, tmp_path: Path) -> None:
    inner = tmp_path / "en_reviews-0.1.0" / "en_reviews" / "en_reviews-0.1.0"
    inner.parent.mkdir(parents=True)
    inner.symlink_to(student)
    assert find_pipeline(str(tmp_path / "en_reviews-0.1.0")) == str(inner)
    assert find_pipeline(str(student)) == str(student)
    # As a cascade holds its teacher.
    outer = tmp_path / "cascade"
    (outer / "textcat_cascade" / "teacher").mkdir(parents=True)
    for folder in (outer, outer / "textcat_cascade" / "teacher"):
        (folder / "config.cfg").touch()
    assert find_pipeline(str(outer)) == str(outer)
    assert find_pipeline("en_reviews") == "en_reviews"


def test_a_teacher_is_one_of_the_same_language_and_labels(served: Dict[str, Served]) -> None:
    student, teacher = served["student"], served["teacher"]
    german = teacher._replace(nlp=spacy.blank("de"))
    others = {"german": german, "three": teacher._replace(labels=["A", "B", "C"])}
    assert find_teacher({**others, **served}, student) is teacher
    assert find_teacher(others, student) is None


def test_pieces_give_the_text_when_they_are_joined() -> None:
    assert cut_pieces(" a 😀 b.", [(1, 2, 0.5), (3, 4, -0.5), (5, 6, 0.0)]) == [
        *[(" ", 0.0), ("a", 0.5), (" ", 0.0), ("😀", -0.5), (" ", 0.0), ("b", 0.0), (".", 0.0)]
    ]
    assert cut_pieces("", []) == []


def test_all_new_words_are_forgotten_together(served: Dict[str, Served]) -> None:
    model = served["student"]
    model.memory.forget()
    n_strings = len(model.nlp.vocab.strings)
    model.classify([f"newword{number}" for number in range(50)])
    model.explain("anotherword and yetanother", "POSITIVE")
    model.memory.forget()
    assert len(model.nlp.vocab.strings) == n_strings
