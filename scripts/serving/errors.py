"""Errors that a client is told: always JSON, with a code for programs and a sentence for people. Never a traceback."""

import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import srsly
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

# Codes for what Starlette refuses itself.
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
}
# Faults of a request that a message names.
MAX_FAULTS = 5


class RequestError(HTTPException):
    """A request that is not answered as it asks: FastAPI lets it pass wherever it is raised."""

    def __init__(self, status: int, code: str, message: str, *, headers: Optional[Dict[str, str]] = None) -> None:
        """status (int): Of HTTP.
        code (str): For programs.
        message (str): What was expected, and what to do.
        headers (Optional[Dict[str, str]]): E.g. how long to wait.
        """
        super().__init__(status, message, headers)
        self.code = code


def describe(code: str, message: str) -> Dict[str, Any]:
    """What an error says as JSON.

    code (str): For programs.
    message (str): For people.
    RETURNS (Dict[str, Any]): The body of the answer.
    """
    return {"error": {"code": code, "message": message}}


def dump(code: str, message: str) -> bytes:
    """The same as bytes."""
    return srsly.json_dumps(describe(code, message)).encode("utf8")


def list_faults(error: RequestValidationError) -> str:
    """Say what is wrong with a request, without repeating it: it may hold a text.

    error (RequestValidationError): What pydantic has found.
    RETURNS (str): Where and why, of the first few.
    """
    faults: List[Tuple[str, str]] = []
    for fault in error.errors():
        # A key of the request may be as long as the request.
        place = ".".join(str(part)[:50] for part in fault["loc"])
        message = "not valid JSON" if fault["type"] == "json_invalid" else fault["msg"]
        # Pydantic says what a text of another kind would have been; the first words are enough.
        faults.append((place, re.sub(r"\s+", " ", message)[:200]))
    rest = [f"{len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
    return "; ".join([*(f"{place}: {message}" for place, message in faults[:MAX_FAULTS]), *rest])


def strip_folder(message: str, folder: Path) -> str:
    """Take the folder of an uploaded file out of a message about it."""
    return message.replace(f"{folder}/", "").replace(f"{folder}\\", "")


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what a route, or Starlette, refuses."""
    assert isinstance(error, HTTPException)
    code = error.code if isinstance(error, RequestError) else CODES.get(error.status_code, "error")
    return JSONResponse(describe(code, str(error.detail)), error.status_code, error.headers)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that does not fit its schema."""
    assert isinstance(error, RequestValidationError)
    return JSONResponse(describe("invalid_request", list_faults(error)), 422)


def add_handlers(app: FastAPI) -> None:
    """Have an app answer its errors as JSON.

    app (FastAPI): The app.
    """
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
