"""A server of toy models that were trained here: in this process, or in one of its own."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from fastapi.testclient import TestClient

from benchmarks.serving.process import Running, start_server
from scripts.packaging.export import export_pipeline
from scripts.serving.app import serve_models
from scripts.serving.models import BASELINE, STUDENT, TEACHER, Served, load_model
from scripts.serving.settings import Settings
from tests.conftest import ENSEMBLE, train

MakeClient = Callable[..., TestClient]
StartServer = Callable[..., Running]


@pytest.fixture(scope="package")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and exported student."""
    path = tmp_path_factory.mktemp("student")
    export_pipeline(train(ENSEMBLE)).to_disk(path)
    return path


@pytest.fixture(scope="package")
def served(student: Path) -> Dict[str, Served]:
    """A student, the same as its baseline, and as its teacher."""
    roles = {"student": STUDENT, "baseline": BASELINE, "teacher": TEACHER}
    return {name: load_model(f"{name}={student}", role) for name, role in roles.items()}


@pytest.fixture
def make_client(served: Dict[str, Served]) -> Iterator[MakeClient]:
    """Makes a client of a server in this process. Its keywords are settings."""
    clients: List[TestClient] = []

    def make(**settings: Any) -> TestClient:
        app = serve_models(served, Settings([])._replace(max_wait=0, **settings))
        clients.append(TestClient(app, raise_server_exceptions=False).__enter__())
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """A client of a server with the default settings."""
    return make_client()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts servers as the command line does, with the arguments and variables that it is given, and ends them."""
    started: List[Running] = []

    def start_one(*arguments: Any, **environment: str) -> Running:
        folder = tmp_path_factory.mktemp("server")
        started.append(start_server(folder, *arguments, "--drain", "0.3", OMP_NUM_THREADS="1", **environment))
        return started[-1]

    yield start_one
    for running in started:
        running.end()
