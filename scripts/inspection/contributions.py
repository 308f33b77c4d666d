"""What each word adds to a decision.

A logit is what a label's probability is made of; contributions are to logits less their mean over the labels, as no
probability follows from that. Half of the log odds, where there are two labels.

- The n-gram table of `bow` is a sum, so the contributions of its words are exact: with its bias they sum to the logit.
- Of `cnn` a word's contribution is what the logit loses without the word (occlusion). Their sum means nothing.
- `ensemble` adds the logits of both, and so are contributions added.
- Any other pipeline that sets `doc.cats`, such as a teacher, is asked for each text as often as that has words: by
  occlusion, too, with its mask in the place of a word if it is a transformer.
"""

from functools import partial
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy
from spacy import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from thinc.util import to_numpy

from scripts.cascade.component import ANSWERED_BY, TEACHER, TextCategorizerCascade
from scripts.data.task import Task
from scripts.distillation.calibration import list_members
from scripts.inspection.ngrams import locate_ngrams
from scripts.inspection.occlusion import batch_by_tokens, cut_sentences, cut_words, erase_words, occlude

# First character of a token, the one behind its last, and what the token adds to the logit of a label.
Contribution = Tuple[int, int, float]
# Names of the layers that students end in.
NGRAMS, LINEAR = "ngram_linear", ("ngram_linear", "linear")


def contributions(nlp: Language, doc: Doc, label: str, *, by_sentence: bool = False) -> List[Contribution]:
    """What each token of a document adds to the logit of a label.

    nlp (Language): A student as it is trained, exported, compressed or installed, or any pipeline that sets `doc.cats`.
    doc (Doc): A document of that pipeline: `nlp.make_doc(text)` or `nlp(text)`.
    label (str): The label.
    by_sentence (bool): Where words are left out, leave out whole sentences, whose tokens share what they add. A teacher
        then reads a text as often as it has sentences, not words.
    RETURNS (List[Contribution]): One for each token, in order.
    RAISES (ValueError): The pipeline does not have the label.
    """
    return explain_docs(nlp, [doc], [label], by_sentence=by_sentence)[0]


def explain_docs(
    nlp: Language, docs: List[Doc], labels: Sequence[str], *, by_sentence: bool = False
) -> List[List[Contribution]]:
    """What each token of many documents adds to the logit of a label each.

    nlp (Language): The pipeline.
    docs (List[Doc]): Documents of that pipeline.
    labels (Sequence[str]): The label of each document.
    by_sentence (bool): As in `contributions`.
    RETURNS (List[List[Contribution]]): For each document one for each of its tokens.
    RAISES (ValueError): The pipeline does not have a label.
    """
    teacher = find_teacher(nlp)
    # Of a cascade, whoever gave an answer explains it.
    asked = [i for i, doc in enumerate(docs) if teacher is not None and doc._.get(ANSWERED_BY) == TEACHER]
    own = sorted({*range(len(docs))} - {*asked})
    found = explain_answers(nlp, [docs[i] for i in own], [labels[i] for i in own], by_sentence=by_sentence)
    explained = dict(zip(own, found))
    if teacher is not None and asked:
        # As in the cascade: new words would pile up in the teacher's vocabulary.
        with teacher.memory_zone():
            read = [teacher.make_doc(docs[i].text) for i in asked]
            found = explain_answers(teacher, read, [labels[i] for i in asked], by_sentence=by_sentence)
        explained.update(zip(asked, found))
    return [explained[i] for i in range(len(docs))]


def explain_answers(
    nlp: Language, docs: List[Doc], labels: Sequence[str], *, by_sentence: bool
) -> List[List[Contribution]]:
    """What `explain_docs` gives for a pipeline that answers all itself. The parameters are the same."""
    known, weights = weigh_tokens(nlp, docs, by_sentence=by_sentence)
    explained = []
    for doc, label, doc_weights in zip(docs, labels, weights):
        if label not in known:
            raise ValueError(f"Label {label!r} is not one of {', '.join(known)}")
        column = doc_weights[:, known.index(label)].tolist()
        explained.append([(token.idx, token.idx + len(token), value) for token, value in zip(doc, column)])
    return explained


