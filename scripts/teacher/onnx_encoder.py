"""The teacher's encoder in ONNX Runtime, on the CPU: graph-optimised, and in eight bits.

A few channels of a transformer's hidden states are many times larger than all others, mostly at special tokens. One
scale for a whole matrix then leaves the others few of its 256 steps. So each channel is divided by a number that the
weights it meets are multiplied by: the product is the same, and what is rounded is more of one size.

SOURCE: Xiao et al. (2023), SmoothQuant, arXiv:2211.10438, section 4.
"""

import errno
import logging
import os
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Union

import numpy
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from transformers import AutoModel

from scripts.files import describe_fault, digest, replaced
from scripts.teacher.window_encoder import Encode, WindowEncoder

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "weights")
QUANTISED = ["MatMul", "Attention"]
# How much of the differences between channels goes to the weights: "migration strength" in SmoothQuant. Weights have a
# scale for each output, hidden states one for all, so most of it does.
MIGRATED = 0.85
# What the largest value of a channel is at least, against division by zero.
SMALLEST = 1e-5
# Bytes that a full disk has at most: programs write in blocks.
NO_ROOM = 2**20


class ExportError(RuntimeError):
    """An encoder that ONNX cannot express."""


def load_onnx(encoder: WindowEncoder, cache: Path, calibration: Sequence[List[numpy.ndarray]] = ()) -> Encode:
    """Run an encoder in ONNX Runtime. What is exported is kept.

    encoder (WindowEncoder): The encoder.
    cache (Path): Folder of the exported encoder: its name must change with the encoder's weights.
    calibration (Sequence[List[ndarray]]): Windows, as the encoder takes them, that show how large its hidden states
        become; with them it runs in int8, without in float32.
    RETURNS (Encode): The encoder as a function.
    RAISES (ExportError): ONNX cannot express it.
    """
    path = cache / "float32.onnx"
    if not path.is_file():
        with replaced(path) as partial:
            export_onnx(encoder, partial)
    if calibration:
        key = digest([array.tolist() for arrays in calibration for array in arrays])
        exact, path = path, cache / f"int8-{key}.onnx"
        if not path.is_file():
            with replaced(path) as partial:
                quantise_onnx(exact, calibration, partial)
    session = open_session(str(path), fast_gelu=bool(calibration))

    def encode(batches: Iterable[List[numpy.ndarray]]) -> Iterator[numpy.ndarray]:
        # A batch is too small to share: each core takes one of its own.
        with ThreadPoolExecutor(count_cores()) as pool:
            yield from pool.map(lambda arrays: run_session(session, arrays)[0], batches)

    return encode


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(model: Union[str, bytes], *, fast_gelu: bool = False) -> onnxruntime.InferenceSession:
    """Load a model. Each call of it runs on one core.

    model (Union[str, bytes]): Its path, or the model itself.
    fast_gelu (bool): Whether to compute GELU by its tanh approximation (Hendrycks and Gimpel 2016, arXiv:1606.08415,
        section 2), whose error is far below that of eight bits.
    RETURNS (InferenceSession): What runs it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if fast_gelu:
        options.add_session_config_entry("optimization.enable_gelu_approximation", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(
    session: onnxruntime.InferenceSession, arrays: List[numpy.ndarray], outputs: Optional[List[str]] = None
) -> List[numpy.ndarray]:
    """Run a model on windows.

    session (InferenceSession): What runs it. An encoder without token types has no such input.
    arrays (List[ndarray]): In the order of INPUTS.
    outputs (Optional[List[str]]): Names of the values to return; None for the model's outputs.
    RETURNS (List[ndarray]): The values.
    """
    known = {value.name for value in session.get_inputs()}
    feed: Dict[str, numpy.ndarray] = {name: array for name, array in zip(INPUTS, arrays) if name in known}
    return session.run(outputs, feed)


def export_onnx(encoder: WindowEncoder, path: Path) -> None:
    """Export an encoder in float32, fused as ONNX Runtime's BERT kernels need it.

    encoder (WindowEncoder): The encoder.
    path (Path): Where it is written.
    RAISES (ExportError): PyTorch or ONNX Runtime cannot do it.
    """
    transformer = encoder.transformer
    # What was written is still there, and fills the disk, when an error is looked at.
    with TemporaryDirectory() as folder, _export_errors():
        traced = str(Path(folder) / "traced.onnx")
        # The fusions know attention spelt out, not PyTorch's fused operator.
        plain = AutoModel.from_config(transformer.config, attn_implementation="eager")
        plain.load_state_dict(transformer.state_dict())
        ids = torch.ones((2, 8), dtype=torch.int64)
        torch.onnx.export(
            WindowEncoder(plain, has_types=encoder.has_types).eval(),
            (ids, ids, ids * 0, ids.float()),
            traced,
            input_names=list(INPUTS),
            output_names=["vectors"],
            dynamic_axes={name: {0: "windows", 1: "wordpieces"} for name in INPUTS} | {"vectors": {0: "windows"}},
            opset_version=17,
            dynamo=False,
        )
        fused = optimize_model(
            traced,
            model_type="bert",
            num_heads=transformer.config.num_attention_heads,
            hidden_size=transformer.config.hidden_size,
            optimization_options=FusionOptions("bert"),
        )
        fused.save_model_to_file(str(path))


def quantise_onnx(exact: Path, calibration: Sequence[List[numpy.ndarray]], path: Path) -> None:
    """Write an encoder with int8 weights per channel, and hidden states that are rounded to eight bits as they come.

    exact (Path): The encoder in float32, as `export_onnx` wrote it.
    calibration (Sequence[List[ndarray]]): Windows that show how large the hidden states become.
    path (Path): Where it is written.
    RAISES (ExportError): ONNX Runtime cannot do it.
    """
    with _export_errors():
        model = onnx.load(exact)
        smooth_products(model, calibration)
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            # Without int8 dot products, sums of two full eight-bit products overflow their sixteen bits.
            reduce_range=not torch.cpu._is_vnni_supported(),
            weight_type=QuantType.QInt8,
            # Fused operators have no shape inference, and all that they compute is float.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def smooth_products(model: onnx.ModelProto, calibration: Sequence[List[numpy.ndarray]]) -> None:
    """Smooth what each product that is to be quantised reads.

    model (ModelProto): The encoder in float32; changed in place, what it computes stays the same.
    calibration (Sequence[List[ndarray]]): Windows that show how large the hidden states become.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type in QUANTISED and node.input[1] in weights]
    peaks = measure_channels(model, [node.input[0] for node in products], calibration)
    for node in products:
        smooth_product(model.graph, node, weights[node.input[1]], peaks[node.input[0]])


