"""The `augment` step: the texts of the transfer set, that is gold, augmented and unlabelled ones."""

import math
import random
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Optional, Set

import spacy
import typer
from spacy import util
from spacy.tokens import Doc
from spacy.util import minibatch
from wasabi import msg

import scripts.augmentation.operations  # noqa: F401
from scripts.augmentation.blocks import BlockWorker, Reviews, Round
from scripts.augmentation.clusters import learn_tagger
from scripts.augmentation.operations import Augmenter, Token
from scripts.augmentation.text_file import TextFile
from scripts.augmentation.word_classes import PipelineTagger, WordClasses, count_classes
from scripts.data.docbins import read_docs
from scripts.data.near_copies import normalize
from scripts.data.task import find_gold
from scripts.data.texts import GOLD, SOURCES, UNLABELLED, Text, read_unlabelled, read_unlabelled_languages, write_texts
from scripts.engines.config import read_engine
from scripts.engines.shards import Shard, prepare_folder, read_bytes, remove_folder, run_shards
from scripts.engines.workers import Engine
from scripts.files import UserError, hash_path, run_command
from scripts.pipelines import read_pipeline
from scripts.provenance import hash_sources
from scripts.segmenters import DEFAULT
from scripts.tokenizing import make_blank

Tagger = Callable[[Doc], List[str]]
# Reviews of a task.
BLOCK_SIZE = 1000
# Unlabelled texts that word classes are learned from; more of them change little and take time.
N_CLASS_TEXTS = 20_000


