import ast
import sys
from inspect import getsourcefile
from pathlib import Path
from typing import Any, Dict, Set

import pytest
import spacy
from packaging.requirements import Requirement
from spacy import util

from scripts.data.docbins import write_docs
from scripts.files import UserError
from scripts.packaging.entry_points import PYTHON, add_entry_points, list_entry_points
from scripts.packaging.export import (
    compare_predictions,
    export,
    export_pipeline,
    find_requirements,
)
from scripts.packaging.wheel import find_modules
from scripts.provenance import read_code
from tests.conftest import ARCHITECTURES, ENSEMBLE, ROOT, make_examples, train

CHECKED = ["love it", "awful 😀", "word " * 50, "unseen kvothe"]


def test_export_is_stock_textcat_and_predicts_the_same(architecture: Dict[str, Any], tmp_path: Path) -> None:
    trained = train(architecture)
    trained.meta["performance"] = {"cats_score": 0.9}
    exported = export_pipeline(trained)
    exported.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe_meta("textcat").factory == "textcat"
    assert type(loaded.get_pipe("textcat")).__module__ == "spacy.pipeline.textcat"
    assert compare_predictions(trained, loaded, CHECKED) <= 1e-6
    # Calibration changes what a student scores.
    assert not loaded.meta.get("performance")
    needs_torch = architecture["@architectures"] == "textdistill.LexemeBiLSTM.v1"
    assert loaded.meta.get("requirements", []) == (["torch>=2.0"] if needs_torch else [])
    config = (tmp_path / "config.cfg").read_text(encoding="utf8")
    assert "textcat_distill" not in config and "SoftTargets" not in config and "TransferCorpus" not in config


@pytest.mark.parametrize("silent, heard", [("cnn", "bow"), ("bow", "cnn")])
def test_a_member_that_says_nothing_is_left_out(silent: str, heard: str, tmp_path: Path) -> None:
    trained = train(ENSEMBLE)
    model: Any = trained.get_pipe("textcat").model  # type: ignore[attr-defined]
    layer = model.layers[model.attrs["members"].index(silent)].get_ref("output_layer")
    for name in layer.param_names:
        layer.set_param(name, layer.get_param(name) * 0)
    exported = export_pipeline(trained)
    assert compare_predictions(trained, exported, CHECKED) <= 1e-6
    exported.to_disk(tmp_path / "export")
    export_pipeline(train(ARCHITECTURES[heard])).to_disk(tmp_path / heard)
    assert find_modules(tmp_path / "export") == find_modules(tmp_path / heard)


@pytest.mark.parametrize("member", ["bow", "cnn"])
def test_package_requires_what_a_member_needs(member: str) -> None:
    trained = train({**ENSEMBLE, member: ARCHITECTURES["bilstm"]})
    assert export_pipeline(trained).meta["requirements"] == ["torch>=2.0"]
    # Not what one needed that says nothing, and is left out.
    model: Any = trained.get_pipe("textcat").model  # type: ignore[attr-defined]
    layer = model.layers[model.attrs["members"].index(member)].get_ref("output_layer")
    for name in layer.param_names:
        layer.set_param(name, layer.get_param(name) * 0)
    assert export_pipeline(trained).meta["requirements"] == []


def test_package_requires_what_the_tokenizer_needs() -> None:
    trained = train(ARCHITECTURES["bow"])
    trained.config["nlp"]["tokenizer"] = {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "jieba"}
    pytest.importorskip("jieba", reason="jieba is not installed: pip install -r requirements-zh.txt")
    assert export_pipeline(trained).meta["requirements"] == ["jieba>=0.42"]


def test_export_refuses_a_pipeline_that_predicts_something_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained = train(ARCHITECTURES["bow"])
    trained.to_disk(tmp_path / "student")
    write_docs([eg.reference for eg in make_examples(trained)], tmp_path / "gold.spacy")
    monkeypatch.setattr("scripts.packaging.export.export_pipeline", lambda nlp: train(ARCHITECTURES["cnn"]))
    with pytest.raises(UserError, match=r"differs from .*student by .*, allowed: 1e-05"):
        export(tmp_path / "student", tmp_path / "export", train=tmp_path / "gold.spacy", dev=tmp_path / "gold.spacy")
    assert not (tmp_path / "export").exists()


