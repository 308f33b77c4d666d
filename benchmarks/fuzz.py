"""Damages files of reviews in many ways and reads them: an error that names the file, or the right rows?

    python -m benchmarks.fuzz

Each type of file is made of the same reviews and damaged at random: bytes changed, cut off, taken out or put in,
separators, line ends and quotes exchanged. A row is lost if all its bytes still stand in the file, at the start of a
line, and it is not among the rows that were read, without an error. Where a checksum covers the file, each row counts
as standing there, whatever was damaged. What is damaged in plain text may change a value, which nobody can tell.
"""

import random
import re
import zipfile
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import typer
from openpyxl import Workbook
from tqdm import tqdm

from benchmarks.tables.damage import fuzz as make_table
from benchmarks.tables.table import write_and_show
from scripts.data.tables.file_types import WRITERS, read_rows
from scripts.files import UserError, run_command

COLUMNS = ("text", "label")
SHEET = "xl/worksheets/sheet1.xml"
ERROR, SAME, CHANGED, LOST, EXCEPTION = "error", "same rows", "other values", "rows lost", "other exception"
# Examples of each fault in the record, enough to repeat them.
N_EXAMPLES = 5


class Subject(NamedTuple):
    """A file to damage.

    suffix (str): Its type.
    content (bytes): What is damaged: the file, or a part of it.
    rows (List[Tuple[str, ...]]): Values of its rows.
    pieces (Optional[List[bytes]]): The bytes of each row in the content; None if a checksum covers it.
    pack (Callable[[bytes], bytes]): Makes the file of the damaged content.
    """

    suffix: str
    content: bytes
    rows: List[Tuple[str, ...]]
    pieces: Optional[List[bytes]]
    pack: Callable[[bytes], bytes] = bytes


def fuzz(
    reviews: Path = typer.Option(Path("assets/reviews/en/train.jsonl.gz"), help="Labelled reviews"),
    n_reviews: int = typer.Option(60, help="Reviews of a file", min=2),
    n_mutations: int = typer.Option(10_000, help="Damaged files of all types together"),
    seed: int = typer.Option(0, help="Seed of the damage"),
    output: Path = typer.Option(Path("benchmarks/results/fuzz.json"), help="The .json file to write"),
) -> None:
    """Damage files of every type and tell what reading them gives."""
    rows = [tuple(row[column] for column in COLUMNS) for _, row in islice(read_rows(reviews), n_reviews)]
    subjects = make_subjects(rows)
    counts: Dict[str, Dict[str, int]] = {}
    faults: List[Dict[str, Any]] = []
    with TemporaryDirectory() as folder, tqdm(total=n_mutations, unit="file", desc="Damaging", disable=None) as bar:
        for number, (name, subject) in enumerate(subjects.items()):
            counts[name] = dict.fromkeys((ERROR, SAME, CHANGED, LOST, EXCEPTION), 0)
            for mutation in range(number, n_mutations, len(subjects)):
                damaged = damage(subject.content, random.Random(f"{seed} {name} {mutation}"))
                outcome, told = judge(subject, damaged, Path(folder) / f"reviews{subject.suffix}")
                counts[name][outcome] += 1
                if outcome in (LOST, EXCEPTION):
                    faults.append({"file": name, "mutation": mutation, "outcome": outcome, "told": told})
                bar.update()
    record = {"seed": seed, "n_reviews": len(rows), "files": counts, "faults": faults[:N_EXAMPLES]}
    write_and_show(output, record, make_table(record))
    if faults:
        raise UserError(f"{len(faults)} files lost rows or gave another exception; {output} has the first ones.")


def make_subjects(rows: Sequence[Tuple[str, ...]]) -> Dict[str, Subject]:
    """Make a file of each type.

    rows (Sequence[Tuple[str, ...]]): Values of the columns; no two rows are equal.
    RETURNS (Dict[str, Subject]): What can be damaged, by name.
    """
    made = {}
    numbered = [(line, dict(zip(COLUMNS, row))) for line, row in enumerate(rows, start=1)]
    with TemporaryDirectory() as folder:
        for suffix, writer in WRITERS.items():
            part, path = Path(folder) / "part", Path(folder) / f"reviews{suffix}"
            part.write_bytes(writer.encode(numbered, COLUMNS))
            writer.join([part], path, COLUMNS, Path("reviews.jsonl"))
            is_plain = suffix in (".jsonl", ".csv", ".tsv")
            pieces = [writer.encode([row], COLUMNS) for row in numbered] if is_plain else None
            made[suffix] = Subject(suffix, path.read_bytes(), list(rows), pieces)
    workbook = make_workbook(rows)
    made[".xlsx"] = Subject(".xlsx", workbook, list(rows), None)
    with zipfile.ZipFile(BytesIO(workbook)) as archive:
        sheet = archive.read(SHEET)

    def pack(damaged: bytes) -> bytes:
        content = BytesIO()
        with zipfile.ZipFile(BytesIO(workbook)) as source, zipfile.ZipFile(content, "w") as target:
            for name in source.namelist():
                target.writestr(name, damaged if name == SHEET else source.read(name))
        return content.getvalue()

    pieces = re.findall(rb"(?s)<row .*?</row>", sheet)[1:]
    made[".xlsx, the sheet in it"] = Subject(".xlsx", sheet, list(rows), pieces, pack)
    return made


