"""The tokenizer of a run: the same one for its data, its teacher and its students.

Configs of trainings name `textdistill.Tokenizer.v1`, which is the tokenizer of whatever language and segmenter a run
has. What is saved names that tokenizer itself, so that a pipeline loads without the project.
"""

from typing import Any, Callable, Dict, Type

import spacy
from spacy import Language
from spacy.util import registry

from scripts.architectures import characters  # noqa: F401
from scripts.segmenters import find_segmenter

# Also below, where the name must stand as it is to be found.
NAME = "textdistill.Tokenizer.v1"


def make_blank(lang: str, segmenter: str) -> Language:
    """A pipeline that does nothing but cut texts into words.

    lang (str): Language code.
    segmenter (str): Value of `--vars.segmenter`.
    RETURNS (Language): The pipeline.
    RAISES (UserError): There is no such segmenter, or a package is missing.
    """
    tokenizer = find_segmenter(lang, segmenter).tokenizer
    return spacy.blank(lang, config={"nlp": {"tokenizer": tokenizer}} if tokenizer else {})


@registry.tokenizers("textdistill.Tokenizer.v1")
def create_tokenizer(segmenter: str) -> Callable[[Language], Any]:
    """Create what makes the tokenizer of a pipeline of any language.

    segmenter (str): Value of `--vars.segmenter`.
    RETURNS (Callable[[Language], Any]): From the pipeline to its tokenizer.
    """

    def make_tokenizer(nlp: Language) -> Any:
        return registry.resolve({"tokenizer": find_block(type(nlp), segmenter)})["tokenizer"](nlp)

    return make_tokenizer


@registry.callbacks("textdistill.NameTokenizer.v1")
def create_namer() -> Callable[[Language], Language]:
    """Create what is called before a pipeline is saved.

    RETURNS (Callable[[Language], Language]): `name_tokenizer`.
    """
    return name_tokenizer


def name_tokenizer(nlp: Language) -> Language:
    """Let the config of a pipeline name the tokenizer that it has.

    nlp (Language): A pipeline, which is changed.
    RETURNS (Language): The same.
    """
    block = nlp.config["nlp"]["tokenizer"]
    if block["@tokenizers"] == NAME:
        nlp.config["nlp"]["tokenizer"] = find_block(type(nlp), block["segmenter"])
    return nlp


def find_block(language: Type[Language], segmenter: str) -> Dict[str, Any]:
    """The block of the tokenizer of a language and a segmenter.

    language (Type[Language]): The language's class.
    segmenter (str): Value of `--vars.segmenter`.
    RETURNS (Dict[str, Any]): Block of `[nlp.tokenizer]`.
    """
    return find_segmenter(str(language.lang), segmenter).tokenizer or language.default_config["nlp"]["tokenizer"]