def test_shipped_modules_are_those_that_the_student_uses(tmp_path: Path) -> None:
    expected = {
        "bow": ["ngrams.py", "softmax.py"],
        "cnn": ["lexeme_cache.py", "lexemes.py", "softmax.py"],
        "bilstm": ["lexemes.py", "softmax.py"],
        "ensemble": ["ensemble.py", "lexeme_cache.py", "lexemes.py", "ngrams.py", "softmax.py"],
    }
    for kind, modules in expected.items():
        export_pipeline(train(ARCHITECTURES[kind])).to_disk(tmp_path / kind)
        found = find_modules(tmp_path / kind)
        assert [path.name for path in found] == modules
        names = {name for path in found for name in read_code(path).registers}
        (group, lines), *others = list_entry_points("en_toy", found).items()
        assert group == "spacy_architectures" and not others and {line.split(" = ")[0] for line in lines} == names
    train(ARCHITECTURES["bow"]).to_disk(tmp_path / "trained")
    with pytest.raises(UserError, match=r"which is for training only. Export the student first"):
        find_modules(tmp_path / "trained")


def test_another_setup_than_spacys_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("setup(entry_points={})", encoding="utf8")
    with pytest.raises(UserError, match=r"another setup\.py than expected"):
        add_entry_points(tmp_path / "setup.py", "en_toy", [])


@pytest.mark.parametrize("path", sorted((ROOT / "scripts" / "architectures").glob("*.py")), ids=lambda path: path.stem)
def test_architectures_are_written_for_the_oldest_python_of_wheels(path: Path) -> None:
    major, minor = map(int, PYTHON.removeprefix(">=").split("."))
    ast.parse(path.read_text(encoding="utf8"), feature_version=(major, minor))


def test_architectures_are_leaves() -> None:
    declared = find_declared()
    assert {path.name for path in declared if declared[path]} == {"lexemes.py"}
    for path in (ROOT / "scripts" / "architectures").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf8"))
        leaf = {"numpy", "spacy", "thinc"} | sys.stdlib_module_names
        assert find_imports(tree) <= leaf | declared.get(path, set()), path
        # Other models of the module do without what one of them needs.
        assert find_imports(*(node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))) <= leaf


def find_declared() -> Dict[Path, Set[str]]:
    """The packages that the models of each leaf declare (`attrs["requires"]`)."""
    declared: Dict[Path, Set[str]] = {}
    for architecture in ARCHITECTURES.values():
        source = getsourcefile(util.registry.get("architectures", architecture["@architectures"]))
        model = util.registry.resolve({"model": architecture})["model"]
        names = {Requirement(one).name for one in find_requirements(model)}
        declared.setdefault(Path(str(source)), set()).update(names)
    return declared


def find_imports(*trees: ast.AST) -> Set[str]:
    """The packages that code imports, wherever it does; a relative import is of the package ""."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += ["" if node.level else str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "import os.path\ndef f():\n    import torch as t\n    if t:\n        from . import x\n    from a.b import c\n"
    )
    assert find_imports(ast.parse(source)) == {"os", "torch", "", "a"}


def test_a_tokenizer_of_ours_ships_with_its_entry_point(tmp_path: Path) -> None:
    trained = train(ARCHITECTURES["bow"])
    trained.config["nlp"]["tokenizer"] = {"@tokenizers": "textdistill.CharacterTokenizer.v1"}
    export_pipeline(trained).to_disk(tmp_path)
    assert [token.text for token in spacy.load(tmp_path)("很好")] == ["很", "好"]
    modules = find_modules(tmp_path)
    assert "characters.py" in [module.name for module in modules]
    assert list_entry_points("ja_reviews", modules)["spacy_tokenizers"] == [
        "textdistill.CharacterTokenizer.v1 = ja_reviews.characters:create_character_tokenizer"
    ]
    # What is for training only does not.
    trained.config["nlp"]["tokenizer"] = {"@tokenizers": "textdistill.Tokenizer.v1", "segmenter": "default"}
    export_pipeline(trained).to_disk(tmp_path)
    with pytest.raises(UserError, match="for training only"):
        find_modules(tmp_path)
