"""What holds for every request: who may ask, how much and how long, what is logged and counted, and the headers of the
answer.
"""

import logging
import math
import re
import secrets
import time
from typing import Any, Dict, List, Tuple
from uuid import uuid4

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scripts.serving.errors import RequestError, dump
from scripts.serving.logs import LOGGER, describe_error
from scripts.serving.metrics import Metrics
from scripts.serving.settings import Settings

logger = logging.getLogger(LOGGER)
Header = Tuple[bytes, bytes]

FILES = "/v1/files"
# These tell nothing that is worth a token: the page asks for one, and balancers have none.
OPEN = ("/", "/healthz", "/readyz", "/openapi.json")
PAGE = "/page/"
# Asked for every few seconds.
QUIET = ("/healthz", "/readyz", "/metrics")
REQUEST_ID = re.compile(rb"[\w-]{1,64}")
# What a client is told if it has gone already; nginx has the number.
GONE = 499

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECURITY: List[Header] = [
    (b"content-security-policy", CONTENT_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """Stands around the app."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics, state: Any) -> None:
        """app (ASGIApp): The app.
        settings (Settings): Of the server.
        metrics (Metrics): What is counted.
        state (Any): Holds the service once it works.
        """
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(self, scope, receive, send)
        self.metrics.in_flight.inc()
        try:
            await exchange.answer()
        finally:
            self.metrics.in_flight.dec()
            self._note(exchange)

    def _note(self, exchange: "Exchange") -> None:
        """Log and count an answer."""
        seconds = time.perf_counter() - exchange.start
        scope = exchange.scope
        # What was routed, not what was asked for: a path can hold anything.
        route = getattr(scope.get("route"), "path", PAGE if scope["path"].startswith(PAGE) else "other")
        self.metrics.requests.labels(scope["method"], route, str(exchange.status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        if route not in QUIET or exchange.status >= 400:
            fields = {
                "request": exchange.request_id.decode("ascii"),
                "method": scope["method"],
                "route": route,
                "status": exchange.status,
                "milliseconds": round(1000 * seconds, 2),
                "bytes": exchange.n_read,
            }
            logger.info("answered", extra={"fields": fields})


class Exchange:
    """A request and its answer."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        """guard (Guard): Has app and settings. The rest is that of ASGI."""
        self.guard = guard
        self.settings = guard.settings
        self.scope = scope
        self._receive = receive
        self._send = send
        self.start = time.perf_counter()
        self.headers: Dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex[:16].encode("ascii")
        self.max_bytes = self.settings.max_file if scope["path"] == FILES else self.settings.max_body
        self.n_read = 0
        self.status = GONE
        self.is_started = self.is_gone = False
        # How long the answer may take to begin; then each piece of it may take as long.
        self.deadline = anyio.CancelScope(deadline=anyio.current_time() + self.settings.answer_timeout)

    async def answer(self) -> None:
        """Let the app answer, or refuse to."""
        try:
            with self.deadline:
                self._check_token()
                self._check_length()
                await self.guard.app(self.scope, self.receive, self.send)
            if self.deadline.cancelled_caught:
                message = f"The answer took more than {self.settings.answer_timeout:g} seconds. Send less, or later."
                await self._refuse(RequestError(503, "too_slow", message, headers={"Retry-After": "1"}))
        except RequestError as error:
            await self._refuse(error)
        except ClientDisconnect:
            # Nobody is there to be told, and the server has no fault.
            return
        except Exception as error:
            request = {"request": self.request_id.decode("ascii")}
            logger.error("failed", extra={"fields": {**request, **describe_error(error)}})
            if self.is_started:
                raise
            await self._refuse(RequestError(500, "fault", "The server has a fault; its log says more."))

    async def receive(self) -> Message:
        """Pass a piece of the body on, up to the limit.

        RAISES (RequestError): The body is too long.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self.n_read += len(message.get("body", b""))
            if self.n_read > self.max_bytes:
                self._refuse_length()
        elif not self.is_started:
            self.is_gone = True
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the answer.

        RAISES (TimeoutError): The client does not read it.
        """
        if message["type"] == "http.response.start":
            self.is_started = True
            self.deadline.deadline = math.inf
            self.status = GONE if self.is_gone else message["status"]
            is_page = self.scope["path"] == "/" or self.scope["path"].startswith(PAGE)
            added = [
                *SECURITY,
                (b"x-request-id", self.request_id),
                (b"cache-control", b"no-cache" if is_page else b"no-store"),
            ]
            service = getattr(self.guard.state, "service", None)
            if service is not None and service.is_ending:
                added.append((b"connection", b"close"))
            message = {**message, "headers": [*message.get("headers", []), *added]}
        with anyio.fail_after(self.settings.answer_timeout):
            await self._send(message)

    def _check_token(self) -> None:
        """Refuse who has not the token.

        RAISES (RequestError): It is missing or wrong.
        """
        path: str = self.scope["path"]
        if not self.settings.token or path in OPEN or path.startswith(PAGE):
            return
        given = self.headers.get(b"authorization", b"")
        if not secrets.compare_digest(given, b"Bearer " + self.settings.token.encode("utf8")):
            message = "Send the header Authorization: Bearer TOKEN."
            raise RequestError(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})

    def _check_length(self) -> None:
        """Refuse a body that says itself that it is too long.

        RAISES (RequestError): It is.
        """
        length = self.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self.max_bytes:
            self._refuse_length()

    def _refuse_length(self) -> None:
        """RAISES (RequestError): Always."""
        raise RequestError(413, "body_too_long", f"The body is too long; at most {self.max_bytes:,} bytes are taken.")

    async def _refuse(self, error: RequestError) -> None:
        """Answer an error."""
        if self.is_started:
            return
        body = dump(error.code, str(error.detail))
        headers: List[Header] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
            *((name.lower().encode("ascii"), value.encode("ascii")) for name, value in (error.headers or {}).items()),
        ]
        await self.send({"type": "http.response.start", "status": error.status_code, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
