"""What runs a pipeline: spaCy, or its encoder and head alone in PyTorch or ONNX Runtime.

The pipeline computes token vectors that a classifier of mean pooling never needs one by one, pads texts to windows of
all lengths, and cannot run under autocast on a CPU, as NumPy knows no bfloat16. The other runtimes give the same
probabilities within float rounding, or are checked on a sample of the texts and refused.
"""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple, cast

import numpy
import torch
from spacy import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from wasabi import msg

from scripts.data.task import Task
from scripts.files import UserError
from scripts.teacher.load_encoder import is_bfloat16_faster
from scripts.teacher.onnx_encoder import ExportError, load_onnx
from scripts.teacher.protocol import check_labels
from scripts.teacher.window_encoder import Encode, make_window_encoder, run_torch
from scripts.teacher.windows import batch_by_length, batch_windows, make_windows, pad_windows

# From documents, which it leaves as they are, to probabilities. Shape: (n_docs, n_labels).
Predict = Callable[[List[Doc]], numpy.ndarray]
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
# What lower precision may move probabilities by in the mean; benchmarks.scoring shows by how much it does.
MAX_DIFFERENCE = 0.025
# Largest difference between logits that another batch size makes. In int8, the largest value of a batch scales all of
# it: on 60 reviews the difference was .010 in the mean, .16 at most.
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1, "int8": 0.5, "int8+float32": 0.5}


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
    """What runs a pipeline.

    name (str): pipeline, torch or onnx.
    precision (str): float32, bfloat16, int8, or int8+float32: near ties of int8 are scored again in float32.
    predict (Predict): From documents to probabilities.
    check (Optional[Check]): Its check; None for what is the pipeline itself.
    """

    name: str
    precision: str
    predict: Predict
    check: Optional[Check]


def choose_runtime(name: str, nlp: Language, task: Task, sample: List[Doc], cache: Path) -> Runtime:
    """Make the runtime of a pipeline: the one that is asked for or, for "auto", the fastest that passes the check.

    name (str): One of RUNTIMES.
    nlp (Language): The pipeline.
    task (Task): The task; its labels are the columns.
    sample (List[Doc]): Texts to check runtimes of lower precision with.
    cache (Path): Folder of the exported encoder. It may be missing.
    RETURNS (Runtime): What runs the pipeline.
    RAISES (UserError): There is no such runtime, it cannot run this pipeline, or the pipeline gives other labels.
    """
    if name not in RUNTIMES:
        raise UserError(f"There is no runtime {name!r}: expected one of {', '.join(RUNTIMES)}.")
    pipeline = Runtime("pipeline", "float32", wrap_pipeline(nlp, task), None)
    reason = why_pipeline(nlp)
    if name == "pipeline" or (reason and name == "auto"):
        return pipeline
    if reason:
        raise UserError(
            f'The runtime {name!r} cannot run this teacher: {reason}. Set runtime = "pipeline" in score.cfg.'
        )
    model = get_transformer(nlp)
    device = model.transformer.device
    if name == "onnx" and device.type != "cpu":
        raise UserError(
            'The runtime "onnx" computes on the CPU, this teacher on a GPU. Set runtime = "torch" in score.cfg.'
        )
    encoder = make_window_encoder(model)
    float32 = Runtime("torch", "float32", wrap_encoder(nlp, task, run_torch(encoder)), None)
    if not sample:
        # Nothing to check with is nothing checked.
        return float32
    expected = float32.predict(sample)
    onnx = name == "onnx" or (name == "auto" and device.type == "cpu")
    windows = [arrays for _, arrays in batch_docs(sample[:CALIBRATION_TEXTS], model)] if onnx else []
    # From the fastest on, as benchmarks.scoring measures them.
    bfloat16 = name != "onnx" and is_bfloat16_faster(device)
    wrap = partial(wrap_encoder, nlp, task)
    candidates: List[Tuple[str, str, bool, Callable[[], Predict]]] = [
        ("onnx", "int8", bool(windows), lambda: wrap(load_onnx(encoder, cache, windows))),
        (
            "onnx",
            "int8+float32",
            bool(windows),
            lambda: rescore_ties(
                wrap(load_onnx(encoder, cache, windows)), wrap(load_onnx(encoder, cache)), task, tie=TIE
            ),
        ),
        ("torch", "bfloat16", bfloat16, lambda: wrap(run_torch(encoder, dtype=torch.bfloat16))),
        ("onnx", "float32", onnx, lambda: wrap(load_onnx(encoder, cache))),
    ]
    for engine, precision, wanted, load in candidates:
        if not wanted:
            continue
        try:
            predict = load()
        except ExportError as error:
            msg.warn(f"The encoder cannot be exported to ONNX, {precision}: {error}")
            continue
        check = compare(predict(sample), expected, task)
        if check.passed:
            return Runtime(engine, precision, predict, check)
        msg.info(f"The teacher in {engine}, {precision}, is not used: {describe(check)}. Trying the next")
    return float32


