"""Files of every type that rows are read from, written without the code under test."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

from openpyxl import Workbook


def write_jsonl(path: Path, rows: List[Any]) -> Path:
    return write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_delimited(path: Path, rows: List[Any]) -> Path:
    """With a byte order mark and all fields quoted, as spreadsheet programs may write it."""
    content = io.StringIO()
    delimiter = "," if ".csv" in path.name else "\t"
    writer = csv.DictWriter(content, list(rows[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return write_text(path, "\ufeff" + content.getvalue())


def write_text(path: Path, text: str) -> Path:
    content = text.encode("utf8")
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_xlsx(path: Path, rows: List[Any]) -> Path:
    workbook = Workbook()
    sheet: Any = workbook.active
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    workbook.save(path)
    return path


WRITERS: Dict[str, Callable[[Path, List[Any]], Path]] = {
    ".jsonl": write_jsonl,
    ".jsonl.gz": write_jsonl,
    ".csv": write_delimited,
    ".csv.gz": write_delimited,
    ".tsv": write_delimited,
    ".tsv.gz": write_delimited,
    ".xlsx": write_xlsx,
}
