from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
import spacy
import srsly

from scripts.ablation.__main__ import ablate, is_finished, prepare_cell, read_grid, run_cells
from scripts.ablation.cell import RESULT
from scripts.ablation.inputs import Inputs
from scripts.ablation.report import render_tables
from scripts.ablation.statistics import correctness, merge, spread, summarize
from scripts.augmentation.__main__ import augment
from scripts.data.docbins import read_docs, write_docs
from scripts.data.task import Task
from scripts.data.texts import AUGMENTED, GOLD, MASK, UNLABELLED, read_texts
from scripts.files import UserError, hash_path
from tests.conftest import LABELS, ROOT, TEXTS, make_examples, make_teacher_logits, run_module_here


def make_result(probs: List[List[float]], gold: List[int]) -> Dict[str, Any]:
    split = {"probs": probs, "gold": gold}
    return merge([{"dev": split, "test": split, "model_mb": 2.0}], TASK)


TASK = Task(LABELS)
RIGHT, WRONG = [0.9, 0.1], [0.2, 0.8]


def test_summary_by_hand() -> None:
    gold = [0, 0, 0, 0]
    runs = [make_result([RIGHT, RIGHT, RIGHT, WRONG], gold), make_result([RIGHT, RIGHT, WRONG, WRONG], gold)]
    baseline = [make_result([RIGHT, WRONG, WRONG, WRONG], gold)]
    teacher = make_result([RIGHT, RIGHT, RIGHT, RIGHT], gold)
    summary = summarize(runs, baseline, teacher, TASK)
    assert summary["test_mean"] == pytest.approx(0.625) and summary["difference"] == pytest.approx(0.375)
    assert summary["test_spread"] == pytest.approx(0.25 / 2**0.5) and summary["n_seeds"] == 2
    assert summary["agreement"] == summary["dev_agreement"] == pytest.approx(0.625) and summary["model_mb"] == 2.0
    assert correctness(runs, TASK).tolist() == [1, 1, 0.5, 0]
    assert spread([0.5]) == 0


def test_models_taken_together_are_the_mean_of_their_probabilities() -> None:
    merged = merge([make_result([RIGHT, [0.6, 0.4]], [0, 1]), make_result([WRONG, [0.2, 0.8]], [0, 1])], TASK)
    assert numpy.allclose(merged["test"]["probs"], [[0.55, 0.45], [0.4, 0.6]])
    assert merged["test"]["accuracy"] == 1 and merged["model_mb"] == 4.0


