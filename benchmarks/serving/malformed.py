"""Requests that no server should get: how each is answered, and whether the server outlives them."""

import asyncio
import json
import random
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple
from urllib.parse import urlsplit

from benchmarks.serving.process import Running

# What waits for an answer at a time.
AT_ONCE = 32
# Seconds for an answer. A slow request is answered when the server has waited long enough.
PATIENCE = 120
BODY = json.dumps({"texts": ["I love it", "awful"], "model": "student"}).encode("ascii")
ROUTES = ("/v1/classify", "/v1/compare", "/v1/explain")
VALUES: List[Any] = [
    None,
    True,
    0,
    -1.5,
    10**400,
    "",
    "x",
    [],
    [[]],
    {},
    {"texts": []},
    "\ud800",
    "\x00",
    [None],
    [1, "a"],
]


class Attack(NamedTuple):
    """A request in pieces, with a pause after each."""

    pieces: List[bytes]
    pause: float = 0.0


def make_request(body: bytes, *, path: str = "/v1/classify", headers: bytes = b"", method: str = "POST") -> Attack:
    """A request that is one of HTTP."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode("latin-1")
    return Attack([head + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body])


def cut_json(rng: random.Random) -> Attack:
    """JSON without its end."""
    return make_request(BODY[: rng.randrange(len(BODY))])


def mix_types(rng: random.Random) -> Attack:
    """JSON of other types than those that are asked for."""
    keys = ["texts", "text", "model", "models", "label", "x"]
    body: Any = {rng.choice(keys): rng.choice(VALUES) for _ in range(rng.randrange(4))}
    return make_request(json.dumps(rng.choice([body, [body], rng.choice(VALUES)])).encode(), path=rng.choice(ROUTES))


def break_utf8(rng: random.Random) -> Attack:
    """Bytes that are no UTF-8 somewhere in JSON."""
    body = bytearray(BODY)
    for _ in range(rng.randint(1, 5)):
        body[rng.randrange(len(body))] = rng.randrange(128, 256)
    return make_request(bytes(body), path=rng.choice(ROUTES))


def nest(rng: random.Random) -> Attack:
    """Brackets in brackets."""
    return make_request(rng.choice([b"[", b'{"texts":']) * rng.randint(100, 100_000))


def send_noise(rng: random.Random) -> Attack:
    """Bytes."""
    return Attack([rng.randbytes(rng.randint(1, 2000))])


def break_head(rng: random.Random) -> Attack:
    """A head with some bytes changed."""
    request = bytearray(make_request(BODY).pieces[0])
    for _ in range(rng.randint(1, 4)):
        request[rng.randrange(60)] = rng.randrange(256)
    return Attack([bytes(request)])


def send_many_headers(rng: random.Random) -> Attack:
    """10,000 headers."""
    headers = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(10_000))
    return make_request(BODY, headers=headers)


def send_long_path(rng: random.Random) -> Attack:
    """A path of up to 100,000 signs."""
    return make_request(b"", path="/" + "a" * rng.randint(10_000, 100_000), method="GET")


def use_other_methods(rng: random.Random) -> Attack:
    """Methods and paths that are not there."""
    method = rng.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
    return make_request(
        BODY, path=rng.choice([*ROUTES, "/..%2f..%2fetc/passwd", "/page/../app.py", "//", "*"]), method=method
    )


def break_chunks(rng: random.Random) -> Attack:
    """Pieces of a body that are none."""
    head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Attack(
        [
            head
            + rng.choice(
                [b"zz\r\n", b"-1\r\n\r\n", b"ffffffffffffffff\r\n", b"5\r\nab\r\n0\r\n\r\n", rng.randbytes(40)]
            )
        ]
    )


def send_broken_file(rng: random.Random) -> Attack:
    """A file of texts that is none."""
    kind = rng.choice(["csv", "tsv", "jsonl", "xlsx", "", "csv&text_column=", "jsonl&model=x"])
    content = rng.choice(
        [b"", b"text\n", b'text\n"a', b"\xff\xfe", b"PK\x03\x04", b'{"text": 1}\n', b"{", rng.randbytes(500)]
    )
    return make_request(content, path=f"/v1/files?type={kind}")


def send_long_body(rng: random.Random) -> Attack:
    """50 MB."""
    return make_request(b"x" * 50_000_000)


def drip_head(rng: random.Random) -> Attack:
    """A head that never comes to its end."""
    return Attack([b"POST /v1/classify HTTP/1.1\r\n", *[b"X-%d: a\r\n" % number for number in range(100)]], 0.1)


def drip_body(rng: random.Random) -> Attack:
    """A body that never comes to its end."""
    (request,) = make_request(BODY).pieces
    return Attack([request[: -len(BODY)], *[bytes([byte]) for byte in BODY[:-1]]], 0.1)


def make_attacks(n_requests: int, seed: int) -> Iterator[Tuple[str, Attack]]:
    """Requests of each kind.

    n_requests (int): How many in all.
    seed (int): They follow from it.
    YIELDS (Tuple[str, Attack]): What it is, and the request.
    """
    rng = random.Random(seed)
    # What takes long, or much memory of the one who sends it, comes less often.
    few: Dict[Callable[[random.Random], Attack], int] = {
        send_long_body: 20,
        send_many_headers: 200,
        drip_head: 100,
        drip_body: 100,
        send_long_path: 200,
        nest: 200,
    }
    many = [cut_json, mix_types, break_utf8, send_noise, break_head, use_other_methods, break_chunks, send_broken_file]
    for make, number in few.items():
        for _ in range(max(1, number * n_requests // 10_000)):
            yield str(make.__doc__).rstrip("."), make(rng)
    for number in range(n_requests - sum(max(1, number * n_requests // 10_000) for number in few.values())):
        make = many[number % len(many)]
        yield str(make.__doc__).rstrip("."), make(rng)


def attack(running: Running, *, n_requests: int, seed: int = 0) -> List[Dict[str, Any]]:
    """Send malformed requests to a server.

    running (Running): The server.
    n_requests (int): How many.
    seed (int): They follow from it.
    RETURNS (List[Dict[str, Any]]): By kind how they were answered: statuses with their numbers, 0 for a connection that
        was closed without an answer.
    """
    kinds: Dict[str, Counter] = {}

    async def send_all() -> None:
        attacks = make_attacks(n_requests, seed)

        async def work() -> None:
            for kind, request in attacks:
                status = await send(running.url, request)
                kinds.setdefault(kind, Counter())[status] += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    asyncio.run(send_all())
    return [
        {"kind": kind, "answers": {str(status): n for status, n in sorted(found.items())}}
        for kind, found in kinds.items()
    ]


async def send(url: str, request: Attack) -> int:
    """Send a request on a connection of its own.

    url (str): Of the server.
    request (Attack): The request.
    RETURNS (int): The status of the answer; 0 if the connection was closed without one.
    """
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    async def write() -> None:
        try:
            for piece in request.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(request.pause)
        except OSError:
            # The server has closed it.
            return

    writing = asyncio.ensure_future(write())
    try:
        head = await asyncio.wait_for(reader.readline(), PATIENCE)
        return int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else 0
    except (OSError, ValueError):
        return 0
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.close()
