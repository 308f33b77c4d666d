"""The `select` step: which of the unlabelled texts the student learns from.

Texts of another kind than the labelled ones teach badly: the teacher is more often wrong on them, and what the student
learns from them it is never asked. They cost time in `score`, too. So a text is left out if it is less near to the
labelled ones than nearly all of these are to each other.
"""

from itertools import compress
from pathlib import Path
from typing import NamedTuple, Optional

import numpy
import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.data.docbins import read_docs
from scripts.data.texts import read_unlabelled, read_unlabelled_languages, write_unlabelled
from scripts.files import replaced, run_command
from scripts.pipelines import read_pipeline
from scripts.selection.nearness import average_vectors, find_least, judge, tell_apart
from scripts.variables import NEAR, check_selection

# Share of the labelled texts that may be less near than a text that is taken.
FAR_SHARE = 0.01
# Unlabelled texts for each labelled one that are taken in any case: too few of the right kind teach less than many.
MIN_TIMES = 4


def select(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` left it"),
    lexicon: Path = typer.Option(..., help="Folder of the lexicon"),
    take: str = typer.Option(NEAR, help="near: texts that are like the labelled ones; all"),
) -> None:
    """Select the unlabelled texts that the student learns from."""
    check_selection(take)
    path = corpus / "unlabelled.jsonl"
    n_texts = sum(1 for _ in read_unlabelled(path))
    found = measure_nearness(corpus, lexicon, n_texts) if take == NEAR else take_all(n_texts)
    taken = found.nearness >= found.least
    with replaced(corpus / "left_out.jsonl") as partial:
        rows = zip(read_unlabelled(path), found.nearness.tolist())
        others = ({"text": text, "nearness": nearness} for text, nearness in rows if nearness < found.least)
        srsly.write_jsonl(partial, others)
    write_unlabelled(corpus / "selected.jsonl", compress(read_unlabelled_languages(path), taken))
    n_taken = int(taken.sum())
    record = {"take": take, "texts": n_texts, "selected": n_taken, "least": found.least, "auc": found.auc}
    with replaced(corpus / "selection.json") as partial:
        srsly.write_json(partial, record)
    msg.info(f"{n_taken} of {n_texts} unlabelled texts are selected")
    if n_taken < n_texts:
        msg.info(f"The others are unlike the labelled ones: {corpus / 'left_out.jsonl'}")


class Found(NamedTuple):
    """What there is to select by.

    nearness (ndarray): Of each unlabelled text, 0 to 1. Shape: (n_texts,).
    least (float): What it must have.
    auc (Optional[float]): How often a labelled text is nearer than an unlabelled one; None if nothing was measured.
    """

    nearness: numpy.ndarray
    least: float
    auc: Optional[float]


def take_all(n_texts: int) -> Found:
    """n_texts (int): Number of unlabelled texts. RETURNS (Found): What takes all of them."""
    return Found(numpy.ones(n_texts), 0.0, None)


def measure_nearness(corpus: Path, lexicon: Path, n_texts: int) -> Found:
    """Measure how near the unlabelled texts are, if there are enough to choose from.

    corpus, lexicon (Path): Folders of the run, and of the lexicon.
    n_texts (int): Number of unlabelled texts.
    RETURNS (Found): What there is to select by.
    """
    nlp = read_pipeline(lexicon)
    train = read_docs(corpus / "gold" / "train.spacy", nlp.vocab)
    minimum = MIN_TIMES * len(train)
    if n_texts <= minimum:
        return take_all(n_texts)
    texts = read_unlabelled(corpus / "unlabelled.jsonl")
    bar = tqdm(texts, total=n_texts, desc="Reading texts", unit="text", disable=None)
    gold = average_vectors(train, len(train), nlp.vocab.vectors)
    nearness = judge(gold, average_vectors(map(nlp.make_doc, bar), n_texts, nlp.vocab.vectors))
    of_gold, of_others = nearness[: len(gold)], nearness[len(gold) :]
    least = find_least(of_gold, of_others, share=FAR_SHARE, minimum=minimum)
    return Found(of_others, least, tell_apart(of_gold, of_others))


if __name__ == "__main__":
    run_command(select)
