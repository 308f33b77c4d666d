import random
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Set

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training.batchers import configure_minibatch_by_words
from spacy.util import load_config, registry

from scripts.data.docbins import read_lengths, write_docs
from scripts.files import UserError
from scripts.schedule import Plan, create_planner, limit_steps, plan_evaluations
from tests.conftest import ROOT

DEFAULTS = {"epochs": 8, "min_steps": 150, "max_steps": 2400, "evaluations": 8, "patience": 3}


def batch_by_words(size: int) -> Callable[[Iterable[Any]], Iterable[List[Any]]]:
    return configure_minibatch_by_words(size=size, tolerance=0.2, discard_oversize=False)


def write_texts(path: Path, lengths: List[int]) -> None:
    vocab = spacy.blank("en").vocab
    write_docs([Doc(vocab, words=["word"] * length) for length in lengths], path)


def plan(path: Path, size: int, given: Optional[Dict[str, int]] = None, **numbers: int) -> Plan:
    nlp = spacy.blank("en")
    nlp.config["training"].update({**dict.fromkeys(Plan._fields, 0), **(given or {})})
    create_planner(path, batch_by_words(size), **{**DEFAULTS, **numbers})(nlp)
    return Plan(*(nlp.config["training"][name] for name in Plan._fields))


@pytest.mark.parametrize(
    ("n_batches", "steps"),
    # Few are read more often, a middling number 8 times, many once; 1 in 50 is the margin of a pass.
    [(4, 150), (46, 368), (340, 2400), (2400, 2448), (50_000, 51_000)],
)
def test_steps_follow_from_the_batches_of_a_pass(n_batches: int, steps: int) -> None:
    assert limit_steps(n_batches, 8, 150, 2400) == steps


def test_evaluations_are_spread_over_the_training_and_the_last_step_is_one() -> None:
    assert plan_evaluations(150, 4, 8, 3) == Plan(152, 19, 57)
    assert plan_evaluations(2400, 340, 8, 3) == Plan(2400, 300, 900)
    # No end before every text has been read.
    assert plan_evaluations(51_000, 50_000, 8, 3) == Plan(51_000, 6375, 51_000)


def test_a_plan_is_written_to_the_config_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_texts(tmp_path / "train.spacy", [40] * 250)
    assert plan(tmp_path / "train.spacy", 1000) == Plan(152, 19, 57)
    said = " ".join(capsys.readouterr().out.split())
    # 25 texts have 1000 words.
    assert "250 texts make 10 batches; 152 steps, which are 15.2 passes; an evaluation every 19 steps" in said


def test_what_the_config_gives_is_kept(tmp_path: Path) -> None:
    write_texts(tmp_path / "train.spacy", [40] * 250)
    assert plan(tmp_path / "train.spacy", 1000, {"max_steps": 20, "patience": 7}) == Plan(20, 3, 7)


def test_a_folder_of_shards_is_counted_as_one_text_after_the_other(tmp_path: Path) -> None:
    write_texts(tmp_path / "0.spacy", [3, 0, 5])
    write_texts(tmp_path / "1.spacy", [7])
    assert read_lengths(tmp_path / "0.spacy") == [3, 0, 5]
    # A batch of 3 and 0 words, one of 5, one of 7, and one more for the margin.
    assert plan(tmp_path, 6, min_steps=1, epochs=1, evaluations=1).max_steps == 4


def test_without_texts_or_with_impossible_numbers_there_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--paths\.train"):
        create_planner(None, batch_by_words(10), **DEFAULTS)(spacy.blank("en"))
    for numbers in ({"epochs": 0}, {"min_steps": 3000}, {"evaluations": 0}, {"patience": 0}, {"min_steps": 0}):
        with pytest.raises(ValueError, match=r"PlanTraining\.v1 needs .* got epochs"):
            create_planner(tmp_path, batch_by_words(10), **{**DEFAULTS, **numbers})


class NumberedText:
    """What a batcher sees of a text."""

    def __init__(self, number: int, length: int) -> None:
        self.number, self.length = number, length

    def __len__(self) -> int:
        return self.length


@pytest.mark.parametrize("name", ["teacher", "student_bow", "student_ensemble"])
@pytest.mark.parametrize("seed", range(3))
def test_each_of_50_000_texts_is_read_whatever_their_order(name: str, seed: int) -> None:
    config = load_config(ROOT / "configs" / f"{name}.cfg")
    settings = config["initialize"]["after_init"]
    batcher = registry.resolve({"batcher": config["training"]["batcher"]})["batcher"]
    rng = random.Random(seed)
    # As uneven as the lengths of reviews.
    texts = [NumberedText(number, 5 + int(rng.lognormvariate(4.5, 0.8))) for number in range(50_000)]
    n_batches = sum(1 for _ in batcher(texts))
    limit = limit_steps(n_batches, settings["epochs"], settings["min_steps"], settings["max_steps"])
    steps, _, patience = plan_evaluations(limit, n_batches, settings["evaluations"], settings["patience"])
    rng.shuffle(texts)
    read: Set[int] = set()
    for step, batch in enumerate(batcher(texts), start=1):
        read.update(text.number for text in batch)
        if step == min(steps, patience):
            break
    assert len(read) == 50_000