def weigh_tokens(nlp: Language, docs: List[Doc], *, by_sentence: bool = False) -> Tuple[List[str], List[numpy.ndarray]]:
    """What each token of documents adds to the logits of all labels.

    nlp (Language): The pipeline.
    docs (List[Doc]): Documents of that pipeline.
    by_sentence (bool): As in `contributions`.
    RETURNS (Tuple[List[str], List[ndarray]]): The labels, and for each document the contributions of its tokens to
        their logits, which sum to 0 over labels. Shape: (n_tokens, n_labels).
    """
    cut = cut_sentences if by_sentence else cut_words
    textcat = find_student(nlp)
    if textcat is None:
        labels = list(nlp("a").cats)
        predict = partial(predict_pipeline, nlp, Task(labels))
        mask = find_mask(nlp)
        return labels, [occlude(predict, doc, cut(doc), mask=mask) for doc in docs]
    weights: List[numpy.ndarray] = []
    for batch in batch_by_tokens(docs):
        logits = sum(weigh_member(member, batch, cut) for member in list_members(find_logits(textcat)))
        weights += numpy.split(logits, numpy.cumsum([len(doc) for doc in batch])[:-1])
    return list(textcat.labels), weights


def weigh_member(member: Any, docs: List[Doc], cut: Callable[[Doc], List[int]]) -> numpy.ndarray:
    """What tokens add to the logits of a student, or of one of the models that it adds.

    member (Model[List[Doc], Floats2d]): A model that ends in logits.
    docs (List[Doc]): The documents.
    cut (Callable[[Doc], List[int]]): Where the parts of a document end that are left out in turn.
    RETURNS (ndarray): A row for each token, through all documents. Shape: (n_tokens, n_labels).
    """
    layer = member.get_ref("output_layer")
    if layer.name == NGRAMS:
        tokens, rows, values = locate_ngrams(layer, docs)
        n_tokens = sum(len(doc) for doc in docs)
        W = center(to_numpy(layer.get_param("W")).astype("float64"))
        return numpy.stack([numpy.bincount(tokens, values * column[rows], n_tokens) for column in W.T], axis=1)
    predict = partial(predict_model, member)
    if member.has_ref("window") and cut is cut_words:
        lengths = [len(doc) for doc in docs]
        return numpy.repeat(predict(docs), lengths, axis=0) - center(erase_words(member, docs))
    return numpy.concatenate([occlude(predict, doc, cut(doc), mask=None) for doc in docs])


def find_student(nlp: Language) -> Optional[Any]:
    """Find the classifier of a student.

    nlp (Language): The pipeline.
    RETURNS (Optional[TextCategorizer]): A component whose model is one of the project's; None if there is none.
    """
    textcats = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, TextCategorizer) and find_logits(pipe)]
    return textcats[0] if textcats else None


def find_teacher(nlp: Language) -> Optional[Language]:
    """Find the teacher of a cascade.

    nlp (Language): The pipeline.
    RETURNS (Optional[Language]): What answers where the student is not sure; None if nothing does.
    """
    cascades = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, TextCategorizerCascade)]
    return cascades[0].teacher if cascades else None


def find_logits(textcat: Any) -> Any:
    """Find the part of a classifier that ends in logits.

    textcat (Any): A TextCategorizer.
    RETURNS (Optional[Model[List[Doc], Floats2d]]): The student's model; None if it is not one of the project's.
    """
    logits, *activation = textcat.model.layers or [textcat.model]
    if [layer.name for layer in activation] == ["softmax_activation"] and logits.has_ref("output_layer"):
        return logits
    # As it is trained, nothing comes behind a linear layer. That of stock models is one with its activation.
    is_student = textcat.model.has_ref("output_layer") and textcat.model.get_ref("output_layer").name in LINEAR
    return textcat.model if is_student else None


def find_mask(nlp: Language) -> Optional[str]:
    """What stands for a word that a pipeline shall not see.

    nlp (Language): The pipeline.
    RETURNS (Optional[str]): The mask of its transformer; None, for no word at all, if there is none.
    """
    transformer: Any = nlp.get_pipe("transformer") if nlp.has_pipe("transformer") else None
    return transformer and transformer.model.tokenizer.mask_token


def predict_model(model: Any, docs: List[Doc]) -> numpy.ndarray:
    """Centred logits of documents. Shape: (n_docs, n_labels)."""
    return center(to_numpy(model.predict(docs)).astype("float64"))


def predict_pipeline(nlp: Language, task: Task, docs: List[Doc]) -> numpy.ndarray:
    """Centred logits of documents, which must be new: a pipeline writes on them. Shape: (n_docs, n_labels)."""
    cats = [doc.cats for doc in nlp.pipe(docs)]
    return task.recover_logits(numpy.array([[doc_cats[label] for label in task.labels] for doc_cats in cats]))


def center(logits: numpy.ndarray) -> numpy.ndarray:
    """Logits, or weights that they are sums of, less the mean over labels. Shape: (n, n_labels)."""
    return logits - logits.mean(axis=1, keepdims=True)
