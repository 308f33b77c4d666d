"""The `augment` step: the texts of the transfer set, that is gold, augmented and unlabelled ones, and pieces."""

import random
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import spacy
import srsly
import typer
from spacy import util
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

import scripts.augmentation.operations  # noqa: F401
from scripts.augmentation.operations import Augmenter, Token
from scripts.augmentation.word_classes import UNKNOWN, PipelineTagger, count_classes, learn_clusters
from scripts.conversion.near_copies import NearCopies, normalize
from scripts.docbins import (
    AUGMENTED,
    GOLD,
    GOLD_PIECE,
    SOURCES,
    UNLABELLED,
    UNLABELLED_PIECE,
    gold_label,
    read_docs,
)
from scripts.files import UserError, replaced, run_command

Row = Dict[str, Any]
Tagger = Callable[[Doc], List[str]]


def augment(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `convert` left it"),
    output: Path = typer.Argument(..., help="The .jsonl file to write"),
    config: Path = typer.Option(..., help="Path of augment.cfg"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    tagger: str = typer.Option(
        "", help="Installed spaCy pipeline that tags parts of speech; empty: learn word classes"
    ),
    encoder: Optional[Path] = typer.Option(None, help="The .json file of `fetch-encoder`, for operations that need it"),
    seed: int = typer.Option(0, help="Seed of the augmentation"),
) -> None:
    """Write the transfer set's texts: gold, augmented and unlabelled ones, and pieces of them."""
    augmenter = load_augmenter(config, encoder=encoder)
    nlp = spacy.blank(lang)
    nlp.add_pipe("sentencizer")
    train = list(nlp.pipe(read_docs(corpus / "gold" / "train.spacy", nlp.vocab)))
    texts = [row["text"] for row in srsly.read_jsonl(corpus / "unlabelled.jsonl")]
    unlabelled = list(tqdm(nlp.pipe(texts), total=len(texts), desc="Tokenizing", unit="text", disable=None))
    held_out = [doc for split in ("dev", "test") for doc in read_docs(corpus / "gold" / f"{split}.spacy", nlp.vocab)]
    tag = load_tagger(tagger) if tagger else learn_clusters([*train, *unlabelled], seed=seed)
    rows = build_transfer_set(
        train, unlabelled, NearCopies(doc.text for doc in held_out), augmenter=augmenter, tag=tag, seed=seed
    )
    with replaced(output) as partial:
        srsly.write_jsonl(partial, rows)
    sources = [row["source"] for row in rows]
    msg.table(
        [(source, sources.count(source)) for source in SOURCES],
        header=("source", "texts"),
        divider=True,
    )


def load_augmenter(path: Path, *, encoder: Optional[Path] = None) -> Augmenter:
    """Resolve augment.cfg.

    path (Path): The config; its section `augmentation` is a registered augmenter.
    encoder (Optional[Path]): Value of `paths.encoder` in it.
    RETURNS (Augmenter): The augmenter.
    RAISES (UserError): The config cannot be resolved.
    """
    try:
        overrides = {"paths.encoder": str(encoder)} if encoder else {}
        return util.registry.resolve(util.load_config(path, overrides, interpolate=True))["augmentation"]
    except UserError:
        raise
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
    train: List[Doc], unlabelled: List[Doc], held_out: NearCopies, *, augmenter: Augmenter, tag: Tagger, seed: int
) -> List[Row]:
    """Collect the texts of the transfer set in random order.

    train (List[Doc]): Gold documents with sentence boundaries.
    unlabelled (List[Doc]): Other documents with sentence boundaries.
    held_out (NearCopies): Recognises the texts of dev and test. None of these enters, nor a near copy.
    augmenter (Augmenter): Makes new texts.
    tag (Tagger): Gives word classes.
    seed (int): Seed of augmentation and order.
    RETURNS (List[Row]): Rows with text, source, label and review; augmented ones have words and spaces instead of a
        text. No two say the same.
    """
    rng = random.Random(seed)
    # The number of a review stays with all that is made of it.
    reviews = {number: doc for number, doc in enumerate([*train, *unlabelled]) if doc.text not in held_out}
    rows: List[Row] = []
    for number, doc in reviews.items():
        source, label = (GOLD, gold_label(doc)) if number < len(train) else (UNLABELLED, None)
        rows.append({"text": doc.text, "source": source, "label": label, "review": number})
    seen = {normalize(row["text"]) for row in rows}

    def is_new(text: str) -> bool:
        if normalize(text) in seen or text in held_out:
            return False
        seen.add(normalize(text))
        return True

    gold = {number: doc for number, doc in reviews.items() if number < len(train)}
    n_augmented = 0
    for number, tokens in generate_texts(gold, augmenter, tag, rng):
        if len(reviews) + n_augmented >= augmenter.fill_to:
            break
        if is_new(join(tokens)):
            n_augmented += 1
            words, spaces = [token.word for token in tokens], [token.space for token in tokens]
            rows.append({"words": words, "spaces": spaces, "source": AUGMENTED, "label": None, "review": number})
    for number, doc in tqdm(reviews.items(), desc="Cutting pieces", unit="text", disable=None):
        tokens, source = split_tokens(doc), GOLD_PIECE if number in gold else UNLABELLED_PIECE
        for _ in range(augmenter.n_pieces if len(doc) else 0):
            piece = join(augmenter.pieces(tokens, rng)).strip()
            if is_new(piece):
                rows.append({"text": piece, "source": source, "label": None, "review": number})
    rng.shuffle(rows)
    return rows


def split_tokens(doc: Doc, word_classes: Optional[List[str]] = None) -> List[Token]:
    """The tokens of a document as the augmentation sees them.

    doc (Doc): A document with sentence boundaries.
    word_classes (Optional[List[str]]): Class of each token, if they are known.
    RETURNS (List[Token]): The tokens.
    """
    classes = word_classes or [UNKNOWN] * len(doc)
    return [Token(t.text, c, bool(t.whitespace_), bool(t.is_sent_start)) for t, c in zip(doc, classes)]


def join(tokens: List[Token]) -> str:
    """The text of tokens."""
    return "".join(token.word + " " * token.space for token in tokens)


def generate_texts(
    docs: Dict[int, Doc], augmenter: Augmenter, tag: Tagger, rng: random.Random
) -> Iterator[Tuple[int, List[Token]]]:
    """Augment every text once, then every text again, `n_iter` times, so that a cap hits all alike.

    docs (Dict[int, Doc]): Tokenized texts with sentence boundaries, by the number of the review.
    augmenter (Augmenter): Makes new texts.
    tag (Tagger): Gives word classes.
    rng (random.Random): The source of chance.
    YIELDS (Tuple[int, List[Token]]): Number of the review and a new text; it may be empty, or equal to an old one.
    """
    texts = [(number, split_tokens(doc, tag(doc))) for number, doc in docs.items()]
    classes = count_classes((token.word, token.word_class) for _, text in texts for token in text)
    for number, text in tqdm(texts * augmenter.n_iter, desc="Augmenting", unit="text", disable=None):
        yield number, augmenter(text, classes, rng)


if __name__ == "__main__":
    run_command(augment)
