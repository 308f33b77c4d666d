"""Synthetic transfer sets of any size: made-up words by Zipf's law. They say something about memory, nothing about
quality."""

from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Iterator, List

import numpy
import srsly
from spacy.tokens import Doc
from spacy.vocab import Vocab
from tqdm import tqdm

from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.data.texts import UNLABELLED, Text
from scripts.files import replaced

LABELS = ["NEGATIVE", "POSITIVE"]
MEAN_LENGTH = 80
# Zipf's law as Mandelbrot amended it. With these constants the vocabulary grows as that of English Amazon reviews does:
# 9,000 different words in 80,000 (those: 11,000), 63,000 in 1.6 million (57,000), 400,000 in 40 million.
N_WORDS, SHIFT, EXPONENT = 1_000_000, 30.0, 1.5
# The most frequent ones are full stops: a sentence has 16 words on average.
N_STOPS = 4
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnpqrstvwxyz" for vowel in "aeiou"]
SHARD_SIZE = 1000


@cache
def make_word(rank: int) -> str:
    """rank (int): 0 for the most frequent word. RETURNS (str): A full stop, or syllables of its own."""
    if rank < N_STOPS:
        return "."
    word = ""
    while rank:
        rank, syllable = divmod(rank, len(SYLLABLES))
        word += SYLLABLES[syllable]
    return word


def draw_texts(n_texts: int, seed: int) -> Iterator[List[str]]:
    """Draw texts of MEAN_LENGTH words on average.

    n_texts (int): How many.
    seed (int): The seed.
    YIELDS (List[str]): The words of a text.
    """
    rng, shares = numpy.random.default_rng(seed), zipf_shares()
    for length in rng.poisson(MEAN_LENGTH, n_texts):
        yield [make_word(rank) for rank in numpy.searchsorted(shares, rng.random(length)).tolist()]


@lru_cache(maxsize=1)
def zipf_shares() -> numpy.ndarray:
    """RETURNS (ndarray): Cumulated shares of the words in a text. Shape: (N_WORDS,)."""
    frequencies = 1 / (numpy.arange(N_WORDS) + SHIFT) ** EXPONENT
    return numpy.cumsum(frequencies) / frequencies.sum()


def write_shard(number: int, folder: Path) -> None:
    """Write one shard of unlabelled documents with random logits, unless it is there. The seed is its number.

    number (int): Number of the shard.
    folder (Path): Folder of the shards.
    """
    path = folder / f"{number:05}.spacy"
    if not path.is_file():
        vocab, rng = Vocab(), numpy.random.default_rng(number)
        write_docs((make_doc(words, vocab, rng) for words in draw_texts(SHARD_SIZE, number)), path)


def make_doc(words: List[str], vocab: Vocab, rng: numpy.random.Generator) -> Doc:
    """words (List[str]): A text. RETURNS (Doc): As `score` leaves an unlabelled one."""
    doc, logit = Doc(vocab, words=words), float(rng.normal())
    doc._.teacher_logits, doc._.source, doc._.review = [-logit, logit], UNLABELLED, int(rng.integers(1 << 31))
    return doc


def write_transfer_set(n_docs: int, folder: Path, *, n_jobs: int) -> Path:
    """Write a transfer set as `score` does. Larger ones share the shards of smaller ones.

    n_docs (int): How many documents, a multiple of 1,000.
    folder (Path): Folder of all sizes.
    n_jobs (int): Processes.
    RETURNS (Path): Folder of its shards.
    """
    numbers = range(n_docs // SHARD_SIZE)
    with ProcessPoolExecutor(n_jobs) as pool:
        shards = pool.map(partial(write_shard, folder=folder / "shards"), numbers)
        list(tqdm(shards, total=len(numbers), desc=f"Writing {n_docs:,} texts", unit="shard", disable=None))
    with replaced(folder / f"transfer-{n_docs}") as partial_folder:
        partial_folder.mkdir()
        for number in numbers:
            name = f"{number:05}.spacy"
            (partial_folder / name).hardlink_to(folder / "shards" / name)
    return folder / f"transfer-{n_docs}"


def write_gold(folder: Path) -> None:
    """Write train, dev and test of 300 documents each, and the task, as `convert` does.

    folder (Path): Folder of a run.
    """
    vocab, task = Vocab(), Task(LABELS)
    for seed, split in enumerate(("train", "dev", "test")):
        docs = [Doc(vocab, words=words) for words in draw_texts(300, 1_000_000 + seed)]
        for number, doc in enumerate(docs):
            doc.cats = task.make_cats(LABELS[number % 2])
        write_docs(docs, folder / "gold" / f"{split}.spacy")
    task.write(folder / "gold")


def write_unlabelled(n_texts: int, path: Path) -> None:
    """Write unlabelled texts as `convert` does.

    n_texts (int): How many.
    path (Path): The .jsonl file.
    """
    with replaced(path) as partial_path:
        srsly.write_jsonl(partial_path, ({"text": " ".join(words)} for words in draw_texts(n_texts, 2_000_000)))


def write_texts(n_texts: int, path: Path) -> None:
    """Write the same texts as `augment` does.

    n_texts (int): How many.
    path (Path): The .jsonl file.
    """
    texts = (Text(UNLABELLED, n, " ".join(words)) for n, words in enumerate(draw_texts(n_texts, 2_000_000)))
    with replaced(path) as partial_path, partial_path.open("w", encoding="utf8") as file:
        file.writelines(f"{text.to_json()}\n" for text in texts)
