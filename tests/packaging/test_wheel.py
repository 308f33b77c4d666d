"""Wheels, and what is made of them where the project is not."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List

import catalogue
import pytest
import spacy
import srsly
from spacy import Language
from spacy.cli.evaluate import evaluate
from spacy.tokens import DocBin, Span

from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.files import UserError, hash_path
from scripts.packaging.export import export_pipeline
from scripts.packaging.names import read_package_name
from scripts.packaging.wheel import build_package, build_wheel, check_wheels
from tests.conftest import ENSEMBLE, LABELS, ROOT, TEXTS, train
from tests.evaluation.toy_run import write_run

META = ROOT / "configs" / "meta.json"
CHECKED = ["love it", "awful 😀", "word " * 50, "unseen kvothe"]
# `pip` writes neither capitals nor two underscores.
NAME, VERSION = "My__Toy", "1.10.0"


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """`spacy package` registers what it ships anew, from modules that nobody can import: not for other tests."""
    before = dict(catalogue.REGISTRY)
    yield
    catalogue.REGISTRY.update(before)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """An exported student of two languages."""
    folder = tmp_path_factory.mktemp("exports")
    for lang in ("en", "de"):
        export_pipeline(train(ENSEMBLE, lang=lang)).to_disk(folder / lang)
    return {lang: folder / lang for lang in ("en", "de")}


@pytest.fixture(scope="module")
def wheels(pipelines: Dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """Their wheels."""
    packages = tmp_path_factory.mktemp("packages")
    options: Any = {"name": NAME, "package_version": VERSION, "meta": srsly.read_json(META)}
    return {lang: build_wheel(pipeline, packages, **options) for lang, pipeline in pipelines.items()}


@pytest.fixture(scope="module")
def site(wheels: Dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that both are installed into."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    install(folder, *wheels.values())
    return folder


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .spacy file with TEXTS."""
    path = tmp_path_factory.mktemp("gold") / "dev.spacy"
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    for doc, (_, label) in zip(docs, TEXTS):
        # Some are wrong, so that no score is 1.
        doc.cats = Task(LABELS).make_cats(LABELS[0] if len(doc) == 5 else label)
    write_docs(docs, path)
    return path