def test_the_grid_of_the_project_is_well_formed() -> None:
    grid = read_grid(ROOT / "configs" / "ablation.yml")
    cells = [cell for group in grid["groups"] for cell in group["cells"]]
    assert len(grid["seeds"]) == 3
    for cell in cells:
        assert "average_of" in cell or (ROOT / "configs" / f"student_{cell['student']}.cfg").is_file()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"baseline": "none"}, "cells that it does not have: none"),
        ({"seeds": None}, "has no seeds"),
        ({"groups": [{"name": "g", "cells": [{"name": "a"}]}]}, "needs a name, and a student"),
        ({"groups": [{"name": "g", "cells": [{"name": "a", "student": "bow", "sets": {}}]}]}, "'a': unknown sets"),
        ({"groups": [{"name": "g", "cells": [{"name": "a", "student": "bow"}] * 2}]}, "taken twice: a"),
    ],
)
def test_mistakes_in_a_grid_are_errors(change: Dict[str, Any], words: str, tmp_path: Path) -> None:
    grid = {
        "seeds": [0],
        "baseline": "a",
        "groups": [{"name": "g", "cells": [{"name": "a", "student": "bow"}]}],
        **change,
    }
    path = tmp_path / "grid.yml"
    srsly.write_yaml(path, {name: value for name, value in grid.items() if value is not None})
    with pytest.raises(UserError, match=words):
        read_grid(path)
    with pytest.raises(UserError, match="no readable grid"):
        read_grid(tmp_path / "missing.yml")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with ten gold texts, their scores, a teacher and short student configs."""
    monkeypatch.chdir(ROOT)
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    nlp.initialize(lambda: examples)
    teacher = tmp_path / "training" / "teacher" / "model-best"
    teacher.parent.mkdir(parents=True)
    nlp.to_disk(teacher)
    spacy.blank("en").to_disk(tmp_path / "training" / "lexicon")
    for split in ("train", "dev", "test"):
        # No text of dev or test may enter the transfer set: they say the same backwards.
        order = 1 if split == "train" else -1
        docs = [nlp.make_doc(" ".join(text.split()[::order])) for text, _ in TEXTS]
        for doc, (_, label) in zip(docs, TEXTS):
            doc.cats = Task(LABELS).make_cats(label)
        write_docs(docs, tmp_path / "corpus" / "gold" / f"{split}.spacy")
    Task(LABELS).write(tmp_path / "corpus" / "gold")
    for number, eg in enumerate(examples):
        eg.reference._.source = (GOLD, UNLABELLED, AUGMENTED)[number % 3]
        eg.reference._.review = number
    for name in ("unlabelled", "selected"):
        srsly.write_jsonl(tmp_path / "corpus" / f"{name}.jsonl", [{"text": "One here. Two there."}])
    (tmp_path / "corpus" / "transfer").mkdir()
    write_docs([eg.reference for eg in examples], tmp_path / "corpus" / "transfer" / "00000.spacy")
    srsly.write_json(tmp_path / "corpus" / "transfer" / "scores.json", {"runtime": "pipeline", "seed": 1})
    configs = tmp_path / "configs"
    configs.mkdir()
    for name in ("student_bow.cfg", "augment.cfg", "score.cfg"):
        text = (ROOT / "configs" / name).read_text(encoding="utf8")
        text = text.replace("max_steps = 0", "max_steps = 4")
        (configs / name).write_text(text.replace("min_docs = 3", "min_docs = 1"), encoding="utf8")
    return tmp_path


def write_grid(run: Path, cells: List[Dict[str, Any]]) -> Path:
    grid = {"seeds": [0, 1], "baseline": cells[0]["name"], "groups": [{"name": "All", "cells": cells}]}
    srsly.write_yaml(run / "grid.yml", grid)
    return run / "grid.yml"


def run_ablation(run: Path, cells: List[Dict[str, Any]]) -> Dict[str, Any]:
    ablate(
        write_grid(run, cells),
        run / "corpus",
        run / "training",
        run / "configs",
        lang="en",
        segmenter="default",
        n_jobs=1,
        gpu_id=-1,
    )
    return srsly.read_json(run / "training" / "ablation.json")


GOLD_CELL = {
    "name": "gold",
    "student": "bow",
    "data": "gold",
    "lexicon": False,
    "set": {"components.textcat.loss.hard_weight": 1.0},
}


@pytest.fixture
def cells_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are trained in this process. Another test has real ones."""
    monkeypatch.setattr("scripts.ablation.__main__.run_module", run_module_here)


