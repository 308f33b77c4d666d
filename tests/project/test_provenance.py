"""What a step follows from: its own modules, what they import, and what registers the names in its cfgs."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Set

import pytest
import srsly

from scripts import provenance
from scripts.files import UserError
from scripts.prepare import name_step, prepare, read_step
from scripts.provenance import find_sources, hash_sources
from tests.conftest import ROOT, VARIABLES

CONFIGS = ROOT / "configs"
# What `prepare` checks and nothing follows from.
FILES = {
    "scripts/__init__.py": "",
    "scripts/functions.py": "import scripts.losses.kl\nimport scripts.losses.mse\n",
    "scripts/architectures/__init__.py": "",
    "scripts/architectures/bow.py": '@registry.architectures("textdistill.Bow.v1")\ndef build_bow():\n    pass\n',
    "scripts/losses/__init__.py": "VERSION = 1\n",
    "scripts/losses/kl.py": '@spacy.registry.losses("textdistill.KL.v1")\ndef make_kl():\n    import scripts.sums\n',
    "scripts/losses/mse.py": '@registry.losses("textdistill.MSE.v1")\ndef make_mse():\n    pass\n',
    "scripts/sums.py": "SUM = 0\n",
    "scripts/factory.py": 'Language.factory("textcat_toy", func=make)\n',
    "scripts/train.py": "import json\nfrom scripts.losses import kl\n",
    "scripts/late.py": "def late():\n    from scripts.losses.mse import make_mse\n",
    "scripts/starter.py": 'run("-m", "scripts.step")\nrun(Path(__file__).with_name("train.py"))\n',
    "scripts/step/__init__.py": "",
    "scripts/step/__main__.py": 'NAMES = ("textcat_toy", "not textdistill.MSE.v1")\n',
    "scripts/whole.py": "import scripts.architectures\n",
    "scripts/loads.py": "import scripts.functions  # noqa: F401\nfrom scripts.provenance import hash_sources\n",
    "scripts/provenance.py": "ROOT = 1\n",
    "toy.cfg": '[loss]\n@losses = "textdistill.MSE.v1"\n# @losses = "textdistill.KL.v1"\nfactory = "textcat"\n',
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "module, expected",
    [
        # A module runs the packages above it; `import` inside a function counts.
        ("train.py", {"train.py", "losses/__init__.py", "losses/kl.py", "sums.py"}),
        ("late.py", {"late.py", "losses/__init__.py", "losses/mse.py"}),
        # Strings: of a module, of a file beside it, and of a registered name, which must be the whole string.
        (
            "starter.py",
            {
                "starter.py",
                "step/__main__.py",
                "factory.py",
                "train.py",
                "losses/__init__.py",
                "losses/kl.py",
                "sums.py",
            },
        ),
        ("whole.py", {"whole.py", "architectures/bow.py"}),
        # Who loads pipelines needs all architectures, and no loss. Provenance itself decides nothing.
        ("loads.py", {"loads.py", "architectures/bow.py"}),
    ],
)
def test_sources_of_a_module(module: str, expected: Set[str], toy: Path) -> None:
    assert set(hash_sources(toy / "scripts" / module)) == {f"scripts/{name}" for name in expected}


def test_names_of_a_cfg_count_unless_they_are_commented_out(toy: Path) -> None:
    assert set(hash_sources(toy / "scripts" / "sums.py", toy / "toy.cfg")) == {
        "scripts/sums.py",
        "scripts/losses/mse.py",
    }


def test_a_change_shows_in_what_depends_on_it_alone(toy: Path) -> None:
    modules = [toy / "scripts" / name for name in ("train.py", "late.py")]
    train, late = map(hash_sources, modules)
    (toy / "scripts" / "sums.py").write_text("SUM = 1\n", encoding="utf8")
    assert hash_sources(modules[1]) == late
    changed = hash_sources(modules[0])
    assert {name for name in train if changed[name] != train[name]} == {"scripts/sums.py"}


def sources_of(step: str) -> Set[str]:
    """What a step of the project follows from, as `prepare` finds it."""
    (command,) = [one for one in srsly.read_yaml(ROOT / "project.yml")["commands"] if name_step(one) == step]
    command.setdefault("deps", [])
    modules, configs = read_step(command, {"config_dir": str(CONFIGS), "student": "ensemble"})
    return {path.relative_to(ROOT / "scripts").as_posix() for path in find_sources(modules, configs)}


@pytest.mark.parametrize(
    "step, sources, others",
    [
        ("convert", {"files.py", "data/docbins.py"}, {"teacher/scoring.py"}),
        ("train-teacher", {"teacher/batcher.py", "teacher/load_encoder.py"}, {"distillation/losses.py"}),
        ("augment", {"data/near_copies.py", "augmentation/operations.py"}, {"teacher/scoring.py"}),
        ("score", {"teacher/windows.py", "engines/shards.py"}, {"architectures/ngrams.py"}),
        (
            "train-student",
            {"distillation/losses.py", "distillation/reader.py", "architectures/ensemble.py"},
            {"teacher/load_encoder.py", "augmentation/operations.py", "packaging/export.py"},
        ),
        # It measures how fast they are.
        ("evaluate", {"evaluation/speed.py", "architectures/lexeme_cache.py"}, {"distillation/losses.py"}),
        ("evaluate", {"evaluation/page/charts.py", "evaluation/page/page.html", "evaluation/page/page.css"}, set()),
        ("package", {"packaging/check_wheel.py", "architectures/softmax.py"}, {"packaging/export.py"}),
        ("ablate", {"ablation/cell.py", "evaluation/quality.py", "lexicon/__main__.py"}, {"packaging/wheel.py"}),
    ],
)
def test_steps_follow_from_what_decides_their_result(step: str, sources: Set[str], others: Set[str]) -> None:
    found = sources_of(step)
    assert sources <= found and not others & found


def test_a_cell_of_the_ablation_follows_from_what_measures_it_and_from_the_cfg_of_its_student() -> None:
    found = hash_sources(ROOT / "scripts" / "ablation" / "cell.py", CONFIGS / "student_bow.cfg")
    assert {f"scripts/{name}.py" for name in ("evaluation/quality", "distillation/losses")} <= set(found)


def test_nothing_that_python_imports_is_overlooked() -> None:
    code = "import sys, scripts.augmentation.__main__; "
    code += "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith('scripts')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {Path(name) for name in done.stdout.split()} - {Path(provenance.__file__)}
    assert len(imported) > 5
    found = find_sources([ROOT / "scripts" / "augmentation" / "__main__.py"], [])
    assert {path for path in imported if path.stat().st_size} <= found


def test_prepare_leaves_what_has_not_changed_untouched(tmp_path: Path) -> None:
    engine, broken = CONFIGS / "engine.cfg", tmp_path / "broken.cfg"
    broken.write_text("[engine]\nn_workers = 2\n", encoding="utf8")

    def run(student: str, engine: Path = engine, **late: Any) -> None:
        prepare(tmp_path, engine=engine, config_dir=str(CONFIGS), student=student, **{**VARIABLES, **late})

    run("bow")
    written = [tmp_path / "engine.cfg", *(tmp_path / "sources").iterdir()]
    times = {path.name: path.stat().st_mtime_ns for path in written}
    run("bow", run="my run", name="other", package_version="1.0.0", lang="de", seed=3, max_loss=9.0)
    assert times == {path.name: path.stat().st_mtime_ns for path in written}
    bow = srsly.read_json(tmp_path / "sources" / "train-student.json")
    run("cnn", CONFIGS / "ray.cfg")
    assert (tmp_path / "engine.cfg").read_bytes() == (CONFIGS / "ray.cfg").read_bytes()
    cnn = srsly.read_json(tmp_path / "sources" / "train-student.json")
    assert "scripts/architectures/lexemes.py" in set(cnn) - set(bow)
    changed = {path.name for path in written if path.stat().st_mtime_ns != times[path.name]}
    assert changed == {"engine.cfg", "train-baseline.json", "train-student.json"}
    with pytest.raises(UserError, match="no engine in a section"):
        run("bow", broken)
    with pytest.raises(UserError, match=r"where.cfg does not exist.*--vars.engine"):
        run("bow", tmp_path / "where.cfg")
    assert (tmp_path / "engine.cfg").read_bytes() == (CONFIGS / "ray.cfg").read_bytes()


@pytest.mark.parametrize(
    "slip, message",
    [
        ({"run": "a/b"}, "cannot name a run's folders"),
        ({"lang": "english"}, "no language 'english'"),
        ({"tagger": "en_core_web_none"}, "neither an installed pipeline nor a folder"),
        ({"select": "nearest"}, "'nearest' is not known. Take near or all"),
        ({"name": "my-reviews"}, "is no name for a package"),
        ({"package_version": "1.1"}, "fewer than three numbers"),
        ({"gpu_id": 99}, "GPU 99 cannot be used"),
        (
            {"student": "ensembel"},
            r"student_ensembel\.cfg does not exist; there is .*student_bow\.cfg.*--vars\.student",
        ),
        ({"config_dir": "config"}, r"config/teacher\.cfg does not exist; there is nothing\. Check --vars\.config_dir"),
        ({"engine": Path("where.cfg")}, r"where\.cfg does not exist.*--vars\.engine"),
    ],
)
def test_prepare_refuses_what_a_late_step_would_and_writes_nothing(
    slip: Dict[str, Any], message: str, tmp_path: Path
) -> None:
    good = {"engine": CONFIGS / "engine.cfg", "config_dir": str(CONFIGS), "student": "bow", **VARIABLES}
    with pytest.raises(UserError, match=message):
        prepare(tmp_path / "en", **{**good, **slip})
    assert not (tmp_path / "en").exists()


def test_prepare_must_know_the_variables_in_the_path_of_a_cfg() -> None:
    command = {"name": "x-${vars.run}", "script": [], "deps": ["${vars.config_dir}/${vars.kind}.cfg"]}
    with pytest.raises(UserError, match=r"x-.*kind.*prepare"):
        read_step(command, {"config_dir": "configs"})
