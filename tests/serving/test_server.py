"""Servers in processes of their own: what comes over the wire, workers, and the end."""

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any, Dict, Tuple
from urllib.parse import urlsplit

import httpx2
import pytest

from benchmarks.serving.ending import Client
from benchmarks.serving.process import Running
from scripts.serving.server import listen, make_app
from scripts.serving.settings import Settings
from tests.conftest import run_here
from tests.serving.conftest import StartServer

TEXT = {"texts": "I love it"}
BODY = json.dumps(TEXT).encode("ascii")
HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"


@pytest.fixture(scope="module")
def server(start: StartServer, student: Path) -> Running:
    """A server with one worker that waits a second for the rest of a request, and takes one file at a time."""
    return start(f"student={student}", "--read-timeout", "1", "--max-files", "1")


def connect(running: Running) -> socket.socket:
    """A connection to a server."""
    address = urlsplit(running.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10)
    return connection


def read_answer(connection: socket.socket) -> Tuple[int, Any]:
    """Read until the server closes the connection. RETURNS (Tuple[int, Any]): Status and body."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"", 408, "too_slow"),
        (b"\r\n", 408, "too_slow"),
        (b"POST /v1/cla", 408, "too_slow"),
        (HEAD % 100, 408, "too_slow"),
        (HEAD % 100 + b"\r\n" + BODY, 408, "too_slow"),
        (HEAD % 100 + b"Transfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
        (b"this is no request\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_long"),
        (HEAD % 2 + b"a: b\r\n" * 10_000 + b"\r\n{}", 431, "headers_too_long"),
        # Without an end, and in one piece and in many.
        (HEAD % 2 + b"a: " + b"b" * 40_000, 431, "headers_too_long"),
    ],
)
def test_what_comes_slowly_or_is_no_request_is_told_and_closed(
    sent: bytes, status: int, code: str, server: Running
) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        found, body = read_answer(connection)
    assert (found, body["error"]["code"]) == (status, code)


def test_a_request_that_drips_is_given_up(server: Running) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD % len(BODY) + b"\r\n")
        begin = time.monotonic()
        for byte in BODY[:-1]:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.1)
            if time.monotonic() - begin > 1.5:
                break
        assert read_answer(connection)[0] == 408


def test_a_connection_is_kept_and_two_requests_may_come_at_once(server: Running) -> None:
    request = HEAD % len(BODY) + b"\r\n" + BODY
    with connect(server) as connection:
        answers = connection.makefile("rb")
        for sent in (request + request[:40], request[40:]):
            connection.sendall(sent)
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.lower().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
            assert b"results" in answers.read(int(headers[b"content-length"]))


def test_a_body_of_fifty_megabytes_is_refused_and_read_past(server: Running) -> None:
    with httpx2.Client() as client:
        answer = client.post(f"{server.url}/v1/classify", content=b"x" * 50_000_000)
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "body_too_long"
        assert client.post(f"{server.url}/v1/classify", json=TEXT).is_success


@pytest.mark.parametrize("n_sent", [10, 500_000])
def test_a_client_that_goes_away_is_no_fault_and_leaves_room_for_others(n_sent: int, server: Running) -> None:
    url = f"{server.url}/v1/files?type=csv"
    content = b"text\n" + b"love it\n" * 62_500
    head = b"POST /v1/files?type=csv HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(content)
    with connect(server) as connection:
        connection.sendall(head + content[: n_sent + 5])
        if n_sent > 10:
            assert connection.recv(10) == b"HTTP/1.1 2"
    begin = time.monotonic()
    while (answer := httpx2.post(url, content=b"text\nlove it\n")).status_code == 429 and time.monotonic() - begin < 10:
        time.sleep(0.1)
    assert answer.is_success
    assert not [line for line in server.read_log() if line["level"] == "error"]


def test_the_log_is_json_and_holds_no_text(server: Running) -> None:
    httpx2.post(f"{server.url}/v1/classify", json={"texts": "nobody's business"})
    httpx2.post(f"{server.url}/v1/classify", content=b'{"texts": "nobody\'s business')
    lines = server.read_log()
    assert {"time", "level", "message"} <= set(lines[0]) and "business" not in json.dumps(lines)
    assert [line["status"] for line in lines if line["message"] == "answered"][-2:] == [200, 422]


def test_a_port_that_is_taken_is_told(server: Running, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = urlsplit(server.url).port
    assert run_here("scripts.serving", str(student), "--port", port) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"The server cannot listen on 127.0.0.1, port {port}: Address already in use. Name another" in said


def test_a_worker_that_starts_does_not_make_others_wait_for_connections(student: Path) -> None:
    settings = Settings(models=[str(student)], port=0)
    listener = listen(settings)
    # As another worker has it, which listens already.
    other = socket.socket(listener.family, listener.type, listener.proto, fileno=os.dup(listener.fileno()))
    other.setblocking(False)
    make_app(settings, listener)
    assert not os.get_blocking(other.fileno())


def test_pieces_of_an_answer_are_sent_at_once() -> None:
    async def is_sent_at_once() -> bool:
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        listener = listen(Settings(models=[], port=0)).dup()
        async with await asyncio.start_server(look, sock=listener):
            with socket.create_connection(listener.getsockname()):
                return await found

    assert asyncio.run(is_sent_at_once())


def count(running: Running) -> Dict[int, int]:
    """How many answers a server has logged, by status."""
    statuses = [line["status"] for line in running.read_log() if line.get("route") == "/v1/classify"]
    return {status: statuses.count(status) for status in set(statuses)}


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes otherwise")
def test_two_workers_share_port_and_metrics_and_end_when_all_is_answered(start: StartServer, student: Path) -> None:
    running = start(f"student={student}", "--workers", "2", TEXTDISTILL_MAX_TEXTS="3")
    # A busy machine may be slow; a server that hangs answers with 503 before that.
    assert httpx2.post(f"{running.url}/v1/classify", json={"texts": list("abcd")}, timeout=60).status_code == 422
    for _ in range(20):
        assert httpx2.post(f"{running.url}/v1/classify", json=TEXT, timeout=60).is_success
    metrics = httpx2.get(f"{running.url}/metrics").text
    assert 'textdistill_texts_total{model="student"} 20.0' in metrics
    clients = [Client(running.url) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(1)
    running.end()
    for client in clients:
        client.join()
    assert not [lost for client in clients for lost in client.lost]
    n_answered = sum(client.n_answered for client in clients)
    assert n_answered > 20 and count(running) == {200: n_answered + 20, 422: 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes otherwise")
def test_a_worker_that_was_killed_is_started_again_and_the_other_goes_on(start: StartServer, student: Path) -> None:
    running = start(f"student={student}", "--workers", "2")
    workers = running.list_workers()
    assert len(workers) == 2
    # What it held is lost.
    workers[0].send_signal(signal.SIGKILL)
    workers[0].wait(timeout=30)
    assert httpx2.post(f"{running.url}/v1/classify", json=TEXT).is_success
    assert "died" in running.log.read_text(encoding="utf8")
    assert len(running.list_workers()) == 2 and workers[0] not in running.list_workers()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes otherwise")
def test_control_c_ends_a_server_without_a_word_too_many(server: Running) -> None:
    # The last test of this server.
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=60) == 0
    assert not [line for line in server.read_log() if line["level"] == "error"]


@pytest.mark.parametrize("token", ["sécret", "secret\n", "two words"])
def test_a_token_that_no_header_can_hold_is_told(token: str, student: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("scripts.serving", str(student), "--port", "0", "--token", token) == 1
    assert "The token holds spaces, line ends or characters beyond ASCII" in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_ends_all_workers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_here("scripts.serving", str(tmp_path), "--port", "0") == 1
    assert "cannot be loaded" in capsys.readouterr().err
