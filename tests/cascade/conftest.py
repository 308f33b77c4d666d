"""A student that is not always sure, and a teacher that is none of the project's kind."""

from pathlib import Path
from typing import Any, Dict

import pytest
import spacy
from spacy import Language
from spacy.training import Example

from scripts.data.task import Task
from scripts.packaging.export import export_pipeline
from tests.conftest import BOW, LABELS, TEXTS, train

STOCK: Dict[str, Any] = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 1,
    "no_output_layer": False,
}


def make_teacher() -> Language:
    """A stock text classifier that has learned TEXTS."""
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", config={"model": STOCK})
    examples = [Example.from_dict(nlp.make_doc(t), {"cats": Task(LABELS).make_cats(label)}) for t, label in TEXTS]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="package")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """Folders of student and teacher."""
    folder = tmp_path_factory.mktemp("models")
    models = {"student": export_pipeline(train(BOW)), "teacher": make_teacher()}
    for name, nlp in models.items():
        nlp.to_disk(folder / name)
    return {name: folder / name for name in models}
