"""Shows on a terminal what a pipeline says of texts, and which words decide.

python -m scripts.inspect training/en/compressed "Broke after two days."
python -m scripts.inspect training/en/compressed --worst corpus/en/gold/test.spacy
"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import List, Optional

import typer
from rich.console import Console
from spacy.vocab import Vocab
from wasabi import msg

import scripts.distillation.component  # noqa: F401
from scripts.apply.classifier import load_pipeline, read_labels
from scripts.data.docbins import read_docs
from scripts.data.usable import find_fault, loosen
from scripts.files import UserError, run_command
from scripts.inspection.contributions import explain_docs
from scripts.inspection.mistakes import Mistake, find_worst
from scripts.inspection.terminal import show_text
from scripts.segmenters import find_max_bytes


def inspect(
    model: str = typer.Argument(..., help="Name of an installed pipeline, or its folder"),
    texts: Optional[List[str]] = typer.Argument(None, help="Texts to decide"),
    worst: Optional[Path] = typer.Option(None, help="A .spacy file with gold labels, to show the worst mistakes of"),
    limit: int = typer.Option(10, help="How many of them", min=1),
    by_sentence: bool = typer.Option(
        False, "--by-sentence", help="Leave out sentences, not words: quick with a teacher"
    ),
) -> None:
    """Show what a pipeline says of texts, and which words decide."""
    texts = [loosen(text) for text in texts or []]
    if not texts and not worst:
        raise UserError("There is nothing to inspect. Give a text in quotes, or --worst with a .spacy file.")
    nlp = load_pipeline(model)
    max_bytes = find_max_bytes(nlp.config["nlp"]["tokenizer"])
    for text in texts:
        if fault := find_fault(text, max_length=nlp.max_length, max_bytes=max_bytes):
            raise UserError(f"{text[:50]!r}: {fault}")
    read_labels(nlp)
    mistakes = find_worst(nlp, read_docs(worst, Vocab()), limit) if worst else []
    docs = list(nlp.pipe([*(nlp.make_doc(text) for text in texts), *(mistake.doc for mistake in mistakes)]))
    titles = [None for _ in texts] + [title_mistake(mistake) for mistake in mistakes]
    decided = [max(doc.cats, key=doc.cats.__getitem__) for doc in docs]
    explained = explain_docs(nlp, docs, decided, by_sentence=by_sentence)
    # Some terminals have no name for some characters.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Words in brackets and numbers are words, not markup.
    console = Console(markup=False, highlight=False, soft_wrap=True)
    for doc, shares, title in zip(docs, explained, titles):
        show_text(console, doc, shares, title=title)
    if worst and not mistakes:
        msg.good("No text is decided otherwise than its label says")


def title_mistake(mistake: Mistake) -> str:
    """What stands above a mistake."""
    return f"text {mistake.number}, labelled {mistake.gold}"


if __name__ == "__main__":
    run_command(inspect)
