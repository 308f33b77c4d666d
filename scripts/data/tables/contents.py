"""Files that cannot be what the user meant: told by their path, by their first bytes, or as they cannot be read."""

import re
from pathlib import Path
from typing import Optional

from scripts.files import UserError

ZIP = b"PK\x03\x04"
WEB_PAGE = ("a web page", "Perhaps the download asked for a password; load the file itself.")
# First bytes that no text has: what such a file is, and what to do with it.
CONTENTS = {
    b"\x1f\x8b": ("gzip", "Add .gz to its name."),
    ZIP: ("a ZIP archive, as .xlsx files are", "Name it .xlsx if it is a workbook, else unpack it."),
    b"PAR1\x15": ("Parquet", "Name it .parquet."),
    b"\xd0\xcf\x11\xe0": ("an old .xls workbook, or one with a password", "Save it as .xlsx without a password."),
    b"\xff\xfe": ("UTF-16 text", "Save it as UTF-8."),
    b"\xfe\xff": ("UTF-16 text", "Save it as UTF-8."),
    b"ARROW1\0": ("Arrow", "Save it as .parquet."),
    b"BZh": ("bzip2", "Unpack it."),
    b"\xfd7zXZ": ("xz", "Unpack it."),
    b"\x28\xb5\x2f\xfd": ("Zstandard", "Unpack it."),
    b"7z\xbc\xaf": ("7-Zip", "Unpack it."),
    b"%PDF-": ("PDF", "Save its table as CSV."),
    b"SQLite format 3\0": ("a database", "Save its table as CSV."),
    b"<!DOCTYPE": WEB_PAGE,
    b"<!doctype": WEB_PAGE,
    b"<html": WEB_PAGE,
    b"version https://git-lfs": ("a pointer of Git LFS", "Run git lfs pull."),
}


def check_content(path: Path, head: bytes, expected: Optional[bytes] = None) -> None:
    """Refuse a file whose first bytes are those of another type.

    path (Path): The file.
    head (bytes): Its first bytes, unpacked where it is gzipped; 64 are enough.
    expected (Optional[bytes]): How a file of the type begins; None for text.
    RAISES (UserError): It is known to be of another type.
    """
    for start, (what, remedy) in CONTENTS.items():
        if start != expected and head.startswith(start):
            raise UserError(f"{path}: the file is {what}, not what its name says. {remedy}")
    if expected is None and b"\0" in head[:2]:
        raise UserError(f"{path}: the file is UTF-16 text, not what its name says. Save it as UTF-8.")


def check_file(path: Path) -> None:
    """Refuse a path that is no file to read.

    path (Path): The path.
    RAISES (UserError): It is a folder, a pipe or a URL, there is nothing, or it may not be read.
    """
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder. Give the path of a file in it.")
        if not path.exists():
            if is_url(path):
                raise UserError(f"{path} is a URL. Load the file to this machine, and give its path.")
            raise UserError(f"{path} does not exist. Give the path of the reviews.")
        if not path.is_file():
            raise UserError(
                f"{path} is a pipe or a device, and files are read more than once. Save it as a file, and give that."
            )
        path.open("rb").close()
    except OSError as error:
        raise make_unreadable(path, error) from error


def make_unreadable(path: Path, error: OSError) -> UserError:
    """What to say of a file or folder that the system does not let us read.

    path (Path): The file or folder.
    error (OSError): What the system says.
    RETURNS (UserError): What to raise.
    """
    return UserError(f"{path} cannot be read ({error.strerror or error}). Check the path, and who may read it.")


def is_url(path: Path) -> bool:
    """Whether a path was meant as a URL, or fsspec would take it for one.

    path (Path): For example s3:/bucket/reviews.csv, which is what a path makes of s3://bucket/reviews.csv.
    RETURNS (bool): Whether it is one.
    """
    return bool(re.match(r"[A-Za-z][\w+.-]+:[/\\]", str(path))) or "::" in str(path)
