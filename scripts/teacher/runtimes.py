"""What runs the teacher: spaCy's pipeline, or its encoder and head alone in PyTorch or ONNX Runtime.

The pipeline computes token vectors that a classifier of mean pooling never needs one by one, pads texts to windows of
all lengths, and cannot run under autocast on a CPU, as NumPy knows no bfloat16. The other runtimes give the same
probabilities within float rounding, or are checked on a sample of the texts and refused.
"""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, cast

import numpy
import torch
from scipy.special import expit
from spacy import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from wasabi import msg

from scripts.data.docbins import MASK
from scripts.files import UserError
from scripts.teacher.encoder import is_bfloat16_faster
from scripts.teacher.onnx_encoder import ExportError, load_onnx
from scripts.teacher.window_encoder import Encode, WindowEncoder, run_torch
from scripts.teacher.windows import batch_by_length, batch_windows, make_windows, pad_windows

# From documents, which it leaves as they are, to probabilities. Shape: (n_docs, n_labels).
Teacher = Callable[[List[Doc]], numpy.ndarray]
RUNTIMES = ("auto", "pipeline", "torch", "onnx")
# Wordpieces of a batch, padding included: what stays in a processor's cache, and what fills a GPU.
BATCH_WORDPIECES = 512
GPU_BATCH_WORDPIECES = 1 << 15
# Tokens of the documents that are cut into windows at once: the first batches are at work while the others are made.
TOKENS_AHEAD = 1 << 13
GPU_TOKENS_AHEAD = 1 << 16
# Padded tokens that the pipeline is given at once.
PIPELINE_BATCH_TOKENS = 1 << 15
# Texts of the sample that show how large the numbers of int8 must become.
CALIBRATION_TEXTS = 100
# Distance of the two highest probabilities below which int8 may name the wrong label. Chosen on unlabelled reviews of a
# good English and a poor German teacher; benchmarks.scoring shows what it and others cost and gain.
TIE = 0.15
# What a runtime of lower precision must reach on a sample of the texts.
MIN_AGREEMENT = 0.99
MAX_DIFFERENCE = 0.01


class Check(NamedTuple):
    """How near a runtime comes to the float32 one on a sample of the texts.

    agreement (float): Share of texts with the same most probable label.
    difference (float): Mean absolute difference of the probabilities.
    texts (int): Size of the sample.
    """

    agreement: float
    difference: float
    texts: int

    @property
    def passed(self) -> bool:
        """Whether the scores may be used."""
        return self.agreement >= MIN_AGREEMENT and self.difference <= MAX_DIFFERENCE


class Runtime(NamedTuple):
    """What runs a teacher.

    name (str): pipeline, torch or onnx.
    precision (str): float32, bfloat16, int8, or int8+float32: near ties of int8 are scored again in float32.
    predict (Teacher): From documents to probabilities.
    check (Optional[Check]): Its check; None for what is the teacher itself.
    """

    name: str
    precision: str
    predict: Teacher
    check: Optional[Check]


