"""What `convert` says of the rows that it read: on the terminal, and each one that was dropped in problems.csv."""

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import typer
from wasabi import msg

from scripts.conversion.classes import count_classes
from scripts.conversion.inputs import Inputs, find_unread
from scripts.conversion.languages import count_languages
from scripts.conversion.problems import OPTIONS, Policies, Problem, count, shorten
from scripts.conversion.splits import LABELLED, SPLITS, TRAIN, Splits
from scripts.data.tables.file_types import describe_source
from scripts.files import replaced

PROBLEMS_FILE = "problems.csv"
HEADER = ("kind", "split", "file", "line", "what", "other_file", "other_line", "label", "text")
# So many rows of a kind, and so many classes, are shown on the terminal.
N_SHOWN, N_CLASSES = 10, 20


def write_problems(path: Path, problems: List[Problem]) -> None:
    """Write every row that was dropped, and why, in the order of the files.

    path (Path): The .csv file, with the mark by which spreadsheets know UTF-8.
    problems (List[Problem]): The rows.
    """
    # Half characters are what some of the rows were dropped for.
    with (
        replaced(path) as partial,
        partial.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for kind, split, review, what, other in sorted(
            problems, key=lambda problem: (SPLITS.index(problem.split), problem.review.line)
        ):
            place = (other.path, other.line) if other else ("", "")
            cells = (kind, split, review.path, review.line, what, *place, review.label or "", shorten(review.text))
            # Spreadsheet programs take these for formulas, and a quote before them for "text".
            writer.writerow([f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell for cell in cells])


def count_rows(splits: Splits) -> Dict[str, Dict[str, Any]]:
    """Account for all rows: in each split, `read` and `moved` sum up to `kept` and those that were dropped.

    splits (Splits): What was read.
    RETURNS (Dict[str, Dict[str, Any]]): For each split: rows that were read, that moved from another split (below 0: to
        another), that were kept, and that were dropped, by kind.
    RAISES (RuntimeError): A row is in none of them, or in two: a fault of this program.
    """
    rows: Dict[str, Dict[str, Any]] = {
        split: {
            "read": sum(splits.n_read.get(split, {}).values()),
            "moved": splits.moved[split],
            "kept": len(reviews),
            "dropped": dict(sorted(Counter(p.kind for p in splits.problems if p.split == split).items())),
        }
        for split, reviews in splits.reviews.items()
    }
    for split, counts in rows.items():
        if counts["read"] + counts["moved"] != counts["kept"] + sum(counts["dropped"].values()):
            raise RuntimeError(f"The rows of {split} do not sum up: {counts}")
    return rows


def print_report(
    splits: Splits, inputs: Mapping[Optional[str], Inputs], policies: Policies, problems_path: Path
) -> None:
    """Print what was read, kept and dropped, the classes, and what was found.

    splits (Splits): What was read.
    inputs (Mapping[Optional[str], Inputs]): The files by split, by language.
    policies (Policies): What became of rows that could not be used as they stood.
    problems_path (Path): Where all of them stand.
    """
    counts = count_rows(splits)
    kinds = sorted({kind for of_split in counts.values() for kind in of_split["dropped"]})
    sources = [
        name_sources(list(splits.n_read.get(split, {}))) or ("train" if counts[split]["moved"] else "absent")
        for split in counts
    ]
    # Splits as columns: with a column for each kind, the table would be wider than terminals are.
    msg.table(
        [
            ("read from", *sources),
            *((name, *(f"{of_split[name]:,}" for of_split in counts.values())) for name in ("read", "moved", "kept")),
            *(
                (f"dropped: {kind}", *(f"{of_split['dropped'].get(kind, 0):,}" for of_split in counts.values()))
                for kind in kinds
            ),
        ],
        header=("", *counts),
        aligns=("l", *("r" for _ in counts)),
        divider=True,
        max_col=60,
    )
    print_classes(splits)
    if len(inputs) > 1:
        print_languages(splits)
    for kind, option in OPTIONS.items():
        found = [problem for problem in splits.problems if problem.kind == kind]
        if found:
            msg.warn(f"{kind}: {count(len(found), 'row')} ({option}: {getattr(policies, option)})")
            for problem in found[:N_SHOWN]:
                print_line(f"  {problem.review.place}: {shorten(problem.review.text)!r}: {problem.what}")
            if len(found) > N_SHOWN:
                print_line(f"  and {len(found) - N_SHOWN:,} more")
    if splits.problems:
        msg.text(f"All rows that were dropped stand in {problems_path}, with the reason.")
    for warning in splits.warnings:
        msg.warn(warning)


def print_unread(paths: Inputs) -> None:
    """Name the files beside train that could be read, and are not.

    paths (Inputs): The files that are read, by split.
    """
    unread = [path.name for path in find_unread(paths)]
    if unread:
        more = f" and {len(unread) - N_SHOWN} more" if len(unread) > N_SHOWN else ""
        msg.warn(f"Beside {paths[TRAIN].name}, but not read: {', '.join(unread[:N_SHOWN])}{more}")


def print_classes(splits: Splits) -> None:
    """Print how many texts each class has in each split; of many classes, those with the fewest in train."""
    counts = {split: count_classes(splits.reviews[split]) for split in LABELLED}
    labels = splits.task.labels
    shown = labels
    if len(labels) > N_CLASSES:
        msg.text(f"{len(labels)} classes; the {N_CLASSES} that have the fewest texts in train:")
        shown = sorted(labels, key=counts["train"].__getitem__)[:N_CLASSES]
    msg.table(
        [(shorten(label), *(f"{counts[split][label]:,}" for split in LABELLED)) for label in shown],
        header=("class", *LABELLED),
        aligns=("l", *"rrr"),
        divider=True,
        max_col=60,
    )


def print_languages(splits: Splits) -> None:
    """Print how many texts each language has in each split."""
    counts = {split: count_languages(reviews) for split, reviews in splits.reviews.items()}
    languages = sorted({lang for of_split in counts.values() for lang in of_split})
    msg.table(
        [(lang, *(f"{counts[split].get(lang, 0):,}" for split in SPLITS)) for lang in languages],
        header=("language", *SPLITS),
        aligns=("l", *"rrrr"),
        divider=True,
    )


def print_line(line: str) -> None:
    """Print a line as it is: wasabi would break it, and some terminals have no name for some characters."""
    encoding = sys.stdout.encoding or "utf8"
    typer.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def name_sources(paths: List[Path]) -> str:
    """The name of a file without its folder, and the sheet that is read where it has several; or how many files."""
    if len(paths) > 1:
        return f"{len(paths)} files"
    return "".join(describe_source(path).replace(str(path), path.name, 1) for path in paths)
