"""Pipeline component that learns from a teacher's logits. For training only: packages ship stock `textcat`."""

from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy
from spacy import Language
from spacy.pipeline import TextCategorizer
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d
from tqdm import tqdm

from scripts.data.predictions import predict_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED
from scripts.distillation.calibration import fit_factors, list_members
from scripts.distillation.features import MAX_CHOICE_DOCS, choose_features
from scripts.distillation.losses import SoftTargets

# Whole texts that a model is fitted on before training, at most: a fit on more takes long and changes little.
MAX_FIT_DOCS = 50_000


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
        threshold: float,
        scorer: Optional[Callable],
    ) -> None:
        """Create the component.

        vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], Floats2d]): A student that ends in logits.
        name (str): Name of the component instance.
        loss (SoftTargets): From logits, teacher logits and gold to gradient and loss.
        member_losses (Dict[str, SoftTargets]): Losses that take its place for members of a model, by their names
            (`attrs["members"]`).
        threshold (float): Unused with exclusive classes; stock `textcat` has it too.
        scorer (Optional[Callable]): The scoring method.
        """
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        names = model.attrs.get("members", [])
        for member in member_losses:
            if member not in names:
                raise ValueError(
                    f"member_losses of textcat_distill takes a loss for {', '.join(names) or 'no member'} of this "
                    f"model, got one for {member}"
                )
        self.loss = loss
        self.member_losses = member_losses

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Iterable[str]] = None,
        positive_label: Optional[str] = None,
        corpus: Optional[Callable[[Language], Iterable[Example]]] = None,
        dev: Optional[Callable[[Language], Iterable[Example]]] = None,
    ) -> None:
        """Give layers what they need before they are initialised as `textcat` does it: the vectors of the vocabulary
        (`attrs["take_vectors"]`), a choice of what they read (`attrs["choices"]`), the whole corpus (`attrs["fit"]`).

        corpus (Optional[Callable[[Language], Iterable[Example]]]): Reader of all that the student will see. It is
            needed beside `get_examples`, as spaCy gives only the first 100 examples of a streamed corpus to that.
            None fits on `get_examples`.
        dev (Optional[Callable[[Language], Iterable[Example]]]): Reader of the gold documents that choices are made on;
            without it, or without labels, there are none.

        The other parameters are those of `TextCategorizer.initialize`. Augmented texts are left out of the fit:
        they repeat the words of their originals. Of a larger corpus the first MAX_FIT_DOCS of the others are taken; as
        a transfer set is in random order, that is a fair sample.
        """
        # What a config gives can be read once.
        labels = None if labels is None else list(labels)
        for node in self.model.walk():
            if "take_vectors" in node.attrs:
                node.attrs["take_vectors"](node, self.vocab)
            if "fit" in node.attrs:

                def read(limit: int) -> Iterator[Doc]:
                    examples = corpus(nlp) if corpus is not None and nlp is not None else get_examples()
                    return islice((eg.reference for eg in examples if eg.reference._.source != AUGMENTED), limit)

                if node.attrs.get("choices") and dev is not None and nlp is not None and labels is not None:
                    gold = [eg.reference for eg in dev(nlp)]
                    choose_features(node, list(read(MAX_CHOICE_DOCS)), gold, Task(labels))
                node.attrs["fit"](node, tqdm(read(MAX_FIT_DOCS), desc="Fitting", unit="text", disable=None))
        super().initialize(get_examples, nlp=nlp, labels=labels, positive_label=positive_label)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Predict probabilities. This is the one place with an activation.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Probabilities; zeros if all documents are empty, as in `textcat`. Shape: (n_docs, n_labels).
        """
        scores = super().predict(docs)
        return self._task.activate(scores) if any(len(doc) for doc in docs) else scores

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch, as `textcat` does, and move the schedules of the loss one step.

        The members of a model that adds their logits (`attrs["members"]`) have a loss each; their mean is reported.
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
        members = list_members(self.model)
        for name, member in zip(self.model.attrs.get("members", [self.name]), members):
            loss = self.member_losses.get(name, self.loss)
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
            gold = self._task.number_gold([eg.reference for eg in labelled])
            docs = [eg.predicted for eg in labelled]
            logits = numpy.stack([predict_docs(member, docs) for member in list_members(self.model)])
            predicted = self._task.decide(numpy.tensordot(fit_factors(logits, gold), logits, axes=1))
            by_label = [PRFScore() for _ in self.labels]
            for label, prf in enumerate(by_label):
                prf.score_set(set(numpy.flatnonzero(predicted == label)), set(numpy.flatnonzero(gold == label)))
            scores["cats_calibrated_f"] = sum(prf.fscore for prf in by_label) / len(by_label)
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

    @property
    def _task(self) -> Task:
        """What is to be learned. Labels may be added until the component is initialised."""
        return Task(list(self.labels))

    def _targets(self, examples: List[Example]) -> Tuple[Optional[Floats2d], Floats2d]:
        """What the loss compares a batch's logits with: teacher logits and gold."""
        self._validate_categories(examples)
        gold: Any = self._examples_to_truth(examples)[0]
        return self._teacher_logits(examples), gold

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
        threshold=threshold,
        scorer=scorer,
    )


# No default config: a student's .cfg states everything, once.
if not Language.has_factory("textcat_distill"):
    Language.factory(
        "textcat_distill",
        assigns=["doc.cats"],
        default_score_weights={"cats_calibrated_f": 1.0},
        func=make_textcat_distill,
    )
