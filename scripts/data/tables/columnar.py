"""Parquet, which needs pyarrow."""

from pathlib import Path
from typing import Any, Iterator, List, Sequence

from scripts.data.tables.contents import check_content
from scripts.data.tables.rows import Row, check_header
from scripts.files import UserError

SUFFIX = ".parquet"
# First bytes of a file with rows.
START = b"PAR1\x15"


def open_parquet(path: Path) -> Any:
    """Open a Parquet file.

    path (Path): The file.
    RETURNS (Any): A pyarrow.parquet.ParquetFile.
    RAISES (UserError): pyarrow is not installed, or the file is broken.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(f"{path}: Parquet needs pyarrow: pip install -r requirements-ray.txt") from error
    with path.open("rb") as file:
        check_content(path, file.read(64), expected=START)
    try:
        # Files of this project have checksums; most others have none to verify.
        return parquet.ParquetFile(path, page_checksum_verification=True)
    # pyarrow raises OSError, ValueError and others for what it cannot make sense of.
    except Exception as error:
        raise UserError(f"{path}: not a readable Parquet file ({str(error).strip()}). Write it again.") from error


def read_parquet(path: Path) -> Iterator[Row]:
    """Read a table, a thousand rows in memory at a time.

    path (Path): The file.
    YIELDS (Row): Its rows.
    RAISES (UserError): pyarrow is not installed, or the file is broken.
    """
    number = 0
    with open_parquet(path) as file:
        names = file.schema_arrow.names
        check_header(path, names)
        try:
            for batch in file.iter_batches(batch_size=1000):
                for row in zip(*(_to_values(path, *column) for column in zip(names, batch.columns))):
                    number += 1
                    yield number, dict(zip(names, row))
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{path}: broken Parquet file ({str(error).strip()}), readable up to row {number}. Write it again."
            ) from error
        if number != file.metadata.num_rows:
            raise UserError(
                f"{path}: broken Parquet file: {number} rows, its footer has {file.metadata.num_rows}. Write it again."
            )


def _to_values(path: Path, name: str, column: Any) -> List[Any]:
    """The values of a column; times with billionths of a second, which Python has not, are ISO text."""
    import pyarrow

    kind = column.type
    try:
        if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
            try:
                column = column.cast(pyarrow.timestamp("us", kind.tz))
            except pyarrow.ArrowInvalid:
                return [value and value.replace(" ", "T") for value in column.cast("string").to_pylist()]
        values: List[Any] = column.to_pylist()
    # pyarrow raises errors of many types for what Python cannot hold.
    except Exception as error:
        raise UserError(
            f"{path}: the column {name!r} of the type {kind} cannot be read ({error}). Leave it out, or make it text."
        ) from error
    return values


def read_schema(path: Path) -> Any:
    """The types of a Parquet file's columns.

    path (Path): The file.
    RETURNS (Any): A pyarrow.Schema.
    RAISES (UserError): pyarrow is not installed, or the file is broken.
    """
    with open_parquet(path) as file:
        return file.schema_arrow


def encode_parquet(rows: Sequence[Row], columns: Sequence[str], *, schema: Any = None) -> bytes:
    """Make a Parquet file of one row group.

    rows (Sequence[Row]): The rows.
    columns (Sequence[str]): Columns of the file.
    schema (Any): A pyarrow.Schema of the columns whose types are known; None if none is.
    RETURNS (bytes): The file.
    RAISES (UserError): The values of a column have no common type.
    """
    import pyarrow
    from pyarrow import parquet

    arrays = {}
    known = [] if schema is None else schema.names
    for column in columns:
        values = [row.get(column) for _, row in rows]
        try:
            arrays[column] = _to_array(values, schema.field(column).type if column in known else None)
            # Some types have a place in memory alone.
            parquet.write_table(pyarrow.table({column: arrays[column][:0]}), pyarrow.BufferOutputStream())
        except (pyarrow.ArrowException, OverflowError) as error:
            raise UserError(
                f"The column {column!r} cannot be written to Parquet, lines {rows[0][0]} to {rows[-1][0]}: {error}. "
                "Write .jsonl, or give its values one type."
            ) from error
    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(arrays), buffer, write_page_checksum=True)
    return buffer.getvalue().to_pybytes()


def _to_array(values: List[Any], kind: Any) -> Any:
    """Make a column of a type; of None, the one that its values have."""
    import pyarrow

    try:
        return pyarrow.array(values, kind)
    except pyarrow.ArrowException:
        if kind is None:
            raise
        # Text of times: what can be read as the type becomes it.
        return pyarrow.array(values).cast(kind)


def join_parquet(parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path) -> None:
    """Join tables whose types may differ, as each part knows its own rows only: an empty column has no type, and one
    of whole numbers may go on with fractions. Columns that came from a Parquet file keep its types.

    parts (Sequence[Path]): One row group each.
    target (Path): The file.
    columns (Sequence[str]): Not needed, as each part names them.
    source (Path): The input.
    RAISES (UserError): The types of a column have nothing in common.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        kept = {field.name: field for field in read_schema(source)} if source.suffix.lower() == SUFFIX else {}
        schemas = [pyarrow.schema([kept.get(field.name, field) for field in read_schema(part)]) for part in parts]
        schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
        with parquet.ParquetWriter(target, schema, write_page_checksum=True) as writer:
            for part in parts:
                writer.write_table(open_parquet(part).read().cast(schema))
    except pyarrow.ArrowException as error:
        raise UserError(f"The parts have columns of different types: {error}. Write .jsonl instead.") from error
