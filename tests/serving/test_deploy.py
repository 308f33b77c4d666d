"""The files of deploy/, as far as they can be checked without Docker and a cluster."""

import ast
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import httpx2
import pytest
import srsly

from scripts.provenance import find_module
from scripts.serving.settings import Settings
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf8")
# What a server imports before its first request, or for it.
STARTS = (
    "scripts.serving.__main__",
    "scripts.serving.app",
    "scripts.inspection.contributions",
    "scripts.architectures.*",
)
# Packages by what is imported of them, where these differ; and what comes with others.
PACKAGES = {"prometheus_client": "prometheus-client"}
BROUGHT = {"anyio", "catalogue", "click", "confection", "cymem", "pydantic", "starlette"}


def list_imports(path: Path) -> Iterator[str]:
    """What a module imports as it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def find_packages() -> Set[str]:
    """The packages of others that a server needs."""
    waiting: List[str] = list(STARTS)
    seen: Set[str] = set()
    roots: Set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if not name.startswith("scripts"):
            roots.add(name.partition(".")[0])
            continue
        for path in find_module(name):
            waiting += list_imports(path)
    return {PACKAGES.get(root, root) for root in roots - set(sys.stdlib_module_names) - BROUGHT}


def test_the_image_holds_what_the_server_imports_and_no_more() -> None:
    listed = re.search(r"-c requirements.txt((?:[^\n]*\\\n)+[^\n]*)", DOCKERFILE)
    assert listed and set(re.findall(r"[a-z][\w-]+", listed.group(1))) == {*find_packages(), "httptools"}


def list_variables() -> Set[str]:
    """The variables that the command line reads."""
    names = {"baselines": "baseline", "teachers": "teacher"}
    return {f"TEXTDISTILL_{names.get(name, name).upper()}" for name in Settings._fields}


def read_compose() -> Dict[str, Any]:
    return srsly.yaml_loads((DEPLOY / "compose.yml").read_text(encoding="utf8"))


def read_kubernetes() -> Dict[str, Any]:
    documents = (DEPLOY / "kubernetes.yml").read_text(encoding="utf8").split("\n---\n")
    return {document["kind"]: document for document in map(srsly.yaml_loads, documents)}


def test_variables_are_those_that_the_server_reads() -> None:
    text = "".join(path.read_text(encoding="utf8") for path in DEPLOY.iterdir())
    assert set(re.findall(r"TEXTDISTILL_\w+", text)) <= list_variables()


def test_the_proxy_and_the_cluster_send_requests_where_the_server_listens() -> None:
    compose, nginx = read_compose(), (DEPLOY / "nginx.conf").read_text(encoding="utf8")
    (upstream,) = re.findall(r"server (\w+):(\d+)", nginx)
    assert upstream[0] in compose["services"] and f"EXPOSE {upstream[1]}" in DOCKERFILE
    assert int(upstream[1]) == Settings([]).port
    (listens,) = re.findall(r"listen (\d+);", nginx)
    assert compose["services"]["proxy"]["ports"] == [f"127.0.0.1:{listens}:{listens}"]
    cluster = read_kubernetes()
    (container,) = cluster["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": Settings([]).port}]
    assert cluster["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    labels = cluster["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert cluster["Service"]["spec"]["selector"] == labels
    assert cluster["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_nobody_kills_a_server_that_still_answers() -> None:
    settings, pod = Settings([]), read_kubernetes()["Deployment"]["spec"]["template"]["spec"]
    drain = next(int(one["value"]) for one in pod["containers"][0]["env"] if one["name"] == "TEXTDISTILL_DRAIN")
    assert pod["terminationGracePeriodSeconds"] > drain + settings.end_timeout
    grace = read_compose()["services"]["server"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > settings.drain + settings.end_timeout


def test_probes_ask_what_needs_no_token() -> None:
    (container,) = read_kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"]
    paths = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[str]:
    """nginx with our config and a replica that does not answer. RETURNS (str): Its address."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as gone, socket.socket() as free:
        gone.bind(("127.0.0.1", 0))
        free.bind(("127.0.0.1", 0))
        places = [f"127.0.0.1:{end.getsockname()[1]}" for end in (gone, free)]
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf8").replace("/tmp/nginx.pid", str(tmp_path / "pid"))
    text = text.replace("server:8000", places[0]).replace("listen 8080", f"listen {places[1]}")
    (tmp_path / "nginx.conf").write_text(text, encoding="utf8")
    command = [nginx, "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    running = subprocess.Popen(command)
    try:
        for _ in range(100):
            with suppress(httpx2.TransportError):
                httpx2.get(f"http://{places[1]}/healthz")
                break
            time.sleep(0.1)
        yield f"http://{places[1]}"
    finally:
        running.terminate()
        running.wait()


def test_nginx_answers_as_the_server_does(proxy: str) -> None:
    answers = {
        "no_replica": httpx2.get(f"{proxy}/v1/models"),
        "body_too_long": httpx2.post(f"{proxy}/v1/classify", content=b" " * 21 * 2**20),
        "headers_too_long": httpx2.get(f"{proxy}/healthz", headers={"x": "y" * 40_000}),
    }
    assert [answer.status_code for answer in answers.values()] == [503, 413, 431]
    for code, answer in answers.items():
        assert answer.headers["content-type"] == "application/json" and answer.json()["error"]["code"] == code
    assert answers["no_replica"].headers["retry-after"] == "1"
