"""The `augment` step: the texts of the transfer set, that is gold, augmented and unlabelled ones."""

import random
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import spacy
import srsly
import typer
from spacy import util
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

import scripts.augmentation.operations  # noqa: F401
from scripts.augmentation.operations import Augmenter, Token
from scripts.augmentation.word_classes import PipelineTagger, count_classes, learn_clusters
from scripts.conversion.near_copies import NearCopies, normalize
from scripts.docbins import AUGMENTED, GOLD, UNLABELLED, gold_label, read_docs
from scripts.files import UserError, replaced, run_command

Tagger = Callable[[Doc], List[str]]


def augment(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` left it"),
    output: Path = typer.Argument(..., help="The .jsonl file to write"),
    config: Path = typer.Option(..., help="Path of augment.cfg"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    tagger: str = typer.Option(
        "", help="Installed spaCy pipeline that tags parts of speech; empty: learn word classes"
    ),
    seed: int = typer.Option(0, help="Seed of the augmentation"),
) -> None:
    """Write the transfer set's texts: gold, augmented and unlabelled."""
    augmenter = load_augmenter(config)
    nlp = spacy.blank(lang)
    nlp.add_pipe("sentencizer")
    train = list(nlp.pipe(read_docs(corpus / "gold" / "train.spacy", nlp.vocab)))
    unlabelled = [row["text"] for row in srsly.read_jsonl(corpus / "unlabelled.jsonl")]
    held_out = [doc for split in ("dev", "test") for doc in read_docs(corpus / "gold" / f"{split}.spacy", nlp.vocab)]
    bar = tqdm(map(nlp.make_doc, unlabelled), total=len(unlabelled), desc="Tokenizing", unit="text", disable=None)
    tag = load_tagger(tagger) if tagger else learn_clusters([*train, *bar], seed=seed)
    rows = build_transfer_set(
        train, unlabelled, NearCopies(doc.text for doc in held_out), augmenter=augmenter, tag=tag, seed=seed
    )
    with replaced(output) as partial:
        srsly.write_jsonl(partial, rows)
    sources = [row["source"] for row in rows]
    msg.table(
        [(source, sources.count(source)) for source in (GOLD, AUGMENTED, UNLABELLED)],
        header=("source", "texts"),
        divider=True,
    )


def load_augmenter(path: Path) -> Augmenter:
    """Resolve augment.cfg.

    path (Path): The config; its section `augmentation` is a registered augmenter.
    RETURNS (Augmenter): The augmenter.
    RAISES (UserError): The config cannot be resolved.
    """
    try:
        return util.registry.resolve(util.load_config(path))["augmentation"]
    except (ValueError, KeyError) as error:
        raise UserError(f"{path}: {error}") from error


def load_tagger(name: str) -> PipelineTagger:
    """Load a pipeline as a tagger.

    name (str): Name or path of an installed pipeline.
    RETURNS (PipelineTagger): The tagger.
    RAISES (UserError): There is no such pipeline, or it tags nothing.
    """
    try:
        nlp = spacy.load(name)
    except OSError as error:
        raise UserError(
            f"The tagger {name!r} cannot be loaded: {error}. Leave --vars.tagger empty to learn classes."
        ) from error
    if not any(name in nlp.pipe_names for name in ("tagger", "morphologizer", "attribute_ruler")):
        raise UserError(
            f"The pipeline {name!r} sets no parts of speech, its components are: {', '.join(nlp.pipe_names)}"
        )
    return PipelineTagger(nlp)


def build_transfer_set(
    train: List[Doc], unlabelled: List[str], held_out: NearCopies, *, augmenter: Augmenter, tag: Tagger, seed: int
) -> List[Dict[str, Any]]:
    """Collect the texts of the transfer set in random order.

    train (List[Doc]): Gold documents with sentence boundaries.
    unlabelled (List[str]): Texts.
    held_out (NearCopies): Recognises the texts of dev and test. None of these enters, nor a near copy.
    augmenter (Augmenter): Makes new texts.
    tag (Tagger): Gives word classes.
    seed (int): Seed of augmentation and order.
    RETURNS (List[Dict[str, Any]]): Rows with text, source and label; augmented ones have words and spaces
        instead of a text. No two say the same.
    """
    rng = random.Random(seed)
    rows: List[Dict[str, Any]] = [{"text": doc.text, "source": GOLD, "label": gold_label(doc)} for doc in train]
    rows += [{"text": text, "source": UNLABELLED, "label": None} for text in unlabelled]
    rows = [row for row in rows if row["text"] not in held_out]
    seen = {normalize(row["text"]) for row in rows}
    n_augmented = 0
    for tokens in generate_texts(train, augmenter, tag, rng):
        text = "".join(token.word + " " * token.space for token in tokens)
        if n_augmented == augmenter.max_texts:
            break
        if normalize(text) not in seen and text not in held_out:
            seen.add(normalize(text))
            n_augmented += 1
            words, spaces = [token.word for token in tokens], [token.space for token in tokens]
            rows.append({"words": words, "spaces": spaces, "source": AUGMENTED, "label": None})
    rng.shuffle(rows)
    return rows


def generate_texts(docs: List[Doc], augmenter: Augmenter, tag: Tagger, rng: random.Random) -> Iterator[List[Token]]:
    """Augment every text once, then every text again, `n_iter` times, so that a cap hits all alike.

    docs (List[Doc]): Tokenized texts with sentence boundaries.
    augmenter (Augmenter): Makes new texts.
    tag (Tagger): Gives word classes.
    rng (random.Random): The source of chance.
    YIELDS (List[Token]): A new text; it may be empty, or equal to an old one.
    """
    texts = []
    for doc in docs:
        starts = [bool(token.is_sent_start) for token in doc]
        spaces = [bool(token.whitespace_) for token in doc]
        texts.append([Token(*fields) for fields in zip((t.text for t in doc), tag(doc), spaces, starts)])
    classes = count_classes((token.word, token.word_class) for text in texts for token in text)
    for text in tqdm(texts * augmenter.n_iter, desc="Augmenting", unit="text", disable=None):
        yield augmenter(text, classes, rng)


if __name__ == "__main__":
    run_command(augment)
