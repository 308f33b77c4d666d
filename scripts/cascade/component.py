"""Component that asks a teacher where the student before it in the pipeline is not sure.

The student is whatever has set `doc.cats` by then, usually a `textcat`; the teacher is a whole pipeline inside of the
component, with a vocabulary and a tokenizer of its own, so that it says what it says alone. Both are saved with the
pipeline, which then needs what the teacher needs.

A leaf as a package may ship it: it imports only spaCy and the standard library.

SOURCE: the idea, with the layers of one network in place of two models: Liu et al. (2020), FastBERT, arXiv:2004.02178.
"""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Union

from spacy import Language, util
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import SimpleFrozenList
from thinc.api import Config

STUDENT, TEACHER = "student", "teacher"
# Who has answered: an attribute of documents.
ANSWERED_BY = "textcat_answered_by"


class TextCategorizerCascade(Pipe):
    """Replaces `doc.cats` by the teacher's where their highest value is below a threshold."""

    def __init__(self, name: str, *, threshold: float, teacher: Optional[Language] = None) -> None:
        """Create the component.

        name (str): Name of the component instance.
        threshold (float): The student answers if its highest probability is at least this; 0 never asks the teacher,
            above 1 asks it always.
        teacher (Optional[Language]): The teacher, of the student's labels; None until it is initialised or loaded.
        """
        self.name = name
        self.threshold = threshold
        self.teacher = teacher

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        teacher: Optional[Union[str, Path]] = None,
    ) -> None:
        """Load the teacher. `spacy assemble` does so from a config, where it stands in `[initialize.components]`.

        get_examples (Callable[[], Iterable[Example]]): Not read: there is nothing to learn.
        nlp (Optional[Language]): The pipeline that the component is part of.
        teacher (Optional[Union[str, Path]]): Name of an installed pipeline, or its folder; None keeps the present one.
        RAISES (ValueError): There is no teacher.
        """
        if teacher is not None:
            self.teacher = util.load_model(teacher)
        self._get_teacher()

    def __call__(self, doc: Doc) -> Doc:
        """Ask the teacher about one document, if need be.

        doc (Doc): A document that the student has set `cats` of.
        RETURNS (Doc): The document.
        """
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Ask the teacher about the documents of which the student is not sure, those of a batch at once.

        stream (Iterable[Doc]): Documents that the student has set `cats` of.
        batch_size (int): Documents of a batch, before most of them are found to be sure.
        YIELDS (Doc): The documents in order.
        """
        for batch in util.minibatch(stream, size=batch_size):
            docs = list(batch)
            for doc in docs:
                doc._.set(ANSWERED_BY, STUDENT)
            self.ask([doc for doc in docs if len(doc) and max(doc.cats.values(), default=0.0) < self.threshold])
            yield from docs

    def ask(self, docs: List[Doc]) -> None:
        """Set the teacher's `cats`.

        docs (List[Doc]): The documents.
        RAISES (ValueError): There is no teacher, or it has other labels than the student.
        """
        if not docs:
            return
        teacher = self._get_teacher()
        # What it makes of new words is forgotten: they would pile up.
        with teacher.memory_zone():
            answers = [doc.cats for doc in teacher.pipe([doc.text for doc in docs])]
        for doc, cats in zip(docs, answers):
            if cats.keys() != doc.cats.keys():
                raise ValueError(
                    f"The student of {self.name} has the labels {', '.join(doc.cats)}, its teacher "
                    f"{', '.join(cats)}. Both must have been trained for the same ones."
                )
            doc.cats = {label: cats[label] for label in doc.cats}
            doc._.set(ANSWERED_BY, TEACHER)

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Save the teacher. The threshold stands in the config of the pipeline.

        path (Union[str, Path]): A folder.
        exclude (Iterable[str]): Not used: there is nothing beside the teacher.
        """
        folder = util.ensure_path(path)
        folder.mkdir(exist_ok=True)
        self._get_teacher().to_disk(folder / TEACHER)

    def from_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "TextCategorizerCascade":
        """Load the teacher.

        path (Union[str, Path]): A folder.
        exclude (Iterable[str]): Not used.
        RETURNS (TextCategorizerCascade): The component.
        """
        self.teacher = util.load_model(Path(path) / TEACHER)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Serialise the teacher.

        exclude (Iterable[str]): Not used.
        RETURNS (bytes): Its config and its content.
        """
        teacher = self._get_teacher()
        return util.to_bytes({"config": teacher.config.to_bytes, TEACHER: teacher.to_bytes}, exclude=[])

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> "TextCategorizerCascade":
        """Make the teacher anew.

        bytes_data (bytes): What `to_bytes` gave.
        exclude (Iterable[str]): Not used.
        RETURNS (TextCategorizerCascade): The component.
        """
        read: Dict[str, Any] = {}
        util.from_bytes(bytes_data, {name: partial(read.__setitem__, name) for name in ("config", TEACHER)}, exclude=[])
        config = Config().from_bytes(read["config"], interpolate=False)
        self.teacher = util.load_model_from_config(config).from_bytes(read[TEACHER])
        return self

    def _get_teacher(self) -> Language:
        if self.teacher is None:
            raise ValueError(
                f"{self.name} has no teacher. Name one: "
                f"nlp.get_pipe({self.name!r}).initialize(lambda: [], teacher=PATH)"
            )
        return self.teacher


def make_textcat_cascade(nlp: Language, name: str, threshold: float) -> TextCategorizerCascade:
    """Create the component `textcat_cascade`, without its teacher. The parameters are those of the class."""
    return TextCategorizerCascade(name, threshold=threshold)


if not Doc.has_extension(ANSWERED_BY):
    Doc.set_extension(ANSWERED_BY, default=None)
if not Language.has_factory("textcat_cascade"):
    Language.factory("textcat_cascade", assigns=["doc.cats", f"doc._.{ANSWERED_BY}"], func=make_textcat_cascade)
