"""The app: routes over models that were loaded before the first request."""

import asyncio
import logging
import os
import signal
import socket
import threading
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Optional

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from scripts.serving import routes, uploads
from scripts.serving.batching import Batcher
from scripts.serving.ending import SETTLE, refuse_connections
from scripts.serving.errors import add_handlers
from scripts.serving.guard import Guard
from scripts.serving.logs import LOGGER
from scripts.serving.metrics import make_metrics
from scripts.serving.models import Served, load_models
from scripts.serving.service import Service
from scripts.serving.settings import Settings

PAGE = Path(__file__).parent / "page"
DESCRIPTION = "Classifies texts with students that were distilled from a transformer."


def make_app(settings: Settings, listener: socket.socket) -> FastAPI:
    """Load the models and make the app.

    settings (Settings): Of the server.
    listener (socket.socket): The port. It is closed when the server is told to end.
    RETURNS (FastAPI): The app. Its `lifespan` starts and ends the work.
    RAISES (UserError): A model cannot be loaded.
    """
    return serve_models(load_models(settings), settings, listener)


def serve_models(models: Dict[str, Served], settings: Settings, listener: Optional[socket.socket] = None) -> FastAPI:
    """Make the app.

    models (Dict[str, Served]): By name; the first one answers by default.
    settings (Settings): Of the server.
    listener (Optional[socket.socket]): The port, if the app shall end what comes there.
    RETURNS (FastAPI): The app.
    """
    metrics = make_metrics()

    @asynccontextmanager
    async def work(app: FastAPI) -> AsyncIterator[None]:
        """Work as long as the server runs. What asyncio has belongs to the loop that runs now."""
        batchers: Dict[str, Batcher] = {}
        for name, served in models.items():
            batchers[name] = Batcher(
                served.classify,
                max_wait=settings.max_wait,
                max_batch=settings.max_batch,
                max_queue=settings.max_queue,
                observe=partial(metrics.observe_batch, name),
                observe_waiting=metrics.waiting.labels(name).set,
            )
            batchers[name].start()
        service = app.state.service = Service(settings, models, batchers, metrics)
        end_slowly(service, listener)
        logging.getLogger(LOGGER).info("ready", extra={"fields": {"worker": os.getpid()}})
        yield
        for batcher in batchers.values():
            await batcher.stop()

    # The pages of FastAPI that show OpenAPI load scripts from elsewhere.
    app = FastAPI(
        title="textdistill", version="1", description=DESCRIPTION, lifespan=work, docs_url=None, redoc_url=None
    )
    add_handlers(app)
    app.include_router(routes.router)
    app.include_router(uploads.router)
    app.add_api_route("/", show_page, include_in_schema=False)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.add_middleware(Guard, settings=settings, metrics=metrics, state=app.state)
    return app


async def show_page() -> FileResponse:
    """The page on which models are tried."""
    return FileResponse(PAGE / "index.html")


def end_slowly(service: Service, listener: Optional[socket.socket]) -> None:
    """Have SIGTERM first turn others away, and end the server when they have had time to go: a proxy still sends what
    it does not know to be in vain.

    service (Service): What is served.
    listener (Optional[socket.socket]): The port, which then takes nothing new.
    """
    if threading.current_thread() is not threading.main_thread():
        # Nothing here gets signals.
        return
    loop = asyncio.get_running_loop()
    end: Any = signal.getsignal(signal.SIGTERM)

    def begin() -> None:
        service.is_ending = True
        loop.call_later(service.settings.drain, refuse)

    def refuse() -> None:
        if listener is not None:
            refuse_connections(listener)
            listener.close()
        loop.call_later(SETTLE, end, signal.SIGTERM, None)

    if callable(end):
        signal.signal(signal.SIGTERM, lambda number, frame: loop.call_soon_threadsafe(begin) and None)
