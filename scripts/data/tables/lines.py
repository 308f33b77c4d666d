"""Files of lines: UTF-8 text, gzipped or not, written in parts that follow one another."""

import gzip
import shutil
import zlib
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence

from scripts.data.tables.contents import check_content
from scripts.data.tables.rows import Encode, Row
from scripts.files import UserError


def decode_lines(path: Path) -> Iterator[str]:
    """Read the lines of a UTF-8 file; a byte order mark is dropped.

    path (Path): The file; gzipped if its name ends in .gz.
    YIELDS (str): Lines with their ends.
    RAISES (UserError): It is no UTF-8, no gzip, or another type of file than its name says.
    """
    is_gzipped = path.suffix.lower() == ".gz"
    open_file: Callable[..., Any] = gzip.open if is_gzipped else open
    number = 0
    try:
        with open_file(path, "rb") as file:
            check_content(path, file.peek(64))
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf8")
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"{path}, line {number}: byte {line[error.start]:#04x} is not UTF-8. "
                        "Save the file as UTF-8 and run again."
                    ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{path}: broken gzip file ({error}), readable up to line {number}. "
            "Copy it again; if it is not compressed, take .gz off its name."
        ) from error


def remember(lines: Iterable[str], taken: List[str]) -> Iterator[str]:
    """Pass lines on and keep them, as a quoted field may go over several.

    lines (Iterable[str]): The lines.
    taken (List[str]): Where they are kept.
    YIELDS (str): The lines.
    """
    for line in lines:
        taken.append(line)
        yield line


def encode_gzipped(encode: Encode, rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Encode rows and compress them.

    encode (Encode): Makes lines of rows.
    rows (Sequence[Row]): The rows.
    columns (Sequence[str]): Columns of the file.
    RETURNS (bytes): A gzip member, which may be followed by others.
    """
    # Without the time of writing, which would make each run another file.
    return gzip.compress(encode(rows, columns), compresslevel=6, mtime=0)


def join_lines(
    encode_header: Optional[Encode], parts: Sequence[Path], target: Path, columns: Sequence[str], source: Path
) -> None:
    """Write parts one after the other.

    encode_header (Optional[Encode]): Makes the header that comes first; None for a file without one.
    parts (Sequence[Path]): Rows, encoded.
    target (Path): The file.
    columns (Sequence[str]): Columns of the file.
    source (Path): Not needed, as lines have no types.
    """
    with target.open("wb") as file:
        if encode_header is not None:
            file.write(encode_header([(0, dict(zip(columns, columns)))], columns))
        for part in parts:
            with part.open("rb") as opened:
                shutil.copyfileobj(opened, file)
