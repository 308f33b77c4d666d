"""JSONL: a JSON object a line."""

import json
import math
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from scripts.data.tables.lines import decode_lines
from scripts.data.tables.rows import Row
from scripts.files import UserError


def read_jsonl(path: Path) -> Iterator[Row]:
    """Read JSONL; empty lines are passed over.

    path (Path): The file.
    YIELDS (Row): Its rows.
    RAISES (UserError): A line is no JSON object.
    """
    for number, line in enumerate(decode_lines(path), start=1):
        if not line.strip():
            continue
        try:
            # The standard library's: srsly's parser rounds long numbers, and refuses the longest.
            row = DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number}: not valid JSON ({error}). {_find_cause(line, error)}") from error
        if not isinstance(row, dict):
            raise UserError(
                f"{path}, line {number}: expected a JSON object such as {{'text': ...}}, got {line[:40]!r}. "
                f"{_find_cause(line, None)}"
            )
        yield number, row


def _make_object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """A JSON object, of which Python would keep the last of two values of one name."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object names {next(name for name in names if names.count(name) > 1)!r} twice")
    return made


# Made once: loads() makes one for each line.
DECODER = json.JSONDecoder(object_pairs_hook=_make_object)


def _find_cause(line: str, error: Optional[Exception]) -> str:
    """Why a line may not be JSON, and what to do."""
    text = line.strip()
    if "\r" in text:
        return "The lines end in carriage returns alone, as on old Macs: save the file with line feeds."
    if text.startswith("["):
        return "If the file is one long list: write one object a line, e.g. with jq -c '.[]'."
    if text.startswith("{") and text.endswith("},"):
        return "Lines end without a comma: take it off, or write the list that they are of with jq -c '.[]'."
    if "control character" in str(error):
        return "Write tabs and line ends in a text as \\t and \\n."
    if text.startswith("{") and not text.endswith("}"):
        return "If an object goes over several lines: write one object a line, e.g. with jq -c."
    if "twice" in str(error):
        return "Rename one."
    if "digits" in str(error):
        return "Write so long a number as a text, in quotes."
    return "Write one object a line."


def encode_jsonl(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Make JSONL.

    rows (Sequence[Row]): The rows.
    RETURNS (bytes): A JSON object a line; keys that a row has not stay away.
    RAISES (UserError): A value has no place in JSON.
    """
    return "".join(f"{dump_value(line, row)}\n" for line, row in rows).encode("utf8")


def dump_value(line: int, value: Any) -> str:
    """Write a value as JSON.

    line (int): Where it stands in the input, for the message.
    value (Any): The value.
    RETURNS (str): Its JSON.
    RAISES (UserError): It has no place in JSON.
    """
    try:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=to_text)
        # Python alone reads what it would write of such numbers.
        except ValueError:
            text = json.dumps(_name_numbers(value), ensure_ascii=False, allow_nan=False, default=to_text)
        text.encode("utf8")
    except (TypeError, ValueError) as error:
        raise UserError(f"Line {line} of the input cannot be written: {error}") from error
    return text


def _name_numbers(value: Any) -> Any:
    """Write numbers that JSON has not: nothing for none (NaN), and the infinite ones as text."""
    if isinstance(value, dict):
        return {key: _name_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_name_numbers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def to_text(value: Any) -> str:
    """Write what neither JSON nor CSV has a type for and text can say without loss.

    value (Any): A date, a time, a duration, or a decimal number.
    RETURNS (str): Its text: ISO for dates and times.
    RAISES (TypeError): It is of another type.
    """
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, timedelta)):
        return str(value)
    raise TypeError(f"a value of the type {type(value).__name__} has no place in this file type; write .parquet")
