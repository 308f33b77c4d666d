"""The `fetch-encoder` step: a hub name, a folder or an embedded encoder becomes a folder under assets/encoders.

After it everything is offline, and weights are safetensors.
"""

from pathlib import Path
from typing import List, Literal

import huggingface_hub
import srsly
import torch
import typer
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors.torch import save_file
from wasabi import msg

from scripts.encoders import PICKLED, SAFETENSORS, check_encoder
from scripts.files import UserError, hash_path, remove, replaced, run_command
from scripts.locks import locked
from scripts.teacher.embedded import E5, E5_HUB, E5_LAYERS, MINILM, check_weights, choose_default, make_e5

DEFAULT = "default"
# What an encoder needs; hub repositories also hold weights for other frameworks.
HUB_PATTERNS = ["*.json", "*.txt", "*.model", SAFETENSORS]
WEIGHTS = "model.safetensors"
# What becomes of pickled weights where there are no others.
Pickled = Literal["stop", "convert"]


def fetch_encoder(
    encoder: str = typer.Argument(..., help=f'Hub name, local folder, "{MINILM}", "{E5}" (embedded), or "{DEFAULT}"'),
    record: Path = typer.Argument(..., help="The .json file that tells `train-teacher` where the encoder is"),
    lang: str = typer.Option(..., help="Language code: the default encoder follows from it"),
    train: Path = typer.Option(..., help="Gold texts: which part of a large vocabulary is needed follows from them"),
    encoders: Path = typer.Option(Path("assets/encoders"), help="Folder of all encoders"),
    pickled_weights: Pickled = typer.Option("stop", help='Where there are no safetensors: "stop" or "convert"'),
) -> None:
    """Bring the teacher's encoder into assets/encoders."""
    if encoder == DEFAULT:
        encoder = choose_default(lang)
    source = Path(encoder)
    target = encoders / source.resolve().name
    if encoder == MINILM:
        copy_encoder(check_weights(MINILM).parent, target, pickled="stop")
    elif encoder == E5:
        target = make_e5(encoders, lang, train)
    elif source.is_dir():
        copy_encoder(source, target, pickled=pickled_weights)
    else:
        target = download_encoder(encoder, encoders, pickled=pickled_weights)
    n_layers = E5_LAYERS if encoder in (E5, E5_HUB) else None
    result = {"encoder": encoder, "path": target.as_posix(), "sha256": hash_path(target), "n_layers": n_layers}
    if record.is_file() and srsly.read_json(record) == result:
        msg.good(f"{target} is up to date")
        return
    with replaced(record) as partial:
        srsly.write_json(partial, result)
    msg.good(f"Encoder {encoder!r} is in {target}")


def copy_encoder(source: Path, target: Path, *, pickled: Pickled) -> None:
    """Copy the files of an encoder, unless the target holds the same already.

    source (Path): A folder that `AutoModel.from_pretrained` can read.
    target (Path): Its place under assets/encoders.
    pickled (Pickled): What becomes of pickled weights where there are no others.
    RAISES (UserError): The folder holds no encoder, or one that is refused.
    """
    files = sorted({path for pattern in HUB_PATTERNS for path in source.glob(pattern)})
    weights = list_pickled(source) if pickled == "convert" else []
    hashes = {path.name: hash_path(path) for path in files}

    def is_there() -> bool:
        return target.is_dir() and hashes == {path.name: hash_path(path) for path in target.iterdir()}

    if not weights and is_there():
        return
    if not weights:
        check_encoder(source)
    # Another run may be copying the same one.
    with locked(target.parent, wait=True):
        if not weights and is_there():
            return
        with replaced(target) as partial:
            partial.mkdir()
            for path in files:
                (partial / path.name).write_bytes(path.read_bytes())
            if weights:
                convert_weights(weights, partial / WEIGHTS)
                check_encoder(partial)


def list_pickled(folder: Path) -> List[Path]:
    """The pickled weights of an encoder that has no others."""
    return [] if list(folder.glob(SAFETENSORS)) else sorted(folder.glob(PICKLED))


def convert_weights(pickled: List[Path], path: Path) -> None:
    """Write pickled weights as safetensors. PyTorch's reader for weights alone refuses whatever else they hold.

    pickled (List[Path]): The files of one model.
    path (Path): The .safetensors file.
    RAISES (UserError): They hold more than tensors, or are broken.
    """
    tensors = {}
    for file in pickled:
        try:
            weights = dict(torch.load(file, map_location="cpu", weights_only=True))
        # What a broken file raises depends on where it is broken.
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UserError(f"{file} holds more than weights, or is broken: {reason} Take another encoder.") from error
        # Tensors that share memory would be refused.
        tensors.update({name: value.clone().contiguous() for name, value in weights.items() if torch.is_tensor(value)})
    save_file(tensors, path, metadata={"format": "pt"})
    msg.warn(f"Pickled weights were converted to safetensors: {', '.join(file.name for file in pickled)}")


def download_encoder(name: str, encoders: Path, *, pickled: Pickled) -> Path:
    """Download an encoder from the hub once; an interrupted download resumes.

    name (str): Hub name, e.g. FacebookAI/xlm-roberta-base.
    encoders (Path): Folder of all encoders.
    pickled (Pickled): What becomes of pickled weights where there are no others.
    RETURNS (Path): The folder of this one.
    RAISES (UserError): The hub is out of reach or has no such model, or the encoder is refused.
    """
    target = encoders / name.replace("/", "--")
    done = encoders / f"{target.name}.complete"
    if done.is_file() and target.is_dir():
        return target
    try:
        huggingface_hub.snapshot_download(name, local_dir=target, allow_patterns=HUB_PATTERNS)
        if pickled == "convert" and not list(target.glob(SAFETENSORS)):
            huggingface_hub.snapshot_download(name, local_dir=target, allow_patterns=[PICKLED])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"The encoder {name!r} is no local folder and cannot be downloaded: {reason}\n"
            "Alternatives: --vars.encoder FOLDER with a downloaded encoder (config.json, model.safetensors, "
            f"tokenizer), or one that a package carries: {MINILM} for English, {E5} for a hundred languages (Linux)."
        ) from error
    if weights := list_pickled(target):
        with replaced(target / WEIGHTS) as partial:
            convert_weights(weights, partial)
        for path in weights:
            remove(path)
    check_encoder(target)
    # The hub client leaves its resume data beside the files.
    done.write_text(name, encoding="utf8")
    return target


if __name__ == "__main__":
    run_command(fetch_encoder)
