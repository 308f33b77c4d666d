"""`python -m scripts.inspect`: what it shows of texts and mistakes."""

from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any, List

import numpy
import pytest
import spacy
from rich.console import Console
from spacy import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from scripts import segmenters
from scripts.data.docbins import write_docs
from scripts.data.task import Task
from scripts.files import UserError
from scripts.inspection.contributions import contributions
from scripts.inspection.mistakes import find_worst
from scripts.inspection.terminal import color_words, rank_words, show_text
from scripts.packaging.export import export_pipeline
from tests.conftest import BOW, ENSEMBLE, LABELS, TEXTS, run_here, train
from tests.teacher.test_runtimes import make_transformer_teacher


@pytest.fixture(scope="module")
def nlp() -> Language:
    return export_pipeline(train(ENSEMBLE, n_updates=20))


def make_gold(texts: List[str], labels: List[str]) -> List[Doc]:
    docs = [spacy.blank("en").make_doc(text) for text in texts]
    for doc, label in zip(docs, labels):
        doc.cats = Task(LABELS).make_cats(label or None)
    return docs


def test_the_worst_mistakes_come_first(nlp: Language) -> None:
    texts = [text for text, _ in TEXTS]
    # The opposite of what it has learned, but for the first; the second has no label.
    labels = [TEXTS[0][1], "", *(LABELS[label == "NEGATIVE"] for _, label in TEXTS[2:])]
    probs = {i: nlp(texts[i]).cats[labels[i]] for i in range(2, len(texts))}
    wrong = sorted((i for i in probs if probs[i] < 0.5), key=probs.__getitem__)
    found = find_worst(nlp, make_gold(texts, labels), 3)
    assert len(wrong) > 3 and [mistake.number - 1 for mistake in found] == wrong[:3]
    assert [(mistake.doc.text, mistake.gold) for mistake in found] == [(texts[i], labels[i]) for i in wrong[:3]]
    assert find_worst(nlp, make_gold(texts[:1], labels[:1]), 3) == []


def test_texts_of_another_task_are_refused(nlp: Language) -> None:
    doc = spacy.blank("en").make_doc("a")
    with pytest.raises(UserError, match="no text with a label; the pipeline knows NEGATIVE, POSITIVE"):
        find_worst(nlp, [doc], 3)
    doc.cats = {"SPORT": 1.0, "POSITIVE": 0.0}
    with pytest.raises(UserError, match="texts with the label 'SPORT'"):
        find_worst(nlp, [doc], 3)


def show(nlp: Language, text: str, *, is_terminal: bool) -> str:
    doc = nlp(text)
    stream = StringIO()
    system: Any = "truecolor" if is_terminal else "auto"
    console = Console(file=stream, force_terminal=is_terminal, color_system=system, markup=False, soft_wrap=True)
    show_text(console, doc, contributions(nlp, doc, max(doc.cats, key=doc.cats.__getitem__)))
    return stream.getvalue()


def test_words_are_coloured_on_a_terminal_and_plain_elsewhere(nlp: Language) -> None:
    text = "I love [it] , " + "works well so " * 20 + "well"
    plain, colored = (show(nlp, text, is_terminal=is_terminal) for is_terminal in (False, True))
    first, second, third, *_ = plain.splitlines()
    assert first.startswith("POSITIVE 0.") and second == text and third.startswith("for POSITIVE: ")
    assert "\x1b" not in plain and ";48;2;" in colored


def test_a_text_gives_the_terminal_no_commands_and_no_word_moves() -> None:
    doc = Doc(Vocab(), words=["a\r\x07\x1b[2J", "b"])
    doc.cats = {"A": 1.0}
    stream = StringIO()
    console = Console(file=stream, markup=False, soft_wrap=True)
    show_text(console, doc, [(0, 7, 1.0), (8, 9, -1.0)])
    assert stream.getvalue().splitlines()[1:4] == ["a   [2J b ", "for A: a   [2j +1.00", "against A: b -1.00"]
    text = color_words(doc, [(8, 9, -1.0)])
    assert [text.plain[span.start : span.end] for span in text.spans] == ["b"]


