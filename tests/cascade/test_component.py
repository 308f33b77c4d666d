"""The cascade answers with the student's words or the teacher's, and says whose they are."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest
import spacy
from spacy import Language
from spacy.cli.assemble import assemble_cli
from spacy.tokens import Doc

import scripts.architectures
from scripts.apply.classifier import load_pipeline
from scripts.cascade import component
from scripts.cascade.__main__ import join
from scripts.files import UserError
from scripts.inspection.contributions import contributions
from tests.conftest import TEXTS
from tests.teacher.test_runtimes import make_transformer_teacher
from tests.test_pipelines import save, set_config

READ = [text for text, _ in TEXTS] + ["", " ", "nothing known", "it , works", "and"]


def load(paths: Dict[str, Path], threshold: float) -> Language:
    return join(spacy.load(paths["student"]), spacy.load(paths["teacher"]), threshold)


@pytest.fixture(scope="module")
def alone(paths: Dict[str, Path]) -> Dict[str, List[Dict[str, float]]]:
    """What each says of READ."""
    return {name: [doc.cats for doc in spacy.load(path).pipe(READ)] for name, path in paths.items()}


@pytest.fixture(scope="module")
def threshold(alone: Dict[str, List[Dict[str, float]]]) -> float:
    """One that the student reaches for some of the texts."""
    return sorted(max(cats.values()) for cats in alone["student"])[len(READ) // 2]


def check(docs: List[Doc], alone: Dict[str, List[Dict[str, float]]], threshold: float) -> int:
    """All answers are those of whoever shall give them. RETURNS (int): How many are the teacher's."""
    is_asked = [len(doc) > 0 and max(cats.values()) < threshold for doc, cats in zip(docs, alone["student"])]
    for number, doc in enumerate(docs):
        who = "teacher" if is_asked[number] else "student"
        assert doc._.textcat_answered_by == who
        # What a textcat says of nothing depends on the batch.
        if len(doc):
            assert doc.cats == pytest.approx(alone[who][number], abs=1e-6)
            assert list(doc.cats) == list(alone["student"][0])
    return sum(is_asked)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_teacher_answers_where_the_student_is_not_sure(
    paths: Dict[str, Path], alone: Any, threshold: float, batch_size: int
) -> None:
    docs = list(load(paths, threshold).pipe(READ, batch_size=batch_size))
    assert [doc.text for doc in docs] == READ
    assert 2 < check(docs, alone, threshold) < len(READ) - 2