def augment(
    corpus: Path = typer.Argument(..., help="Folder of the run, as `select` left it"),
    output: Path = typer.Argument(..., help="The .jsonl file to write"),
    config: Path = typer.Option(..., help="Path of augment.cfg"),
    lang: str = typer.Option(..., help="Language code of the tokenizer"),
    segmenter: str = typer.Option(DEFAULT, help="How it cuts texts into words: one of the language's segmenters"),
    tagger: str = typer.Option(
        "", help="Installed spaCy pipeline that tags parts of speech; empty: learn word classes"
    ),
    encoder: Optional[Path] = typer.Option(None, help="The .json file of `fetch-encoder`, for operations that need it"),
    seed: int = typer.Option(0, help="Seed of the augmentation"),
    engine: Optional[Path] = typer.Option(None, help="Path of engine.cfg or ray.cfg; one process here if not given"),
) -> None:
    """Write the transfer set's texts: gold, augmented and unlabelled ones."""
    where = read_engine(engine)
    gold = {split: corpus / "gold" / f"{split}.spacy" for split in ("train", "dev", "test")}
    unlabelled = corpus / "selected.jsonl"
    parts = where.place(output.with_name(f"{output.name}.parts"))
    inputs = [*gold.values(), unlabelled, config, *([encoder] if encoder else [])]
    identity = {"lang": lang, "segmenter": segmenter, "tagger": tagger, "seed": seed, "spacy": spacy.__version__}
    identity["inputs"] = [hash_path(path) for path in inputs]
    prepare_folder(parts, {**identity, "code": hash_sources(Path(__file__), config)})
    nlp = make_blank(lang, segmenter)
    nlp.add_pipe("sentencizer")
    train = list(nlp.pipe(read_docs(gold["train"], nlp.vocab)))
    with unlabelled.open("rb") as file:
        n_unlabelled = sum(1 for _ in file)

    def make_tag() -> Tagger:
        if tagger:
            return load_tagger(tagger)
        others = []
        rows = islice(read_unlabelled_languages(unlabelled), N_CLASS_TEXTS)
        for doc, its_lang in nlp.pipe(rows, as_tuples=True):
            doc._.lang = its_lang
            others.append(doc)
        return learn_tagger([*train, *others], seed=seed)

    texts = build_transfer_set(
        train,
        read_unlabelled(unlabelled),
        [doc.text for split in ("dev", "test") for doc in read_docs(gold[split], nlp.vocab)],
        parts,
        n_unlabelled=n_unlabelled,
        waiting=output.parent,
        augmenter=load_augmenter(config, encoder=encoder),
        make_tag=make_tag,
        seed=seed,
        engine=where,
    )
    counts = dict.fromkeys(SOURCES, 0)

    def count() -> Iterator[Text]:
        for text in texts:
            counts[text.source] += 1
            yield text

    write_texts(output, count())
    remove_folder(parts)
    msg.table(
        list(counts.items()),
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
        nlp = read_pipeline(name)
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
    train: List[Doc],
    unlabelled: Iterable[str],
    held_out: List[str],
    folder: str,
    *,
    n_unlabelled: int,
    waiting: Path,
    augmenter: Augmenter,
    make_tag: Callable[[], Tagger],
    seed: int,
    engine: Engine,
) -> Iterator[Text]:
    """Collect the texts of the transfer set in random order. They wait on disk, however many there are.

    train (List[Doc]): Gold documents with sentence boundaries.
    unlabelled (Iterable[str]): Other texts, read once.
    held_out (List[str]): The texts of dev and test. None of these enters, nor a near copy.
    folder (str): Folder of the parts. Those that are there are not made again.
    n_unlabelled (int): Number of the other texts, for the progress bar.
    waiting (Path): Folder of this machine for a temporary file with all texts.
    augmenter (Augmenter): Makes new texts.
    make_tag (Callable[[], Tagger]): Gives what gives word classes; called if texts are augmented.
    seed (int): Seed of augmentation and order.
    engine (Engine): Where the work is done; the result does not depend on it.
    RETURNS (Iterator[Text]): Gold and unlabelled texts as they are, augmented ones as words. No two say the same.
    """
    work = partial(BlockWorker, augmenter=augmenter, held_out=held_out, seed=seed)
    parts: List[str] = []

    def list_reviews() -> Iterator[Shard]:
        for block in minibatch(number_reviews(train, unlabelled), BLOCK_SIZE):
            parts.append(f"reviews-{len(parts):06}")
            yield Shard(parts[-1], len(block), Reviews(block))

    total = len(train) + n_unlabelled
    run_shards(
        partial(work, classes=WordClasses({})), list_reviews(), folder, engine=engine, total=total, desc="Reading texts"
    )
    texts = TextFile(waiting)
    # Hashes, as the texts themselves would fill the memory.
    seen: Set[int] = set()
    gold_numbers: List[int] = []
    for text in read_parts(folder, parts):
        texts.append(text)
        seen.add(hash(normalize(str(text))))
        if text.source == GOLD:
            gold_numbers.append(text.review)
    if len(texts) < augmenter.fill_to:
        tag = make_tag()
        gold = [(number, split_tokens(train[number], tag(train[number]))) for number in gold_numbers]
        classes = count_classes((token.word, token.word_class) for _, tokens in gold for token in tokens)
        n_rounds = 0
        # Every text once, then every text again, so that all are used alike; and more rounds if some said nothing new.
        while gold and n_rounds < augmenter.n_iter and (missing := augmenter.fill_to - len(texts)) > 0:
            last = min(augmenter.n_iter, n_rounds + math.ceil(missing / len(gold)))
            rounds = [
                Shard(f"round-{number:03}-{n:06}", len(block), Round(number, block))
                for number in range(n_rounds, last)
                for n, block in enumerate(minibatch(gold, BLOCK_SIZE))
            ]
            total = len(gold) * (last - n_rounds)
            run_shards(partial(work, classes=classes), rounds, folder, engine=engine, total=total, desc="Augmenting")
            for text in read_parts(folder, [shard.name for shard in rounds]):
                content = hash(normalize(str(text)))
                if content not in seen and len(texts) < augmenter.fill_to:
                    seen.add(content)
                    texts.append(text)
            n_rounds = last
    return texts.shuffle(random.Random(seed))


def number_reviews(train: List[Doc], unlabelled: Iterable[str]) -> Iterator[Text]:
    """Gold reviews, then the others. Their number stays with all that is made of them."""
    for number, doc in enumerate(train):
        yield Text(GOLD, number, text=doc.text, label=find_gold(doc))
    for number, text in enumerate(unlabelled, start=len(train)):
        yield Text(UNLABELLED, number, text=text)


def split_tokens(doc: Doc, word_classes: List[str]) -> List[Token]:
    """The tokens of a document as the augmentation sees them.

    doc (Doc): A document with sentence boundaries.
    word_classes (List[str]): Class of each token.
    RETURNS (List[Token]): The tokens.
    """
    return [Token(t.text, c, bool(t.whitespace_), bool(t.is_sent_start)) for t, c in zip(doc, word_classes)]


def read_parts(folder: str, names: List[str]) -> Iterator[Text]:
    """Read the texts of parts in the order of the names, a part in memory at a time."""
    for name in names:
        for line in read_bytes(f"{folder}/{name}").splitlines():
            yield Text.from_json(line.decode("ascii"))


if __name__ == "__main__":
    run_command(augment)
