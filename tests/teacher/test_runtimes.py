from pathlib import Path
from typing import Any, List

import numpy
import onnx
import pytest
import spacy
import torch
import transformers
from spacy import Language
from spacy.tokens import Doc
from spacy_transformers.data_classes import HFObjects

from scripts.data.task import Task
from scripts.files import UserError
from scripts.teacher import runtimes
from scripts.teacher.onnx_encoder import (
    ExportError,
    load_onnx,
    open_session,
    run_session,
    smooth_products,
)
from scripts.teacher.runtimes import (
    TOLERANCE,
    Predict,
    batch_docs,
    choose_runtime,
    get_transformer,
    rescore_ties,
    wrap_encoder,
    wrap_pipeline,
)
from scripts.teacher.window_encoder import WindowEncoder, make_window_encoder, run_torch
from tests.conftest import BOW, LABELS, make_examples, make_pipeline, make_teacher_logits

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "love", "##ly", "day", "bad", "a", "don", "'", "t", "!", "##a"]
MAX_LENGTH = 14
TASK = Task(LABELS)


def make_transformer_teacher(path: Path, *, stride: int = 8, exclusive: bool = True, mask: str = "[MASK]") -> Language:
    """A teacher of configs/teacher.cfg's kind, tiny and with random weights."""
    pieces = [mask if piece == "[MASK]" else piece for piece in PIECES]
    (path / "vocab.txt").write_text("\n".join(pieces), encoding="utf8")
    tokenizer = transformers.BertTokenizerFast(
        vocab_file=str(path / "vocab.txt"), model_max_length=MAX_LENGTH, mask_token=mask
    )
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=MAX_LENGTH,
        initializer_range=0.5,
    )
    nlp = spacy.blank("en")
    getter = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 8, "stride": stride}
    model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": "none", "get_spans": getter}
    transformer: Any = nlp.add_pipe("transformer", config={"model": model})
    encoder = transformers.BertModel(config)
    transformer.model.attrs["set_transformer"](transformer.model, HFObjects(tokenizer, encoder, b"", {}, {}))
    head = {
        "@architectures": "spacy.TextCatReduce.v1",
        "exclusive_classes": exclusive,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
        "tok2vec": {
            "@architectures": "spacy-transformers.TransformerListener.v1",
            "grad_factor": 1.0,
            "pooling": {"@layers": "reduce_mean.v1"},
        },
    }
    textcat: Any = nlp.add_pipe(
        "textcat" if exclusive else "textcat_multilabel", name="textcat", config={"model": head}
    )
    for label in LABELS:
        textcat.add_label(label)
    nlp.initialize(lambda: make_examples(nlp))
    rng = numpy.random.default_rng(0)
    layer = textcat.model.get_ref("output_layer")
    layer.set_param("W", rng.normal(size=layer.get_param("W").shape).astype("float32"))
    return nlp


@pytest.fixture
def teacher(tmp_path: Path) -> Language:
    return make_transformer_teacher(tmp_path)


def odd_docs(nlp: Language) -> List[Doc]:
    """Texts on which alignment, windows and cutting off can go wrong."""
    texts = [
        "love",
        " ",
        "\n\n  \t ",
        "I don't love  it!",
        "lovely lovely lovely lovely lovely lovely lovely lovely lovely bad",
        "🙂🙂 a 👩‍👩‍👧 day",
        "a" * 200,
        "Ünïcödé \u00a0 \u200b lovely\u0007 day",
        "[MASK] [SEP] love",
        " ".join(["lovely day a bad"] * 20),
    ]
    masked = Doc(nlp.vocab, words=["a", "[MASK]", "day", "love", "ly"], spaces=[True, True, False, False, False])
    return [*map(nlp.make_doc, texts), masked]


def predict_in_torch(nlp: Language, task: Task = TASK) -> Predict:
    return wrap_encoder(nlp, task, run_torch(make_window_encoder(get_transformer(nlp))))


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("stride", [8, 4])
def test_the_encoder_alone_scores_as_the_pipeline_does(tmp_path: Path, stride: int, exclusive: bool) -> None:
    nlp = make_transformer_teacher(tmp_path, stride=stride, exclusive=exclusive)
    docs = odd_docs(nlp)
    task = Task(LABELS[::-1])
    predict = predict_in_torch(nlp, task)
    expected = wrap_pipeline(nlp, task)(docs)
    assert expected.std(axis=0).min() > 0.05
    assert predict(docs) == pytest.approx(expected, abs=2e-6)
    # A teacher leaves documents as they are.
    assert not any(doc.cats or doc.user_data for doc in docs)


