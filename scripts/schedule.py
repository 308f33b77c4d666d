"""How long to train follows from the data: a plan in passes over the texts, made when a pipeline is initialised.

The numbers go to `[training]`, where spaCy's training loop, its logger and the schedules of the config read them, and
from there to the config that is saved with the model.
"""

import math
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional

from spacy import Language
from spacy.util import registry
from wasabi import msg

from scripts.data.docbins import list_shards, read_lengths
from scripts.files import UserError

# The number of batches of a pass changes with the order of its texts. This much longer, one pass reads them all.
PASS_MARGIN = 1.02


class Plan(NamedTuple):
    """How long to train.

    max_steps (int): Batches to learn from.
    eval_frequency (int): Steps from one evaluation to the next.
    patience (int): Steps without a better score after which training ends.
    """

    max_steps: int
    eval_frequency: int
    patience: int


@registry.callbacks("textdistill.PlanTraining.v1")
def create_planner(
    path: Optional[Path],
    batcher: Callable[[Iterable[Any]], Iterable[Any]],
    epochs: float,
    min_steps: int,
    max_steps: int,
    evaluations: int,
    patience: int,
) -> Callable[[Language], None]:
    """Plan a training by the number of batches that one pass over the texts takes.

    path (Optional[Path]): The .spacy file or folder of them that is trained on; None only in a config that is not
        trained with.
    batcher (Callable[[Iterable[Any]], Iterable[Any]]): That of `[training]`.
    epochs (float): Passes over the texts, if no limit stands against it.
    min_steps (int): Steps at least: few texts are read more often.
    max_steps (int): Steps at most, but never fewer than one pass takes: every text is read.
    evaluations (int): Evaluations on dev of the whole training.
    patience (int): Evaluations without a better score after which training ends, though not before the first pass does.
    RETURNS (Callable[[Language], None]): A callback for `[initialize] after_init`. It replaces those of `max_steps`,
        `eval_frequency` and `patience` in `[training]` that are 0.
    RAISES (ValueError): A number is too small, or the limits exclude each other.
    """
    if epochs <= 0 or evaluations < 1 or patience < 1 or not 1 <= min_steps <= max_steps:
        raise ValueError(
            "textdistill.PlanTraining.v1 needs epochs > 0, evaluations and patience of 1 or more and "
            f"1 <= min_steps <= max_steps, got epochs {epochs}, evaluations {evaluations}, patience {patience}, "
            f"min_steps {min_steps}, max_steps {max_steps}"
        )

    def plan_training(nlp: Language) -> None:
        if path is None:
            raise UserError("The training has no texts. Give their path, e.g. --paths.train corpus/en/transfer")
        # A batcher needs no more of a text than its length. It may draw random numbers: the loop sets the seed anew.
        lengths = [length for shard in list_shards(Path(path)) for length in read_lengths(shard)]
        n_batches = sum(1 for _ in batcher(map(range, lengths)))
        training: Dict[str, Any] = nlp.config["training"]
        limit = training["max_steps"] or limit_steps(n_batches, epochs, min_steps, max_steps)
        planned = plan_evaluations(limit, n_batches, evaluations, patience)
        given = {name: training[name] for name in Plan._fields if training[name]}
        plan = planned._replace(**given)
        training.update(plan._asdict())
        msg.info(
            f"Plan: {len(lengths)} texts make {n_batches} batches; {plan.max_steps} steps, which are "
            f"{plan.max_steps / n_batches:.1f} passes; an evaluation every {plan.eval_frequency} steps; "
            f"an end after {plan.patience} without a better score"
        )

    return plan_training


def limit_steps(n_batches: int, epochs: float, min_steps: int, max_steps: int) -> int:
    """The steps of a training.

    n_batches (int): Batches of one pass over the texts.
    epochs, min_steps, max_steps: As in `create_planner`.
    RETURNS (int): The steps.
    """
    wanted = max(math.ceil(epochs * n_batches), min_steps)
    return max(min(wanted, max_steps), read_all(n_batches))


def plan_evaluations(limit: int, n_batches: int, evaluations: int, patience: int) -> Plan:
    """When to evaluate, and how long to wait for a better score.

    limit (int): Steps of the training.
    n_batches, evaluations, patience: As in `limit_steps` and `create_planner`.
    RETURNS (Plan): The plan, with a few steps more than the limit where they do not divide evenly: the last one is
        evaluated.
    """
    frequency = math.ceil(limit / evaluations)
    return Plan(frequency * evaluations, frequency, max(patience * frequency, read_all(n_batches)))


def read_all(n_batches: int) -> int:
    """Steps after which every text has been read, whatever the order of the pass."""
    return math.ceil(n_batches * PASS_MARGIN)
