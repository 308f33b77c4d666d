"""What a package may be called, so that `pip` and `spacy.load` know it by the name and the version that were typed."""

import re
import zipfile
from pathlib import Path

from packaging.version import InvalidVersion, Version

from scripts.files import UserError

# A wheel's file name and the folders in it repeat the name; file systems take 255 bytes.
MAX_LENGTH = 80


def check_package(lang: str, name: str, version: str) -> None:
    """Refuse a name or a version that would come out as another one, or not at all.

    lang (str): Language code, e.g. "en".
    name (str): Name of the package without the language, e.g. "reviews" or "Sentiment".
    version (str): Version of the package, e.g. "0.1.0".
    RAISES (UserError): The name cannot be imported or repeats the language, or the version has not three numbers or
        is written otherwise than `pip` writes it.
    """
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?", name) or len(name) > MAX_LENGTH:
        raise UserError(
            f"{name!r} is no name for a package: use up to {MAX_LENGTH} letters from a to z, digits and _, "
            "a letter first and no _ at the end, e.g. --vars.name reviews"
        )
    if name.lower().startswith(f"{lang}_".lower()):
        rest = name[len(lang) + 1 :]
        raise UserError(f"{name!r} begins with the language, which the package gets anyway: --vars.name {rest}")
    canonical = write_version(version)
    if not canonical or canonical != version:
        hint = f"write it {canonical}" if canonical else "use three numbers, e.g. --vars.version 0.1.0"
        raise UserError(f"{version!r} is no version for a package: {hint}")
    # YAML and the command line read 1.10 as the number 1.1. It cannot be seen here, so only what is no number will do.
    if len(Version(version).release) < 3:
        raise UserError(
            f"The version {version!r} has fewer than three numbers: write 1.10.0 for 1.10, which is read as 1.1"
        )


def write_version(version: str) -> str:
    """A version as `pip` writes it.

    version (str): E.g. "1.0.0-rc.1".
    RETURNS (str): E.g. "1.0.0rc1"; empty if it is no version.
    """
    try:
        return str(Version(version))
    except InvalidVersion:
        return ""


def read_package_name(wheel: Path) -> str:
    """The name that a wheel's package is imported by; the file's name has it in lower case.

    wheel (Path): The wheel.
    RETURNS (str): E.g. "en_Sentiment".
    """
    with zipfile.ZipFile(wheel) as archive:
        lists = [name for name in archive.namelist() if name.endswith(".dist-info/top_level.txt")]
        return archive.read(lists[0]).decode("utf8").strip()
