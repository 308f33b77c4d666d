import http.server
import json
import re
import threading
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator

import huggingface_hub
import numpy
import pytest
import spacy
import srsly
import torch
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import Adam

from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.files import UserError
from scripts.teacher import encoder, load_encoder
from scripts.teacher.embedded import E5_HUB, MINILM
from scripts.teacher.encoder import fetch_encoder
from scripts.teacher.load_encoder import create_encoder_loader, is_bfloat16_faster, time_product
from tests.conftest import LABELS, ROOT, make_examples


def make_encoder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in (("config.json", "{}"), ("tokenizer.json", "{}"), ("README.md", "not needed")):
        (folder / name).write_text(content, encoding="utf8")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def fetch(name: str, tmp_path: Path, lang: str = "en") -> Dict[str, Any]:
    fetch_encoder(name, tmp_path / "encoder.json", lang=lang, train=tmp_path, encoders=tmp_path / "encoders")
    return srsly.read_json(tmp_path / "encoder.json")


def test_an_embedded_encoder_is_copied_once(tmp_path: Path) -> None:
    record = fetch(MINILM, tmp_path)
    assert record["encoder"] == MINILM and record["n_layers"] is None
    assert (Path(record["path"]) / "model.safetensors").is_file()
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    fetch(MINILM, tmp_path)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_a_local_folder_is_copied_and_copied_again_when_it_changes(tmp_path: Path) -> None:
    source = make_encoder(tmp_path / "my" / "tiny")
    first = fetch(str(source), tmp_path)
    target = tmp_path / "encoders" / "tiny"
    assert Path(first["path"]) == target
    assert sorted(path.name for path in target.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    (source / "model.safetensors").write_bytes(b"other weights")
    assert fetch(str(source), tmp_path)["sha256"] != first["sha256"]
    assert (target / "model.safetensors").read_bytes() == b"other weights"


def test_a_folder_without_an_encoder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty holds no encoder: expected config.json"):
        fetch(str(tmp_path / "empty"), tmp_path)


class Hub(http.server.BaseHTTPRequestHandler):
    """A stand-in for the hub's two calls: the list of a repository's files, and a file."""

    files: ClassVar = {"config.json": b"{}", "model.safetensors": b"weights", "flax_model.msgpack": b"not needed"}
    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/api/models/org/tiny"):
            self.answer(
                json.dumps({"id": "org/tiny", "sha": "c0ffee", "siblings": [{"rfilename": n} for n in self.files]})
            )
        elif self.path.startswith("/org/tiny/resolve/") and name in self.files:
            self.answer(self.files[name].decode())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET

    def answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        for header, value in (("Content-Length", str(len(body))), ("ETag", '"etag"'), ("X-Repo-Commit", "c0ffee")):
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"

    def download(name: str, **options: Any) -> str:
        return snapshot_download(name, endpoint=endpoint, **options)

    snapshot_download = huggingface_hub.snapshot_download
    monkeypatch.setattr(encoder.huggingface_hub, "snapshot_download", download)
    yield endpoint
    server.shutdown()
    server.server_close()


def test_a_hub_name_is_downloaded_once(hub: str, tmp_path: Path) -> None:
    record = fetch("org/tiny", tmp_path)
    target = Path(record["path"])
    assert (target / "model.safetensors").read_bytes() == b"weights"
    assert not (target / "flax_model.msgpack").exists()
    n_requests = Hub.requests
    assert fetch("org/tiny", tmp_path) == record
    assert Hub.requests == n_requests


def test_an_unknown_hub_name_is_a_clear_error(hub: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'org/none' is no local folder and cannot be downloaded"):
        fetch("org/none", tmp_path)


def test_a_hub_out_of_reach_names_the_alternatives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def download(name: str, **options: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(encoder.huggingface_hub, "snapshot_download", download)
    # As where the package is not installed.
    monkeypatch.setattr("scripts.teacher.embedded.find_spec", lambda package: None)
    with pytest.raises(
        UserError, match=rf"'{E5_HUB}' .* no connection\nAlternatives: --vars.encoder FOLDER .* {MINILM}"
    ):
        fetch("default", tmp_path, lang="de")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_loaded_encoder_runs_in_either_precision_and_returns_float32(
    precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = fetch(MINILM, tmp_path)
    nlp = spacy.blank("en")
    component: Any = nlp.add_pipe("transformer", config={"model": {"name": "none", "mixed_precision": False}})
    create_encoder_loader(tmp_path / "encoder.json", precision, n_layers=0, trained_layers=0)(nlp)
    # What was measured is said, as the weights follow from it.
    assert ("Precision of the encoder" in capsys.readouterr().out) == (precision == "auto")
    component.initialize(lambda: [], nlp=nlp)
    (doc,) = nlp.pipe(["A small test ."])
    hidden = doc._.trf_data.model_output.last_hidden_state
    assert hidden.dtype == numpy.float32 and hidden.shape[-1] == 384 and numpy.isfinite(hidden).all()
    assert Path(record["path"]).is_dir()


def test_unknown_precision_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'half'"):
        create_encoder_loader(tmp_path / "encoder.json", "half", n_layers=0, trained_layers=0)


def test_frozen_layers_and_what_is_below_them_stay_and_the_others_learn(tmp_path: Path) -> None:
    fetch(MINILM, tmp_path)
    examples = make_examples(spacy.blank("en"))
    write_docs([eg.reference for eg in examples], tmp_path / "train.spacy")
    Task(LABELS).write(tmp_path)
    paths = {"train": "train.spacy", "dev": "train.spacy", "labels": "labels.json", "encoder": "encoder.json"}
    overrides: Dict[str, Any] = {f"paths.{name}": str(tmp_path / file) for name, file in paths.items()}
    overrides |= {"nlp.lang": "en", "initialize.before_init.trained_layers": 4}
    nlp = init_nlp(load_config(ROOT / "configs" / "teacher.cfg", overrides=overrides))
    component: Any = nlp.get_pipe("transformer")
    transformer = component.model.transformer
    before = {name: weights.clone() for name, weights in transformer.state_dict().items()}
    optimizer = Adam(0.01)
    # The weights of the output layer begin at 0, so that the encoder has no gradient at first.
    for _ in range(3):
        nlp.update([Example(nlp.make_doc(eg.text), eg.reference) for eg in examples], sgd=optimizer)
    changed = {name for name, weights in transformer.state_dict().items() if not torch.equal(weights, before[name])}
    assert changed == {name for name in before if re.match(r"encoder\.layer\.[2345]\.", name)} and changed


def test_the_record_says_how_many_layers_stay_and_the_cfg_may_say_otherwise(tmp_path: Path) -> None:
    record = fetch(MINILM, tmp_path)
    srsly.write_json(tmp_path / "encoder.json", {**record, "n_layers": 3})
    for n_layers, expected in ((0, 3), (5, 5)):
        nlp = spacy.blank("en")
        component: Any = nlp.add_pipe("transformer", config={"model": {"name": "none", "mixed_precision": False}})
        create_encoder_loader(tmp_path / "encoder.json", "float32", n_layers=n_layers, trained_layers=0)(nlp)
        assert len(component.model.transformer.encoder.layer) == expected


@pytest.mark.parametrize("numbers", [{"n_layers": -1, "trained_layers": 0}, {"n_layers": 0, "trained_layers": -1}])
def test_negative_layers_are_an_error(numbers: Dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be 0 or more, got n_layers"):
        create_encoder_loader(tmp_path / "encoder.json", "float32", **numbers)


@pytest.mark.parametrize("faster", [torch.bfloat16, torch.float32])
def test_bfloat16_is_taken_where_it_is_faster(monkeypatch: pytest.MonkeyPatch, faster: torch.dtype) -> None:
    monkeypatch.setattr(load_encoder, "time_product", lambda dtype: 1.0 if dtype == faster else 2.0)
    assert is_bfloat16_faster(torch.device("cpu")) == (faster == torch.bfloat16)
    assert not is_bfloat16_faster(torch.device("meta"))


def test_a_product_takes_time_and_leaves_the_seed_alone() -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert 0 < time_product(torch.float32) < 60
    assert torch.equal(torch.get_rng_state(), state)
