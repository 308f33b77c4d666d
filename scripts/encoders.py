"""Encoders are data: weights are safetensors, and settings that name code are refused.

Pickled weights can hold code that runs when they are read. `fetch-encoder` converts them if it is asked to, by
PyTorch's reader that takes tensors alone; nothing else reads them. An encoder that is not the one that was fetched is
refused, too.
"""

import json
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional, Tuple

import srsly

from scripts.files import UserError, hash_path

SAFETENSORS, PICKLED = "*.safetensors", "pytorch_model*.bin"


def check_encoder(folder: Path) -> None:
    """Refuse a folder that is no encoder, or that holds more than data.

    folder (Path): A folder as `save_pretrained` writes it.
    RAISES (UserError): Its settings name code, or its weights are missing or pickled.
    """
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} holds no encoder: expected config.json, weights ({SAFETENSORS}) and a tokenizer.")
    for path in sorted(folder.glob("*config.json")):
        check_settings(read_settings(path.read_bytes(), str(path)), str(path))
    if not list(folder.glob(SAFETENSORS)):
        raise UserError(
            f"{folder} holds no weights as safetensors. Pickled ones (pytorch_model.bin) can run code when they are "
            "read. If you trust who made them, convert them: --vars.pickled_weights convert."
        )


class Encoder(NamedTuple):
    """An encoder that was fetched.

    folder (Path): Where it is.
    n_layers (Optional[int]): Layers that a classifier needs of it, from the first on; None for all.
    """

    folder: Path
    n_layers: Optional[int]


def find_encoder(path: Path) -> Encoder:
    """Find an encoder to be loaded.

    path (Path): The .json file that `fetch-encoder` wrote, or the encoder's folder.
    RETURNS (Encoder): The encoder; its content is what was fetched, and data alone.
    RAISES (UserError): It is missing, was changed since it was fetched, or holds more than data.
    """
    folder, n_layers = path, None
    if path.suffix == ".json":
        record = srsly.read_json(path)
        folder, n_layers = Path(record["path"]), record["n_layers"]
        if not folder.is_dir() or hash_path(folder) != record["sha256"]:
            raise UserError(
                f"{folder} is not the encoder that was fetched: its sha256 is not the one in {path}. Run the step "
                "fetch-encoder again."
            )
    check_encoder(folder)
    return Encoder(folder, n_layers)


class DataOnly(NamedTuple):
    """An auto class of transformers that loads nothing but data, and from this machine alone.

    auto_class (Any): E.g. AutoModel.
    reads_weights (bool): Whether it is one of a model.
    """

    auto_class: Any
    reads_weights: bool = False

    def from_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """As that of the class."""
        fixed = {"trust_remote_code": False, "local_files_only": True}
        if self.reads_weights:
            fixed["use_safetensors"] = True
        return self.auto_class.from_pretrained(*args, **{**kwargs, **fixed})


def allow_cutting(tokenizer: Any) -> None:
    """Cut long texts off in silence: it is meant to be, and transformers warns of it as of an error to come.

    tokenizer (Any): A Hugging Face tokenizer.
    """
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True


def read_settings(content: bytes, where: str) -> Any:
    """Parse settings.

    content (bytes): JSON.
    where (str): What they are, for messages.
    RETURNS (Any): The settings.
    RAISES (UserError): They are no JSON.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        raise UserError(f"{where} is no JSON: {error}. Get the encoder again.") from error


def check_settings(settings: Any, where: str) -> None:
    """Refuse settings of a model or a tokenizer that have code of others loaded.

    settings (Any): As JSON has them.
    where (str): What they are, for messages.
    RAISES (UserError): They name code.
    """
    for name, value in walk(settings):
        # What transformers before 5.3 takes a kernel from: CVE-2026-4372. A repository has a slash in its name.
        if value and (name == "auto_map" or ("attn_implementation" in str(name) and "/" in str(value))):
            raise UserError(
                f"{where} names code of its own ({name}: {value}), which is never run here. Take an encoder of a kind "
                "that transformers knows."
            )


def walk(settings: Any) -> Iterator[Tuple[Any, Any]]:
    """All names and values of nested settings.

    settings (Any): As JSON has them.
    YIELDS (Tuple[Any, Any]): Name and value, from the outside in.
    """
    if isinstance(settings, dict):
        yield from settings.items()
    for inner in settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else ():
        yield from walk(inner)
