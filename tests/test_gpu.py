from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy
import pytest
import spacy
import torch
from spacy import Language
from spacy.vectors import Vectors  # type: ignore[import-not-found]
from thinc.api import fix_random_seed, get_current_ops, require_cpu
from thinc.compat import has_cupy_gpu
from thinc.util import is_cupy_array

from scripts.distillation.calibration import calibrate
from scripts.files import UserError
from scripts.gpu import use_gpu
from scripts.lexicon.__main__ import encode_words
from scripts.packaging.export import export_pipeline
from scripts.teacher import runtimes
from scripts.teacher.runtimes import choose_runtime, get_transformer, wrap_pipeline
from tests.conftest import ARCHITECTURES, CNN, LABELS, TEXTS, make_examples, make_pipeline, make_teacher_logits, train
from tests.teacher.test_runtimes import TASK, make_transformer_teacher, odd_docs, predict_in_torch


@pytest.fixture
def gpu() -> Iterator[None]:
    if not has_cupy_gpu or not torch.cuda.is_available():
        pytest.skip("no GPU that CuPy and PyTorch can use")
    use_gpu(0)
    fix_random_seed(0)
    yield
    require_cpu()


def predict(nlp: Language) -> numpy.ndarray:
    docs = nlp.pipe([*(text for text, _ in TEXTS), "", "never seen before"])
    return numpy.array([[doc.cats[label] for label in LABELS] for doc in docs])


def train_from(path: Path, architecture: Dict[str, Any]) -> Language:
    """Train the same initialised student, wherever spaCy computes."""
    nlp = make_pipeline(architecture)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    optimizer = nlp.initialize(lambda: examples)
    if path.exists():
        nlp.from_disk(path)
    else:
        nlp.to_disk(path)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error() -> None:
    with pytest.raises(UserError, match=r"GPU 0 cannot be used .*needs PyTorch with CUDA and CuPy"):
        use_gpu(0)
    use_gpu(-1)


@pytest.mark.gpu
def test_an_unknown_gpu_is_an_error(gpu: None) -> None:
    with pytest.raises(UserError, match="GPU 99 cannot be used"):
        use_gpu(99)


@pytest.mark.gpu
def test_a_student_learns_the_same_on_a_gpu(gpu: None, tmp_path: Path, architecture: Dict[str, Any]) -> None:
    require_cpu()
    expected = predict(train_from(tmp_path / "student", architecture))
    use_gpu(0)
    nlp = train_from(tmp_path / "student", architecture)
    # The n-gram table stays on the CPU.
    weights = nlp.get_pipe("textcat").model.get_ref("output_layer").get_param("W")  # type: ignore[attr-defined]
    assert is_cupy_array(weights) == (architecture != ARCHITECTURES["bow"])
    # Adam makes steps of one size of gradients of any size, rounding included.
    assert predict(nlp) == pytest.approx(expected, abs=1e-3)


@pytest.mark.gpu
def test_a_student_of_a_gpu_is_packaged_and_predicts_the_same_on_a_cpu(
    gpu: None, tmp_path: Path, architecture: Dict[str, Any]
) -> None:
    trained = train(architecture)
    docs = [example.reference for example in make_examples(trained)]
    calibrate(trained, docs, docs)
    exported = export_pipeline(trained)
    exported.to_disk(tmp_path / "exported")
    on_gpu = predict(exported)
    assert on_gpu == pytest.approx(predict(trained), abs=1e-5)
    require_cpu()
    # cuDNN's LSTM computes with fewer bits than float32 has.
    tolerance = 1e-3 if architecture == ARCHITECTURES["bilstm"] else 1e-5
    assert predict(spacy.load(tmp_path / "exported")) == pytest.approx(on_gpu, abs=tolerance)


@pytest.mark.gpu
def test_the_lexicon_of_a_student_comes_from_the_gpu(gpu: None) -> None:
    nlp = make_pipeline(CNN)
    words = ["love", "awful", "broke"]
    data = numpy.arange(9, dtype="float32").reshape((3, 3))
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=words, name="lexicon")
    nlp.vocab.vectors.to_ops(get_current_ops())
    assert is_cupy_array(nlp.vocab.vectors.data)
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    optimizer = nlp.initialize(lambda: examples)
    losses = [nlp.update(examples, sgd=optimizer)["textcat"] for _ in range(10)]
    assert losses[-1] < losses[0]
    model: Any = nlp.get_pipe("textcat").model  # type: ignore[attr-defined]
    (lexicon,) = [node for node in model.walk() if node.name == "lexicon"]
    rows = [list(lexicon.attrs["keys"]).index(nlp.vocab.strings[word]) for word in words]
    assert lexicon.attrs["vectors"][rows].tolist() == data.tolist()


@pytest.mark.gpu
@pytest.mark.parametrize("batch_wordpieces", [16, runtimes.GPU_BATCH_WORDPIECES])
def test_a_gpu_scores_as_the_pipeline_on_a_cpu_does(
    gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_wordpieces: int
) -> None:
    monkeypatch.setattr(runtimes, "GPU_BATCH_WORDPIECES", batch_wordpieces)
    require_cpu()
    nlp = make_transformer_teacher(tmp_path)
    nlp.to_disk(tmp_path / "teacher")
    expected = wrap_pipeline(nlp, TASK)(odd_docs(nlp))
    use_gpu(0)
    nlp = spacy.load(tmp_path / "teacher")
    docs = odd_docs(nlp)
    assert get_transformer(nlp).transformer.device.type == "cuda"
    assert wrap_pipeline(nlp, TASK)(docs) == pytest.approx(expected, abs=1e-4)
    assert predict_in_torch(nlp)(docs) == pytest.approx(expected, abs=1e-4)
    chosen = choose_runtime("auto", nlp, TASK, docs, tmp_path / "onnx")
    assert chosen.name == "torch"
    assert chosen.predict(docs) == pytest.approx(expected, abs=0.05)
    with pytest.raises(UserError, match='"onnx" computes on the CPU'):
        choose_runtime("onnx", nlp, TASK, docs, tmp_path / "onnx")


@pytest.mark.gpu
def test_a_gpu_reads_the_same_words(gpu: None, tmp_path: Path) -> None:
    model = get_transformer(make_transformer_teacher(tmp_path))
    words: List[str] = ["love", "lovely", "bad", "\x07", "day!"]

    def encode(device: str) -> numpy.ndarray:
        model.transformer.to(device)
        return encode_words(words, model)

    assert encode("cuda") == pytest.approx(encode("cpu"), abs=1e-4)
