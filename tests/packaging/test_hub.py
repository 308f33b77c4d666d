"""A wheel goes to the Hugging Face hub by spaCy's own command: tried on a stand-in for the hub on this machine."""

import base64
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Dict, Iterator, Tuple

import catalogue
import pytest
import srsly

from scripts.data.docbins import write_docs
from scripts.packaging.export import export_pipeline
from scripts.packaging.wheel import build_package
from tests.conftest import BOW, ROOT, make_examples, train
from tests.evaluation.toy_run import write_run

pytest.importorskip("spacy_huggingface_hub", reason="pip install --no-deps -r requirements-hub.txt")


class Hub(BaseHTTPRequestHandler):
    """What of the hub's API `push` uses. It keeps what is committed in `server.files`."""

    def do_GET(self) -> None:
        self.answer({"name": "somebody", "type": "user", "orgs": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        if self.path == "/api/repos/create":
            self.answer({"url": f"http://{self.headers['Host']}/somebody/{json.loads(body)['name']}"})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self.answer({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]})
        elif "/commit/" in self.path:
            rows = [json.loads(line)["value"] for line in body.splitlines()]
            server.files.update({row["path"]: base64.b64decode(row["content"]) for row in rows if "content" in row})
            self.answer({"success": True, "commitOid": "1" * 40, "commitUrl": f"http://{self.headers['Host']}/c/1"})
        else:
            # What it says of the card's metadata.
            self.answer({"errors": [], "warnings": []})

    def answer(self, content: Dict[str, Any]) -> None:
        """content (Dict[str, Any]): What is sent as JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing goes to the terminal."""


@pytest.fixture
def hub() -> Iterator[Tuple[str, Dict[str, bytes]]]:
    """Address of a hub, and the files that it has been sent."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files = {}
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", server.files
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_wheel_is_pushed_with_its_model_card(
    hub: Tuple[str, Dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, files = hub
    student = train(BOW)
    gold = tmp_path / "test.spacy"
    write_docs([example.reference for example in make_examples(student)], gold)
    export_pipeline(student).to_disk(tmp_path / "export")
    monkeypatch.setattr("scripts.packaging.wheel.check_wheels", lambda expected: None)
    # `spacy package` registers what it ships anew, from modules that nobody can import.
    monkeypatch.setattr(catalogue, "REGISTRY", dict(catalogue.REGISTRY))
    build_package(
        tmp_path / "export",
        tmp_path / "packages",
        tmp_path / "wheel.json",
        name="toy",
        package_version="0.1.0",
        meta=ROOT / "configs" / "meta.json",
        texts=[gold],
        run=write_run(tmp_path / "en"),
        data_licence="CC BY 4.0",
    )
    wheel = srsly.read_json(tmp_path / "wheel.json")["wheel"]
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_TOKEN": "hf_none", "HF_HOME": str(tmp_path / "hf")}
    environment.update({"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"})
    command = [sys.executable, "-m", "spacy", "huggingface-hub", "push", wheel]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{address}/somebody/en_toy/resolve/main/en_toy-any-py3-none-any.whl" in done.stdout
    assert files["en_toy-any-py3-none-any.whl"] == Path(wheel).read_bytes()
    card = files["README.md"].decode("utf8")
    assert card.startswith("---\ntags:\n- spacy\n- text-classification\nlanguage:\n- en\nlicense: mit\n")
    assert "trained on: CC BY 4.0." in card and "#### Limits" in card
    assert srsly.json_loads(files["meta.json"])["textdistill"]["data_licence"] == "CC BY 4.0"
