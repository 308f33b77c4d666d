"""Logs: a JSON object a line, and never a text that was sent."""

import logging
import time
import traceback
from typing import Any, Dict, List

import srsly

LOGGER = "textdistill.serving"


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON: time, level, message, and what was given as `extra={"fields": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """record (logging.LogRecord): The record. RETURNS (str): One line."""
        made: Dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            # asyncio goes on with what an error says, which may quote a text.
            "message": record.getMessage().strip().partition("\n")[0],
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            made.update(describe_error(record.exc_info[1]))
        return srsly.json_dumps(made)


def describe_error(error: BaseException) -> Dict[str, Any]:
    """What can be told of an error: its message may quote a text.

    error (BaseException): The error.
    RETURNS (Dict[str, Any]): Its type, and where it was raised, from the outermost call to the innermost one.
    """
    stack: List[str] = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    return {"error": type(error).__name__, "stack": stack}


def make_log_config() -> Dict[str, Any]:
    """Logging of a server.

    RETURNS (Dict[str, Any]): As `logging.config.dictConfig` takes it: everything goes to standard error as JSON.
    """
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    loggers = {
        name: {"handlers": ["json"], "level": "INFO", "propagate": False} for name in (LOGGER, "uvicorn", "asyncio")
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "scripts.serving.logs.JsonFormatter"}},
        "handlers": {"json": handler},
        "loggers": loggers,
    }
