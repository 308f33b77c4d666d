"""From files to clean train, dev, test and unlabelled splits that share no text."""

import math
import random
from collections import Counter
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from sklearn.model_selection import train_test_split
from tqdm import tqdm

from scripts.conversion.classes import check_classes, tell_lookalikes
from scripts.conversion.inputs import Inputs
from scripts.conversion.labels import Labelling
from scripts.conversion.languages import mix, tell_other_classes
from scripts.conversion.problems import (
    CONFLICT,
    KEEP,
    MAJORITY,
    NEAR_COPY,
    REPEATED,
    SHARED,
    SINGLE,
    SKIPPED,
    UNREADABLE,
    Policies,
    Problem,
    Review,
    find_stops,
    find_wrong_files,
    show,
    tell_repeated,
)
from scripts.conversion.reviews import read_reviews
from scripts.data.near_copies import NearCopies, normalize
from scripts.data.tables.rows import Quotes
from scripts.data.task import Task

TRAIN, DEV, TEST, UNLABELLED = SPLITS = ("train", "dev", "test", "unlabelled")
HELD_OUT, LABELLED = (DEV, TEST), (TRAIN, DEV, TEST)
# Share of train that becomes dev, and test, where the user has none; and how many texts that takes at least.
HELD_OUT_SHARE = 0.15
MIN_HELD_OUT = 2


class Splits(NamedTuple):
    """The clean reviews of each split, and what became of all others.

    reviews (Dict[str, List[Review]]): The reviews of each split. No text occurs twice; train and unlabelled hold no
        near copy of dev or test.
    task (Task): What they set.
    n_read (Dict[str, Dict[Path, int]]): How many rows were read of each file, by split that has one.
    moved (Dict[str, int]): How many reviews came from another split; below 0 where they went. For each split, n_read
        and moved sum up to its reviews and problems.
    problems (List[Problem]): The rows that were dropped.
    errors (List[str]): Why the splits must not be used; none where they may.
    warnings (List[str]): What the user should know.
    """

    reviews: Dict[str, List[Review]]
    task: Task
    n_read: Dict[str, Dict[Path, int]]
    moved: Dict[str, int]
    problems: List[Problem]
    errors: List[str]
    warnings: List[str]


