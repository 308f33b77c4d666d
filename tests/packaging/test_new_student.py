"""A new student is a leaf: no other code must be changed for it to be trained, calibrated, exported and compressed."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Dict

import pytest
import spacy
import srsly
from spacy import Language

from scripts.data.docbins import write_docs
from scripts.packaging.compress import compress
from scripts.packaging.export import compare_predictions, export
from scripts.packaging.wheel import find_modules
from tests.conftest import ENSEMBLE, TEXTS, make_examples, train

LEAF = '''
"""Adds up a weight for each word of a table."""

from collections import Counter

import numpy
from spacy.util import registry
from thinc.api import Model


@registry.architectures("textdistill.WordSum.v1")
def build_word_sum(nO=None):
    attrs = {"keys": numpy.zeros((0,), dtype="uint64"), "multi_label": False, "requires": ["some-dictionary>=1.0"]}
    attrs.update(fit=fit, features=read, table=Words, predicts_as=lower)
    model = Model("word_sum", forward, init=init, dims={"nO": nO}, params={"W": None, "b": None}, attrs=attrs)
    model.set_ref("output_layer", model)
    return model


@registry.architectures("textdistill.QuickWordSum.v1")
def build_quick_word_sum(slow, quickness):
    return slow


def lower(block):
    return {"@architectures": "textdistill.QuickWordSum.v1", "quickness": 9, "slow": block}


def fit(model, docs):
    model.attrs["keys"] = numpy.unique(numpy.array([token.lower for doc in docs for token in doc], dtype="uint64"))


def init(model, X=None, Y=None):
    if Y is not None:
        model.set_dim("nO", Y.shape[1])
    model.set_param("W", model.ops.alloc2f(len(model.attrs["keys"]), model.get_dim("nO")))
    model.set_param("b", model.ops.alloc1f(model.get_dim("nO")))


def read(model, docs):
    row_of = {key: row for row, key in enumerate(model.attrs["keys"].tolist())}
    entries = [(i, row_of[t.lower], 1.0) for i, doc in enumerate(docs) for t in doc if t.lower in row_of]
    doc_ids, rows, values = zip(*entries)
    return numpy.array(doc_ids), numpy.array(rows), numpy.array(values, dtype="float32")


def forward(model, docs, is_train):
    W = model.get_param("W").astype("float32")
    doc_ids, rows, values = read(model, docs)
    logits = numpy.zeros((len(docs), W.shape[1]), dtype="float32") + model.get_param("b")
    numpy.add.at(logits, doc_ids, values[:, None] * W[rows])

    def backprop(d_logits):
        dW = numpy.zeros_like(W)
        numpy.add.at(dW, rows, values[:, None] * d_logits[doc_ids])
        model.inc_grad("W", dW)
        model.inc_grad("b", d_logits.sum(axis=0))
        return []

    return logits, backprop


class Words:
    name = "summands"

    def __init__(self, layer, docs):
        self.layer = layer
        counts = Counter(token.lower for doc in docs for token in doc)
        self.importance = numpy.array([counts[key] for key in layer.attrs["keys"].tolist()])

    def keep(self, rows):
        self.layer.attrs["keys"] = self.layer.attrs["keys"][rows]
        self.layer.set_param("W", self.layer.get_param("W")[rows].astype("float16"))
'''


@pytest.fixture(scope="module")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the new leaf, which has been imported; nothing else is done for it."""
    path = tmp_path_factory.mktemp("project") / "architectures" / "word_sum.py"
    path.parent.mkdir()
    path.write_text(LEAF, encoding="utf8")
    spec: Any = spec_from_file_location("word_sum", path)
    sys.modules["word_sum"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["word_sum"])
    return path


WORD_SUM: Dict[str, Any] = {"@architectures": "textdistill.WordSum.v1"}


@pytest.mark.parametrize(
    "model,n_factors", [(WORD_SUM, 2), ({**ENSEMBLE, "bow": WORD_SUM}, 3)], ids=["alone", "member"]
)
def test_a_leaf_is_all_that_a_new_student_needs(
    leaf: Path, model: Dict[str, Any], n_factors: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = train(model, n_updates=20)
    trained.to_disk(tmp_path / "student")
    gold = tmp_path / "gold.spacy"
    write_docs([eg.reference for eg in make_examples(spacy.blank("en"))], gold)
    export(tmp_path / "student", tmp_path / "export", train=gold, dev=gold)
    # A factor for each member, and one for what gold labels alone teach.
    assert capsys.readouterr().out.split("times")[1].count("and") == n_factors - 1
    exported = spacy.load(tmp_path / "export")
    block = exported.config["components"]["textcat"]["model"]["logits"]
    quick = {"@architectures": "textdistill.QuickWordSum.v1", "quickness": 9, "slow": {**WORD_SUM, "nO": None}}
    assert (block["bow"] if "bow" in model else block) == quick
    assert exported.meta["requirements"] == ["some-dictionary>=1.0"]
    assert leaf in find_modules(tmp_path / "export")
    srsly.write_jsonl(tmp_path / "texts.jsonl", [{"text": text} for text, _ in TEXTS])
    options: Any = {"dev": gold, "texts": tmp_path / "texts.jsonl", "max_loss": 20.0, "min_agreement": 0.8}
    compress(tmp_path / "export", tmp_path / "compressed", tmp_path / "compression", **options)
    chosen = [row for row in srsly.read_json(tmp_path / "compression.json")["curve"] if row["is_chosen"]][-1]
    compressed = spacy.load(tmp_path / "compressed")
    assert count_keys(compressed) == chosen["summands"] < count_keys(exported)
    assert compare_predictions(exported, compressed, [text for text, _ in TEXTS]) > 0


def count_keys(nlp: Language) -> int:
    textcat: Any = nlp.get_pipe("textcat")
    return next(len(node.attrs["keys"]) for node in textcat.model.walk() if node.name == "word_sum")
