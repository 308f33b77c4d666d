"""How texts of a language are cut into words: what there is to choose from, and what that needs. It stands only here.

Most languages have spaces, and spaCy's rules. Some need a package with a dictionary. spaCy is not imported here, so
that `prepare` can ask before it costs seconds.
"""

from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from scripts.files import UserError

DEFAULT = "default"
JAPANESE = "spacy.ja.JapaneseTokenizer"
# What a tokenizer takes, in bytes of UTF-8; with a longer text it stops.
MAX_BYTES = {JAPANESE: 49_149}


class Segmenter(NamedTuple):
    """A way of cutting texts into words.

    tokenizer (Optional[Dict[str, Any]]): Block of `[nlp.tokenizer]`; None for that of the language.
    needs (Mapping[str, str]): Requirements by the module that is imported.
    """

    tokenizer: Optional[Dict[str, Any]] = None
    needs: Mapping[str, str] = MappingProxyType({})


RULES = Segmenter({"@tokenizers": "spacy.Tokenizer.v1"})
CHARACTERS = Segmenter({"@tokenizers": "textdistill.CharacterTokenizer.v1"})
CHINESE_CHARACTERS = Segmenter({"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "char"})
# Beside the languages whose default needs nothing. spaCy's own for Korean, MeCab, cannot be had by pip.
SEGMENTERS: Dict[str, Dict[str, Segmenter]] = {
    "ja": {
        DEFAULT: Segmenter(
            {"@tokenizers": JAPANESE, "split_mode": None},
            {"sudachipy": "sudachipy!=0.6.1,>=0.5.2", "sudachidict_core": "sudachidict_core>=20211220"},
        ),
        "char": CHARACTERS,
    },
    "ko": {DEFAULT: RULES, "char": CHARACTERS},
    "th": {
        DEFAULT: Segmenter({"@tokenizers": "spacy.th.ThaiTokenizer"}, {"pythainlp": "pythainlp>=2.0"}),
        "char": CHARACTERS,
    },
    "vi": {
        DEFAULT: Segmenter({"@tokenizers": "spacy.vi.VietnameseTokenizer", "use_pyvi": True}, {"pyvi": "pyvi>=0.1"}),
        "rules": RULES,
    },
    # Several languages in one run.
    "xx": {DEFAULT: Segmenter(), "char": CHARACTERS},
    "zh": {
        DEFAULT: CHINESE_CHARACTERS,
        "char": CHINESE_CHARACTERS,
        "jieba": Segmenter(
            {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "jieba"}, {"jieba": "jieba>=0.42"}
        ),
    },
}


def find_segmenter(lang: str, name: str) -> Segmenter:
    """The segmenter of this name.

    lang (str): Language code.
    name (str): Value of `--vars.segmenter`.
    RETURNS (Segmenter): What it is, and what it needs.
    RAISES (UserError): The language has none of this name, or a package is missing.
    """
    known = SEGMENTERS.get(lang, {DEFAULT: Segmenter()})
    if name not in known:
        raise UserError(
            f"The language {lang!r} has no segmenter {name!r}. Give --vars.segmenter one of: {', '.join(known)}"
        )
    if missing := [module for module in known[name].needs if find_spec(module) is None]:
        others = [other for other, segmenter in known.items() if not segmenter.needs]
        raise UserError(
            f"The segmenter {name!r} of the language {lang!r} needs {' and '.join(missing)}, which is not installed: "
            f"pip install -r requirements-{lang}.txt\n"
            f"Or give --vars.segmenter {others[0]}, which needs nothing."
        )
    return known[name]


def list_requirements(tokenizer: Dict[str, Any]) -> List[str]:
    """The packages that a tokenizer needs beside spaCy's own.

    tokenizer (Dict[str, Any]): Its block in a pipeline's config.
    RETURNS (List[str]): Requirements, e.g. of SudachiPy; none for most languages.
    """
    segmenters = (segmenter for choices in SEGMENTERS.values() for segmenter in choices.values())
    return next((list(one.needs.values()) for one in segmenters if one.tokenizer == tokenizer), [])


def find_max_bytes(tokenizer: Optional[Dict[str, Any]]) -> Optional[int]:
    """The longest text that a tokenizer takes.

    tokenizer (Optional[Dict[str, Any]]): Its block in a pipeline's config; None for that of the language.
    RETURNS (Optional[int]): Bytes of UTF-8; None where there is no such limit.
    """
    return MAX_BYTES.get((tokenizer or {}).get("@tokenizers", ""))
