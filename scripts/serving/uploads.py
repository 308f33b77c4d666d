"""Files of texts: sent as the body of a request, answered by the same file with the predictions, part by part.

Nothing is kept: whichever worker, or host, gets the file answers it, and its copy on disk goes away with the request.
The rows and what is added to them are those of `scripts.apply`.
"""

from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, AsyncIterator, Iterator, List, NamedTuple, Optional

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from scripts.apply.classifier import add_predictions
from scripts.apply.corpus import Corpus, cut_parts, read_again, scan
from scripts.data.tables.file_types import WRITERS, read_rows
from scripts.data.tables.rows import Quotes
from scripts.data.usable import is_empty
from scripts.engines.shards import Shard
from scripts.files import UserError
from scripts.serving.errors import RequestError, strip_folder
from scripts.serving.guard import FILES
from scripts.serving.models import Served
from scripts.serving.schemas import document_errors
from scripts.serving.service import Service, get_service

router = APIRouter()
# Rows that are classified together: others wait no longer than these take.
PART_SIZE = 128
COLUMN = "predicted"


class FileKind(str, Enum):
    """Types of files that come as they are: what is compressed could be far larger than it looks."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


MEDIA_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.TSV: "text/tab-separated-values; charset=utf-8",
    FileKind.JSONL: "application/jsonl",
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
ANSWER: Any = {200: {"description": "The file", "content": {kind: {} for kind in MEDIA_TYPES.values()}}}


class Upload(NamedTuple):
    """A file that was sent and looked at.

    folder (TemporaryDirectory): Holds it as long as it is needed.
    path (Path): The file.
    text_column (str): Column of the text.
    corpus (Corpus): Its size and columns.
    added (List[str]): The new columns.
    """

    folder: "TemporaryDirectory[str]"
    path: Path
    text_column: str
    corpus: Corpus
    added: List[str]


@router.post(
    FILES,
    responses={**ANSWER, **document_errors(401, 408, 413, 422, 429, 404)},
    response_class=StreamingResponse,
    openapi_extra=BODY,
    tags=["texts"],
)
async def classify_file(
    request: Request,
    kind: FileKind = Query(alias="type", description="Type of the file, and of the answer"),
    text_column: str = Query("text", description="Column (or JSON key) of the text"),
    model: Optional[str] = Query(None, description="A name that /v1/models lists; the first one if not given"),
    service: Service = Depends(get_service),
) -> StreamingResponse:
    """Classify a file: every column kept, the label and the probability of each label added. The header X-Rows says how
    many rows come."""
    served = service.find_model(model)
    if service.n_files >= service.settings.max_files:
        raise RequestError(
            429, "too_many_files", "Other files are being classified. Try again later.", headers={"Retry-After": "10"}
        )
    folder = TemporaryDirectory(prefix="textdistill-")
    service.n_files += 1
    try:
        path = Path(folder.name) / f"file.{kind.value}"
        with path.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        upload = await to_thread.run_sync(look_at, folder, path, text_column, service, served)
    except UserError as error:
        drop(folder, service)
        raise RequestError(422, "unusable_file", strip_folder(str(error), Path(folder.name))) from error
    except BaseException:
        drop(folder, service)
        raise
    headers = {
        "X-Rows": str(upload.corpus.n_rows),
        "Content-Disposition": f'attachment; filename="{COLUMN}.{kind.value}"',
    }
    return StreamingResponse(label(upload, service, served), headers=headers, media_type=MEDIA_TYPES[kind])


def look_at(
    folder: "TemporaryDirectory[str]", path: Path, text_column: str, service: Service, served: Served
) -> Upload:
    """Read a file once, so that what is wrong with it is told before the answer begins.

    folder (TemporaryDirectory): Its folder.
    path (Path): The file.
    text_column (str): Column of the text.
    service (Service): Has the limits.
    served (Served): The model.
    RETURNS (Upload): What is known of it.
    RAISES (UserError): It cannot be used.
    """
    corpus = scan(
        read_rows(path),
        path,
        text_column=text_column,
        option="text_column",
        max_length=service.settings.max_characters,
        max_bytes=service.max_bytes,
    )
    added = [COLUMN, *(f"{COLUMN}_{label}" for label in served.labels)]
    taken = [column for column in added if column in corpus.columns]
    if taken:
        raise UserError(f"The file has the column {taken[0]!r} already. Rename it.")
    return Upload(folder, path, text_column, corpus, added)


async def label(upload: Upload, service: Service, served: Served) -> AsyncIterator[bytes]:
    """Classify a file part by part.

    upload (Upload): The file.
    service (Service): Has the model's batcher.
    served (Served): The model.
    YIELDS (bytes): The file with predictions.
    """
    try:
        writer = WRITERS[upload.path.suffix]
        columns = [*upload.corpus.columns, *upload.added]
        header = upload.path.with_name("header")
        writer.join([], header, columns, upload.path)
        yield header.read_bytes()
        parts = cut_parts(read_again(upload.path, upload.corpus.n_rows, quotes=Quotes.FIELDS), PART_SIZE)
        while part := await to_thread.run_sync(next_part, parts):
            texts = [row[upload.text_column] for _, row in part.payload if not is_empty(row[upload.text_column])]
            cats = (await service.batchers[served.name].submit_when_free(texts)).cats if texts else []
            rows = add_predictions(part.payload, iter(cats), text_column=upload.text_column, added=upload.added)
            yield writer.encode(rows, columns)
    finally:
        drop(upload.folder, service)


def next_part(parts: Iterator[Shard]) -> Optional[Shard]:
    """The next part; None at the end."""
    return next(parts, None)


def drop(folder: "TemporaryDirectory[str]", service: Service) -> None:
    """Forget a file."""
    service.n_files -= 1
    folder.cleanup()