def choose_runtime(name: str, nlp: Language, labels: Sequence[str], sample: List[Doc], cache: Path) -> Runtime:
    """Make the runtime of a teacher: the one that is asked for or, for "auto", the fastest that passes the check.

    name (str): One of RUNTIMES.
    nlp (Language): The teacher.
    labels (Sequence[str]): Order of the columns.
    sample (List[Doc]): Texts to check runtimes of lower precision with.
    cache (Path): Folder of the exported encoder. It may be missing.
    RETURNS (Runtime): What runs the teacher.
    RAISES (UserError): There is no such runtime, it cannot run this teacher, or the teacher gives other labels.
    """
    if name not in RUNTIMES:
        raise UserError(f"There is no runtime {name!r}: expected one of {', '.join(RUNTIMES)}.")
    pipeline = Runtime("pipeline", "float32", make_teacher(nlp, labels), None)
    reason = why_pipeline(nlp)
    if name == "pipeline" or (reason and name == "auto"):
        return pipeline
    if reason:
        raise UserError(f"The runtime {name!r} cannot run this teacher: {reason}. Use --runtime pipeline.")
    model = get_transformer(nlp)
    device = model.transformer.device
    if name == "onnx" and device.type != "cpu":
        raise UserError("The runtime 'onnx' computes on the CPU, this teacher on a GPU. Use --runtime torch.")
    encoder = make_window_encoder(nlp)
    float32 = Runtime("torch", "float32", make_encoder_teacher(nlp, labels, run_torch(encoder)), None)
    if not sample:
        # Nothing to check with is nothing checked.
        return float32
    expected = float32.predict(sample)
    onnx = name == "onnx" or (name == "auto" and device.type == "cpu")
    windows = [arrays for _, arrays in batch_docs(sample[:CALIBRATION_TEXTS], model)] if onnx else []
    # From the fastest on, as benchmarks.scoring measures them.
    bfloat16 = name != "onnx" and is_bfloat16_faster(device)
    teach = partial(make_encoder_teacher, nlp, labels)
    candidates: List[Tuple[str, str, bool, Callable[[], Teacher]]] = [
        ("onnx", "int8", bool(windows), lambda: teach(load_onnx(encoder, cache, windows))),
        (
            "onnx",
            "int8+float32",
            bool(windows),
            lambda: rescore_ties(teach(load_onnx(encoder, cache, windows)), teach(load_onnx(encoder, cache)), tie=TIE),
        ),
        ("torch", "bfloat16", bfloat16, lambda: teach(run_torch(encoder, dtype=torch.bfloat16))),
        ("onnx", "float32", onnx, lambda: teach(load_onnx(encoder, cache))),
    ]
    for engine, precision, wanted, load in candidates:
        if not wanted:
            continue
        try:
            predict = load()
        except ExportError as error:
            msg.warn(f"The encoder cannot be exported to ONNX, {precision}: {error}")
            continue
        check = compare(predict(sample), expected)
        if check.passed:
            return Runtime(engine, precision, predict, check)
        msg.warn(f"The teacher in {engine}, {precision}, differs too much from float32: {describe(check)}")
    return float32


def rescore_ties(fast: Teacher, exact: Teacher, *, tie: float) -> Teacher:
    """Score near ties again, as they are where a less exact teacher names other labels.

    fast (Teacher): Scores all texts.
    exact (Teacher): Scores near ties.
    tie (float): Difference of the two highest probabilities below which a text is a near tie.
    RETURNS (Teacher): Both as one.
    """

    def predict(docs: List[Doc]) -> numpy.ndarray:
        probs = fast(docs)
        second, first = numpy.sort(probs, axis=1)[:, -2:].T
        ties = numpy.flatnonzero(first - second < tie)
        if len(ties):
            probs[ties] = exact([docs[i] for i in ties])
        return probs

    return predict


def describe(check: Check) -> str:
    """A check in words, for messages."""
    return f"{check.agreement:.1%} of the labels agree, mean difference {check.difference:.4f}, {check.texts} texts"


def compare(probs: numpy.ndarray, expected: numpy.ndarray) -> Check:
    """Compare probabilities.

    probs (ndarray): A runtime's. Shape: (n_docs, n_labels).
    expected (ndarray): Those of the float32 one. Same shape.
    RETURNS (Check): Fails where there is nothing to compare.
    """
    if not len(expected):
        return Check(0.0, 1.0, 0)
    agreement = (probs.argmax(axis=1) == expected.argmax(axis=1)).mean()
    return Check(float(agreement), float(numpy.abs(probs - expected).mean()), len(expected))


def get_transformer(nlp: Language) -> TransformerModel:
    """The transformer of a teacher that has one."""
    return cast(TransformerModel, cast(Transformer, nlp.get_pipe("transformer")).model)


def make_window_encoder(nlp: Language) -> WindowEncoder:
    """The encoder of a teacher that has one, without the pipeline around it."""
    model = get_transformer(nlp)
    return WindowEncoder(model.transformer, has_types="token_type_ids" in model.tokenizer.model_input_names)


def mask_token(nlp: Language) -> str:
    """The word that a teacher's own tokenizer takes for a masked one; the project's for teachers without one.

    nlp (Language): The teacher.
    RETURNS (str): For example <mask>.
    """
    return (nlp.has_pipe("transformer") and get_transformer(nlp).tokenizer.mask_token) or MASK