def test_an_empty_text_has_the_same_score_in_every_batch(teacher: Language) -> None:
    predict = predict_in_torch(teacher)
    empty = teacher.make_doc("")
    assert predict([empty]) == pytest.approx(predict([teacher.make_doc("love"), empty])[1:], abs=1e-6)


def test_scores_do_not_depend_on_the_batch(teacher: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = odd_docs(teacher)
    scores = predict_in_torch(teacher)(docs)
    assert (predict_in_torch(teacher)(docs) == scores).all()
    monkeypatch.setattr(runtimes, "BATCH_WORDPIECES", 16)
    other = predict_in_torch(teacher)(docs)
    assert TASK.recover_logits(other) == pytest.approx(TASK.recover_logits(scores), abs=TOLERANCE["float32"])


def test_the_export_is_cached_and_computes_the_same(teacher: Language, tmp_path: Path) -> None:
    encoder = make_window_encoder(get_transformer(teacher))
    docs = odd_docs(teacher)
    windows = [arrays for _, arrays in batch_docs(docs, get_transformer(teacher))]
    load_onnx(encoder, tmp_path / "onnx", windows)
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "onnx").iterdir()}
    assert sorted(name[:5] for name in written) == ["float", "int8-"]
    exact = wrap_encoder(teacher, TASK, load_onnx(encoder, tmp_path / "onnx"))
    expected = predict_in_torch(teacher)(docs)
    assert exact(docs) == pytest.approx(expected, abs=1e-5)
    int8 = wrap_encoder(teacher, TASK, load_onnx(encoder, tmp_path / "onnx", windows))
    # Random weights are no easy case for eight bits.
    assert numpy.abs(int8(docs) - expected).mean() < 0.1
    assert (int8(docs) == int8(docs)).all()
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "onnx").iterdir()} == written
    # Other texts may have larger values.
    load_onnx(encoder, tmp_path / "onnx", [[array[:1] for array in windows[0]]])
    assert len(list((tmp_path / "onnx").iterdir())) == 3


def test_a_smoothed_encoder_computes_the_same(teacher: Language, tmp_path: Path) -> None:
    windows = [arrays for _, arrays in batch_docs(odd_docs(teacher), get_transformer(teacher))]
    load_onnx(make_window_encoder(get_transformer(teacher)), tmp_path / "onnx")
    (path,) = (tmp_path / "onnx").iterdir()
    model = onnx.load(path)
    smooth_products(model, windows)
    # Per layer: the attention's, its output's and the two of the feed-forward network.
    assert sum(node.name.endswith("/smooth") for node in model.graph.node) == 2 * 4
    exact, smoothed = open_session(str(path)), open_session(model.SerializeToString())
    for arrays in windows:
        expected = run_session(exact, arrays)[0]
        assert run_session(smoothed, arrays)[0] == pytest.approx(expected, abs=1e-5)


def fake_onnx(monkeypatch: pytest.MonkeyPatch, **noise: float) -> None:
    def load(encoder: WindowEncoder, cache: Path, calibration: Any = ()) -> Any:
        encode = run_torch(encoder)
        scale = noise["int8" if calibration else "float32"]
        rng = numpy.random.default_rng(0)
        return lambda batches: (sums + scale * rng.normal(size=sums.shape) for sums in encode(batches))

    monkeypatch.setattr(runtimes, "load_onnx", load)
    # It depends on the machine.
    monkeypatch.setattr(runtimes, "is_bfloat16_faster", lambda device: False)