def test_the_teacher_is_asked_once_a_batch_about_uncertain_texts_alone(
    paths: Dict[str, Path], alone: Any, threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = load(paths, threshold)
    teacher: Any = nlp.get_pipe("textcat_cascade").teacher  # type: ignore[attr-defined]
    asked: List[List[str]] = []
    answer = teacher.pipe

    def watch(texts: List[str]) -> List[Doc]:
        asked.append(texts)
        return list(answer(texts))

    monkeypatch.setattr(teacher, "pipe", watch)
    docs = list(nlp.pipe(READ, batch_size=8))
    teachers = [doc.text for doc in docs if doc._.textcat_answered_by == "teacher"]
    assert len(asked) == 2 and [text for texts in asked for text in texts] == teachers
    assert nlp(READ[0]).cats == docs[0].cats
    cascade: Any = nlp.get_pipe("textcat_cascade")
    cascade.threshold = 0.0
    assert {doc._.textcat_answered_by for doc in nlp.pipe(docs)} == {"student"}


@pytest.mark.parametrize("limit, who", [(0.0, "student"), (1.1, "teacher")])
def test_a_threshold_may_leave_all_to_one_of_them(paths: Dict[str, Path], alone: Any, limit: float, who: str) -> None:
    docs = list(load(paths, limit).pipe(READ))
    assert {doc._.textcat_answered_by for doc in docs if len(doc)} == {who}
    check(docs, alone, limit)


def test_it_is_one_pipeline_on_disk_and_in_bytes(
    paths: Dict[str, Path], alone: Any, threshold: float, tmp_path: Path
) -> None:
    nlp = load(paths, threshold)
    nlp.to_disk(tmp_path / "cascade")
    for path in ("student", "teacher"):
        assert str(paths[path]) not in (tmp_path / "cascade" / "config.cfg").read_text(encoding="utf8")
    check(list(load_pipeline(str(tmp_path / "cascade")).pipe(READ)), alone, threshold)
    other = {"components": {"textcat_cascade": {"threshold": 1.1}}}
    check(list(spacy.load(tmp_path / "cascade", config=other).pipe(READ)), alone, 1.1)
    copy = spacy.util.load_model_from_config(nlp.config)
    with pytest.raises(ValueError, match="textcat_cascade has no teacher"):
        copy.get_pipe("textcat_cascade")(nlp.make_doc("a"))
    check(list(copy.from_bytes(nlp.to_bytes()).pipe(READ)), alone, threshold)


def test_a_config_assembles_it(paths: Dict[str, Path], alone: Any, tmp_path: Path) -> None:
    config = f"""
    [nlp]
    lang = "en"
    pipeline = ["textcat", "textcat_cascade"]

    [components]

    [components.textcat]
    source = {str(paths["student"])!r}

    [components.textcat_cascade]
    factory = "textcat_cascade"
    threshold = 1.1

    [initialize]

    [initialize.components]

    [initialize.components.textcat_cascade]
    teacher = {str(paths["teacher"])!r}
    """.replace("'", '"')
    path = tmp_path / "cascade.cfg"
    path.write_text("\n".join(map(str.strip, config.splitlines())), encoding="utf8")
    assemble_cli(SimpleNamespace(args=[]), path, tmp_path / "cascade", None, False)  # type: ignore[arg-type]
    check(list(spacy.load(tmp_path / "cascade").pipe(READ)), alone, 1.1)


def test_a_transformer_inside_is_saved_and_checked(paths: Dict[str, Path], tmp_path: Path) -> None:
    teacher = make_transformer_teacher(tmp_path)
    nlp = join(spacy.load(paths["student"]), teacher, 1.1)
    expected = teacher("good. bad thing").cats
    nlp.to_disk(tmp_path / "cascade")
    assert spacy.load(tmp_path / "cascade")("good. bad thing").cats == pytest.approx(expected, abs=1e-6)
    copy = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert copy("good. bad thing").cats == pytest.approx(expected, abs=1e-6)
    assert any(name.startswith("spacy-transformers") for name in nlp.meta["requirements"])
    inside = tmp_path / "cascade" / "textcat_cascade" / "teacher"
    save(teacher, inside, set_config(auto_map={"AutoConfig": "a.b"}, model_type="mine"))
    with pytest.raises(UserError, match="names code of its own"):
        load_pipeline(str(tmp_path / "cascade"))


def test_a_teacher_of_other_labels_is_refused(paths: Dict[str, Path]) -> None:
    teacher = spacy.blank("en")
    textcat: Any = teacher.add_pipe("textcat")
    for label in ("A", "B"):
        textcat.add_label(label)
    teacher.initialize()
    with pytest.raises(ValueError, match="its teacher A, B"):
        join(spacy.load(paths["student"]), teacher, 1.1)("a text")


def test_words_explain_the_answer_of_whoever_gave_it(paths: Dict[str, Path], threshold: float) -> None:
    nlp = load(paths, threshold)
    pipelines = {name: spacy.load(path) for name, path in paths.items()}
    docs = list(nlp.pipe(READ))
    assert {doc._.textcat_answered_by for doc in docs} == set(pipelines)
    for doc in docs:
        who = pipelines[doc._.textcat_answered_by]
        expected = contributions(who, who.make_doc(doc.text), "POSITIVE")
        found = contributions(nlp, doc, "POSITIVE")
        assert [share for *_, share in found] == pytest.approx([share for *_, share in expected], abs=1e-5)


def test_the_teachers_memory_stays_flat(paths: Dict[str, Path]) -> None:
    nlp = load(paths, 1.1)
    vocab = nlp.get_pipe("textcat_cascade").teacher.vocab  # type: ignore[attr-defined]
    list(nlp.pipe(READ))
    n_strings = len(vocab.strings)
    list(nlp.pipe(f"never{i} read{i}" for i in range(200)))
    contributions(nlp, nlp("never0 explained"), "POSITIVE")
    assert len(vocab.strings) == n_strings


def test_it_loads_where_the_project_is_not(paths: Dict[str, Path], threshold: float, tmp_path: Path) -> None:
    load(paths, threshold).to_disk(tmp_path / "cascade")
    code = tmp_path / "code"
    code.mkdir()
    leaves = [*Path(str(scripts.architectures.__file__)).parent.glob("[a-z]*.py"), Path(component.__file__)]
    for leaf in leaves:
        shutil.copy(leaf, code)
    modules = ", ".join(path.stem for path in leaves)
    program = (
        f"import sys; sys.path.insert(0, {str(code)!r}); import spacy, {modules}; "
        f"nlp = spacy.load({str(tmp_path / 'cascade')!r}); print(nlp({READ[0]!r})._.textcat_answered_by)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() in ("student", "teacher"), done.stderr
