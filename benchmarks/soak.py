"""A service that meets new words all the time: the memory of a student must stay as flat as that of its tokenizer.

spaCy's vocabulary itself grows by some bytes for each word that it has ever seen, also inside a memory zone, so the
tokenizer alone is measured first.
"""

import ctypes
import os
from pathlib import Path
from typing import Iterator, List

import spacy
import typer
from spacy import Language
from tqdm import tqdm
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.files import UserError, run_command

WORDS_PER_TEXT = 100
TEXTS_PER_BATCH = 100
N_READINGS = 10
ALLOWED_MB = 10.0


def soak(
    pipeline: str = typer.Argument(..., help="Exported student: a folder or an installed package"),
    words: int = typer.Option(2_000_000, help="Distinct words to read"),
) -> None:
    """Classify texts of words that never come again and fail if memory grows more than the tokenizer's."""
    nlp = spacy.load(pipeline)
    n_batches = words // (WORDS_PER_TEXT * TEXTS_PER_BATCH)
    if n_batches < N_READINGS:
        raise UserError(f"--words {words} is too few: give {N_READINGS * WORDS_PER_TEXT * TEXTS_PER_BATCH:,} or more")
    tokenizer = read_words(spacy.blank(str(nlp.lang)), n_batches, name="tokenizer alone")
    student = read_words(nlp, n_batches, name="student")
    rows = [
        (f"{(i + 1) * words // N_READINGS:,}", *map("{:,.1f}".format, mb))
        for i, mb in enumerate(zip(tokenizer, student))
    ]
    msg.table(rows, header=("words", "tokenizer alone, MB", "student, MB"), aligns=("r", "r", "r"))
    # From the second reading on, as the cache is full by then.
    growth = (student[-1] - student[1]) - (tokenizer[-1] - tokenizer[1])
    if growth > ALLOWED_MB:
        raise UserError(f"Memory grew by {growth:.1f} MB more than the tokenizer's, allowed: {ALLOWED_MB:.0f} MB")
    msg.good(f"Memory grew by {growth:.1f} MB more than the tokenizer's")


def read_words(nlp: Language, n_batches: int, *, name: str) -> List[float]:
    """Read new words in memory zones.

    nlp (Language): The pipeline.
    n_batches (int): Batches of texts.
    name (str): Shown beside the progress bar.
    RETURNS (List[float]): Of each tenth the highest resident memory, as the cache fills up and starts anew many times.
    """
    readings = [0.0] * N_READINGS
    for number in tqdm(range(n_batches), desc=f"Soaking the {name}", unit="batch", disable=None):
        with nlp.memory_zone():
            for _ in nlp.pipe(make_texts(number)):
                pass
        tenth = number * N_READINGS // n_batches
        readings[tenth] = max(readings[tenth], resident_mb())
    return readings


def make_texts(batch: int) -> Iterator[str]:
    """Texts of words that no other batch has."""
    for text in range(TEXTS_PER_BATCH):
        first = (batch * TEXTS_PER_BATCH + text) * WORDS_PER_TEXT
        yield " ".join(f"word{number}" for number in range(first, first + WORDS_PER_TEXT))


def resident_mb() -> float:
    """Memory of this process that is in use now, in megabytes of 10^6 bytes."""
    # glibc keeps what was freed, more or less of it by chance: the tables of the vocabulary double now and then.
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="utf8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    run_command(soak)
