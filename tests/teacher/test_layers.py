"""Layers that are dropped, and layers that are not trained."""

import copy
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    PretrainedConfig,
    XLMConfig,
    XLMModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from scripts.files import UserError
from scripts.teacher.layers import find_layers, keep_layers, train_layers

SIZES = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
KINDS = [
    (BertModel, BertConfig(**SIZES)),
    (XLMRobertaModel, XLMRobertaConfig(**SIZES)),
    (DebertaV2Model, DebertaV2Config(**SIZES)),
    (DistilBertModel, DistilBertConfig(vocab_size=50, dim=16, n_layers=4, n_heads=2, hidden_dim=32)),
]
IDS = torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 1, 1, 1]])
# As spacy-transformers has it: float.
MASK = (IDS != 1).float()


def make(kind: Any, config: PretrainedConfig) -> Any:
    torch.manual_seed(0)
    return kind(config).eval()


def encode(model: Any, ids: torch.Tensor = IDS, mask: torch.Tensor = MASK) -> torch.Tensor:
    return model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]


def is_close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool(torch.allclose(found, expected, atol=1e-3))


@pytest.mark.parametrize(("kind", "config"), KINDS)
def test_what_is_kept_is_what_is_computed_anew(kind: Any, config: PretrainedConfig) -> None:
    whole = make(kind, config)
    model = copy.deepcopy(whole)
    names = list(model.state_dict())
    train_layers(model, 2)
    # As Thinc does before each update; dropout of the frozen layers must not come on.
    model.train()
    for layer in find_layers(model)[2:]:
        layer.eval()
    for _ in range(2):
        assert is_close(encode(model), encode(whole))
    # Alone, with another length of the batch and so without its padding.
    assert is_close(encode(model, IDS[1:, :3], MASK[1:, :3]), encode(whole)[1:, :3])
    # One text of two is new.
    assert encode(model, IDS.flip(1), MASK.flip(1)).shape == (2, 6, 16)
    encode(model).sum().backward()
    trained = {name.split("layer.")[1][0] for name, weights in model.named_parameters() if weights.grad is not None}
    assert trained == {"2", "3"} and list(model.state_dict()) == names


def test_known_layers_are_not_computed() -> None:
    model = make(*KINDS[0])
    calls = Mock(wraps=model.encoder.layer[0].attention.forward)
    model.encoder.layer[0].attention.forward = calls
    train_layers(model, 2)
    for _ in range(3):
        encode(model)
    assert calls.call_count == 1


def test_a_full_memory_still_gives_right_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.teacher.layers.MAX_BYTES", 6 * 16 * 4)
    whole = make(*KINDS[0])
    model = copy.deepcopy(whole)
    train_layers(model, 2)
    for _ in range(2):
        assert is_close(encode(model), encode(whole))


def test_the_last_layers_are_dropped() -> None:
    model = make(*KINDS[0])
    first = encode(model)
    keep_layers(model, 2)
    assert len(model.encoder.layer) == model.config.num_hidden_layers == 2
    assert not is_close(encode(model), first)
    for n_kept in (0, 3):
        with pytest.raises(UserError, match=f"n_layers of .* is {n_kept}, and the encoder has 2 layers"):
            keep_layers(model, n_kept)


@pytest.mark.parametrize(
    "model",
    [
        GPT2Model(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2)),
        XLMModel(XLMConfig(vocab_size=50, emb_dim=16, n_layers=2, n_heads=2)),
    ],
)
def test_an_encoder_of_another_build_is_an_error(model: Any) -> None:
    with pytest.raises(UserError, match=rf"No stack of 2 layers .* {type(model).__name__}.*trained_layers = 0"):
        train_layers(model, 1)


def test_where_there_are_fewer_layers_all_are_trained_and_the_embeddings_are_not() -> None:
    model = make(*KINDS[0])
    train_layers(model, 6)
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert trained == {name for name, _ in model.named_parameters() if name.startswith("encoder.")}
