"""A student that is not always sure, and a teacher that is none of the project's kind."""

from pathlib import Path
from typing import Dict

import pytest

from scripts.packaging.export import export_pipeline
from tests.conftest import BOW, train, train_stock


@pytest.fixture(scope="package")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """Folders of student and teacher."""
    folder = tmp_path_factory.mktemp("models")
    models = {"student": export_pipeline(train(BOW)), "teacher": train_stock(n_updates=20)}
    for name, nlp in models.items():
        nlp.to_disk(folder / name)
    return {name: folder / name for name in models}