def make_workbook(rows: Sequence[Tuple[str, ...]]) -> bytes:
    """Make an XLSX file.

    rows (Sequence[Tuple[str, ...]]): Values of the columns.
    RETURNS (bytes): The file.
    """
    workbook = Workbook()
    sheet: Any = workbook.active
    for row in (COLUMNS, *rows):
        sheet.append(row)
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def damage(content: bytes, rng: random.Random) -> bytes:
    """Damage a file in one way, at one to three places.

    content (bytes): The file.
    rng (random.Random): Chooses how and where.
    RETURNS (bytes): Another file.
    """
    how = rng.choice((flip, cut, take_out, put_in, blank, exchange, put_quote, take_quote))
    damaged = content
    while damaged == content:
        for _ in range(rng.choice((1, 1, 2, 3))):
            damaged = how(damaged, rng)
        # Nothing to exchange there, or no quote to take.
        how = flip if damaged == content else how
    return damaged


def flip(content: bytes, rng: random.Random) -> bytes:
    """Change a byte."""
    place = rng.randrange(len(content) or 1)
    return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]


def cut(content: bytes, rng: random.Random) -> bytes:
    """Cut the end off, at any byte or behind a line."""
    kept = content[: rng.randrange(len(content) or 1)]
    return kept[: kept.rfind(b"\n") + 1] if rng.random() < 0.3 else kept


def take_out(content: bytes, rng: random.Random) -> bytes:
    """Take some bytes out."""
    place, size = rng.randrange(len(content) or 1), rng.choice((1, 2, 10, 300))
    return content[:place] + content[place + size :]


def put_in(content: bytes, rng: random.Random) -> bytes:
    """Put some bytes in: any, or some that stand elsewhere."""
    place, size = rng.randrange(len(content) or 1), rng.choice((1, 2, 10, 300))
    start = rng.randrange(len(content) or 1)
    put = rng.randbytes(size) if rng.random() < 0.5 else content[start : start + size]
    return content[:place] + put + content[place:]


def blank(content: bytes, rng: random.Random) -> bytes:
    """Set some bytes to zero, as a disk does that loses a block."""
    place, size = rng.randrange(len(content) or 1), rng.choice((1, 30, 300))
    return content[:place] + bytes(len(content[place : place + size])) + content[place + size :]


def exchange(content: bytes, rng: random.Random) -> bytes:
    """Exchange a separator or a line end for another."""
    old, new = rng.sample((b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b" "), 2)
    places = [match.start() for match in re.finditer(re.escape(old), content)]
    if not places:
        return content
    place = rng.choice(places)
    return content[:place] + new + content[place + len(old) :]


def put_quote(content: bytes, rng: random.Random) -> bytes:
    """Put a quote in, anywhere or where a field begins or ends."""
    places = [match.start() for match in re.finditer(rb"^|(?<=[,\t])|(?=[,\t])|\r?$", content, re.M)]
    place = rng.choice(places) if rng.random() < 0.7 else rng.randrange(len(content) or 1)
    return content[:place] + b'"' + content[place:]


def take_quote(content: bytes, rng: random.Random) -> bytes:
    """Take a quote out."""
    places = [match.start() for match in re.finditer(b'"', content)]
    if not places:
        return content
    place = rng.choice(places)
    return content[:place] + content[place + 1 :]


def judge(subject: Subject, damaged: bytes, path: Path) -> Tuple[str, str]:
    """Read a damaged file and tell what came of it.

    subject (Subject): The file as it was.
    damaged (bytes): Its content now.
    path (Path): Where to write it.
    RETURNS (Tuple[str, str]): The outcome, and what was told of it.
    """
    path.write_bytes(subject.pack(damaged))
    try:
        read = [tuple(row.values()) for _, row in read_rows(path)]
    except UserError as error:
        return (ERROR, str(error)) if str(path) in str(error) else (EXCEPTION, f"names no file: {error}")
    except Exception as error:
        return EXCEPTION, f"{type(error).__name__}: {error}"
    if read == subject.rows:
        return SAME, ""
    if subject.pieces is None:
        lost = len(subject.rows) - len(read)
        return (LOST, f"{lost} rows") if lost > 0 else (CHANGED, "")
    line_start = b"" if subject.suffix == ".xlsx" else b"\n"
    there = [row for row, piece in zip(subject.rows, subject.pieces) if line_start + piece in line_start + damaged]
    missing = [row for row in there if row not in read]
    return (LOST, repr(missing[0])) if missing else (CHANGED, "")


if __name__ == "__main__":
    run_command(fuzz)
