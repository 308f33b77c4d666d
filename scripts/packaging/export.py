"""The `export` step: a trained student, calibrated, under the stock factory `textcat`, without any training code."""

from pathlib import Path
from typing import Any, Dict, List, Tuple, cast

import numpy
import spacy
import typer
from spacy import Language, util
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from thinc.api import Model
from tqdm import tqdm
from wasabi import msg

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.distillation.calibration import calibrate, list_members
from scripts.files import UserError, replaced, run_command
from scripts.segmenters import list_requirements

# Largest difference of a probability. What predicts in place of a model may add up in another order, and calibration
# makes logits larger: one of nine students with a cached CNN differed by 1.2e-6.
TOLERANCE = 1e-5
N_CHECKED = 200


def export(
    student: Path = typer.Argument(..., help="The trained student"),
    output: Path = typer.Argument(..., help="Folder of the exported pipeline"),
    train: Path = typer.Option(..., help="A .spacy file with the gold texts that it was trained on"),
    dev: Path = typer.Option(..., help="A .spacy file with gold texts: to calibrate on, and to compare predictions"),
) -> None:
    """Calibrate a student, export it as a stock textcat pipeline and check that it predicts the same."""
    trained = spacy.load(student)
    docs = read_docs(dev, trained.vocab)
    msg.text(f"Calibrating {student} on {len(docs):,} texts")
    factors = calibrate(trained, read_docs(train, trained.vocab), docs)
    exported = export_pipeline(trained)
    with replaced(output) as partial:
        exported.to_disk(partial)
        difference = compare_predictions(trained, spacy.load(partial), [doc.text for doc in docs[:N_CHECKED]])
        if difference > TOLERANCE:
            raise UserError(
                f"The exported pipeline differs from {student} by {difference:.1e}, allowed: {TOLERANCE:.0e}"
            )
    msg.good(
        f"Exported {output}: predictions differ by {difference:.1e} at most; logits, calibrated on {len(docs)} texts, "
        f"times {' and '.join(f'{factor:.2f}' for factor in factors)}"
    )


def export_pipeline(trained: Language) -> Language:
    """Rebuild a trained student on the factory `textcat`, with a softmax on top of its logits.

    trained (Language): A pipeline with a `textcat_distill` component named textcat.
    RETURNS (Language): A pipeline that needs only spaCy and the modules of the student's architectures.
    """
    config = trained.config.copy()
    component = config["components"]["textcat"]
    old = cast(TrainablePipe, trained.get_pipe("textcat"))
    model, block = drop_silent_member(old.model, component["model"])
    config["components"]["textcat"] = {
        "factory": "textcat",
        "threshold": component["threshold"],
        "scorer": component["scorer"],
        "model": {"@architectures": "textdistill.Softmax.v1", "logits": replace_block(model, block)},
    }
    # What training read does not matter to the package, and its paths are nobody's business.
    for section in ("paths", "corpora", "training", "pretraining", "initialize"):
        config.pop(section, None)
    # A vocabulary of its own: the trained one holds every word and vector of the training, and predicts the same.
    exported = util.load_model_from_config(config, auto_fill=True)
    new = cast(TrainablePipe, exported.get_pipe("textcat"))
    new.cfg.update(old.cfg)
    new.model.layers[0].from_bytes(model.to_bytes())
    new.model.set_dim("nO", len(new.labels))
    exported.meta["requirements"] = [*find_requirements(new.model), *list_requirements(config["nlp"]["tokenizer"])]
    return exported


def find_requirements(model: Model[List[Doc], Any]) -> List[str]:
    """The packages that any part of a model needs beside spaCy's own, each once.

    model (Model[List[Doc], Any]): The model.
    RETURNS (List[str]): Requirements, e.g. ["torch>=2.0"].
    """
    return list(dict.fromkeys(package for node in model.walk() for package in node.attrs.get("requires", [])))


def drop_silent_member(
    model: Model[List[Doc], Any], block: Dict[str, Any]
) -> Tuple[Model[List[Doc], Any], Dict[str, Any]]:
    """Leave out the members of a student that calibration gave the factor 0, as a poor teacher's CNN may get it.

    model (Model[List[Doc], Any]): A calibrated student.
    block (Dict[str, Any]): Its config block.
    RETURNS (Tuple[Model[List[Doc], Any], Dict[str, Any]]): The one member whose logits are not all 0, and its block;
        the student itself, where there is no such member.
    """
    names = model.attrs.get("members", [])
    outputs = [member.get_ref("output_layer") for member in list_members(model)]
    heard = [name for name, layer in zip(names, outputs) if layer.get_param("W").any() or layer.get_param("b").any()]
    if len(heard) != 1:
        return model, block
    return model.layers[names.index(heard[0])], block[heard[0]]


def replace_block(model: Model[List[Doc], Any], block: Dict[str, Any]) -> Dict[str, Any]:
    """Let what predicts faster take the place of a student, or of its members.

    model (Model[List[Doc], Any]): The student.
    block (Dict[str, Any]): Its config block.
    RETURNS (Dict[str, Any]): One of the same layers, so that it loads the same weights.
    """
    members = zip(model.attrs.get("members", []), model.layers)
    block = {**block, **{name: replace_block(member, block[name]) for name, member in members}}
    return model.attrs["predicts_as"](block) if "predicts_as" in model.attrs else block


def compare_predictions(one: Language, other: Language, texts: List[str]) -> float:
    """The largest difference between the probabilities of two pipelines.

    one, other (Language): Pipelines with the same labels.
    texts (List[str]): The texts.
    RETURNS (float): 0 to 1.
    """

    def values(doc: Doc) -> List[float]:
        return [doc.cats[label] for label in sorted(doc.cats)]

    pairs = zip(one.pipe(texts), other.pipe(texts))
    rows = tqdm(pairs, total=len(texts), desc="Comparing predictions", unit="text", disable=None)
    return max(float(numpy.abs(numpy.subtract(values(a), values(b))).max()) for a, b in rows)


if __name__ == "__main__":
    run_command(export)
