from typing import Any

import numpy
import onnx
import pytest

from scripts.teacher.onnx_encoder import measure_channels, open_session, run_session, smooth_product


def make_product(weights: numpy.ndarray) -> Any:
    """A graph of one matrix product."""
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["windows", width])
        for name, width in (("weights", 3), ("out", 2))
    ]
    node = onnx.helper.make_node("MatMul", ["weights", "W"], ["out"], name="product")
    graph = onnx.helper.make_graph(
        [node], "graph", values[:1], values[1:], [onnx.numpy_helper.from_array(weights, "W")]
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def test_smoothing_changes_what_is_rounded_and_not_the_product() -> None:
    inputs = numpy.array([[1, -2, 80], [0.5, 2, -3]], dtype="float32")
    weights = numpy.array([[1, 2], [3, 4], [0.5, 0.25]], dtype="float32")
    model = make_product(weights)
    windows = [[numpy.zeros(1)] * 3 + [inputs]]
    peaks = measure_channels(model, ["weights"], windows)["weights"]
    assert peaks.tolist() == [1, 2, 80]
    (node,), (tensor,) = model.graph.node, model.graph.initializer
    smooth_product(model.graph, node, tensor, peaks)
    # Each channel's largest input to the power of .85, through its largest weight to that of .15.
    scales = numpy.array([1 / 2**0.15, 2**0.85 / 4**0.15, 80**0.85 / 0.5**0.15])
    smoothed = measure_channels(model, ["product/smooth"], windows)["product/smooth"]
    assert smoothed == pytest.approx(peaks / scales) and smoothed.max() / smoothed.min() < 80 / 10
    W = onnx.numpy_helper.to_array(model.graph.initializer[0])
    assert numpy.allclose(W, weights * scales[:, None])
    out = run_session(open_session(model.SerializeToString()), windows[0])[0]
    assert out == pytest.approx(inputs @ weights, rel=1e-6)
