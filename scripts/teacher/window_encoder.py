"""The teacher's encoder alone, in PyTorch or ONNX Runtime: from windows to weighted sums of hidden states."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from transformers import AutoModel

from scripts.files import replaced

# From wordpieces, attention mask, token types and weights, padded, to the sums of windows.
Encode = Callable[[List[numpy.ndarray]], numpy.ndarray]
# Share of the matrix products, the first ones, that int8 leaves alone: an error made there grows in all that follow.
# On 300 texts of a transfer set: probabilities off by .0131 without it, .0069 with the first of six layers, .0043 with
# the first two.
FLOAT_SHARE = 1 / 3
QUANTISED = ["MatMul", "Attention"]
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "weights")


class ExportError(RuntimeError):
    """An encoder that ONNX cannot express."""


class WindowEncoder(torch.nn.Module):
    """An encoder that returns the weighted sum of each window's hidden states."""

    def __init__(self, transformer: Any, *, has_types: bool) -> None:
        """Wrap a Hugging Face encoder.

        transformer (PreTrainedModel): The encoder.
        has_types (bool): Whether it is given token types.
        """
        super().__init__()
        self.transformer = transformer
        self.has_types = has_types

    def forward(
        self, input_ids: torch.Tensor, mask: torch.Tensor, type_ids: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Encode padded windows.

        input_ids (Tensor): Wordpieces. Shape: (n_windows, longest), like the others.
        mask (Tensor): 0 for padding.
        type_ids (Tensor): Token types.
        weights (Tensor): Weight of each wordpiece, 0 for padding.
        RETURNS (Tensor): float32. Shape: (n_windows, width).
        """
        types = {"token_type_ids": type_ids} if self.has_types else {}
        states = self.transformer(input_ids=input_ids, attention_mask=mask, **types).last_hidden_state
        return torch.matmul(weights.unsqueeze(1), states.float()).squeeze(1)


def run_torch(encoder: WindowEncoder, *, dtype: Optional[torch.dtype] = None) -> Encode:
    """Run an encoder in PyTorch, where it is.

    encoder (WindowEncoder): The encoder.
    dtype (Optional[dtype]): Precision of autocast; None for the encoder's own.
    RETURNS (Encode): The encoder as a function.
    """
    device = encoder.transformer.device

    def encode(arrays: List[numpy.ndarray]) -> numpy.ndarray:
        tensors = [torch.from_numpy(array) for array in arrays]
        if device.type == "cuda":
            # Pinned memory travels while the GPU computes.
            tensors = [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
        *inputs, weights = tensors
        # Thinc leaves the encoder in training mode whenever the pipeline has run.
        encoder.eval()
        with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            return encoder(*inputs, weights).float().cpu().numpy()

    return encode


def load_onnx(encoder: WindowEncoder, cache: Path, precision: str = "int8") -> Encode:
    """Run an encoder in ONNX Runtime on the CPU, graph-optimised; exported once.

    encoder (WindowEncoder): The encoder.
    cache (Path): Folder of the exported encoder: its name must change with the encoder's weights.
    precision (str): int8 or float32.
    RETURNS (Encode): The encoder as a function.
    RAISES (ExportError): ONNX cannot express it.
    """
    path = cache / f"{precision}.onnx"
    if not path.is_file():
        with replaced(cache) as partial:
            partial.mkdir(parents=True)
            export_onnx(encoder, partial)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    known = {value.name for value in session.get_inputs()}

    def encode(arrays: List[numpy.ndarray]) -> numpy.ndarray:
        feed: Dict[str, numpy.ndarray] = {name: array for name, array in zip(INPUTS, arrays) if name in known}
        return session.run(None, feed)[0]

    return encode


def export_onnx(encoder: WindowEncoder, folder: Path) -> None:
    """Export an encoder: fused as ONNX Runtime's BERT kernels need it, then with int8 weights per channel.

    encoder (WindowEncoder): The encoder.
    folder (Path): Where int8.onnx is written.
    RAISES (ExportError): PyTorch or ONNX Runtime cannot do it.
    """
    transformer = encoder.transformer
    try:
        # The fusions know attention spelt out, not PyTorch's fused operator.
        plain = AutoModel.from_config(transformer.config, attn_implementation="eager")
        plain.load_state_dict(transformer.state_dict())
        ids = torch.ones((2, 8), dtype=torch.int64)
        # The tracer warns of every branch on a shape, the quantiser of every operator that it does not know.
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                WindowEncoder(plain, has_types=encoder.has_types).eval(),
                (ids, ids, ids * 0, ids.float()),
                str(folder / "traced.onnx"),
                input_names=list(INPUTS),
                output_names=["vectors"],
                dynamic_axes={name: {0: "windows", 1: "wordpieces"} for name in INPUTS} | {"vectors": {0: "windows"}},
                opset_version=17,
                dynamo=False,
            )
        fused = optimize_model(
            str(folder / "traced.onnx"),
            model_type="bert",
            num_heads=transformer.config.num_attention_heads,
            hidden_size=transformer.config.hidden_size,
            optimization_options=FusionOptions("bert"),
        )
        fused.save_model_to_file(str(folder / "float32.onnx"))
        products = [node.name for node in fused.model.graph.node if node.op_type in QUANTISED]
        quantize_dynamic(
            folder / "float32.onnx",
            folder / "int8.onnx",
            op_types_to_quantize=QUANTISED,
            nodes_to_exclude=products[: round(len(products) * FLOAT_SHARE)],
            per_channel=True,
            # Without int8 dot products, sums of two full eight-bit products overflow their sixteen bits.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # Fused operators have no shape inference, and all that they compute is float.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    except Exception as error:
        # Exporters raise whatever their parts raise.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(f"{type(error).__name__}: {reason}") from error
    finally:
        logging.disable(logging.NOTSET)
    (folder / "traced.onnx").unlink()
