"""Raw reviews: rows of a file whose text and label can be used, and that know where they stand."""

from pathlib import Path
from typing import Iterator, NamedTuple, Optional

from scripts.conversion.labels import Labelling
from scripts.data.tables.file_types import read_rows
from scripts.data.usable import clean, find_fault
from scripts.files import UserError


class Review(NamedTuple):
    """One review: where it stands, its text, and its label (None in unlabelled files)."""

    path: Path
    line: int
    text: str
    label: Optional[str]


def read_reviews(path: Path, *, text_column: str, labelling: Optional[Labelling]) -> Iterator[Review]:
    """Read the reviews of one file.

    path (Path): A file of a type that `tables` reads; UTF-8 where it is text.
    text_column (str): Name of the column or key that holds the text.
    labelling (Optional[Labelling]): How the label is read; None for files without labels.
    YIELDS (Review): The reviews in order. Those that the labelling leaves out have the label None.
    RAISES (UserError): The file or a line of it cannot be used.
    """
    for line, row in read_rows(path):
        if text_column not in row:
            raise UserError(
                f"{path}, line {line}: no column {text_column!r}, found {', '.join(map(str, row)) or 'none'}. "
                "Name it with --vars.text_column"
            )
        if fault := find_fault(row[text_column]):
            raise UserError(f"{path}, line {line}: {fault}")
        try:
            label = labelling.read(row) if labelling else None
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
        yield Review(path, line, clean(row[text_column]), label)
