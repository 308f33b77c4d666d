"""Brings the original files of Webis-CLS-10 into the layout that the project reads.

python -m scripts.conversion.webis cls-acl10-unprocessed my-reviews --lang en
python -m spacy project run all . --vars.reviews my-reviews --vars.run en-amazon

Webis-CLS-10 holds Amazon reviews of books, DVDs and music in English, German, French and Japanese, with 1, 2, 4 or 5
stars, in the files LANG/{books,dvd,music}/{train,test,unlabeled}.review. They are for research, and no part of this
repository. Train and dev are drawn from the train files, test from the test files.

Our own figures on Amazon reviews come from 1,000 texts each of train, dev and test, drawn to the same plan before
this command was written. They are not the same 1,000, and a third of our 8,000 unlabelled texts were film reviews of
another source. So expect figures near ours, not the same ones.

SOURCE: Prettenhofer and Stein (2010), Cross-Language Text Classification using Structural Correspondence Learning.
"""

import random
from collections import Counter
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, Dict, List, Set

import typer
from wasabi import msg

from scripts.conversion.labels import NEGATIVE, POSITIVE
from scripts.conversion.webis_files import FOLDERS, READ, Item, read_items
from scripts.data.tables.file_types import WRITERS
from scripts.files import UserError, replaced, run_command

CATEGORIES = ("books", "dvd", "music")
# Which files give which splits, and their labels.
PARTS = (("train", ("train", "dev")), ("test", ("test",)), ("unlabeled", ("unlabelled",)))
SUFFIX = ".jsonl.gz"


def convert_webis(
    folder: Path = typer.Argument(..., help="Folder of the unprocessed files, e.g. cls-acl10-unprocessed"),
    output: Path = typer.Argument(..., help="Folder to write LANG/{train,dev,test,unlabelled}.jsonl.gz to"),
    lang: List[str] = typer.Option(["en"], help=f"One of {', '.join(FOLDERS)}; may be given several times"),
    n_texts: int = typer.Option(1000, help="Texts of train, of dev and of test, half of them positive", min=6),
    n_unlabelled: int = typer.Option(8000, help="Unlabelled texts, a third of each category", min=0),
    seed: int = typer.Option(0, help="Seed of the draw"),
) -> None:
    """Bring the original files of Webis-CLS-10 into the layout that the project reads."""
    for language in lang:
        if language not in FOLDERS:
            raise UserError(f"{language!r} is no language of Webis-CLS-10. Expected one of {', '.join(FOLDERS)}.")
        counts: Dict[str, Counter] = {}
        splits = draw_splits(
            folder, language, n_texts=n_texts, n_unlabelled=n_unlabelled, rng=random.Random(seed), counts=counts
        )
        for split, rows in splits.items():
            with replaced(output / language / f"{split}{SUFFIX}") as partial:
                partial.write_bytes(WRITERS[SUFFIX].encode(list(enumerate(rows, start=1)), []))
        reasons = sorted({reason for count in counts.values() for reason in count if reason != READ})
        msg.table(
            [(path, count[READ], *(count[reason] for reason in reasons)) for path, count in counts.items()],
            header=("file", "can be used", *(f"left out: {reason}" for reason in reasons)),
            divider=True,
        )
        sizes = ", ".join(f"{len(rows)} {split}" for split, rows in splits.items())
        msg.good(f"Wrote {sizes} texts to {output / language}")


def draw_splits(
    folder: Path, lang: str, *, n_texts: int, n_unlabelled: int, rng: random.Random, counts: Dict[str, Counter]
) -> Dict[str, List[Dict[str, Any]]]:
    """Draw the splits of one language. All have the same number of each label and category, as even as can be.

    folder (Path): Folder of the unprocessed files.
    lang (str): A language that FOLDERS names.
    n_texts (int): Texts of train, of dev and of test.
    n_unlabelled (int): Unlabelled texts; fewer where a category has fewer.
    rng (random.Random): Draws; the same one draws the same.
    counts (Dict[str, Counter]): Takes what was read of each file, and what was left out and why.
    RETURNS (Dict[str, List[Dict[str, Any]]]): Rows of train, dev, test and unlabelled. No text stands there twice.
    RAISES (UserError): A file is missing, or holds too few reviews.
    """
    splits: Dict[str, List[Dict[str, Any]]] = {name: [] for _, names in PARTS for name in names}
    seen: Set[int] = set()
    for part, names in PARTS:
        is_labelled = part != "unlabeled"
        labels = (NEGATIVE, POSITIVE) if is_labelled else (None,)
        sizes = share(n_texts if is_labelled else n_unlabelled, len(labels))
        for place, category in enumerate(CATEGORIES):
            source = f"{FOLDERS[lang]}/{category}"
            path = folder / source / f"{part}.review"
            count = counts[f"{source}/{path.name}"] = Counter()
            items = list(read_items(path, lang=lang, is_labelled=is_labelled, seen=seen, count=count))
            for label, size in zip(labels, sizes):
                n = share(size, len(CATEGORIES))[place]
                mixed = mix_stars([item for item in items if item.label == label], rng)
                if is_labelled and len(mixed) < n * len(names):
                    raise UserError(
                        f"{path}: needs {n * len(names)} {label} reviews for {' and '.join(names)}, found "
                        f"{len(mixed)} that can be used. Give a smaller --n-texts."
                    )
                stream = iter(mixed)
                for name in names:
                    splits[name] += [make_row(item, f"webis-cls-10/{source}") for item in islice(stream, n)]
    for rows in splits.values():
        rng.shuffle(rows)
    return splits


def make_row(item: Item, source: str) -> Dict[str, Any]:
    """item (Item): A review. source (str): Where it comes from. RETURNS (Dict[str, Any]): Its row, without Nones."""
    return {key: value for key, value in {**item._asdict(), "source": source}.items() if value is not None}


def share(n: int, n_parts: int) -> List[int]:
    """Divide a number into whole parts that are as equal as can be.

    n (int): The number.
    n_parts (int): How many parts.
    RETURNS (List[int]): Parts that sum to the number, the largest first.
    """
    return [n // n_parts + (place < n % n_parts) for place in range(n_parts)]


def mix_stars(items: List[Item], rng: random.Random) -> List[Item]:
    """Shuffle reviews so that any first n have as many of each number of stars as there are. Reviews with four stars
    are fewer than those with five, and harder.

    items (List[Item]): Reviews of one label.
    rng (random.Random): Shuffles.
    RETURNS (List[Item]): All of them.
    """
    groups = [
        [item for item in items if item.stars == stars] for stars in sorted({item.stars for item in items}, key=str)
    ]
    for group in groups:
        rng.shuffle(group)
    return [item for mixed in zip_longest(*groups) for item in mixed if item is not None]


if __name__ == "__main__":
    run_command(convert_webis)
