"""Gold labels: read from a label column, or made from stars."""

from typing import Any, Dict, NamedTuple, Optional

from scripts.files import UserError

NEGATIVE, POSITIVE = "NEGATIVE", "POSITIVE"


class Labelling(NamedTuple):
    """How a row becomes a label: the label column where there is one, else the star column.

    label_column (str): Holds the label itself: a string or a whole number.
    stars_column (str): Holds a rating.
    negative_up_to (float): Ratings up to it are NEGATIVE, those above POSITIVE.
    skip_stars (Optional[float]): Rating to leave out, usually 3; None leaves none out.
    """

    label_column: str
    stars_column: str
    negative_up_to: float = 2
    skip_stars: Optional[float] = None

    def read(self, row: Dict[str, Any], place: str) -> Optional[str]:
        """Read the label of one row.

        row (Dict[str, Any]): The row.
        place (str): File and line, for the message.
        RETURNS (Optional[str]): The label, or None for a rating to leave out.
        RAISES (UserError): Neither column is there, or its value cannot be used.
        """
        if self.label_column in row:
            return self._read_label(row[self.label_column], place)
        if self.stars_column in row:
            return self._map_stars(row[self.stars_column], place)
        raise UserError(
            f"{place}: no column {self.label_column!r} and no column {self.stars_column!r}, found "
            f"{', '.join(map(str, row))}. Name one with --vars.label_column or --vars.stars_column"
        )

    def _read_label(self, value: Any, place: str) -> str:
        """A label is a name or a class number; a missing one is an error, never a class."""
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not (isinstance(value, str) or is_number) or not str(value).strip():
            raise UserError(f"{place}: unknown label {value!r}, expected a name such as {POSITIVE}")
        return str(value).strip()

    def _map_stars(self, value: Any, place: str) -> Optional[str]:
        """Stars may be numbers or strings that hold one."""
        try:
            stars = float(value)
        except (TypeError, ValueError):
            stars = float("nan")
        if isinstance(value, bool) or not stars >= 0:
            raise UserError(f"{place}: the stars must be a number such as 4, got {value!r}")
        if stars == self.skip_stars:
            return None
        return NEGATIVE if stars <= self.negative_up_to else POSITIVE
