"""File types that predictions are written to: each makes parts of its own, and one file out of the parts."""

import csv
import gzip
import io
import json
import shutil
from datetime import date, time
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, NamedTuple, Sequence, Tuple

from scripts.conversion.readers import file_type, open_parquet
from scripts.files import UserError

# Line (row of a table) of the input, and values by column.
Row = Tuple[int, Dict[str, Any]]


class Format(NamedTuple):
    """A file type: how rows become a part, and how parts become a file."""

    encode: Callable[[Sequence[Row], Sequence[str]], bytes]
    join: Callable[[Sequence[Path], Path, Sequence[str], Path], None]


def _to_json(value: Any) -> str:
    """Write what JSON has no type for and text can say without loss: dates and times."""
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise TypeError(f"a value of the type {type(value).__name__} has no place in this file type; write .parquet")


def _dump(line: int, value: Any) -> str:
    """A value as JSON, or a UserError that names its line."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=_to_json)
        text.encode("utf8")
    except (TypeError, ValueError) as error:
        raise UserError(f"Line {line} of the input cannot be written: {error}") from error
    return text


def encode_jsonl(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """rows (Sequence[Row]): The rows. RETURNS (bytes): A JSON object a line; keys that a row has not stay away."""
    return "".join(f"{_dump(line, row)}\n" for line, row in rows).encode("utf8")


def encode_jsonl_gz(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """rows (Sequence[Row]): The rows. RETURNS (bytes): A gzip member, which may be followed by others."""
    # Without the time of writing, which would make each run another file.
    return gzip.compress(encode_jsonl(rows, columns), compresslevel=6, mtime=0)


def encode_csv(rows: Sequence[Row], columns: Sequence[str], delimiter: str = ",") -> bytes:
    """rows (Sequence[Row]): The rows. RETURNS (bytes): Lines without the header; what is no text or number is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    for line, row in rows:
        values = [row.get(column) for column in columns]
        writer.writerow(
            [value if value is None or isinstance(value, (str, int, float)) else _dump(line, value) for value in values]
        )
    return buffer.getvalue().encode("utf8")


def encode_tsv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """rows (Sequence[Row]): The rows. RETURNS (bytes): As `encode_csv`, separated by tabs."""
    return encode_csv(rows, columns, delimiter="\t")


def encode_parquet(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """rows (Sequence[Row]): The rows. RETURNS (bytes): A Parquet file of one row group."""
    import pyarrow
    from pyarrow import parquet

    arrays = {}
    for column in columns:
        try:
            arrays[column] = pyarrow.array([row.get(column) for _, row in rows])
        except (pyarrow.ArrowException, OverflowError) as error:
            raise UserError(
                f"The column {column!r} cannot be written to Parquet, lines {rows[0][0]} to {rows[-1][0]}: {error}. "
                "Write .jsonl, or give its values one type."
            ) from error
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(arrays), buffer)
    return buffer.getvalue().to_pybytes()


def join_lines(parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path) -> None:
    """parts (Sequence[Path]): Written one after the other. target (Path): The file."""
    with target.open("wb") as file:
        _append(parts, file)


def join_csv(
    parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path, encode: Callable = encode_csv
) -> None:
    """parts (Sequence[Path]): Written one after the other behind a header. target (Path): The file."""
    with target.open("wb") as file:
        file.write(encode([(0, dict(zip(columns, columns)))], columns))
        _append(parts, file)


def join_tsv(parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path) -> None:
    """parts (Sequence[Path]): Written one after the other behind a header. target (Path): The file."""
    join_csv(parts, target, columns, source, encode_tsv)


def _append(parts: Sequence[Path], file: BinaryIO) -> None:
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, file)


def join_parquet(parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path) -> None:
    """Join tables whose types may differ, as each part knows its own rows only: an empty column has no type, and one
    of whole numbers may go on with fractions. Columns that came from a Parquet file keep its types.

    parts (Sequence[Path]): One row group each. target (Path): The file. source (Path): The input.
    RAISES (UserError): The types of a column have nothing in common.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        schema = pyarrow.unify_schemas(
            [open_parquet(part).schema_arrow for part in parts], promote_options="permissive"
        )
        if file_type(source) == ".parquet":
            for field in open_parquet(source).schema_arrow:
                schema = schema.set(schema.get_field_index(field.name), field)
        with parquet.ParquetWriter(target, schema) as writer:
            for part in parts:
                writer.write_table(open_parquet(part).read().cast(schema))
    except pyarrow.ArrowException as error:
        raise UserError(f"The parts have columns of different types: {error}. Write .jsonl instead.") from error


FORMATS: Dict[str, Format] = {
    ".jsonl": Format(encode_jsonl, join_lines),
    ".jsonl.gz": Format(encode_jsonl_gz, join_lines),
    ".csv": Format(encode_csv, join_csv),
    ".tsv": Format(encode_tsv, join_tsv),
    ".parquet": Format(encode_parquet, join_parquet),
}
