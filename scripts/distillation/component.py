"""Pipeline component that learns from a teacher's logits. For training only: packages ship stock `textcat`."""

from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import numpy
from sklearn.metrics import f1_score
from spacy import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats1d, Floats2d

from scripts.data.docbins import GOLD, SOURCES, UNLABELLED, number_gold
from scripts.data.predictions import predict_docs
from scripts.distillation.calibration import fit_factors, list_members
from scripts.distillation.losses import SoftTargets

# Whole texts that a model is fitted on before training, at most: a fit on more takes long and changes little.
MAX_FIT_DOCS = 50_000

DEFAULT_CONFIG: Dict[str, Any] = {
    "model": {
        "@architectures": "textdistill.NgramLinear.v1",
        "ngram_size": 3,
        "min_docs": 3,
        "max_ngrams": 120000,
        "scale": 3.0,
    },
    "loss": {"@losses": "textdistill.SoftTargets.v1", "objective": "kl", "temperature": 2.0, "hard_weight": 0.8},
    "member_losses": {},
    "source_weights": {"gold_piece": 0.1, "unlabelled_piece": 0.1},
    "threshold": 0.0,
    "scorer": {"@scorers": "spacy.textcat_scorer.v2"},
}


class DistilledTextCategorizer(TextCategorizer):
    """Single-label text classifier whose model ends in logits and learns from soft targets and gold."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str,
        *,
        loss: SoftTargets,
        member_losses: Dict[str, SoftTargets],
        source_weights: Dict[str, float],
        threshold: float,
        scorer: Optional[Callable],
    ) -> None:
        """Create the component.

        vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], Floats2d]): A student that ends in logits.
        name (str): Name of the component instance.
        loss (SoftTargets): From logits, teacher logits and gold to gradient and loss.
        member_losses (Dict[str, SoftTargets]): Losses that take its place for members of a model, by their names
            (`attrs["members"]`), where these learn apart.
        source_weights (Dict[str, float]): Weight of a document in the loss by its source; 1 for those not named.
        threshold (float): Unused with exclusive classes; stock `textcat` has it too.
        scorer (Optional[Callable]): The scoring method.
        """
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        for source, weight in source_weights.items():
            if source not in SOURCES or weight < 0:
                raise ValueError(
                    f"source_weights of textcat_distill takes a weight >= 0 for {', '.join(SOURCES)}, "
                    f"got {source} = {weight}"
                )
        names = model.attrs.get("members", [])
        for member in member_losses:
            if member not in names:
                raise ValueError(
                    f"member_losses of textcat_distill takes a loss for {', '.join(names) or 'no member'} of this "
                    f"model, got one for {member}"
                )
        self.loss = loss
        self.member_losses = member_losses
        self.source_weights = source_weights

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
        positive_label: Optional[str] = None,
        corpus: Optional[Callable[[Language], Iterable[Example]]] = None,
    ) -> None:
        """Give layers what they need before they are initialised as `textcat` does it: the whole corpus
        (`attrs["fit"]`), the vectors of the vocabulary (`attrs["take_vectors"]`).

        corpus (Optional[Callable[[Language], Iterable[Example]]]): Reader of all that the student will see. It is
            needed beside `get_examples`, as spaCy gives only the first 100 examples of a streamed corpus to that.
            None fits on `get_examples`.

        The other parameters are those of `TextCategorizer.initialize`. Augmented texts and pieces are left out of the
        fit: they repeat the words of their originals. Of a larger corpus the first MAX_FIT_DOCS of the others are
        taken; as a transfer set is in random order, that is a fair sample.
        """
        for node in self.model.walk():
            if "take_vectors" in node.attrs:
                node.attrs["take_vectors"](node, self.vocab)
            if "fit" in node.attrs:
                examples = corpus(nlp) if corpus is not None and nlp is not None else get_examples()
                docs = (eg.reference for eg in examples if eg.reference._.source in (None, GOLD, UNLABELLED))
                node.attrs["fit"](node, islice(docs, MAX_FIT_DOCS))
        super().initialize(get_examples, nlp=nlp, labels=labels, positive_label=positive_label)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Predict probabilities. This is the one place with a softmax.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Probabilities; zeros if all documents are empty, as in `textcat`. Shape: (n_docs, n_labels).
        """
        scores = super().predict(docs)
        return self.model.ops.softmax(scores) if any(len(doc) for doc in docs) else scores

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch, as `textcat` does, and move the schedules of the loss one step.

        The members of a model with `attrs["apart"]`, which adds their logits, have a loss each; their mean is reported.
        """
        examples = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, "DistilledTextCategorizer.update")
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return losses
        set_dropout_rate(self.model, drop)
        targets = self._targets(examples)
        members = [(self.model, self.loss)]
        if self.model.attrs.get("apart"):
            names = self.model.attrs["members"]
            members = [
                (layer, self.member_losses.get(name, self.loss)) for name, layer in zip(names, self.model.layers)
            ]
        for member, loss in members:
            scores, backprop = member.begin_update(docs)
            d_scores, value = loss(scores, *targets)
            backprop(self.model.ops.asarray2f(d_scores))
            losses[self.name] += value / len(members)
        if sgd is not None:
            self.finish_update(sgd)
        for loss in (self.loss, *self.member_losses.values()):
            loss.step()
        return losses

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score predictions as `textcat` does, and what they would be with members calibrated on the same texts.

        examples (Iterable[Example]): Predicted documents with references.
        kwargs (Any): Settings of the scorer.
        RETURNS (Dict[str, Any]): The scores of `textcat`, and `cats_calibrated_f`, the macro F1 with the best factors
            for these texts. Training chooses its best step by it, as dev is what `export` calibrates on; of other
            texts it promises nothing.
        """
        examples = list(examples)
        scores = super().score(examples, **kwargs)
        labelled = [eg for eg in examples if any(eg.reference.cats.values()) and len(eg.predicted)]
        if labelled:
            gold = number_gold([eg.reference for eg in labelled], list(self.labels))
            docs = [eg.predicted for eg in labelled]
            logits = numpy.stack([predict_docs(member, docs) for member in list_members(self.model)])
            predicted = numpy.tensordot(fit_factors(logits, gold), logits, axes=1).argmax(axis=1)
            scores["cats_calibrated_f"] = float(
                f1_score(gold, predicted, labels=range(len(self.labels)), average="macro", zero_division=0)
            )
        return scores

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> Tuple[float, Any]:
        """Find the loss of a batch and its gradient.

        examples (Iterable[Example]): Their references have teacher logits, or none has them and all have gold.
        scores (Floats2d): The student's logits. Shape: (n_docs, n_labels).
        RETURNS (Tuple[float, Floats2d]): Loss per document and gradient with respect to the logits.
        RAISES (ValueError): Teacher logits are missing or do not fit the labels.
        """
        d_scores, loss = self.loss(scores, *self._targets(list(examples)))
        return loss, self.model.ops.asarray2f(d_scores)

    def get_teacher_student_loss(self, teacher_scores: Floats2d, student_scores: Floats2d) -> Tuple[float, Floats2d]:
        """Find the loss without gold, under the name that spaCy v4 gives this hook.

        teacher_scores (Floats2d): The teacher's logits. Shape: (n_docs, n_labels).
        student_scores (Floats2d): The student's logits. Same shape.
        RETURNS (Tuple[float, Floats2d]): Loss per document and gradient with respect to the student's logits.
        """
        d_scores, loss = self.loss(student_scores, teacher_scores, self.model.ops.xp.zeros_like(student_scores))
        return loss, d_scores

    def _targets(self, examples: List[Example]) -> Tuple[Optional[Floats2d], Floats2d, Floats1d]:
        """What the loss compares a batch's logits with: teacher logits, gold, and the weights of the documents."""
        self._validate_categories(examples)
        gold: Any = self._examples_to_truth(examples)[0]
        weights = [self.source_weights.get(eg.reference._.source, 1.0) for eg in examples]
        return self._teacher_logits(examples), gold, self.model.ops.asarray1f(weights)

    def _teacher_logits(self, examples: List[Example]) -> Optional[Floats2d]:
        """The teacher logits of a batch, or None for one of gold documents that no teacher has scored."""
        rows = [eg.reference._.teacher_logits for eg in examples]
        if all(row is None and any(eg.reference.cats.values()) for eg, row in zip(examples, rows)):
            return None
        for eg, row in zip(examples, rows):
            if row is None or len(row) != len(self.labels):
                raise ValueError(
                    f"The document {eg.reference.text[:50]!r} has the teacher logits {row}, but the labels "
                    f"{', '.join(self.labels)} need {len(self.labels)}. Score the transfer set with a teacher of "
                    "the same labels file, or train on gold documents alone."
                )
        return self.model.ops.asarray2f(rows)


def make_textcat_distill(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    loss: SoftTargets,
    # Confection checks the values of a dictionary before it has made losses of them.
    member_losses: Dict[str, Any],
    source_weights: Dict[str, float],
    threshold: float,
    scorer: Optional[Callable],
) -> DistilledTextCategorizer:
    """Create the component `textcat_distill`. The parameters are those of DistilledTextCategorizer."""
    return DistilledTextCategorizer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        member_losses=member_losses,
        source_weights=source_weights,
        threshold=threshold,
        scorer=scorer,
    )


if not Language.has_factory("textcat_distill"):
    Language.factory(
        "textcat_distill",
        assigns=["doc.cats"],
        default_config=DEFAULT_CONFIG,
        default_score_weights={"cats_calibrated_f": 1.0},
        func=make_textcat_distill,
    )
