"""Pipelines that a user names are loaded as data: their files run no code of their own.

An installed package is code, so whoever installs one trusts it. A folder is taken from anyone; of its components, those
of spacy-transformers hold a transformer's settings and its tokenizer's files, which are looked at before spaCy does.
"""

from itertools import chain
from pathlib import Path, PurePosixPath
from pickle import UnpicklingError
from typing import Any, Union

import spacy
import srsly
from spacy import Language

from scripts.cascade.component import TEACHER
from scripts.encoders import allow_cutting, check_settings, read_settings
from scripts.files import UserError


def read_pipeline(name: Union[str, Path]) -> Language:
    """Load a pipeline as `spacy.load` does.

    name (Union[str, Path]): Name of an installed pipeline, or a folder.
    RETURNS (Language): The pipeline.
    RAISES (UserError): It holds more than data, or needs a package that is not there.
    """
    check_folder(Path(name))
    try:
        nlp = spacy.load(name)
    except ImportError as error:
        raise UserError(
            f"The pipeline {str(name)!r} needs a package that is not installed: {error}\n"
            "What a wheel needs stands in its meta.json, under requirements: pip install those."
        ) from error
    except UnpicklingError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{name}: the weights of a transformer hold more than numbers: {reason}") from error
    for _, component in nlp.pipeline:
        model: Any = getattr(component, "model", None)
        # The mark of a transformer, whatever its factory is called.
        if "set_transformer" in getattr(model, "attrs", {}):
            allow_cutting(model.tokenizer)
    return nlp


def check_folder(folder: Path) -> None:
    """Refuse a pipeline whose transformers are more than data, also one inside of a cascade.

    folder (Path): The pipeline; a folder without any passes.
    RAISES (UserError): It is refused.
    """
    config = folder / "config.cfg"
    if config.is_file() and "spacy-transformers." in config.read_text(encoding="utf8"):
        for path in sorted(folder.glob("*/model")):
            check_model(srsly.read_msgpack(path), str(path))
    for nested in sorted(folder.glob(f"*/{TEACHER}")):
        check_folder(nested)


def check_model(model: Any, where: str) -> None:
    """Refuse a transformer that has code of others loaded, or writes files anywhere.

    model (Any): As Thinc writes models; those without a transformer pass.
    where (str): The file, for messages.
    RAISES (UserError): It is refused.
    """
    for shim in (srsly.msgpack_loads(packed) for packed in chain(*model["shims"])):
        check_settings(shim.get("config"), where)
        for name, content in (shim.get("tokenizer") or {}).items():
            if name != PurePosixPath(name.replace("\\", "/")).name:
                raise UserError(f"{where} has a file {name!r} of the tokenizer that would be written elsewhere.")
            if name.endswith("config.json"):
                check_settings(read_settings(content, f"{where}, {name}"), f"{where}, {name}")
