"""What holds for every request."""

import json
import logging
import time
from typing import Any, Dict, Iterator

import pytest
from fastapi.testclient import TestClient

from scripts.serving.logs import LOGGER, JsonFormatter
from scripts.serving.models import Served
from tests.serving.conftest import MakeClient

TEXT = {"texts": "a text that is nobody's business"}


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/v1/models", "/nowhere", "/healthz"])
def test_every_answer_has_the_headers_that_keep_others_out(path: str, client: TestClient) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] in ("no-store", "no-cache") and headers["x-request-id"]
    assert "server" not in headers


def test_a_token_is_asked_for_where_something_could_be_learned(make_client: MakeClient) -> None:
    client = make_client(token="secret")
    for path in ("/", "/page/page.js", "/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status_code == 200
    for given in (b"", b"Bearer ", b"Bearer Secret", b"Basic secret", b"Bearer s\xe9cret"):
        answer = client.post("/v1/classify", json=TEXT, headers={b"Authorization": given})
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/metrics").status_code == client.get("/nowhere").status_code == 401
    assert client.post("/v1/classify", json=TEXT, headers={"Authorization": "Bearer secret"}).is_success


def make_chunks(n_bytes: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(n_bytes // 1000):
        yield b"x" * 1000


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/files?type=csv"])
def test_a_body_that_is_too_long_is_refused(path: str, is_told: bool, make_client: MakeClient) -> None:
    client = make_client(max_body=10_000, max_file=10_000)
    content = b"x" * 20_000 if is_told else make_chunks(20_000)
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"] == {
        "code": "body_too_long",
        "message": "The body is too long; at most 10,000 bytes are taken.",
    }


@pytest.fixture
def slow(served: Dict[str, Served], monkeypatch: pytest.MonkeyPatch) -> None:
    """Has models take half a second."""
    classify = Served.classify

    def wait(self: Served, texts: Any) -> Any:
        time.sleep(0.5)
        return classify(self, texts)

    monkeypatch.setattr(Served, "classify", wait)


@pytest.mark.usefixtures("slow")
def test_an_answer_that_takes_too_long_is_given_up(make_client: MakeClient) -> None:
    client = make_client(answer_timeout=0.1)
    answer = client.post("/v1/classify", json=TEXT)
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "too_slow"
    assert answer.headers["retry-after"] == "1"


def test_a_fault_is_told_without_a_traceback_and_logged_without_the_text(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Served, texts: Any) -> Any:
        raise ZeroDivisionError(f"cannot read {texts}")

    monkeypatch.setattr(Served, "classify", fail)
    client = make_client()
    with caplog.at_level(logging.INFO, LOGGER):
        answer = client.post("/v1/classify", json=TEXT, headers={"X-Request-ID": "abc-1"})
    assert answer.status_code == 500
    assert answer.json() == {"error": {"code": "fault", "message": "The server has a fault; its log says more."}}
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == LOGGER]
    lines = [line for line in lines if line["message"] != "ready"]
    assert [(line["message"], line["request"]) for line in lines] == [("failed", "abc-1"), ("answered", "abc-1")]
    assert lines[0]["error"] == "ZeroDivisionError" and any("batching.py" in frame for frame in lines[0]["stack"])
    assert lines[1]["route"] == "/v1/classify" and lines[1]["status"] == 500
    assert "business" not in json.dumps(lines)


def test_what_is_asked_for_by_nobody_is_not_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        for path in ("/healthz", "/readyz", "/metrics"):
            client.get(path)
        client.get("/v1/models?text=business", headers={"X-Request-ID": 'no"id'})
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    line = json.loads(JsonFormatter().format(record))
    assert line["route"] == "/v1/models" and len(line["request"]) == 16 and "business" not in json.dumps(line)


def test_requests_and_texts_are_counted(client: TestClient) -> None:
    client.post("/v1/classify", json={"texts": ["a", "b"]})
    client.get("/nowhere/at/all")
    text = client.get("/metrics").text
    assert 'textdistill_requests_total{method="POST",route="/v1/classify",status="200"} 1.0' in text
    assert 'textdistill_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert 'textdistill_texts_total{model="student"} 2.0' in text
    assert "nowhere" not in text
