"""Encoders are data: nothing of them runs."""

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any, Dict

import pytest
import srsly
import torch
import transformers

from scripts.encoders import DataOnly, check_encoder, check_settings, find_encoder
from scripts.files import UserError, hash_path
from scripts.teacher.encoder import convert_weights, fetch_encoder
from tests.conftest import ROOT

CONFIG = transformers.BertConfig(
    vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
)


class Payload:
    """Once unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    transformers.BertModel(CONFIG).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def pickled(encoder: Path) -> Path:
    """The same encoder with pickled weights."""
    model = transformers.BertModel.from_pretrained(encoder)
    torch.save(model.state_dict(), encoder / "pytorch_model.bin")
    (encoder / "model.safetensors").unlink()
    return encoder


def fetch(encoder: Path, **options: Any) -> Path:
    """Fetch an encoder; the path of the record."""
    folder = encoder.parent
    fetch_encoder(
        str(encoder), folder / "encoder.json", lang="en", train=folder, encoders=folder / "encoders", **options
    )
    return folder / "encoder.json"


def test_pickled_weights_are_refused(pickled: Path) -> None:
    with pytest.raises(UserError, match=r"no weights as safetensors.*--vars\.pickled_weights convert"):
        fetch(pickled)
    assert not (pickled.parent / "encoders").exists() and not (pickled.parent / "encoder.json").exists()
    with pytest.raises(UserError, match=r"no weights as safetensors"):
        find_encoder(pickled)
    # Nor does transformers read them.
    with pytest.raises(OSError):
        DataOnly(transformers.AutoModel, reads_weights=True).from_pretrained(pickled)


def test_pickled_weights_are_converted_if_asked_for(pickled: Path) -> None:
    expected = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    folder = find_encoder(fetch(pickled, pickled_weights="convert")).folder
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    found = DataOnly(transformers.AutoModel, reads_weights=True).from_pretrained(folder).state_dict()
    assert set(found) == set(expected) and all(torch.equal(found[name], expected[name]) for name in found)
    sha256 = hash_path(folder)
    assert hash_path(find_encoder(fetch(pickled, pickled_weights="convert")).folder) == sha256


def test_safetensors_win_over_pickled_weights(encoder: Path) -> None:
    (encoder / "pytorch_model.bin").write_bytes(b"not even a pickle")
    folder = find_encoder(fetch(encoder, pickled_weights="convert")).folder
    assert not (folder / "pytorch_model.bin").exists()
    assert (folder / "model.safetensors").read_bytes() == (encoder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_that_holds_code_is_not_run(is_zip: bool, pickled: Path, tmp_path: Path) -> None:
    payload = {"weights": Payload(tmp_path / "ran")}
    torch.save(payload, pickled / "pytorch_model.bin", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(UserError, match=r"pytorch_model\.bin holds more than weights"):
        fetch(pickled, pickled_weights="convert")
    assert not (tmp_path / "ran").exists() and not list((tmp_path / "encoders").glob("tiny"))
    pickle.loads(pickle.dumps(payload))
    assert (tmp_path / "ran").exists()


def test_weights_that_share_memory_are_converted(tmp_path: Path) -> None:
    one = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": one, "b": one, "c": one.T, "n": 3}, tmp_path / "pytorch_model-00001.bin")
    torch.save({"d": one + 1}, tmp_path / "pytorch_model-00002.bin")
    convert_weights(sorted(tmp_path.glob("*.bin")), tmp_path / "model.safetensors")
    found = transformers.modeling_utils.safe_load_file(tmp_path / "model.safetensors")
    assert {name: value.shape for name, value in found.items()} == {"a": (2, 3), "b": (2, 3), "c": (3, 2), "d": (2, 3)}


@pytest.mark.parametrize(
    "settings",
    [
        {"auto_map": {"AutoModel": "modeling.Mine"}},
        {"_attn_implementation_internal": "someone/kernel:forward"},
        {"attn_implementation": {"text": "someone/kernel:forward"}},
        {"text_config": {"_attn_implementation": "someone/kernel"}},
        {"layers": [{"auto_map": {"AutoConfig": "a--b.c"}}]},
    ],
)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_settings_that_name_code_are_refused(settings: Dict[str, Any], name: str, encoder: Path) -> None:
    path = encoder / name
    path.write_text(json.dumps({**(srsly.read_json(path) if path.is_file() else {}), **settings}), encoding="utf8")
    with pytest.raises(UserError, match=rf"{name} names code of its own"):
        fetch(encoder)
    assert not (encoder.parent / "encoders").exists()


def test_other_settings_pass(encoder: Path) -> None:
    check_settings(
        {"auto_map": None, "_attn_implementation_autoset": True, "attn_implementation": "sdpa", "a": [1]}, ""
    )
    check_encoder(encoder)
    (encoder / "config.json").write_text("{", encoding="utf8")
    with pytest.raises(UserError, match=r"config\.json is no JSON"):
        check_encoder(encoder)


def test_an_encoder_that_was_changed_after_it_was_fetched_is_refused(encoder: Path) -> None:
    record = fetch(encoder)
    folder = find_encoder(record).folder
    (folder / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(UserError, match=r"not the encoder that was fetched.*encoder\.json.*fetch-encoder again"):
        find_encoder(record)


def test_callers_cannot_ask_for_code() -> None:
    class Recorder:
        @staticmethod
        def from_pretrained(*args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    asked = {"trust_remote_code": True, "use_safetensors": False, "use_fast": True}
    args, kwargs = DataOnly(Recorder, reads_weights=True).from_pretrained("folder", **asked)
    fixed = {"trust_remote_code": False, "use_safetensors": True, "local_files_only": True}
    assert args == ("folder",) and kwargs == {"use_fast": True, **fixed}


def test_no_code_loads_an_encoder_in_another_way() -> None:
    modules = [path for room in ("scripts", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf8") for path in modules}
    assert {name for name, text in texts.items() if re.search(r"\bAuto\w+\.from_pretrained\(", text)} == set()
    assert {name for name, text in texts.items() if "trust_remote_code" in text} == {"scripts/encoders.py"}
    loads = [line for text in texts.values() for line in text.splitlines() if "torch.load(" in line]
    assert loads and all("weights_only=True" in line for line in loads)
