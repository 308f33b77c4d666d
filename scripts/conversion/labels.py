"""Gold labels: read from a label column, or made from stars; the same from every file type."""

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

NEGATIVE, POSITIVE = "NEGATIVE", "POSITIVE"

# What programs write where there is no value.
# SOURCE: `na_values` of pandas.read_csv; the errors of Excel.
MISSING = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
        *("NULL", "NaN", "None", "n/a", "nan", "null", "NaT"),
        *("#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"),
    )
)
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]+")


class MissingLabel(ValueError):
    """A row has no label, or one that only says so, such as nan.

    label (Optional[str]): The name of the class, if `nan` and the like shall be one; None where there is nothing.
    """

    def __init__(self, reason: str, label: Optional[str] = None) -> None:
        super().__init__(reason)
        self.label = label


class Labelling(NamedTuple):
    """How a row becomes a label: the label column where there is one, else the star column.

    label_column (str): Holds the label itself: a name, a whole number, or true or false.
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
            # Python would read 1_0 as ten.
            stars = math.nan if isinstance(value, bool) or "_" in str(value) else float(value)
        except (TypeError, ValueError, OverflowError):
            stars = math.nan
        if not 0 <= stars < math.inf:
            raise ValueError(
                f"the stars must be a number such as 4, got {value!r}. Write the number alone, with a point: 4.5"
            )
        if stars == self.skip_stars:
            return None
        return NEGATIVE if stars <= self.negative_up_to else POSITIVE


def read_label(value: Any) -> str:
    """Make a label of the value of a cell, the same whether the file type has numbers and truth values or text alone.

    value (Any): What stands in the column of the label.
    RETURNS (str): A name as it is, a whole number without decimals, `true` or `false`.
    RAISES (MissingLabel): There is none.
    RAISES (ValueError): It cannot be a label.
    """
    if _is_missing(value):
        name = value.strip() if isinstance(value, str) else None
        raise MissingLabel(f"the label is missing, got {value!r}. Fill it in or remove the line.", name or None)
    if isinstance(value, (float, Decimal)) or (isinstance(value, str) and _DECIMAL.fullmatch(value.strip())):
        number = Decimal(value) if not isinstance(value, str) else Decimal(value.strip())
        if not number.is_finite() or number != int(number):
            raise ValueError(
                f"unknown label {value!r}, expected a name such as {POSITIVE} or a whole number. "
                "Give fractions a name; ratings go into the column --vars.stars_column."
            )
        return str(int(number))
    if not isinstance(value, (str, int)):
        raise ValueError(f"unknown label {value!r}, expected a name such as {POSITIVE}")
    label = str(value).strip()
    if _HALF_CHARACTER.search(label):
        raise ValueError(f"the label {label!r} holds half a character. Write the file anew as UTF-8.")
    return label.lower() if label in ("True", "False", "TRUE", "FALSE") else label


def find_lookalikes(labels: Iterable[str]) -> List[List[str]]:
    """Find labels that look like one: equal but for case, spaces, invisible characters or Unicode form.

    labels (Iterable[str]): Labels.
    RETURNS (List[List[str]]): Groups of two or more, each sorted.
    """
    groups: Dict[str, List[str]] = {}
    for label in sorted(set(labels)):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
        key = "".join(char for char in folded if not char.isspace() and unicodedata.category(char) != "Cf")
        groups.setdefault(key, []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def _is_missing(value: Any) -> bool:
    """Whether a cell is empty or only says that it is."""
    if isinstance(value, str):
        return not value.strip() or value.strip() in MISSING
    # Nothing but a missing number differs from itself.
    return value is None or (isinstance(value, (float, Decimal)) and value != value)
