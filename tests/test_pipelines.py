"""Pipelines of others are loaded as data."""

import io
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import srsly
import torch
from spacy import Language

from scripts.files import UserError
from scripts.pipelines import read_pipeline
from scripts.tokenizing import make_blank
from tests.conftest import make_examples
from tests.teacher.test_runtimes import make_transformer_teacher
from tests.test_encoders import Payload


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Language:
    return make_transformer_teacher(tmp_path_factory.mktemp("teacher"))


def save(nlp: Language, folder: Path, change: Callable[[Dict[str, Any]], None]) -> Path:
    """Save a pipeline with other content of its transformer."""
    nlp.to_disk(folder)
    path = folder / "transformer" / "model"
    model = srsly.read_msgpack(path)
    ((packed,),) = (shims for shims in model["shims"] if shims)
    shim = srsly.msgpack_loads(packed)
    change(shim)
    model["shims"] = [[srsly.msgpack_dumps(shim)] if shims else [] for shims in model["shims"]]
    srsly.write_msgpack(path, model)
    return folder


def test_a_pipeline_is_loaded_as_spacy_does(teacher: Language, tmp_path: Path) -> None:
    nlp = read_pipeline(save(teacher, tmp_path / "nlp", lambda shim: None))
    text = make_examples(teacher)[0].text
    assert nlp(text).cats == pytest.approx(teacher(text).cats, abs=1e-6)
    with pytest.raises(OSError, match="E050"):
        read_pipeline("nowhere")


def set_config(**settings: Any) -> Callable[[Dict[str, Any]], None]:
    return lambda shim: shim["config"].update(settings)


def set_tokenizer(name: str, **settings: Any) -> Callable[[Dict[str, Any]], None]:
    return lambda shim: shim["tokenizer"].update({name: json.dumps(settings).encode()})


@pytest.mark.parametrize(
    "change, message",
    [
        (set_config(auto_map={"AutoConfig": "a.b"}, model_type="mine"), "names code of its own"),
        (set_config(_attn_implementation_internal="someone/kernel:forward"), "names code of its own"),
        (set_tokenizer("tokenizer_config.json", auto_map={"AutoTokenizer": ["a.b", None]}), "names code of its own"),
        (set_tokenizer("../../outside.json"), "would be written elsewhere"),
        (set_tokenizer("..\\outside.json"), "would be written elsewhere"),
        (set_tokenizer("/tmp/outside.json"), "would be written elsewhere"),
    ],
)
def test_a_transformer_that_is_more_than_data_is_refused(
    change: Callable[[Dict[str, Any]], None], message: str, teacher: Language, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        read_pipeline(save(teacher, tmp_path / "nlp", change))


def test_pickled_code_in_the_weights_is_not_run(teacher: Language, tmp_path: Path) -> None:
    def change(shim: Dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save({"weights": Payload(tmp_path / "ran")}, buffer)
        shim["state"] = buffer.getvalue()

    with pytest.raises(UserError, match="hold more than numbers"):
        read_pipeline(save(teacher, tmp_path / "nlp", change))
    assert not (tmp_path / "ran").exists()


def test_a_package_that_a_tokenizer_needs_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_blank("zh", "default").to_disk(tmp_path)
    config = tmp_path / "config.cfg"
    config.write_text(config.read_text(encoding="utf8").replace('"char"', '"jieba"'), encoding="utf8")
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(UserError, match="needs a package that is not installed: Jieba not installed"):
        read_pipeline(tmp_path)
