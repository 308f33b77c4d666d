"""How the teacher's training loads its encoder: which layers it has, which of them learn, and at which precision."""

from functools import cache
from pathlib import Path
from typing import Any, Callable

import torch
from spacy import Language
from spacy.util import registry
from torch.utils.benchmark import Timer
from wasabi import msg

from scripts.encoders import DataOnly, allow_cutting, find_encoder
from scripts.teacher.layers import keep_layers, train_layers


@registry.callbacks("textdistill.LoadEncoder.v2")
def create_encoder_loader(
    record: Path, precision: str, n_layers: int, trained_layers: int
) -> Callable[[Language], None]:
    """Load the fetched encoder before training. The trained teacher carries it and never asks again.

    record (Path): The .json file that `fetch-encoder` wrote.
    precision (str): "float32", "bfloat16" (autocast), or "auto": bfloat16 where it is faster.
    n_layers (int): Layers that stay, from the first on. 0 leaves it to the record: all, but of the multilingual encoder
        that is embedded those which help a classifier.
    trained_layers (int): Layers that are trained, from the last on; where there are fewer, all of them. The embeddings
        and the layers below are not. That saves their gradients, Adam's work on the embeddings, which are often most
        of an encoder, and, as what they make of a text is kept, their work after the first pass. 0 trains everything.
    RETURNS (Callable[[Language], None]): A callback for `[initialize] before_init`.
    RAISES (ValueError): There is no such precision, or a number is below 0.

    SOURCE: Howard and Ruder (2018), arXiv:1801.06146, and Lee et al. (2019), arXiv:1911.03090, on layers that are not
    trained; Sajjad et al. (2023), arXiv:2004.03844, on the last ones.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'precision must be "auto", "float32" or "bfloat16", got {precision!r}')
    if min(n_layers, trained_layers) < 0:
        raise ValueError(
            f"n_layers and trained_layers must be 0 or more, got n_layers {n_layers}, trained_layers {trained_layers}"
        )

    def load_encoder(nlp: Language) -> None:
        # Imported late: it takes seconds, and who trains a student needs none of it.
        from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        pipe: Any = nlp.get_pipe("transformer")
        model = pipe.model
        tokenizer_config, transformer_config = model._init_tokenizer_config, model._init_transformer_config
        encoder = find_encoder(Path(record))
        hf_model = huggingface_from_pretrained(
            encoder.folder,
            dict(tokenizer_config),
            dict(transformer_config),
            config_cls=DataOnly(AutoConfig),
            model_cls=DataOnly(AutoModel, reads_weights=True),
            tokenizer_cls=DataOnly(AutoTokenizer),
        )
        allow_cutting(hf_model.tokenizer)
        device = hf_model.transformer.device
        chosen = precision
        if n_kept := n_layers or encoder.n_layers:
            keep_layers(hf_model.transformer, n_kept)
        if trained_layers:
            train_layers(hf_model.transformer, trained_layers)
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
