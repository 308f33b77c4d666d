"""Whether each class has texts in each split, once all is dropped that must be; and labels that may be one."""

from collections import Counter
from typing import Dict, Iterable, List, Optional, Tuple

from scripts.conversion.labels import find_lookalikes
from scripts.conversion.problems import NEAR_COPY, SINGLE, Problem, Review, show

# A message names so many classes.
MAX_NAMED = 10
# Fewer texts tell little: with 100, half of all right is sure to 10 points either way.
FEW = 100


def count_classes(reviews: Iterable[Review]) -> Counter:
    """Count the texts of each class.

    reviews (Iterable[Review]): Labelled reviews.
    RETURNS (Counter): Texts by label.
    """
    return Counter(str(review.label) for review in reviews)


def check_classes(reviews: Dict[str, List[Review]], problems: List[Problem]) -> Tuple[List[str], List[str], List[str]]:
    """Find the classes, and what is missing of them.

    reviews (Dict[str, List[Review]]): The clean reviews of each split.
    problems (List[Problem]): The rows that were dropped.
    RETURNS (Tuple[List[str], List[str], List[str]]): The classes in order; errors; warnings.
    """
    counts = {split: count_classes(reviews[split]) for split in ("train", "dev", "test")}
    dropped = count_dropped(problems)
    present = {label for count in counts.values() for label in count}
    lost = {label for (split, label), kinds in dropped.items() if split == "train" and label and is_class(kinds)}
    classes = sorted(present | lost)
    missing = [label for label in classes if not counts["train"][label]]
    errors = [explain_missing(label, counts, dropped.get(("train", label), Counter())) for label in missing[:MAX_NAMED]]
    if len(missing) > MAX_NAMED:
        errors.append(f"The same is true of {name_some(missing[MAX_NAMED:])}.")
    if len(classes) < 2:
        errors.append(f"train needs reviews of at least two labels, found {', '.join(map(show, classes)) or 'none'}.")
    warnings = []
    for split in ("dev", "test"):
        n, missing = len(reviews[split]), [label for label in classes if not counts[split][label]]
        if n and missing:
            warnings.append(f"{split} has no text of {name_some(missing)}. So nothing tells how well that is found.")
        if 0 < n < FEW:
            warnings.append(f"{split} has {n} texts: too few to tell two systems apart.")
        kinds = sum((dropped[key] for key in dropped if key[0] == split), Counter())
        if not n and kinds:
            errors.append(f"{split} has no text left: {tell_kinds(kinds)}. Give --vars.{split} other texts.")
    return classes, errors, warnings


def count_dropped(problems: List[Problem]) -> Dict[Tuple[str, Optional[str]], Counter]:
    """Count dropped rows.

    problems (List[Problem]): The rows that were dropped.
    RETURNS (Dict[Tuple[str, Optional[str]], Counter]): Rows by kind, for each split and label (None: none was read).
    """
    dropped: Dict[Tuple[str, Optional[str]], Counter] = {}
    for problem in problems:
        dropped.setdefault((problem.split, problem.review.label), Counter())[problem.kind] += 1
    return dropped


def is_class(kinds: Counter) -> bool:
    """Whether a label was a class, by its rows that were dropped: not if one text alone had it, which is a slip."""
    return SINGLE not in kinds and (sum(kinds.values()) > 1 or NEAR_COPY in kinds)


def explain_missing(label: str, counts: Dict[str, Counter], kinds: Counter) -> str:
    """Say why a class has no text in train.

    label (str): The class.
    counts (Dict[str, Counter]): Texts by split and class.
    kinds (Counter): Its rows of train that were dropped, by kind.
    RETURNS (str): The message.
    """
    why = f"all of its rows there were dropped, {tell_kinds(kinds)}" if kinds else "its label stands nowhere there"
    elsewhere = " and ".join(f"{counts[split][label]:,} in {split}" for split in ("dev", "test"))
    return (
        f"train has no text of the class {show(label)}: {why}. It has {elsewhere}. Add other texts of it to train, or "
        "take it out of all files."
    )


def tell_kinds(kinds: Counter) -> str:
    """Rows by kind, in words."""
    return ", ".join(f"{number:,} as {kind}" for kind, number in sorted(kinds.items()))


def tell_lookalikes(labels: Dict[str, int]) -> List[str]:
    """Name labels that may be one class.

    labels (Dict[str, int]): Rows by label, as they were read.
    RETURNS (List[str]): A warning for each suspicion.
    """
    warnings = []
    for group in find_lookalikes(labels):
        told = ", ".join(f"{show(label)} ({len(label)} characters, {labels[label]:,} rows)" for label in group)
        warnings.append(
            f"Are these labels one class? They look alike or say the same: {told}. If so, write them in one way."
        )
    return warnings


def name_some(names: List[str]) -> str:
    """Name classes, not too many. RETURNS (str): For example the classes a, b and 3 others."""
    shown = ", ".join(map(show, names[:MAX_NAMED]))
    rest = f" and {len(names) - MAX_NAMED} others" if len(names) > MAX_NAMED else ""
    return f"{'the class' if len(names) == 1 else f'{len(names)} classes:'} {shown}{rest}"
