"""Gold labels: read from a label column, or made from stars; the same from every file type."""

import math
import re
import reprlib
import unicodedata
from datetime import date, time
from decimal import Decimal
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

import regex

from scripts.data.usable import HALF_CHARACTER, SHEET_ERRORS, is_empty

NEGATIVE, POSITIVE = "NEGATIVE", "POSITIVE"

# What programs write where there is no value.
# SOURCE: `na_values` of pandas.read_csv.
MISSING = SHEET_ERRORS.union(
    ("#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL"),
    ("NaN", "NaT", "None", "n/a", "nan", "null"),
)
# What a spreadsheet would show in another way: 1.0 and +1 as 1.
_NUMBER = re.compile(r"[+-]?[0-9]+\.[0-9]+|\+[0-9]+")
# A whole number, whichever way it is written: +1, 01 and 1.0 are 1.
_WHOLE = re.compile(r"\+?(-?)0*([0-9]+?)(?:\.0+)?")
_TRUTH = {"true": "1", "yes": "1", "false": "0", "no": "0"}
_INVISIBLE = regex.compile(r"[\s\p{Cf}\p{Default_Ignorable_Code_Point}]+")


class MissingLabel(ValueError):
    """A row has no label, or one that only says so, such as nan.

    label (Optional[str]): The name of the class, if `nan` and the like shall be one; None where there is nothing.
    """

    def __init__(self, reason: str, label: Optional[str] = None) -> None:
        super().__init__(reason)
        self.label = label


class Labelling(NamedTuple):
    """How a row becomes a label: the label column where there is one, else the star column.

    label_column (str): Holds the label itself: a name, a whole number, true or false, or a date.
    stars_column (str): Holds a rating.
    negative_up_to (float): Ratings up to it are NEGATIVE, those above POSITIVE.
    skip_stars (Optional[float]): Rating to leave out, usually 3; None leaves none out.
    """

    label_column: str
    stars_column: str
    negative_up_to: float = 2
    skip_stars: Optional[float] = None

    def read(self, row: Dict[str, Any]) -> Optional[str]:
        """Read the label of one row.

        row (Dict[str, Any]): The row.
        RETURNS (Optional[str]): The label, or None for a rating to leave out.
        RAISES (MissingLabel): The row has no label.
        RAISES (ValueError): Neither column is there, or its value cannot be used. The reader adds where.
        """
        if self.label_column in row:
            return read_label(row[self.label_column])
        if self.stars_column in row:
            return self._map_stars(row[self.stars_column])
        raise ValueError(
            f"no column {self.label_column!r} and no column {self.stars_column!r}, found "
            f"{', '.join(map(str, row))}. Name one with --vars.label_column or --vars.stars_column"
        )

    def _map_stars(self, value: Any) -> Optional[str]:
        """Stars may be numbers or strings that hold one."""
        if _is_missing(value):
            raise MissingLabel(f"the stars must be a number such as 4, got {value!r}. Fill it in or remove the line.")
        try:
            # Python would take 1_0 for ten.
            stars = math.nan if isinstance(value, bool) or "_" in str(value) else float(value)
        except (TypeError, ValueError, OverflowError):
            stars = math.nan
        if not 0 <= stars < math.inf:
            raise ValueError(
                f"the stars must be a number such as 4, got {value!r}. Write the number alone, with a point: 4.5, "
                "without words, signs or the most that there can be."
            )
        if stars == self.skip_stars:
            return None
        return NEGATIVE if stars <= self.negative_up_to else POSITIVE


def read_label(value: Any) -> str:
    """Make a label of a cell's value: the same one whether the file type has numbers and truth values, or text alone.

    value (Any): What stands in the column of the label.
    RETURNS (str): A name as it is; a whole number without decimals or plus; `true` or `false`; a
        date or a time as ISO text.
    RAISES (MissingLabel): There is none.
    RAISES (ValueError): It cannot be a label.
    """
    if _is_missing(value):
        word = value.strip() if isinstance(value, str) and _INVISIBLE.sub("", value) else None
        raise MissingLabel(f"the label is missing, got {value!r}. Fill it in or remove the line.", word)
    if isinstance(value, (date, time)):
        return value.isoformat()
    text = str(value).strip()
    if isinstance(value, (float, Decimal)) or _NUMBER.fullmatch(text):
        number = Decimal(text)
        if not number.is_finite() or number != number.to_integral_value():
            raise ValueError(
                f"unknown label {value!r}, expected a name such as {POSITIVE} or a whole number. Give fractions a "
                "name, or read them as ratings: --vars.stars_column, with a --vars.label_column that is not there."
            )
        return str(int(number))
    if not isinstance(value, (str, int)):
        raise ValueError(f"unknown label {reprlib.repr(value)}, expected a name such as {POSITIVE}: one for each text")
    if HALF_CHARACTER.search(text):
        raise ValueError(f"the label {text!r} holds half a character. Write the file anew as UTF-8.")
    return text.lower() if text in ("True", "False", "TRUE", "FALSE") else text


def find_lookalikes(labels: Iterable[str]) -> List[List[str]]:
    """Find labels that look alike or mean the same.

    They are equal but for case, spaces, invisible characters, Unicode form or stops at the end; or they are the same
    number, or the same of true, yes and 1, and of false, no and 0.

    labels (Iterable[str]): Labels.
    RETURNS (List[List[str]]): Groups of two or more, each sorted.
    """
    groups: Dict[str, List[str]] = {}
    for label in sorted(set(labels)):
        groups.setdefault(_reduce(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def _reduce(label: str) -> str:
    """What lookalikes have in common."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", label)).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    folded = folded.rstrip(".,;:!?\u3002") or folded
    number = _WHOLE.fullmatch(folded)
    return "".join(number.groups()) if number else _TRUTH.get(folded, folded)


def _is_missing(value: Any) -> bool:
    """Whether a cell is empty or only says that it is."""
    is_nan = isinstance(value, Decimal) and value.is_nan()
    return is_nan or is_empty(value) or (isinstance(value, str) and value.strip() in MISSING)