def test_auto_takes_int8_where_it_agrees(teacher: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_onnx(monkeypatch, int8=0.0, float32=0.0)
    chosen = choose_runtime("auto", teacher, TASK, odd_docs(teacher), tmp_path)
    assert (chosen.name, chosen.precision) == ("onnx", "int8")
    assert chosen.check is not None and chosen.check.agreement == 1.0 and chosen.check.difference < 1e-6
    # Nothing to check with is nothing checked.
    assert choose_runtime("auto", teacher, TASK, [], tmp_path).name == "torch"


def test_near_ties_are_scored_again() -> None:
    docs: List[Any] = ["tie", "sure", "tie of three", "unsure of two"]
    three = Task(["a", "b", "c"])
    fast = numpy.array([[0.5, 0.45, 0.05], [0.9, 0.1, 0.0], [0.34, 0.33, 0.33], [0.1, 0.35, 0.55]])
    asked: List[Any] = []

    def exact(chosen: List[Any]) -> numpy.ndarray:
        asked.append(chosen)
        return numpy.eye(3)[: len(chosen)]

    probs = rescore_ties(lambda _: fast.copy(), exact, three, tie=0.15)(docs)
    assert asked == [["tie", "tie of three"]]
    assert (probs == [[1, 0, 0], fast[1], [0, 1, 0], fast[3]]).all()
    # Where there is none, nobody is asked.
    probs = rescore_ties(lambda _: fast[[1, 3]], exact, three, tie=0.15)(docs[:2])
    assert (probs == fast[[1, 3]]).all() and len(asked) == 1


def test_int8_whose_ties_are_scored_again_comes_next(
    teacher: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_onnx(monkeypatch, int8=1.0, float32=0.0)
    # All are ties.
    monkeypatch.setattr(runtimes, "TIE", 1.1)
    chosen = choose_runtime("auto", teacher, TASK, odd_docs(teacher), tmp_path)
    assert (chosen.name, chosen.precision) == ("onnx", "int8+float32")
    assert chosen.check is not None and chosen.check.agreement == 1.0 and chosen.check.difference < 1e-6


@pytest.mark.parametrize("name", ["auto", "onnx"])
def test_a_runtime_that_disagrees_is_refused(
    teacher: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    fake_onnx(monkeypatch, int8=1.0, float32=1.0)
    chosen = choose_runtime(name, teacher, TASK, odd_docs(teacher), tmp_path)
    assert chosen.name == "torch"
    assert "is not used" in capsys.readouterr().out
    fake_onnx(monkeypatch, int8=1.0, float32=0.0)
    chosen = choose_runtime(name, teacher, TASK, odd_docs(teacher), tmp_path)
    assert (chosen.name, chosen.precision) == ("onnx", "float32")
    # In PyTorch, half the bits come before ONNX with all of them, where they are faster.
    monkeypatch.setattr(runtimes, "is_bfloat16_faster", lambda device: True)
    chosen = choose_runtime(name, teacher, TASK, odd_docs(teacher), tmp_path)
    assert (chosen.name, chosen.precision) == (("onnx", "float32") if name == "onnx" else ("torch", "bfloat16"))


def test_an_encoder_that_cannot_be_exported_runs_in_torch(
    teacher: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ValueError("no such operator")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ExportError, match="no such operator"):
        load_onnx(make_window_encoder(get_transformer(teacher)), tmp_path / "onnx")
    assert not list((tmp_path / "onnx").iterdir())
    chosen = choose_runtime("onnx", teacher, TASK, odd_docs(teacher), tmp_path / "onnx")
    assert (chosen.name, chosen.precision) == ("torch", "float32")
    assert "cannot be exported" in capsys.readouterr().out


def test_other_teachers_keep_their_pipeline(tmp_path: Path) -> None:
    nlp = make_pipeline(BOW)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    docs = [nlp.make_doc("love it")]
    assert choose_runtime("auto", nlp, TASK, docs, tmp_path).name == "pipeline"
    with pytest.raises(UserError, match=r"'onnx' cannot run this teacher: its pipeline is \['textcat'\]"):
        choose_runtime("onnx", nlp, TASK, docs, tmp_path)
    with pytest.raises(UserError, match="expected one of auto, pipeline, torch, onnx"):
        choose_runtime("tensorrt", nlp, TASK, docs, tmp_path)


@pytest.mark.parametrize("change", [{"use_reduce_max": True}, {"@architectures": "spacy.TextCatCNN.v2"}])
def test_another_head_keeps_its_pipeline(
    teacher: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    config = teacher.get_pipe_config("textcat")
    monkeypatch.setattr(teacher, "get_pipe_config", lambda name: {**config, "model": {**config["model"], **change}})
    assert choose_runtime("auto", teacher, TASK, odd_docs(teacher), tmp_path).name == "pipeline"