def rescore_ties(fast: Predict, exact: Predict, task: Task, *, tie: float) -> Predict:
    """Score near ties again, as they are where a less exact runtime names other labels.

    fast (Predict): Scores all texts.
    exact (Predict): Scores near ties.
    task (Task): The task.
    tie (float): Margin below which a text is a near tie.
    RETURNS (Predict): Both as one.
    """

    def predict(docs: List[Doc]) -> numpy.ndarray:
        probs = fast(docs)
        ties = numpy.flatnonzero(task.measure_margins(probs) < tie)
        if len(ties):
            probs[ties] = exact([docs[i] for i in ties])
        return probs

    return predict


def describe(check: Check) -> str:
    """A check in words, for messages."""
    return f"{check.agreement:.1%} of the labels agree, mean difference {check.difference:.4f}, {check.texts} texts"


def compare(probs: numpy.ndarray, expected: numpy.ndarray, task: Task) -> Check:
    """Compare probabilities.

    probs (ndarray): A runtime's. Shape: (n_docs, n_labels).
    expected (ndarray): Those of the float32 one. Same shape.
    task (Task): The task.
    RETURNS (Check): Fails where there is nothing to compare.
    """
    if not len(expected):
        return Check(0.0, 1.0, 0)
    agreement = (task.decide(probs) == task.decide(expected)).mean()
    return Check(float(agreement), float(numpy.abs(probs - expected).mean()), len(expected))


def get_transformer(nlp: Language) -> TransformerModel:
    """The transformer of a pipeline that has one."""
    return cast(TransformerModel, cast(Transformer, nlp.get_pipe("transformer")).model)


def why_pipeline(nlp: Language) -> str:
    """Tell why only spaCy can run a pipeline.

    nlp (Language): The pipeline.
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


def wrap_pipeline(nlp: Language, task: Task) -> Predict:
    """Wrap a pipeline with a text classifier as a function from documents to probabilities.

    nlp (Language): The pipeline.
    task (Task): The task; its labels are the columns.
    RETURNS (Predict): Returns an array of the shape (n_docs, n_labels).
    RAISES (UserError): The pipeline gives other labels.
    """
    check_labels(list(nlp.pipe_labels["textcat"]) if nlp.has_pipe("textcat") else [], task)

    def predict(docs: List[Doc]) -> numpy.ndarray:
        probs = numpy.zeros((len(docs), len(task.labels)), dtype="float32")
        for batch in batch_by_length(docs, PIPELINE_BATCH_TOKENS):
            # The pipeline writes on documents: tensors, and cats that are not gold.
            copies = [
                Doc(nlp.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
                for doc in map(docs.__getitem__, batch)
            ]
            for i, doc in zip(batch, nlp.pipe(copies, batch_size=len(copies))):
                probs[i] = [doc.cats[label] for label in task.labels]
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


def wrap_encoder(nlp: Language, task: Task, encode: Encode) -> Predict:
    """Run a pipeline's encoder and head without the rest of it.

    nlp (Language): The pipeline.
    task (Task): The task; its labels are the columns.
    encode (Encode): Runs the encoder.
    RETURNS (Predict): Returns an array of the shape (n_docs, n_labels).
    """
    model = get_transformer(nlp)
    textcat = cast(TextCategorizer, nlp.get_pipe("textcat"))
    head = textcat.model.get_ref("output_layer")
    # Softmax is part of the output layer, the logistic function is a layer behind it.
    activation = textcat.model.layers[-1] if textcat.model.attrs["multi_label"] else None
    columns = [textcat.labels.index(label) for label in task.labels]

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
        scores = head.predict(head.ops.asarray(vectors))
        return head.ops.to_numpy(activation.predict(scores) if activation else scores)[:, columns]

    return predict