def read_splits(
    inputs: Mapping[Optional[str], Inputs],
    *,
    text_column: str,
    labelling: Labelling,
    seed: int,
    policies: Policies = Policies(),
    quotes: Quotes = Quotes.FIELDS,
    max_bytes: Optional[int] = None,
) -> Splits:
    """Read all files, check them against each other and split off what is missing. No row ends it: all are told of.

    inputs (Mapping[Optional[str], Inputs]): The files by split, by language: by None where all are read alike. All but
        train may be missing.
    text_column (str): Column of the text.
    labelling (Labelling): How labels are read.
    seed (int): Seed of the split of train.
    policies (Policies): What becomes of rows that cannot be used as they stand.
    quotes (Quotes): What quotes are in CSV and TSV.
    max_bytes (Optional[int]): The longest text that the tokenizer takes, if there is such a limit.
    RETURNS (Splits): The splits.
    RAISES (UserError): A file cannot be read.
    """
    problems: List[Problem] = []
    reviews: Dict[str, List[Review]] = {}
    n_read: Dict[str, Dict[Path, int]] = {}
    labels: Counter = Counter()
    for split in (split for split in SPLITS if any(split in paths for paths in inputs.values())):
        rules = None if split == UNLABELLED else labelling
        found: List[Union[Review, Problem]] = []
        for lang, path in ((lang, paths[split]) for lang, paths in inputs.items() if split in paths):
            rows = read_reviews(
                path,
                split,
                lang=lang,
                text_column=text_column,
                labelling=rules,
                keep_missing=policies.on_label == KEEP,
                quotes=quotes,
                max_bytes=max_bytes,
            )
            n_before = len(found)
            found += tqdm(rows, desc=f"Reading {lang or ''} {split}".replace("  ", " "), unit="text", disable=None)
            n_read.setdefault(split, {})[path] = len(found) - n_before
        problems += [row for row in found if isinstance(row, Problem)]
        usable = [row for row in found if isinstance(row, Review)]
        labels.update(str(review.label) for review in usable if rules is not None)
        reviews[split] = _drop_repeated(usable, split, policies.on_conflict, problems)
    _drop_shared(reviews, problems)
    if policies.on_single != KEEP:
        _drop_single(reviews, problems)
    n_rows = {path: n for files in n_read.values() for path, n in files.items()}
    wrong_files = find_wrong_files(problems, n_rows, policies)
    stops = find_stops(problems, policies)
    reviews = {split: reviews.get(split, []) for split in SPLITS}
    moved = dict.fromkeys(SPLITS, 0)
    too_few: List[str] = []
    for lang, paths in inputs.items():
        if fault := _hold_out(reviews, lang, [split for split in HELD_OUT if split not in paths], moved, seed=seed):
            too_few.append(f"{paths[TRAIN]}: {fault}")
    _drop_copies(reviews, problems)
    if len(inputs) > 1:
        reviews = {split: mix(found) for split, found in reviews.items()}
    classes, errors, warnings = check_classes(reviews, problems)
    errors = [*too_few, *errors]
    # Where a whole file is wrong, all that is missing follows from it.
    errors = [*stops, *(wrong_files or errors)]
    warnings += [*tell_repeated(problems, n_rows), *tell_lookalikes(labels), *tell_other_classes(reviews[TRAIN])]
    return Splits(reviews, Task(classes), n_read, moved, problems, errors, warnings)


def _drop_repeated(reviews: List[Review], split: str, on_conflict: str, problems: List[Problem]) -> List[Review]:
    """Keep one of equal texts: the first, or the first with the label that the policy chooses, or none."""
    groups: Dict[str, List[Review]] = {}
    for review in reviews:
        groups.setdefault(normalize(review.text), []).append(review)
    kept = []
    for group in groups.values():
        chosen = _choose(group, on_conflict)
        kept += [chosen] if chosen else []
        first = {review.label: review for review in reversed(group)}
        for review in group:
            if chosen and review.label == chosen.label:
                if review is not chosen:
                    what = f"the same text as in {review.locate(chosen)}"
                    problems.append(Problem(REPEATED, split, review, what, chosen))
            else:
                other = next(other for label, other in first.items() if label != review.label)
                labels = f"{show(review.label)}, not {show(other.label)}"
                what = f"the same text as in {review.locate(other)}, but the label {labels}"
                problems.append(Problem(CONFLICT, split, review, what, other))
    return kept


def _choose(group: List[Review], on_conflict: str) -> Optional[Review]:
    """The one of equal texts that is kept."""
    counts = Counter(review.label for review in group).most_common()
    if len(counts) == 1 or on_conflict == KEEP:
        return group[0]
    if on_conflict == MAJORITY and counts[0][1] > counts[1][1]:
        return next(review for review in group if review.label == counts[0][0])
    return None


def _drop_shared(reviews: Dict[str, List[Review]], problems: List[Problem]) -> None:
    """Leave a text of several labelled files in test, which others may know, or else in dev; never in train."""
    seen: Dict[str, Review] = {}
    for split in reversed(LABELLED):
        kept = []
        for review in reviews.get(split, []):
            other = seen.setdefault(normalize(review.text), review)
            if other is review:
                kept.append(review)
            else:
                label = f", with the label {show(other.label)}" if other.label != review.label else ""
                what = f"the same text stands in {other.place}{label}"
                problems.append(Problem(SHARED, split, review, what, other))
        if split in reviews:
            reviews[split] = kept


