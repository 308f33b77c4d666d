"""The cfgs: complete, alike where they must be, and quick in configs/test."""

from pathlib import Path
from typing import Dict, Set

import pytest
import spacy
from spacy.cli.init_config import fill_config
from spacy.util import dot_to_object, load_config, load_model_from_config, registry

from scripts.tokenizing import NAME, make_blank
from tests.conftest import ROOT

CONFIGS, QUICK = ROOT / "configs", ROOT / "configs" / "test"
STUDENTS = sorted(CONFIGS.glob("student_*.cfg"))
TRAININGS = [CONFIGS / "teacher.cfg", *STUDENTS]
SCHEDULE = {f"initialize.after_init.{name}" for name in ("epochs", "min_steps", "evaluations")}
# What makes the cfgs of configs/test quick. All else, and all of files that are not named here, is as in configs.
MAY_DIFFER: Dict[str, Set[str]] = {
    "teacher.cfg": {*SCHEDULE, "initialize.before_init.precision"},
    "student_bow.cfg": SCHEDULE,
    "student_ensemble.cfg": SCHEDULE,
    "augment.cfg": {"augmentation.n_iter", "augmentation.fill_to"},
}


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_configs_are_complete(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf8")
    assert all(line.startswith("# ") for line in text.splitlines()[:3])
    copy = tmp_path / "config.cfg"
    # The language has no default, as it must be given for each run.
    copy.write_text(text.replace("lang = null", 'lang = "en"'), encoding="utf8")
    fill_config(tmp_path / "filled.cfg", copy, silent=True)
    filled = load_config(tmp_path / "filled.cfg")
    assert filled == load_config(copy)


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "lang, segmenter", [("en", "default"), ("zh", "default"), ("ko", "default"), ("ja", "char"), ("th", "char")]
)
def test_models_read_texts_by_the_tokenizer_of_their_run(path: Path, lang: str, segmenter: str, tmp_path: Path) -> None:
    # The transfer set is cut by `make_blank`; a model that cut texts otherwise would know no word.
    overrides = {"nlp.lang": lang, "nlp.tokenizer.segmenter": segmenter, "nlp.pipeline": []}
    config = load_config(path, overrides=overrides)
    nlp = load_model_from_config({"nlp": config["nlp"]}, auto_fill=True)
    text = "It isn't 我很喜欢这个酒店。 정말 좋아요!"
    expected = [token.text for token in make_blank(lang, segmenter)(text)]
    assert [token.text for token in nlp(text)] == expected
    # What is saved names no code that is for training only, and reads the same.
    save = registry.resolve({"save": config["training"]["before_to_disk"]})["save"]
    save(nlp).to_disk(tmp_path)
    assert load_config(tmp_path / "config.cfg")["nlp"]["tokenizer"]["@tokenizers"] != NAME
    assert [token.text for token in spacy.load(tmp_path)(text)] == expected


def test_student_configs_differ_where_contributing_says_they_may() -> None:
    configs = [load_config(path, interpolate=True) for path in STUDENTS]
    for config in configs:
        for key in ("model", "loss", "member_losses"):
            config["components"]["textcat"].pop(key)
        config["initialize"].pop("vectors")
    for path, config in zip(STUDENTS, configs):
        assert config == configs[0], path.name


def test_members_of_the_ensemble_are_what_they_are_alone() -> None:
    blocks = {path.stem: load_config(path, interpolate=True)["components"]["textcat"] for path in STUDENTS}
    bow, cnn, ensemble, bilstm = (blocks[f"student_{kind}"] for kind in ("bow", "cnn", "ensemble", "bilstm"))
    assert ensemble["model"]["bow"] == bow["model"] and ensemble["model"]["cnn"] == cnn["model"]
    assert ensemble["loss"] == bow["loss"] and ensemble["member_losses"] == {"cnn": cnn["loss"]}
    # Nor is the BiLSTM compared with a CNN over other words.
    assert {**bilstm["model"], "@architectures": cnn["model"]["@architectures"]} == {**cnn["model"], "depth": 1}


@pytest.mark.parametrize("path", sorted(QUICK.iterdir()), ids=lambda path: path.name)
def test_quick_configs_differ_in_what_makes_them_quick_alone(path: Path) -> None:
    counterpart = CONFIGS / path.name
    if path.name not in MAY_DIFFER:
        assert path.read_bytes() == counterpart.read_bytes()
        return
    quick, full = load_config(path), load_config(counterpart)
    values = {key: dot_to_object(quick, key) for key in MAY_DIFFER[path.name]}
    assert all(dot_to_object(full, key) != value for key, value in values.items())
    expected = load_config(counterpart, overrides=values)
    # It may have fewer operations: who adds one, adds it to configs alone.
    assert (expected.merge(quick) if path.name == "augment.cfg" else quick) == expected
