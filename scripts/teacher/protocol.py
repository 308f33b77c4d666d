"""What a teacher is: all that scoring and the lexicon ask of one.

A kind of teacher is one file with a registered function; `[teacher]` of score.cfg names it, and so it is found. The
function takes the settings of that section and returns a `LoadTeacher`; what that returns has the members of `Teacher`.
"""

from typing import Any, Callable, Dict, List, Optional, Protocol

import numpy
from spacy.tokens import Doc

from scripts.data.task import Task
from scripts.data.texts import Text
from scripts.files import UserError


class Teacher(Protocol):
    """A teacher where it works.

    task (Task): What its logits are for.
    mask (str): What stands for a masked word in the documents that it is given; one token of its own, if it has one.
    fingerprint (Dict[str, Any]): All that its scores follow from, as JSON. Where a setting of score.cfg leaves a
        choice, as "auto" does, its value here is what was chosen: other machines take it.
    facts (Dict[str, Any]): What else scores.json tells, as JSON; often nothing. Known are check, tolerance (the largest
        difference of logits that another batch makes) and missed_labels, which it hardly ever finds on dev.
    transformer (Any): The `TransformerModel` of spacy-transformers that the lexicon reads words with, or None.
    """

    task: Task
    mask: str
    fingerprint: Dict[str, Any]
    facts: Dict[str, Any]
    transformer: Optional[Any]

    def logits(self, docs: List[Doc]) -> numpy.ndarray:
        """Score documents, which are of any vocabulary and stay as they are.

        docs (List[Doc]): The documents.
        RETURNS (ndarray): In the order of the task's labels, centred, at temperature 1, float32. Shape:
            (n_docs, n_labels).
        """
        ...


# Given the task and some texts to check with, which may be none. All its files are read when it is loaded, not later.
LoadTeacher = Callable[[Task, List[Text]], Teacher]


def check_labels(found: List[str], task: Task) -> None:
    """Refuse a teacher of another task.

    found (List[str]): The labels that it gives.
    task (Task): The task.
    RAISES (UserError): They are not those of the task, in any order.
    """
    if set(found) != set(task.labels):
        raise UserError(
            f"The teacher's labels are {sorted(found)}, the task has {sorted(task.labels)}. Train it again."
        )