def test_words_are_ranked_by_all_their_occurrences() -> None:
    doc = Doc(Vocab(), words=["Good", "bad", "good", "\n", "so", "bad"])
    shares = [0.5, -0.25, 0.5, -3.0, 0.001, -0.5]
    spans = [(token.idx, token.idx + len(token), share) for token, share in zip(doc, shares)]
    assert rank_words(doc, spans) == ([("good", 1.0)], [("bad", -0.75)])
    assert rank_words(Doc(Vocab()), []) == ([], [])


def test_the_command_shows_texts_and_mistakes(
    nlp: Language, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nlp.to_disk(tmp_path / "student")
    texts = [text for text, _ in TEXTS]
    write_docs(make_gold(texts, ["POSITIVE"] * len(texts)), tmp_path / "gold.spacy")
    model, gold = tmp_path / "student", tmp_path / "gold.spacy"
    assert run_here("scripts.inspect", model, texts[0], texts[1], "--worst", gold, "--limit", 2) == 0
    shown = capsys.readouterr().out
    assert shown.count("for POSITIVE:") == 1 and shown.count("for NEGATIVE:") == 3
    assert shown.index(texts[0]) < shown.index(texts[1]) < shown.index("labelled POSITIVE")
    write_docs(make_gold(texts[:1], ["POSITIVE"]), gold)
    assert run_here("scripts.inspect", model, "--worst", gold) == 0
    assert "No text is decided otherwise than its label says" in capsys.readouterr().out
    for arguments, message in (([], "nothing to inspect"), ([" "], "the text is empty")):
        assert run_here("scripts.inspect", model, *arguments) == 1
        assert message in capsys.readouterr().err


def test_a_terminal_that_cannot_show_a_character_is_told_its_number(
    nlp: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp.to_disk(tmp_path / "student")
    shown = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(shown, encoding="ascii"))
    assert run_here("scripts.inspect", tmp_path / "student", "I love it \u2603") == 0
    assert b"\nI love it \\u2603\n" in shown.getvalue()


def test_a_text_that_the_tokenizer_cannot_take_is_told(
    nlp: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nlp.to_disk(tmp_path / "student")
    monkeypatch.setitem(segmenters.MAX_BYTES, nlp.config["nlp"]["tokenizer"]["@tokenizers"], 10)
    assert run_here("scripts.inspect", tmp_path / "student", "more than ten") == 1
    assert "has 13 bytes, the tokenizer of its language takes 10" in capsys.readouterr().err


def test_a_student_is_inspected_as_it_was_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(BOW).to_disk(tmp_path / "student")
    assert run_here("scripts.inspect", tmp_path / "student", TEXTS[0][0]) == 0
    assert "for POSITIVE: " in capsys.readouterr().out


def test_a_transformer_is_asked_with_its_mask_in_place_of_each_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = make_transformer_teacher(tmp_path, mask="<gone>")
    read: List[str] = []
    make_batches = teacher.pipe

    def watch(docs: List[Doc]) -> List[Doc]:
        read.extend(doc.text for doc in docs)
        return list(make_batches(docs))

    monkeypatch.setattr(teacher, "pipe", watch)
    doc = teacher.make_doc("good. bad thing")
    shares = numpy.array([share for *_, share in contributions(teacher, doc, "NEGATIVE")])
    assert read == [doc.text, "<gone>. bad thing", "good<gone> bad thing", "good. <gone> thing", "good. bad <gone>"]
    assert len(shares) == 4 and numpy.abs(shares).max() > 0
    read.clear()
    contributions(teacher, doc, "NEGATIVE", by_sentence=True)
    assert read == [doc.text, "<gone> bad thing", "good. <gone>"]
