"""Raw reviews from JSONL(.gz), CSV, TSV, XLSX and Parquet as records that know their file and line."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from openpyxl import load_workbook

from scripts.conversion.labels import Labelling
from scripts.files import UserError

Row = Tuple[int, Dict[str, Any]]


class Review(NamedTuple):
    """One review: where it stands, its text, and its label (None in unlabelled files)."""

    path: Path
    line: int
    text: str
    label: Optional[str]


def read_reviews(path: Path, *, text_column: str, labelling: Optional[Labelling]) -> Iterator[Review]:
    """Read the reviews of one file.

    path (Path): A file of a type that READERS names; UTF-8 where it is text.
    text_column (str): Name of the column or key that holds the text.
    labelling (Optional[Labelling]): How the label is read; None for files without labels.
    YIELDS (Review): The reviews in order. Those that the labelling leaves out have the label None.
    RAISES (UserError): The file or a line of it cannot be used.
    """
    for line, row in read_rows(path):
        if text_column not in row:
            raise UserError(
                f"{path}, line {line}: no column {text_column!r}, found {', '.join(map(str, row)) or 'none'}. "
                "Name it with --vars.text_column"
            )
        text = row[text_column]
        if not isinstance(text, str):
            raise UserError(f"{path}, line {line}: the text must be a string, got {text!r}")
        if not text.strip():
            raise UserError(f"{path}, line {line}: the text is empty. Remove the line or fill it in.")
        label = labelling.read(row, f"{path}, line {line}") if labelling else None
        yield Review(path, line, " ".join(text.split()), label)


def read_rows(path: Path) -> Iterator[Row]:
    """Read the rows of one file as they are.

    path (Path): A file of a type that READERS names.
    YIELDS (Row): Line (row of a sheet or table) and values by column.
    RAISES (UserError): The file or a line of it cannot be used.
    """
    suffix = file_type(path)
    if suffix not in READERS:
        raise UserError(f"{path}: unknown file type {suffix!r}. Expected one of {', '.join(READERS)}.")
    if not path.is_file():
        raise UserError(f"{path} does not exist. Give the path of the reviews, e.g. --vars.train my/train.csv")
    yield from READERS[suffix](path)


def file_type(path: Path) -> str:
    """The suffix that tells the type of a file.

    path (Path): For example reviews.en.jsonl.gz.
    RETURNS (str): For example .jsonl.gz.
    """
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def open_parquet(path: Path) -> Any:
    """Open a Parquet file.

    path (Path): The file.
    RETURNS (Any): A pyarrow.parquet.ParquetFile.
    RAISES (UserError): pyarrow is not installed, or the file is broken.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(f"{path}: Parquet needs pyarrow: pip install -r requirements-ray.txt") from error
    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error})") from error


def _read_jsonl(path: Path) -> Iterator[Row]:
    """One JSON object a line; empty lines are passed over."""
    for number, line in enumerate(_decode_lines(path), start=1):
        if not line.strip():
            continue
        try:
            # The standard library's: srsly's parser rounds long numbers, and refuses the longest.
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not valid JSON ({error})") from error
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {number}: expected a JSON object such as {{'text': ...}}, got {line[:40]!r}")
        yield number, row


def _read_delimited(path: Path, delimiter: str) -> Iterator[Row]:
    """A header and quoted fields, as spreadsheet programs write them; a quoted field may hold line breaks."""
    reader = csv.reader(_decode_lines(path), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise UserError(f"{path}: the file is empty, expected a header line")
        _check_header(path, header)
        for row in reader:
            if row and len(row) != len(header):
                raise UserError(
                    f"{path}, line {reader.line_num}: {len(row)} fields, the header has {len(header)}. "
                    "Quote fields that hold the separator."
                )
            if row:
                yield reader.line_num, dict(zip(header, row))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from error


def _check_header(path: Path, header: List[str]) -> None:
    """Refuse a header with two columns of one name, of which a row could keep one alone."""
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(f"{path}, line 1: the header names {', '.join(map(repr, twice))} twice. Rename one.")


def _read_csv(path: Path) -> Iterator[Row]:
    yield from _read_delimited(path, ",")


def _read_tsv(path: Path) -> Iterator[Row]:
    yield from _read_delimited(path, "\t")


def _read_xlsx(path: Path) -> Iterator[Row]:
    """The first sheet; its first row is the header."""
    try:
        workbook = load_workbook(path, read_only=True)
    except Exception as error:
        raise UserError(f"{path}: not a readable .xlsx file ({error})") from error
    rows = workbook.worksheets[0].iter_rows(values_only=True)
    header = [str(name) for name in next(rows, ())]
    _check_header(path, header)
    for number, values in enumerate(rows, start=2):
        if any(value is not None for value in values):
            yield number, dict(zip(header, values))
    workbook.close()


def _read_parquet(path: Path) -> Iterator[Row]:
    """The rows of a table, a thousand in memory at a time."""
    file = open_parquet(path)
    number = 0
    for batch in file.iter_batches(batch_size=1000):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _decode_lines(path: Path) -> Iterator[str]:
    """Lines of a UTF-8 file, gzipped or not; a byte order mark is dropped."""
    open_file: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf8")
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"{path}, line {number}: byte {line[error.start]:#04x} is not UTF-8. "
                        "Save the file as UTF-8 and run again."
                    ) from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise UserError(f"{path}: broken gzip file ({error})") from error


READERS: Dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _read_jsonl,
    ".jsonl.gz": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".xlsx": _read_xlsx,
    ".parquet": _read_parquet,
}
