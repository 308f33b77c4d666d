from pathlib import Path

import pytest

from scripts.packaging.export import export_pipeline
from tests.conftest import ENSEMBLE, train


@pytest.fixture(scope="package")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and exported student."""
    path = tmp_path_factory.mktemp("student")
    export_pipeline(train(ENSEMBLE)).to_disk(path)
    return path