def why_pipeline(nlp: Language) -> str:
    """Tell why only spaCy's pipeline can run a teacher.

    nlp (Language): The teacher.
    RETURNS (str): The reason; empty if its encoder and head can be run alone.
    """
    if nlp.pipe_names != ["transformer", "textcat"]:
        return f"its pipeline is {nlp.pipe_names}, not transformer and textcat alone"
    model = nlp.get_pipe_config("textcat")["model"]
    listener = model.get("tok2vec", {})
    reductions = [model.get(f"use_reduce_{kind}") for kind in ("first", "last", "max", "mean")]
    if model["@architectures"] != "spacy.TextCatReduce.v1" or reductions != [False, False, False, True]:
        return "its classifier is no spacy.TextCatReduce.v1 with use_reduce_mean alone"
    if (
        listener.get("@architectures") != "spacy-transformers.TransformerListener.v1"
        or listener["pooling"]["@layers"] != "reduce_mean.v1"
    ):
        return "its classifier does not listen to the transformer through reduce_mean.v1"
    tokenizer = get_transformer(nlp).tokenizer
    if not tokenizer.is_fast or tokenizer.padding_side != "right":
        return "its tokenizer is no fast one that pads on the right"
    return ""


def make_teacher(nlp: Language, labels: Sequence[str]) -> Teacher:
    """Wrap a pipeline with a text classifier as a function from documents to probabilities.

    nlp (Language): The pipeline.
    labels (Sequence[str]): Order of the columns.
    RETURNS (Teacher): Returns an array of the shape (n_docs, n_labels).
    RAISES (UserError): The pipeline gives other labels.
    """
    found = set(nlp.pipe_labels["textcat"]) if nlp.has_pipe("textcat") else set()
    if found != set(labels):
        raise UserError(
            f"The teacher's labels are {sorted(found)}, the labels file has {sorted(labels)}. Train it again."
        )

    def predict(docs: List[Doc]) -> numpy.ndarray:
        probs = numpy.zeros((len(docs), len(labels)), dtype="float32")
        for batch in batch_by_length(docs, PIPELINE_BATCH_TOKENS):
            # The pipeline writes on documents: tensors, and cats that are not gold.
            copies = [
                Doc(nlp.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
                for doc in map(docs.__getitem__, batch)
            ]
            for i, doc in zip(batch, nlp.pipe(copies, batch_size=len(copies))):
                probs[i] = [doc.cats[label] for label in labels]
        return probs

    return predict


def batch_docs(docs: List[Doc], model: TransformerModel) -> Iterator[Tuple[List[int], List[numpy.ndarray]]]:
    """The batches of windows of documents: the document of each window, and what the encoder takes."""
    on_gpu = model.transformer.device.type != "cpu"
    max_wordpieces = GPU_BATCH_WORDPIECES if on_gpu else BATCH_WORDPIECES
    for chosen in batch_by_length(docs, GPU_TOKENS_AHEAD if on_gpu else TOKENS_AHEAD):
        windows = make_windows([docs[i] for i in chosen], model.attrs["get_spans"], model.tokenizer)
        for batch in batch_windows(windows, max_wordpieces):
            yield [chosen[window.doc] for window in batch], pad_windows(batch, model.tokenizer.pad_token_id or 0)


def make_encoder_teacher(nlp: Language, labels: Sequence[str], encode: Encode) -> Teacher:
    """Run a teacher's encoder and head without its pipeline.

    nlp (Language): The teacher.
    labels (Sequence[str]): Order of the columns.
    encode (Encode): Runs the encoder.
    RETURNS (Teacher): Returns an array of the shape (n_docs, n_labels).
    """
    model = get_transformer(nlp)
    textcat = cast(TextCategorizer, nlp.get_pipe("textcat"))
    head = textcat.model.get_ref("output_layer")
    columns = [textcat.labels.index(label) for label in labels]

    def predict(docs: List[Doc]) -> numpy.ndarray:
        vectors: Any = numpy.zeros((len(docs), model.get_dim("nO")), dtype="float32")
        owners: List[List[int]] = []

        def batches() -> Iterator[List[numpy.ndarray]]:
            for batch_owners, arrays in batch_docs(docs, model):
                owners.append(batch_owners)
                yield arrays

        # An encoder may ask for batches long before it returns their sums.
        for number, sums in enumerate(encode(batches())):
            numpy.add.at(vectors, owners[number], sums)
        scores = head.ops.to_numpy(head.predict(head.ops.asarray(vectors)))
        return (expit(scores) if textcat.model.attrs["multi_label"] else scores)[:, columns]

    return predict
