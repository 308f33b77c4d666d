"""A server of toy models that were trained here: in this process, or in one of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from scripts.packaging.export import export_pipeline
from scripts.serving.app import serve_models
from scripts.serving.models import BASELINE, STUDENT, TEACHER, Served, load_model
from scripts.serving.settings import Settings
from tests.conftest import ENSEMBLE, ROOT, train

MakeClient = Callable[..., TestClient]


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


class Running(NamedTuple):
    """A server in a process of its own."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text(encoding="utf8")
            try:
                if httpx.get(f"{self.url}/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise TimeoutError(self.log.read_text(encoding="utf8"))

    def end(self) -> int:
        """Tell it to end. RETURNS (int): Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def find_url(log: Path) -> str:
    """Where a server listens: its first line says it."""
    for _ in range(600):
        if "http://" in (text := log.read_text(encoding="utf8")):
            return "http://" + text.partition("http://")[2].partition('"')[0]
        time.sleep(0.1)
    raise TimeoutError(log.read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """Starts servers as the command line does, with the arguments that it is given; those that still run are killed in
    the end."""
    started: List[Running] = []

    def start(*arguments: Any, **environment: str) -> Running:
        log = tmp_path_factory.mktemp("server") / "log"
        command = [sys.executable, "-m", "scripts.serving", *map(str, arguments), "--port", "0", "--drain", "0.3"]
        with log.open("w", encoding="utf8") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, stderr=file, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}
            )
        started.append(Running(process, find_url(log), log))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for running in started:
        running.process.terminate()
        running.process.wait(timeout=60)
