"""How requests are read from the wire: within a time and, before their body, within a size.

uvicorn leaves both to a proxy: it waits for ever for the rest of a request, and takes any number of headers.
"""

import asyncio
from typing import Any, Optional

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from scripts.serving.errors import dump

# Bytes of the request line and all headers.
MAX_HEAD = 32_768
# Seconds in which a request may be on its way over a connection that a server which ends would close.
LINGER = 1.0


class LimitedProtocol(HttpToolsProtocol):
    """A connection."""

    def __init__(self, *arguments: Any, read_timeout: float, **options: Any) -> None:
        """read_timeout (float): Seconds in which a request must have come. The rest is uvicorn's."""
        super().__init__(*arguments, **options)
        self.read_timeout = read_timeout
        self._timer: Optional[asyncio.TimerHandle] = None
        self._n_head = 0
        self._is_head = True
        self._is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        self._start_timer()
        n_before = self._n_head
        super().data_received(data)
        # A header without an end is not told of before it has one.
        if self._is_head and not self.transport.is_closing():
            self._n_head = max(self._n_head, n_before + len(data))
            if self._n_head > MAX_HEAD:
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._n_head, self._is_head = 0, True
        self._start_timer()

    def on_url(self, url: bytes) -> None:
        """A piece of its path has come."""
        self._take_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come."""
        self._take_head(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All of them have come."""
        self._is_head = False
        super().on_headers_complete()
        if self._is_ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request has come."""
        self._stop_timer()
        super().on_message_complete()

    def shutdown(self) -> None:
        """The server ends: answer what is under way, or on its way."""
        if self.cycle is None or self.cycle.response_complete:
            self._is_ending = True
            self.loop.call_later(LINGER, super().shutdown)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request of HTTP, or has too much before its body.

        msg (str): What uvicorn would say.
        """
        if self._n_head > MAX_HEAD:
            self._refuse(431, "headers_too_long", f"Path and headers have more than {MAX_HEAD:,} bytes.")
        else:
            self._refuse(400, "bad_request", "This is no request of HTTP/1.1.")

    def _take_head(self, n_bytes: int) -> None:
        """Count what stands before the body.

        RAISES (ValueError): It is too much: the parser then stops, and the request is refused.
        """
        self._n_head += n_bytes
        if self._n_head > MAX_HEAD:
            raise ValueError("too long")

    def _start_timer(self) -> None:
        """Begin to wait for a request, if that has not begun."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.read_timeout, self._end)

    def _stop_timer(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        """Close a connection whose request does not come; tell why, where no answer has begun."""
        if self.transport.is_closing():
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not is_answering or (not self._is_head and not self.cycle.response_started):
            self._refuse(408, "too_slow", f"The request did not come within {self.read_timeout:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer an error and close the connection."""
        body = dump(code, message)
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
