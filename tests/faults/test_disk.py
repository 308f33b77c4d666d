"""A full disk and missing rights: a message, nothing half-written, and the same command goes on."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List

import numpy
import pytest
import spacy
import srsly

from benchmarks.limits import obey_rights, read_only
from scripts.augmentation.text_file import TextFile
from scripts.data.docbins import write_docs
from scripts.data.texts import GOLD, Text, write_texts, write_unlabelled
from scripts.engines.shards import write_bytes
from scripts.files import UserError, describe_fault, named, replaced, told
from scripts.teacher.onnx_encoder import ExportError, _export_errors
from tests.conftest import ROOT, run_here
from tests.faults.limits import needs_rights, no_room

SIZE = 40_000


def write_table(path: Path) -> None:
    """A pipeline with a table of vectors: NumPy writes it, and says in its own way that it could not."""
    nlp = spacy.blank("en")
    nlp.vocab.vectors.data = numpy.ones((SIZE, 1), dtype="float32")
    with replaced(path) as partial:
        nlp.to_disk(partial)


def write_docbin(path: Path) -> None:
    nlp = spacy.blank("en")
    write_docs([nlp.make_doc(f"number {os.urandom(8).hex()}") for _ in range(SIZE // 40)], path)


WRITERS: Dict[str, Callable[[Path], None]] = {
    "DocBin": write_docbin,
    "texts": lambda path: write_texts(path, (Text(GOLD, n, text="a review") for n in range(SIZE // 8))),
    "unlabelled": lambda path: write_unlabelled(path, [("a review", None)] * (SIZE // 8)),
    "pipeline": write_table,
    "shard": lambda path: write_bytes(str(path), bytes(SIZE)),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_finds_no_room_is_named_and_leaves_nothing(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "result"
    WRITERS[kind](path)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    with pytest.raises(SystemExit) as ended, told(), no_room(SIZE // 8):
        WRITERS[kind](path)
    message = capsys.readouterr().err
    assert ended.value.code == 1 and str(path) in message and "cannot be written" in message and "MB free" in message
    # The earlier result stands as it was, and no more.
    assert before == {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    WRITERS[kind](path)
    assert not list(tmp_path.rglob("*.partial"))


def test_texts_that_wait_find_no_room(tmp_path: Path) -> None:
    texts = TextFile(tmp_path)
    with pytest.raises(OSError) as raised, no_room(SIZE // 8):
        for number in range(SIZE):
            texts.append(Text(GOLD, number, text="a review"))
    assert str(tmp_path) in str(describe_fault(raised.value))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x/y"), "x/y cannot be written: No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "A file cannot be written: Disk quota exceeded"),
        # Of libraries in Rust and C++.
        (RuntimeError("No space left on device (os error 28)"), "A file cannot be written: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "x cannot be read or written: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "x cannot be read or written: Read-only file system"),
        (FileExistsError(errno.EEXIST, "File exists", "corpus"), "corpus cannot be read or written: File exists"),
        (UserError("the file is broken"), "the file is broken"),
    ],
)
def test_faults_of_the_machine_are_told_without_a_traceback(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, told():
        raise error
    assert ended.value.code == 1 and f"✘ {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("E050"), KeyError("x")]
)
def test_faults_of_the_program_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), told():
        raise error


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="makes a folder in /proc")
def test_a_folder_that_no_rights_would_let_be_made_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, told(), replaced(Path("/proc/out/problems.csv")):
        pass
    assert ended.value.code == 1 and "✘ The folder /proc/out cannot be made (No such file" in capsys.readouterr().err


def test_an_error_in_numpys_own_words_is_told_too() -> None:
    with pytest.raises(OSError) as raised, named(Path("x/y")):
        raise OSError("7000 requested and 12 written")
    assert str(describe_fault(raised.value)).startswith("x/y cannot be written: No space left")


def test_a_full_disk_does_not_run_the_teacher_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No space"), _export_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ExportError, match="no such operator"), _export_errors():
        raise RuntimeError("no such operator")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(OSError, match="No space"), _export_errors():
        # ONNX Runtime's words.
        raise RuntimeError("Protobuf serialization failed.")


def write_reviews(folder: Path) -> Path:
    rows = [{"text": f"review number {n}", "label": ("GOOD", "BAD")[n % 2]} for n in range(60)]
    srsly.write_jsonl(folder / "train.jsonl", rows)
    return folder / "train.jsonl"


def list_options(reviews: Path) -> List[Any]:
    return ["--lang", "en", "--train", reviews]


def test_a_step_goes_on_once_there_is_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reviews, corpus = write_reviews(tmp_path), tmp_path / "corpus"
    arguments = ["scripts.conversion", corpus, *list_options(reviews)]
    with no_room(100):
        assert run_here(*arguments) == 1
    message = capsys.readouterr().err
    assert str(corpus) in message and "cannot be written" in message and "Traceback" not in message
    assert not (corpus / "data.json").exists() and not list(corpus.rglob("*.partial"))
    assert run_here(*arguments) == 0
    assert (corpus / "data.json").is_file()


@needs_rights
def test_what_may_not_be_written_is_named(tmp_path: Path) -> None:
    reviews, corpus = write_reviews(tmp_path), tmp_path / "corpus"
    corpus.mkdir()
    command = [sys.executable, "-m", "scripts.conversion", str(corpus), *map(str, list_options(reviews))]
    with read_only(corpus), read_only(reviews):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=obey_rights)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert str(corpus / "problems.csv") in done.stderr and "cannot be read or written: Permission denied" in done.stderr
