"""From files to clean train, dev, test and unlabelled splits that share no text."""

from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from sklearn.model_selection import train_test_split
from tqdm import tqdm

from scripts.conversion.labels import Labelling
from scripts.conversion.reviews import Review, read_reviews
from scripts.data.near_copies import NearCopies, normalize
from scripts.data.task import Task
from scripts.files import UserError

HELD_OUT = ("dev", "test")
# Share of train that becomes dev, and test, where the user has none.
HELD_OUT_SHARE = 0.15


class Splits(NamedTuple):
    """The clean reviews of each split, the task that they set, and what was left out of each split and why."""

    reviews: Dict[str, List[Review]]
    task: Task
    dropped: Dict[str, Counter]


def read_splits(paths: Dict[str, Path], *, text_column: str, labelling: Labelling, seed: int) -> Splits:
    """Read all files, check them against each other and split off what is missing.

    paths (Dict[str, Path]): Paths of train, dev, test and unlabelled; all but train may not exist.
    text_column (str): Column of the text.
    labelling (Labelling): How labels are read.
    seed (int): Seed of the split of train.
    RETURNS (Splits): No text occurs twice; train and unlabelled hold no near copy of dev or test.
    RAISES (UserError): A line cannot be used, a text stands in two labelled files, or a label is unknown.
    """
    dropped: Dict[str, Counter] = {split: Counter() for split in paths}
    reviews: Dict[str, List[Review]] = {}
    for split, path in paths.items():
        if split == "train" or path.exists():
            rules = None if split == "unlabelled" else labelling
            rows = read_reviews(path, text_column=text_column, labelling=rules)
            read = list(tqdm(rows, desc=f"Reading {split}", unit="text", disable=None))
            kept = [review for review in read if rules is None or review.label is not None]
            dropped[split]["skipped stars"] = len(read) - len(kept)
            reviews[split] = _drop_repeated(kept, dropped[split])
    labels = _check_labels(reviews)
    _check_overlap(reviews)
    for split in HELD_OUT:
        if split not in reviews:
            reviews["train"], reviews[split] = _split_off(reviews["train"], seed=seed)
    held_out = NearCopies(review.text for split in HELD_OUT for review in reviews[split])
    labelled = {normalize(review.text) for review in reviews["train"]}
    for split in ("train", "unlabelled"):
        texts = tqdm(reviews.get(split, []), desc=f"Comparing {split} with dev and test", unit="text", disable=None)
        clean = [review for review in texts if review.text not in held_out]
        dropped[split]["near copies of dev or test"] = len(reviews.get(split, [])) - len(clean)
        reviews[split] = clean
    new = [review for review in reviews["unlabelled"] if normalize(review.text) not in labelled]
    dropped["unlabelled"]["repeated"] += len(reviews["unlabelled"]) - len(new)
    reviews["unlabelled"] = new
    return Splits({split: reviews[split] for split in paths}, Task(labels), dropped)


def _drop_repeated(reviews: List[Review], dropped: Counter) -> List[Review]:
    """Keep the first of equal texts; equal texts with different labels are an error."""
    first: Dict[str, Review] = {}
    for review in reviews:
        earlier = first.setdefault(normalize(review.text), review)
        if earlier.label != review.label:
            raise UserError(
                f"{review.path}, line {review.line}: the same text as in line {earlier.line}, but with the label "
                f"{review.label} instead of {earlier.label}. Remove one of them."
            )
    dropped["repeated"] = len(reviews) - len(first)
    return list(first.values())


def _check_labels(reviews: Dict[str, List[Review]]) -> List[str]:
    """The labels are those of train. Each needs two reviews there: one alone is taken for a slip."""
    counts = Counter(review.label for review in reviews["train"])
    known = [str(label) for label in sorted(label for label, n in counts.items() if label is not None and n > 1)]
    for split, split_reviews in reviews.items():
        for review in split_reviews:
            if split != "unlabelled" and review.label not in known:
                told = f"unknown label {review.label!r}."
                if counts[review.label]:
                    told = f"the label {review.label!r} stands in train only once. Mend a slip, or add texts of it."
                raise UserError(
                    f"{review.path}, line {review.line}: {told} The labels with at least two reviews in train are: "
                    f"{', '.join(known) or 'none'}."
                )
    if len(known) < 2:
        raise UserError(
            f"{reviews['train'][0].path if reviews['train'] else 'train'}: needs reviews of at least two "
            f"labels, found {', '.join(known) or 'none'}."
        )
    return known


def _check_overlap(reviews: Dict[str, List[Review]]) -> None:
    """A text of one labelled file must not stand in another, or the test would be no test."""
    seen: Dict[str, Review] = {}
    for split in ("train", *HELD_OUT):
        for review in reviews.get(split, []):
            earlier: Optional[Review] = seen.setdefault(normalize(review.text), review)
            if earlier is not review and earlier is not None:
                raise UserError(
                    f"{review.path}, line {review.line}: duplicate across splits, the same text stands in "
                    f"{earlier.path}, line {earlier.line}. Remove one of them."
                )


def _split_off(train: List[Review], *, seed: int) -> List[List[Review]]:
    """Stratified split of train into train and held-out reviews."""
    labels = [review.label for review in train]
    try:
        return train_test_split(train, test_size=HELD_OUT_SHARE, random_state=seed, stratify=labels)
    except ValueError as error:
        message = f"{train[0].path}: too few reviews to split off dev or test ({error}). Give them as files."
        raise UserError(message) from error