def measure_channels(
    model: onnx.ModelProto, names: Sequence[str], calibration: Sequence[List[numpy.ndarray]]
) -> Dict[str, numpy.ndarray]:
    """Find the largest absolute value of each channel of some values of a graph.

    model (ModelProto): The graph.
    names (Sequence[str]): The values; their last dimension holds the channels.
    calibration (Sequence[List[ndarray]]): Inputs to run it on.
    RETURNS (Dict[str, ndarray]): By value. Shape: (n_channels,).
    """
    wanted = list(dict.fromkeys(names))
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in wanted
    )
    session = open_session(watched.SerializeToString())
    peaks: Dict[str, numpy.ndarray] = {}
    for arrays in calibration:
        for name, value in zip(wanted, run_session(session, arrays, wanted)):
            peak = numpy.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            peaks[name] = numpy.maximum(peaks.get(name, 0), peak)
    return peaks


def smooth_product(graph: Any, node: Any, weights: Any, peaks: numpy.ndarray) -> None:
    """Divide the channels of the input of a matrix product, and multiply their weights: equation 4 of SmoothQuant.

    graph (GraphProto): The graph; changed in place.
    node (NodeProto): The product.
    weights (TensorProto): Its weights. Shape: (n_channels, n_outputs).
    peaks (ndarray): Largest absolute values of its input. Shape: (n_channels,).
    """
    matrix = numpy_helper.to_array(weights)
    inputs, outputs = (numpy.maximum(largest, SMALLEST) for largest in (peaks, numpy.abs(matrix).max(axis=1)))
    scales = (inputs**MIGRATED / outputs ** (1 - MIGRATED)).astype("float32")
    scaled = matrix * scales[:, None]
    weights.CopyFrom(numpy_helper.from_array(scaled, weights.name))
    name = f"{node.name}/smooth"
    graph.initializer.append(numpy_helper.from_array(1 / scales, f"{name}/scales"))
    place = list(graph.node).index(node)
    graph.node.insert(place, onnx.helper.make_node("Mul", [node.input[0], f"{name}/scales"], [name], name=name))
    node.input[0] = name


@contextmanager
def _export_errors() -> Iterator[None]:
    """Make an ExportError of whatever the parts of an exporter raise, and keep their warnings to themselves."""
    # The tracer warns of every branch on a shape, the quantiser of every operator that it does not know.
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        # A full disk is no reason to run the teacher another way. ONNX Runtime does not say so: "Protobuf serialization
        # failed".
        if describe_fault(error):
            raise
        place = gettempdir()
        if shutil.disk_usage(place).free < NO_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(f"{type(error).__name__}: {reason}") from error
    finally:
        logging.disable(logging.NOTSET)
