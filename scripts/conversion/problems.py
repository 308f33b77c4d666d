"""What is wrong with single rows: the kinds, and what becomes of a row of each. Nothing else decides it."""

from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from scripts.files import UserError

EMPTY, UNUSABLE, UNREADABLE = "empty text", "unusable text", "unreadable label"
CONFLICT, SHARED, SINGLE = "conflict", "shared text", "label with one text"
# Dropped in any case: nobody needs them, or the user asked for it.
REPEATED, NEAR_COPY, SKIPPED = "repeated", "near copy of dev or test", "skipped stars"
STOP, DROP, KEEP, MAJORITY = "stop", "drop", "keep", "majority"
# The variable that decides about each kind, and what it may say.
OPTIONS = {
    EMPTY: "on_text",
    UNUSABLE: "on_text",
    UNREADABLE: "on_label",
    CONFLICT: "on_conflict",
    SHARED: "on_shared",
    SINGLE: "on_single",
}
CHOICES = {
    "on_text": (DROP, STOP),
    "on_label": (DROP, KEEP, STOP),
    "on_conflict": (MAJORITY, DROP, KEEP, STOP),
    "on_shared": (DROP, STOP),
    "on_single": (DROP, KEEP, STOP),
}
# So many rows that cannot be used are slips, in a file of any size.
SLIPS = 10
# Where a larger share repeats another text, the column holds no texts.
MAX_REPEATED = 0.5
# So much is shown of a text, and of a label, which is a text where the column is the wrong one.
MAX_CHARACTERS = 80


class Policies(NamedTuple):
    """What becomes of rows that cannot be used as they stand.

    on_text (str): Texts that are empty or cannot be used: `drop` or `stop`.
    on_label (str): Labels that are missing or cannot be read: `drop`; `keep`, which takes words for a missing one,
        such as None and nan, for labels; or `stop`.
    on_conflict (str): Equal texts of one file with different labels: `majority` keeps the label that most of them
        have, and none where two labels have as many; `drop` keeps none; `keep` keeps the first; or `stop`.
    on_shared (str): A text of several labelled files: `drop` leaves it in test, or else in dev; or `stop`.
    on_single (str): A label that one text alone has: `drop`, `keep` or `stop`.
    max_unusable (float): Share of the rows of a file that may be dropped as texts, labels, conflicts and single labels
        before it stops: so many mean a wrong column.
    """

    on_text: str = DROP
    on_label: str = DROP
    on_conflict: str = MAJORITY
    on_shared: str = DROP
    on_single: str = DROP
    max_unusable: float = 0.1

    def check(self) -> None:
        """Refuse what no policy is.

        RAISES (UserError): A policy has none of its CHOICES, or the share is none.
        """
        for option, choices in CHOICES.items():
            if getattr(self, option) not in choices:
                raise UserError(
                    f"--vars.{option} is {getattr(self, option)!r}, which it cannot be. Give one of "
                    f"{tell_choices(option)}."
                )
        if not 0 <= self.max_unusable <= 1:
            raise UserError(f"--vars.max_unusable is {self.max_unusable}. Give a share, from 0 to 1.")


class Review(NamedTuple):
    """One review: where it stands, its text, and its label (None in unlabelled files).

    lang (Optional[str]): Its language, where those of several are read together.
    """

    path: Path
    line: int
    text: str
    label: Optional[str]
    lang: Optional[str] = None

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.path}, line {self.line}"

    def locate(self, other: "Review") -> str:
        """Where another review stands, seen from this one: a line of the same file needs no path."""
        return f"line {other.line}" if other.path == self.path else other.place


class Problem(NamedTuple):
    """A row that is not used as it stands.

    kind (str): One of those above.
    split (str): The split that its file is of.
    review (Review): Where it stands, and its text as far as there is one.
    what (str): What is wrong.
    other (Optional[Review]): The row that it is the same as.
    """

    kind: str
    split: str
    review: Review
    what: str
    other: Optional[Review] = None


def find_stops(problems: List[Problem], policies: Policies) -> List[str]:
    """What the policies do not let pass.

    problems (List[Problem]): The rows that were dropped.
    policies (Policies): What may be dropped.
    RETURNS (List[str]): A message for each kind.
    """
    kinds = Counter(problem.kind for problem in problems)
    return [
        f"{kind}: {count(kinds[kind], 'row')}, and --vars.{option} is stop. Mend them, or choose another of "
        f"{tell_choices(option)}."
        for kind, option in OPTIONS.items()
        if kinds[kind] and getattr(policies, option) == STOP
    ]


def find_wrong_files(problems: List[Problem], n_read: Dict[Path, int], policies: Policies) -> List[str]:
    """Find files of which so many rows cannot be used that it is no matter of rows.

    problems (List[Problem]): The rows that were dropped.
    n_read (Dict[Path, int]): Rows of each file.
    policies (Policies): How many may be dropped.
    RETURNS (List[str]): A message for each file.
    """
    messages = []
    for path, n in n_read.items():
        # A shared text can be used: in another file.
        found = [p for p in problems if p.review.path == path and p.kind in OPTIONS and p.kind != SHARED]
        if found and (len(found) == n or len(found) > max(SLIPS, policies.max_unusable * n)):
            counts = Counter(problem.kind for problem in found).most_common()
            kind = counts[0][0]
            first = next(problem for problem in found if problem.kind == kind)
            # Files without labels have no other kinds.
            is_text = OPTIONS[kind] == "on_text"
            question = (
                f"{'Is --vars.text_column' if is_text else 'Are --vars.text_column and --vars.label_column'} right?"
            )
            messages.append(
                f"{path}: {len(found):,} of {count(n, 'row')} cannot be used "
                f"({', '.join(f'{name}: {number:,}' for name, number in counts)}). Line {first.review.line}: "
                f"{first.what.rstrip('.')}. {question} If so, choose another "
                f"--vars.{OPTIONS[kind]} ({tell_choices(OPTIONS[kind])}), or let more rows go with "
                "--vars.max_unusable."
            )
    return messages


def tell_repeated(problems: List[Problem], n_read: Dict[Path, int]) -> List[str]:
    """Find files in which most texts are those of other rows.

    problems (List[Problem]): The rows that were dropped.
    n_read (Dict[Path, int]): Rows of each file.
    RETURNS (List[str]): A warning for each.
    """
    repeated = Counter(problem.review.path for problem in problems if problem.kind in (REPEATED, CONFLICT))
    return [
        f"{path}: {repeated[path]:,} of {count(n, 'row')} have the text of another. Is --vars.text_column right?"
        for path, n in n_read.items()
        if repeated[path] > max(SLIPS, MAX_REPEATED * n)
    ]


def count(number: int, name: str) -> str:
    """A number of things. RETURNS (str): For example 1 row, or 2,000 rows."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def tell_choices(option: str) -> str:
    """What a variable may say. RETURNS (str): For example drop, stop."""
    return ", ".join(CHOICES[option])


def shorten(text: str) -> str:
    """The beginning of a text. RETURNS (str): At most MAX_CHARACTERS, and an ellipsis where there are more."""
    line = " ".join(text[: 4 * MAX_CHARACTERS].split())
    return line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]}…"


def show(label: Optional[str]) -> str:
    """A label for a message, which may be long where its column is the wrong one."""
    return repr(shorten(str(label)))
