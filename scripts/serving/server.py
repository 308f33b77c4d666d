"""Processes behind one port."""

import logging
import os
import socket
import sys
from contextlib import suppress
from functools import partial
from tempfile import TemporaryDirectory

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from wasabi import msg

from scripts.files import UserError, told
from scripts.serving.logs import LOGGER, make_log_config
from scripts.serving.protocol import LimitedProtocol
from scripts.serving.settings import METRICS_FOLDER, Settings

# Seconds in which a worker must tell its parent that it lives: while a large model computes, it may not.
WORKER_SILENCE = 60


def serve(settings: Settings) -> None:
    """Serve until the process is told to end.

    settings (Settings): Of the server.
    RAISES (UserError): A model cannot be loaded, the port is taken, or the token cannot be sent.
    """
    token = settings.token
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UserError(
            "The token holds spaces, line ends or characters beyond ASCII, which no header can. Take letters, digits "
            "and signs."
        )
    listener = listen(settings)
    config = make_config(settings, listener)
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    logging.getLogger(LOGGER).info("listening", extra={"fields": {"url": url}})
    if sys.stdout.isatty():
        msg.info(f"Open {url} in a browser as soon as the models are loaded. Ctrl+C ends the server.")
    if settings.workers == 1:
        # Ctrl+C is how it is ended where somebody sits before it.
        with suppress(KeyboardInterrupt):
            Server(config).run([listener])
        return
    with TemporaryDirectory(prefix="textdistill-metrics-") as folder:
        os.environ[METRICS_FOLDER] = folder
        workers = Workers(config, [listener])
        workers.run()
    if any(process.exitcode == STARTUP_FAILURE for process in workers.processes):
        raise SystemExit(1)


def make_config(settings: Settings, listener: socket.socket) -> Config:
    """How uvicorn serves.

    settings (Settings): Of the server.
    listener (socket.socket): The port.
    RETURNS (Config): It can be sent to another process.
    """
    return Config(
        partial(make_app, settings, listener),
        factory=True,
        workers=settings.workers,
        http=partial(LimitedProtocol, read_timeout=settings.read_timeout),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=make_log_config(),
        timeout_graceful_shutdown=settings.end_timeout,
        timeout_worker_healthcheck=WORKER_SILENCE,
    )


def make_app(settings: Settings, listener: socket.socket) -> object:
    """Make the app where it shall run.

    settings (Settings): Of the server.
    listener (socket.socket): The port.
    RETURNS (object): The app.
    """
    # Imported late: whoever starts workers needs none of it, and must not have what counts imported before them.
    from scripts.serving.app import make_app as make

    # A copy of a socket that may block makes the port block, for all workers: one that comes too late to take a
    # connection would wait for the next, and answer nobody until then.
    listener.setblocking(False)
    # uvicorn closes the other.
    listener = listener.dup()
    if settings.workers == 1:
        return make(settings, listener)
    try:
        with told():
            return make(settings, listener)
    except SystemExit:
        # Starting this worker again would not help.
        raise SystemExit(STARTUP_FAILURE) from None


def listen(settings: Settings) -> socket.socket:
    """Take the port.

    settings (Settings): Host and port.
    RETURNS (socket.socket): Bound; workers listen on it.
    RAISES (UserError): It is taken, or there is no such address.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol named, asyncio sends each piece of an answer at once. Else the body, which follows the
        # headers, waits for the client to confirm those: 40 milliseconds.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # On Windows it would let two servers take one port.
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise UserError(
            f"The server cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}. Name "
            "another with --port or --host."
        ) from error
    listener.set_inheritable(True)
    return listener


class Workers(Multiprocess):
    """Starts workers, and starts one again that died."""

    def keep_subprocess_alive(self) -> None:
        """Start a worker again that died. uvicorn would wait for a word of each, and be deaf to signals until one that
        loads its models has spoken."""
        if not all(worker.process.is_alive() for worker in self.processes):
            super().keep_subprocess_alive()

    def terminate_all(self) -> None:
        """Tell the workers to end. The port is theirs alone from now on: kept open here, it would take connections that
        nobody answers."""
        super().terminate_all()
        for listener in self.sockets:
            listener.close()
