from pathlib import Path
from typing import Any, List

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st

from scripts.data.texts import (
    AUGMENTED,
    GOLD,
    MASK,
    SOURCES,
    UNLABELLED,
    Text,
    read_texts,
    read_unlabelled,
    read_unlabelled_languages,
    write_unlabelled,
)
from scripts.files import UserError

NLP = spacy.blank("en")
WHOLE = Text(GOLD, 3, "It's good.", label="POSITIVE")
WORDS = Text(AUGMENTED, 4, words=["Not", MASK, "!"], spaces=[True, False, False])


@st.composite
def texts(draw: Any) -> Text:
    rest = {"label": draw(st.none() | st.text()), "review": draw(st.integers(0))}
    source = draw(st.sampled_from(SOURCES))
    if draw(st.booleans()):
        return Text(source, text=draw(st.text()), **rest)
    pairs: List[Any] = draw(st.lists(st.tuples(st.text(min_size=1), st.booleans())))
    return Text(source, words=[word for word, _ in pairs], spaces=[space for _, space in pairs], **rest)


def test_a_text_is_one_line_of_json() -> None:
    assert WHOLE.to_json() == '{"text":"It\'s good.","source":"gold","label":"POSITIVE","review":3}'
    assert WORDS.to_json() == (
        '{"words":["Not","[MASK]","!"],"spaces":[true,false,false],"source":"augmented","label":null,"review":4}'
    )


@given(texts())
def test_json_gives_the_same_text(text: Text) -> None:
    assert "\n" not in text.to_json()
    assert Text.from_json(text.to_json()) == text


def test_a_text_reads_the_same_whichever_way_it_is_given() -> None:
    assert str(WHOLE) == "It's good." and str(WORDS) == "Not [MASK]!"
    assert str(Text(UNLABELLED, 0, "")) == ""


def test_documents_are_tokenized_or_have_the_words_as_given() -> None:
    assert [token.text for token in WHOLE.make_doc(NLP)] == ["It", "'s", "good", "."]
    assert [token.text for token in WORDS.make_doc(NLP)] == ["Not", MASK, "!"]
    masked = WORDS.make_doc(NLP, mask="<mask>")
    assert [token.text for token in masked] == ["Not", "<mask>", "!"] and masked.text == "Not <mask>!"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "no text, and no words and spaces"),
        ('{"words":["a"],"source":"gold","review":0}', "no text, and no words and spaces"),
        ('{"text":"a","source":"gold"}', "missing 1 required positional argument: 'review'"),
        ('{"text":"a","source":"gold","review":0,"origin":1}', "unexpected keyword argument 'origin'"),
        ('{"text":', "Expecting value"),
    ],
)
def test_a_line_that_is_no_text_names_file_line_and_step(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(f"{WHOLE.to_json()}\n{line}\n", encoding="utf8")
    stream = read_texts(path)
    assert next(stream) == WHOLE
    with pytest.raises(UserError, match=rf"texts.jsonl, line 2: no text .*{message}.*Run `augment` again"):
        next(stream)
    with pytest.raises(UserError, match=r"absent.jsonl does not exist. Run the `augment` step first"):
        next(read_texts(tmp_path / "absent.jsonl"))


def test_unlabelled_texts_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [("one", None), ('two "quoted" — ça va', "fr"), ("three\u2028lines", None)]
    path = tmp_path / "unlabelled.jsonl"
    write_unlabelled(path, rows)
    assert list(read_unlabelled_languages(path)) == rows
    assert list(read_unlabelled(path)) == [text for text, _ in rows]
    assert [list(line) for line in srsly.read_jsonl(path)] == [["text"], ["text", "lang"], ["text"]]