@pytest.mark.usefixtures("cells_here")
def test_a_grid_is_trained_resumed_and_reported(run: Path) -> None:
    cells: List[Dict[str, Any]] = [
        GOLD_CELL,
        {"name": "soft", "student": "bow"},
        {"name": "together", "average_of": ["gold", "soft"]},
        {"name": "taught by soft", "student": "bow", "teachers": ["soft"]},
        {"name": "labels", "student": "bow", "targets": "labels", "unlabelled": 0.5},
    ]
    record = run_ablation(run, cells)
    found = {cell["name"]: cell for cell in record["groups"][0]["cells"]}
    assert [found[cell["name"]]["n_seeds"] for cell in cells] == [2, 2, 1, 2, 2]
    assert all(0 <= cell["test_mean"] <= 1 and 0 < cell["p_value"] <= 1 for cell in found.values())
    assert found["gold"]["difference"] == 0 and found["gold"]["p_value"] == 1
    assert "taught by soft" in (run / "training" / "ablation.md").read_text(encoding="utf8")
    assert (run / "training" / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    assert render_tables(record) == (run / "training" / "ablation.md").read_text(encoding="utf8")
    results = sorted((run / "training" / "ablation" / "cells").glob(f"*/{RESULT}"))
    assert len(results) == 9
    # The models that taught others stay, any others do not.
    assert len(list((run / "training" / "ablation" / "cells").glob("*/model"))) == 2
    times = [path.stat().st_mtime_ns for path in results]
    results[0].unlink()
    run_ablation(run, cells)
    assert sum(path.stat().st_mtime_ns != time for path, time in zip(results, times)) == 1
    # Taught anew, a document has the mean logits of the two students.
    (taught,) = (run / "training" / "ablation" / "inputs").glob("taught-*")
    for doc in read_docs(taught / "00000.spacy", spacy.blank("en").vocab):
        assert sum(doc._.teacher_logits) == pytest.approx(0, abs=1e-5) and doc._.source in (GOLD, UNLABELLED, AUGMENTED)


@pytest.mark.usefixtures("cells_here")
def test_what_is_finished_is_reported_though_a_cell_fails(run: Path) -> None:
    cells: List[Dict[str, Any]] = [
        GOLD_CELL,
        {"name": "broken", "student": "bow", "set": {"paths.labels": "none.json"}},
    ]
    with pytest.raises(UserError, match="2 of 5 cells failed"):
        run_ablation(run, cells)
    record = srsly.read_json(run / "training" / "ablation.json")
    assert [cell["name"] for cell in record["groups"][0]["cells"]] == ["gold"]


@pytest.mark.slow
def test_other_settings_of_augmentation_score_new_texts_alone(run: Path) -> None:
    srsly.write_json(run / "training" / "encoder.json", {"path": "none"})
    transfer = run / "corpus" / "transfer"
    options: Dict[str, Any] = {"config": run / "configs" / "augment.cfg", "lang": "en", "seed": 1}
    augment(
        run / "corpus", transfer / "texts.jsonl", segmenter="default", tagger="", encoder=None, engine=None, **options
    )
    texts = list(read_texts(transfer / "texts.jsonl"))
    nlp = spacy.blank("en")
    docs = [text.make_doc(nlp) for text in texts]
    for doc, text in zip(docs, texts):
        doc._.teacher_logits, doc._.source, doc._.review = [9.0, -9.0], text.source, text.review
    write_docs(docs[:5], transfer / "00000.spacy")
    write_docs(docs[5:], transfer / "00001.spacy")
    inputs = Inputs(run / "corpus", run / "training", run / "configs", lang="en", segmenter="default", gpu_id=-1)
    cell = {"name": "masks", "student": "bow", "augment": {"augmentation.word_operations.mask.p": 0.6}}
    path = inputs.find_data(cell, [])
    made = [doc for file in sorted(path.glob("*.spacy")) for doc in read_docs(file, nlp.vocab)]
    kept = [doc for doc in made if doc._.teacher_logits == (9.0, -9.0)]
    new = [doc for doc in made if doc._.teacher_logits != (9.0, -9.0)]
    assert {doc._.source for doc in docs} == {GOLD, UNLABELLED, AUGMENTED}
    assert [doc.text for doc in kept if doc._.source != AUGMENTED] == [
        doc.text for doc in docs if doc._.source in (GOLD, UNLABELLED)
    ]
    assert {doc._.source for doc in new} == {AUGMENTED}
    assert sum(token.text == MASK for doc in new for token in doc) > len(new) / 4
    assert not {(doc.text, doc._.source) for doc in kept} & {(doc.text, doc._.source) for doc in new}
    before = path.stat().st_mtime_ns
    assert inputs.find_data(cell, []).stat().st_mtime_ns == before


def test_a_cell_that_fails_names_its_log_and_keeps_the_others(run: Path) -> None:
    inputs = Inputs(run / "corpus", run / "training", run / "configs", lang="en", segmenter="default", gpu_id=-1)
    spec = inputs.make_spec(GOLD_CELL, 0, teachers=[], keep=False)
    folder = prepare_cell(spec, run / "cells")
    broken = prepare_cell({**spec, "gold": "none"}, run / "cells")
    with pytest.raises(UserError, match=r"1 of 2 cells failed.*log\.txt"):
        run_cells([folder, broken], n_jobs=2, gpu_id=-1)
    assert is_finished(folder) and not is_finished(broken) and (broken / "log.txt").stat().st_size
    with pytest.raises(UserError, match=r"asks for .*student_none\.cfg"):
        inputs.make_spec({**GOLD_CELL, "student": "none"}, 0, teachers=[], keep=False)
    with pytest.raises(UserError, match="data must be transfer or gold, got 'all'"):
        inputs.make_spec({**GOLD_CELL, "data": "all"}, 0, teachers=[], keep=False)
    with pytest.raises(UserError, match="targets must be logits or labels, got 'probs'"):
        inputs.make_spec({**GOLD_CELL, "targets": "probs"}, 0, teachers=[], keep=False)
    with pytest.raises(UserError, match="unlabelled must be 0 to 1, got 2"):
        inputs.make_spec({**GOLD_CELL, "unlabelled": 2}, 0, teachers=[], keep=False)
    with pytest.raises(UserError, match="Run the `score` step first"):
        Inputs(run, run, run, lang="en", segmenter="default", gpu_id=-1)


def test_a_cell_follows_from_the_code_that_measures_it(run: Path) -> None:
    inputs = Inputs(run / "corpus", run / "training", run / "configs", lang="en", segmenter="default", gpu_id=-1)
    quality = "scripts/evaluation/quality.py"
    for spec in (inputs.make_spec(GOLD_CELL, 0, teachers=[], keep=False), inputs.make_teacher_spec()):
        assert spec["sources"][quality] == hash_path(ROOT / quality)
        changed = {**spec, "sources": {**spec["sources"], quality: "changed"}}
        assert prepare_cell(changed, run / "cells") != prepare_cell(spec, run / "cells")