def _drop_single(reviews: Dict[str, List[Review]], problems: List[Problem]) -> None:
    """A label that one text alone has, in all files together, is taken for a slip."""
    labels = Counter(review.label for split in LABELLED for review in reviews.get(split, []))
    for split in LABELLED:
        for review in reviews.get(split, []):
            if labels[review.label] == 1:
                what = f"no other text has the label {show(review.label)}: a slip, or a class with one text"
                problems.append(Problem(SINGLE, split, review, what))
        if split in reviews:
            reviews[split] = [review for review in reviews[split] if labels[review.label] > 1]


def _drop_copies(reviews: Dict[str, List[Review]], problems: List[Problem]) -> None:
    """Drop what dev or test nearly holds from train and unlabelled, and from unlabelled what train holds."""
    # Also what was dropped there: whoever mends it later shall not find it learned.
    unused = [p.review for p in problems if p.split in HELD_OUT and p.kind in (UNREADABLE, CONFLICT, SINGLE, SKIPPED)]
    held_out = NearCopies(review.text for review in [*reviews[DEV], *reviews[TEST], *unused])
    labelled = {normalize(review.text): review for review in reviews[TRAIN]}
    for split in (TRAIN, UNLABELLED):
        kept = []
        for review in tqdm(reviews[split], desc=f"Comparing {split} with dev and test", unit="text", disable=None):
            if review.text in held_out:
                problems.append(Problem(NEAR_COPY, split, review, "much of its text stands in one of dev or test"))
            elif split == UNLABELLED and normalize(review.text) in labelled:
                other = labelled[normalize(review.text)]
                problems.append(Problem(REPEATED, split, review, f"the same text stands in {other.place}", other))
            else:
                kept.append(review)
        reviews[split] = kept


def _hold_out(
    reviews: Dict[str, List[Review]], lang: Optional[str], missing: List[str], moved: Dict[str, int], *, seed: int
) -> str:
    """Split what a language has no file of off its texts of train. The string is why that cannot be done."""
    for split in missing:
        own = [review for review in reviews[TRAIN] if review.lang == lang]
        others = [review for review in reviews[TRAIN] if review.lang != lang]
        own, held_out, too_few = _split_off(own, split, seed=seed)
        if too_few:
            return too_few
        reviews[TRAIN] = [*others, *own]
        reviews[split] = [*reviews[split], *held_out]
        moved[TRAIN], moved[split] = moved[TRAIN] - len(held_out), moved[split] + len(held_out)
    return ""


def _split_off(train: List[Review], split: str, *, seed: int) -> Tuple[List[Review], List[Review], str]:
    """Split dev or test off train, with the same share of each label where there are enough texts. Each label keeps one
    in train. The third is why that cannot be done.
    """
    labels = Counter(review.label for review in train)
    n = max(MIN_HELD_OUT, math.ceil(HELD_OUT_SHARE * len(train)))
    if labels and min(labels.values()) > 1 and len(labels) <= min(n, len(train) - n):
        stratify = [review.label for review in train]
        return (*train_test_split(train, test_size=n, random_state=seed, stratify=stratify), "")
    first: Dict[Optional[str], Review] = {}
    others = [review for review in train if first.setdefault(review.label, review) is not review]
    if len(others) < n:
        fewest = ", ".join(f"{show(label)} {number}" for label, number in sorted(labels.items(), key=_count)[:10])
        return (
            train,
            [],
            f"too few texts to split off {split}, which takes {n} while each label keeps one in train. Those of the "
            f"fewest texts: {fewest or 'none'}. Add texts of them, or give --vars.{split}.",
        )
    held_out = random.Random(seed).sample(others, n)
    # Not by their lines: rows of a sheet may have equal numbers.
    chosen = set(map(id, held_out))
    return [review for review in train if id(review) not in chosen], held_out, ""


def _count(entry: Tuple[Optional[str], int]) -> int:
    """What classes are sorted by: their texts."""
    return entry[1]