@pytest.fixture(scope="module")
def merged(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Someone's pipeline that has the English student's component."""
    folder = tmp_path_factory.mktemp("merged") / "merged"
    code = f"""if True:
        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        nlp.add_pipe("textcat", source=spacy.load("en_{NAME}"))
        nlp.to_disk({str(folder)!r})
    """
    run_elsewhere(site, "-c", code)
    return folder


def install(folder: Path, *packages: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *map(str, packages)], check=True)


def run_elsewhere(site: Path, *arguments: Any, also: str = "") -> str:
    """Run spaCy in a process that cannot see the project; returns what it prints."""
    folders = os.pathsep.join(filter(None, [str(site), also]))
    script = ROOT / "tests" / "packaging" / "elsewhere.py"
    command = [sys.executable, "-I", str(script), folders, *map(str, arguments)]
    done = subprocess.run(command, cwd=site.parent, capture_output=True, encoding="utf8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_same_cats(site: Path, pipeline: Any, student: Path, *, also: str = "") -> None:
    """What a pipeline says in a process that knows only its name or folder is what the student says here."""
    code = f"""if True:
        import json
        nlp = spacy.load({str(pipeline)!r})
        print(json.dumps([nlp(text).cats for text in {CHECKED!r}]))
    """
    found = json.loads(run_elsewhere(site, "-c", code, also=also).splitlines()[-1])
    for cats, expected in zip(found, read_cats(spacy.load(student))):
        assert cats == pytest.approx(expected, abs=1e-6)


def read_cats(nlp: Language) -> List[Dict[str, float]]:
    return [nlp(text).cats for text in CHECKED]


def test_two_wheels_of_two_languages_load_in_one_process_without_the_project(
    pipelines: Dict[str, Path], wheels: Dict[str, Path]
) -> None:
    expected: Dict[Path, List[Dict[str, Any]]] = {}
    for lang, wheel in wheels.items():
        assert wheel.name == f"{lang}_my_toy-{VERSION}-py3-none-any.whl"
        assert read_package_name(wheel) == f"{lang}_{NAME}"
        cats = read_cats(spacy.load(pipelines[lang]))
        expected[wheel] = [{"text": text, "cats": values} for text, values in zip(CHECKED, cats)]
    check_wheels(expected)
    # A check that cannot fail would prove nothing.
    expected[wheels["de"]][0]["cats"]["POSITIVE"] += 1e-5
    with pytest.raises(UserError, match="the check outside the project failed: de_My__Toy"):
        check_wheels(expected)


def test_what_is_made_of_a_student_loads_where_its_wheel_is_installed(
    site: Path, merged: Path, pipelines: Dict[str, Path]
) -> None:
    assert_same_cats(site, merged, pipelines["en"])


def test_what_is_made_of_a_student_can_be_evaluated(site: Path, merged: Path, gold: Path, tmp_path: Path) -> None:
    run_elsewhere(site, "evaluate", merged, gold, "--output", tmp_path / "metrics.json")
    assert 0 < srsly.read_json(tmp_path / "metrics.json")["cats_score"] < 1


def test_what_is_made_of_a_student_can_be_assembled(
    site: Path, merged: Path, pipelines: Dict[str, Path], tmp_path: Path
) -> None:
    config = spacy.util.load_config(merged / "config.cfg")
    config["components"]["textcat"] = {"source": str(merged)}
    config.to_disk(tmp_path / "assemble.cfg")
    run_elsewhere(site, "assemble", tmp_path / "assemble.cfg", tmp_path / "assembled")
    assert_same_cats(site, tmp_path / "assembled", pipelines["en"])


def test_entities_can_be_learned_beside_a_student(
    site: Path, merged: Path, pipelines: Dict[str, Path], tmp_path: Path
) -> None:
    nlp = spacy.blank("en")
    doc = nlp.make_doc("I love Berlin")
    doc.ents = [Span(doc, 2, 3, label="PLACE")]
    DocBin(docs=[doc] * 4).to_disk(tmp_path / "ents.spacy")
    nlp.add_pipe("ner")
    config = nlp.config
    config["components"]["textcat"] = {"source": str(merged)}
    config["nlp"]["pipeline"] = ["ner", "textcat"]
    config["training"].update(frozen_components=["textcat"], max_steps=1, eval_frequency=1)
    config.to_disk(tmp_path / "train.cfg")
    paths = ["--paths.train", tmp_path / "ents.spacy", "--paths.dev", tmp_path / "ents.spacy"]
    run_elsewhere(site, "train", tmp_path / "train.cfg", "--output", tmp_path / "out", *paths)
    assert_same_cats(site, tmp_path / "out" / "model-last", pipelines["en"])


def test_what_is_made_of_a_student_can_be_packaged_and_requires_the_wheel(
    site: Path, merged: Path, pipelines: Dict[str, Path], tmp_path: Path
) -> None:
    run_elsewhere(site, "package", merged, tmp_path, "--name", "theirs", "--version", "0.0.1", "--build", "none")
    folder = tmp_path / "en_theirs-0.0.1"
    # Both wheels offer the same functions, so either will do.
    requirements = srsly.read_json(folder / "meta.json")["requirements"]
    assert {f"{lang}_{NAME}>=1.10.0,<1.11.0" for lang in ("en", "de")} & set(requirements)
    install(tmp_path / "theirs", folder)
    assert_same_cats(site, "en_theirs", pipelines["en"], also=str(tmp_path / "theirs"))


def test_the_project_runs_its_own_code_where_its_wheels_are_installed(site: Path, pipelines: Dict[str, Path]) -> None:
    code = f"""if True:
        import scripts.functions
        from pathlib import Path
        from spacy import util
        from scripts.packaging.wheel import find_modules
        softmax = util.registry.get("architectures", "textdistill.Softmax.v1")
        assert softmax.__module__ == "scripts.architectures.softmax"
        assert "textdistill.Softmax.v1" in util.registry.architectures
        # Other packages' are found as ever; that one only after a look for another name, which loads all there are.
        assert util.registry.get("architectures", "spacy.MaxoutWindowEncoder.v1")
        assert find_modules(Path({str(pipelines["en"])!r}))[0] == Path(scripts.architectures.ensemble.__file__)
        import spacy
        [spacy.load(name)("love it") for name in ("en_{NAME}", "de_{NAME}", {str(pipelines["en"])!r})]
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf8")
    assert done.returncode == 0, done.stderr


def test_a_wheel_holds_the_student_its_modules_and_what_meta_json_says(wheels: Dict[str, Path]) -> None:
    package = f"de_{NAME}"
    with zipfile.ZipFile(wheels["de"]) as archive:
        modules = sorted(name for name in archive.namelist() if name.endswith(".py"))
        info = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        metadata = archive.read(f"{info}/METADATA").decode("utf8").splitlines()
        entry_points = archive.read(f"{info}/entry_points.txt").decode("utf8").split("\n\n")
    names = ["__init__", "ensemble", "lexeme_cache", "lexemes", "ngrams", "softmax"]
    assert modules == [f"{package}/{name}.py" for name in names]
    meta = srsly.read_json(wheels["de"].parents[1] / "meta.json")
    assert meta["license"] == "MIT" and meta["labels"] == {"textcat": ["NEGATIVE", "POSITIVE"]}
    assert {"Requires-Dist: spacy<3.9.0,>=3.7.5", "Requires-Python: >=3.9"} <= set(metadata)
    assert [section.splitlines()[0] for section in entry_points] == ["[spacy_architectures]", "[spacy_models]"]
    assert f"textdistill.CachedCNN.v1 = {package}.lexeme_cache:build_cached_cnn" in entry_points[0].splitlines()


def test_the_same_pipeline_gives_the_same_wheel(
    pipelines: Dict[str, Path], tmp_path: Path, gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: List[Dict[Path, List[Dict[str, Any]]]] = []
    monkeypatch.setattr("scripts.packaging.wheel.check_wheels", checked.append)
    options: Any = {"name": NAME, "package_version": VERSION, "meta": META, "texts": [gold]}
    options.update(run=write_run(tmp_path / "run"), data_licence="")
    records = []
    for folder in ("one", "two"):
        build_package(pipelines["en"], tmp_path / folder, tmp_path / "wheel.json", **options)
        records.append(srsly.read_json(tmp_path / "wheel.json"))
    assert records[0]["sha256"] == records[1]["sha256"] == hash_path(Path(records[0]["wheel"]))
    # It is recorded once it has been checked on all texts.
    assert [[len(rows) for rows in expected.values()] for expected in checked] == [[len(TEXTS)]] * 2


def test_a_wheel_claims_scores_of_its_own(
    pipelines: Dict[str, Path], tmp_path: Path, gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = {
        **srsly.read_json(META),
        "notes": "Ours.",
        "requirements": ["some-lexicon"],
        "sources": [{"name": "Our shop", "url": "https://example.com", "author": "We", "license": "ours"}],
        "performance": {"cats_score": 1},
    }
    srsly.write_json(tmp_path / "meta.json", meta)
    test = tmp_path / "test.spacy"
    write_docs(list(DocBin().from_disk(gold).get_docs(spacy.blank("en").vocab))[:6], test)
    monkeypatch.setattr("scripts.packaging.wheel.check_wheels", lambda expected: None)
    options: Any = {"name": NAME, "package_version": VERSION, "meta": tmp_path / "meta.json", "texts": [gold, test]}
    options.update(run=write_run(tmp_path / "run"), data_licence="CC BY 4.0")
    build_package(pipelines["en"], tmp_path / "packages", tmp_path / "wheel.json", **options)
    folder = tmp_path / "packages" / f"en_{NAME}-{VERSION}"
    data = folder / f"en_{NAME}" / folder.name
    performance = srsly.read_json(data / "meta.json")["performance"]
    readme = (data / "README.md").read_text(encoding="utf8")
    for path in (gold, test):
        scores = evaluate(str(data), path, silent=True)
        names = [name for name, value in scores.items() if name.startswith("cats_") and value is not None]
        claimed = {name: performance.pop(f"{path.stem}_{name}") for name in names}
        assert len(claimed) > 8 and (path == test or claimed["cats_score"] < 1)
        assert srsly.json_loads(srsly.json_dumps({name: scores[name] for name in names})) == claimed
        assert f"| `{path.stem.upper()}_CATS_SCORE` | {100 * claimed['cats_score']:.2f} |" in readme
        stated = performance["data"].pop(path.stem)
        assert stated == {"n_texts": len(DocBin().from_disk(path)), "sha256": hash_path(path)}
        assert stated["sha256"] in readme
    # Nothing of what was known before calibration and compression.
    assert performance == {"data": {}}
    assert "Ours." in readme and "trained on: CC BY 4.0." in readme and "#### Provenance" in readme
    packaged = srsly.read_json(folder / "meta.json")
    assert packaged["requirements"] == ["some-lexicon", "spacy>=3.7.5,<3.9.0"]
    sources = ["Our shop", "train: train.csv", "teacher: all-MiniLM-L6-v2"]
    assert [source["name"] for source in packaged["sources"]] == sources


def test_a_name_that_cannot_be_imported_is_an_error(pipelines: Dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'my-reviews' is no name for a package"):
        build_wheel(pipelines["en"], tmp_path, name="my-reviews", package_version="0.1.0", meta={})
