"""Raw reviews: rows of a file whose text and label can be used, and that know where they stand."""

from itertools import chain, islice
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Union

from scripts.conversion.labels import Labelling, MissingLabel
from scripts.conversion.problems import EMPTY, SKIPPED, UNREADABLE, UNUSABLE, Problem, Review
from scripts.data.tables.file_types import file_type, read_rows, require_column
from scripts.data.tables.rows import Quotes
from scripts.data.usable import clean, find_fault, is_empty
from scripts.files import UserError

# Where none of so many lines of JSON has a column, its name is wrong.
N_FIRST = 100


def read_reviews(
    path: Path,
    split: str,
    *,
    lang: Optional[str] = None,
    text_column: str,
    labelling: Optional[Labelling],
    keep_missing: bool = False,
    quotes: Quotes = Quotes.FIELDS,
    max_bytes: Optional[int] = None,
) -> Iterator[Union[Review, Problem]]:
    """Read the reviews of one file.

    path (Path): A file of a type that `tables` reads; UTF-8 where it is text.
    split (str): What the file is for.
    lang (Optional[str]): The language of its texts, where those of several are read together.
    text_column (str): Name of the column or key that holds the text.
    labelling (Optional[Labelling]): How the label is read; None for files without labels.
    keep_missing (bool): Whether words such as None and nan are labels.
    quotes (Quotes): What quotes are in CSV and TSV.
    max_bytes (Optional[int]): The longest text that the tokenizer takes, if there is such a limit.
    YIELDS (Union[Review, Problem]): One for each row, in order: the review, or why it cannot be used.
    RAISES (UserError): The file cannot be read, or has no such columns.
    """
    rows = read_rows(path, quotes=quotes)
    # A header speaks for all rows; a line of JSON for itself.
    first = list(islice(rows, N_FIRST if file_type(path).startswith(".jsonl") else 1))
    line, row = first[0]
    if not any(text_column in row for _, row in first):
        require_column(path, line, row, text_column, option="--vars.text_column")
    if labelling and not any({labelling.label_column, labelling.stars_column} & row.keys() for _, row in first):
        try:
            labelling.read(row)
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {error}") from error
    for line, row in chain(first, rows):
        yield _read_row(row, Review(path, line, "", None, lang), split, text_column, labelling, keep_missing, max_bytes)


def _read_row(
    row: Dict[str, Any],
    empty: Review,
    split: str,
    text_column: str,
    labelling: Optional[Labelling],
    keep_missing: bool,
    max_bytes: Optional[int],
) -> Union[Review, Problem]:
    """Read one row. `empty` says where it stands; the rest is as for `read_reviews`."""
    text: Any = row.get(text_column)
    if is_empty(text):
        what = "the text is empty" if text_column in row else f"no column {text_column!r}"
        return Problem(EMPTY, split, empty, what)
    if fault := find_fault(text, max_bytes=max_bytes):
        # Its beginning is enough to find it by.
        return Problem(UNUSABLE, split, empty._replace(text=str(text)[:1000]), fault)
    review = empty._replace(text=clean(text))
    if labelling is None:
        return review
    try:
        label = labelling.read(row)
    except MissingLabel as error:
        if not keep_missing or error.label is None:
            return Problem(UNREADABLE, split, review, str(error))
        label = error.label
    except ValueError as error:
        return Problem(UNREADABLE, split, review, str(error))
    if label is None:
        return Problem(SKIPPED, split, review, "its stars are to be left out")
    return review._replace(label=label)
