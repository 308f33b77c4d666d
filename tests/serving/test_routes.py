"""What the server answers, in this process."""

from typing import Any, Dict, List

import pytest
from fastapi.testclient import TestClient

from scripts.apply.classifier import DIGITS
from scripts.serving.models import Served
from tests.conftest import TEXTS
from tests.serving.conftest import MakeClient

LOVE = "I love it , works well"
AWKWARD = ["😀 love, ça va?", "line\nline\ttab", "=" * 300 + " awful", "日本語の本"]


def test_predictions_are_those_of_the_pipeline(client: TestClient, served: Dict[str, Served]) -> None:
    texts = [text for text, _ in TEXTS] + AWKWARD
    answer = client.post("/v1/classify", json={"texts": texts, "model": "student"})
    assert answer.status_code == 200 and answer.json()["model"] == "student" and answer.json()["milliseconds"] > 0
    for text, found in zip(texts, answer.json()["results"], strict=True):
        cats = served["student"].nlp(text).cats
        assert found["label"] == max(cats, key=cats.__getitem__)
        # "=" in a row is cut, as everywhere.
        if "=" not in text:
            assert found["probabilities"] == pytest.approx(cats, abs=10**-DIGITS)


def test_one_text_needs_no_list_and_the_first_model_no_name(client: TestClient) -> None:
    one = client.post("/v1/classify", json={"texts": LOVE}).json()
    assert one["model"] == "student"
    assert one["results"] == client.post("/v1/classify", json={"texts": [LOVE], "model": "teacher"}).json()["results"]


def test_models_are_compared_with_their_teacher(client: TestClient) -> None:
    results = client.post("/v1/compare", json={"text": LOVE}).json()["results"]
    assert [result["model"] for result in results] == ["student", "baseline", "teacher"]
    # All are the same model here.
    assert [(result["cosine"], result["kl"]) for result in results] == [(1.0, 0.0), (1.0, 0.0), (None, None)]
    alone = client.post("/v1/compare", json={"text": LOVE, "models": ["student"]}).json()["results"]
    assert [(result["model"], result["cosine"]) for result in alone] == [("student", None)]


@pytest.mark.parametrize("text", [LOVE, *AWKWARD[:2], AWKWARD[3]])
def test_the_words_of_a_text_are_weighed_and_nothing_of_it_is_lost(text: str, client: TestClient) -> None:
    answer = client.post("/v1/explain", json={"text": text}).json()
    assert "".join(piece["text"] for piece in answer["pieces"]) == text
    assert any(piece["share"] for piece in answer["pieces"])
    label = client.post("/v1/classify", json={"texts": text}).json()["results"][0]["label"]
    assert answer["label"] == label
    other = next(name for name in ("POSITIVE", "NEGATIVE") if name != label)
    opposite = client.post("/v1/explain", json={"text": text, "label": other}).json()
    shares = [[piece["share"] for piece in found["pieces"]] for found in (answer, opposite)]
    assert shares[0] == pytest.approx([-share for share in shares[1]], abs=1e-5)


def test_models_and_limits_are_listed(client: TestClient) -> None:
    answer = client.get("/v1/models").json()
    assert [(model["name"], model["role"], model["teacher"]) for model in answer["models"]] == [
        ("student", "student", "teacher"),
        ("baseline", "baseline", "teacher"),
        ("teacher", "teacher", None),
    ]
    assert answer["models"][0]["language"] == "en" and answer["models"][0]["labels"] == ["NEGATIVE", "POSITIVE"]
    assert answer["limits"]["texts"] == 256


FAULTS: List[Any] = [
    ("classify", {"texts": []}, 422, "too_many_texts"),
    ("classify", {"texts": ["a", "b", "c"]}, 422, "too_many_texts"),
    ("classify", {"texts": ["a", "x" * 21]}, 422, "text_too_long"),
    ("classify", {"texts": ""}, 422, "unusable_text"),
    ("classify", {"texts": [" \u200b"]}, 422, "unusable_text"),
    ("classify", {"texts": [1]}, 422, "invalid_request"),
    ("classify", {"texts": [None]}, 422, "invalid_request"),
    ("classify", {"texts": {"a": 1}}, 422, "invalid_request"),
    ("classify", {"text": "a"}, 422, "invalid_request"),
    ("classify", {"texts": "a", "modle": "student"}, 422, "invalid_request"),
    ("classify", {"texts": "a", "model": "/etc/passwd"}, 404, "unknown_model"),
    ("classify", {"texts": "a", "model": "en_core_web_sm"}, 404, "unknown_model"),
    ("classify", [], 422, "invalid_request"),
    ("classify", None, 422, "invalid_request"),
    ("compare", {"text": "a", "models": []}, 422, "no_model"),
    ("compare", {"text": "a", "models": ["other"]}, 404, "unknown_model"),
    ("compare", {"text": ["a"]}, 422, "invalid_request"),
    ("explain", {"text": "a", "label": "NEUTRAL"}, 422, "unknown_label"),
    ("explain", {"text": "a" * 11}, 422, "text_too_long"),
    ("nowhere", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("route", "body", "status", "code"), FAULTS)
def test_what_cannot_be_answered_is_told_as_json(
    route: str, body: Any, status: int, code: str, make_client: MakeClient
) -> None:
    client = make_client(max_texts=2, max_characters=20, max_explained=10)
    answer = client.post(f"/v1/{route}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]


BODIES: List[Any] = [
    (b"", 422),
    (b"{", 422),
    (b'{"texts": "lo', 422),
    (b'{"texts": "\xff\xfe"}', 400),
    (b"\xff\xfe{\x00}\x00", 422),
    (b'{"texts": "\\ud800"}', 422),
    (b'{"texts": NaN}', 422),
    (b"[" * 100_000, 400),
    (b'{"texts": ' + b"9" * 5000 + b"}", 400),
    (b"null", 422),
    (b"\x00" * 100, 422),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[repr(body[:20]) for body, _ in BODIES])
def test_bodies_that_are_no_json_are_told(body: bytes, status: int, client: TestClient) -> None:
    answer = client.post("/v1/classify", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["code"] in ("invalid_request", "bad_request", "unusable_text")


def test_an_answer_does_not_repeat_what_was_sent(client: TestClient) -> None:
    answer = client.post("/v1/classify", json={"texts": ["a secret", 1], "another secret": "secret"})
    assert answer.status_code == 422 and "a secret" not in answer.text


def test_openapi_has_an_example_that_the_server_answers(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    for route, name in (("classify", "ClassifyRequest"), ("compare", "CompareRequest"), ("explain", "ExplainRequest")):
        examples = {
            key: value["examples"][0] for key, value in schemas[name]["properties"].items() if "examples" in value
        }
        assert client.post(f"/v1/{route}", json=examples).status_code == 200
    assert {"413", "422", "429", "401"} <= set(described["paths"]["/v1/classify"]["post"]["responses"])


def test_it_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"} and client.get("/readyz").json() == {"status": "ready"}
    client.app.state.service.is_ending = True  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.headers["connection"] == "close"
    # Who comes all the same is answered.
    assert client.post("/v1/classify", json={"texts": LOVE}).headers["connection"] == "close"
