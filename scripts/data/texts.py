"""The texts of a transfer set, between `augment` and `score`: the only code that knows their fields and their file."""

import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import srsly
from spacy.tokens import Doc
from spacy.vocab import Vocab

from scripts.files import UserError, replaced

GOLD, UNLABELLED, AUGMENTED = "gold", "unlabelled", "augmented"
SOURCES = (GOLD, UNLABELLED, AUGMENTED)
# A masked word of an augmented text. It stays one token, as augmented texts are stored as tokens.
MASK = "[MASK]"


class Text(NamedTuple):
    """One text of a transfer set.

    source (str): One of SOURCES.
    review (int): Number of the text that it is, or was made from: gold ones first, then unlabelled ones.
    text (Optional[str]): The text itself; None for one that is given by its words.
    words (Optional[List[str]]): Its words, where a tokenizer would split the mask; None for one that is given as text.
    spaces (Optional[List[bool]]): Whether a space follows each word; None with `text`.
    label (Optional[str]): Its gold label, if that is known.
    """

    source: str
    review: int
    text: Optional[str] = None
    words: Optional[List[str]] = None
    spaces: Optional[List[bool]] = None
    label: Optional[str] = None

    def __str__(self) -> str:
        """The text, whichever way it is given."""
        if self.words is None or self.spaces is None:
            return str(self.text)
        return "".join(word + " " * space for word, space in zip(self.words, self.spaces))

    def make_doc(self, nlp: Any, *, mask: str = MASK) -> Doc:
        """Make its document.

        nlp (Language): Tokenizes a text that is not given by its words.
        mask (str): What stands for a masked word.
        RETURNS (Doc): The document, without annotations.
        """
        if self.words is None:
            return nlp.make_doc(self.text)
        vocab: Vocab = nlp.vocab
        return Doc(vocab, words=[mask if word == MASK else word for word in self.words], spaces=self.spaces)

    def to_json(self) -> str:
        """The text as one line of JSON."""
        content = {"text": self.text} if self.words is None else {"words": self.words, "spaces": self.spaces}
        rest = {"source": self.source, "label": self.label, "review": self.review}
        return json.dumps({**content, **rest}, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> "Text":
        """Read what `to_json` wrote.

        line (str): One line of JSON.
        RETURNS (Text): The text.
        RAISES (ValueError): The line is no text of a transfer set.
        """
        row: Dict[str, Any] = json.loads(line)
        if not isinstance(row, dict) or not ({"text"} <= set(row) or {"words", "spaces"} <= set(row)):
            raise ValueError("no text, and no words and spaces")
        try:
            return cls(**row)
        except TypeError as error:
            raise ValueError(str(error).partition("__new__() ")[2] or str(error)) from error


def write_texts(path: Path, texts: Iterable[Text]) -> None:
    """Write a transfer set's texts. The file is whole or absent.

    path (Path): The .jsonl file.
    texts (Iterable[Text]): The texts, one in memory at a time.
    """
    with replaced(path) as partial, partial.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(text.to_json() + "\n" for text in texts)


def read_texts(path: Path) -> Iterator[Text]:
    """Read a transfer set's texts, one in memory at a time.

    path (Path): The .jsonl file that `augment` wrote.
    YIELDS (Text): The texts in order.
    RAISES (UserError): The file is missing, or a line is no text of a transfer set.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the `augment` step first.")
    with path.open(encoding="utf8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield Text.from_json(line)
            except ValueError as error:
                raise UserError(
                    f"{path}, line {number}: no text of a transfer set ({error}). Run `augment` again."
                ) from error


def read_unlabelled(path: Path) -> Iterator[str]:
    """Read the clean unlabelled texts.

    path (Path): The .jsonl file that `convert` wrote.
    YIELDS (str): The texts in order.
    """
    return (text for text, _ in read_unlabelled_languages(path))


def read_unlabelled_languages(path: Path) -> Iterator[Tuple[str, Optional[str]]]:
    """Read the clean unlabelled texts with their languages.

    path (Path): The .jsonl file that `convert` wrote.
    YIELDS (Tuple[str, Optional[str]]): The texts in order, and the language of each; None where all are of one.
    """
    return ((row["text"], row.get("lang")) for row in srsly.read_jsonl(path))


def write_unlabelled(path: Path, texts: Iterable[Tuple[str, Optional[str]]]) -> None:
    """Write the clean unlabelled texts. The file is whole or absent.

    path (Path): A .jsonl file.
    texts (Iterable[Tuple[str, Optional[str]]]): The texts in order, and the language of each, None where all are of
        one.
    """
    with replaced(path) as partial:
        srsly.write_jsonl(partial, ({"text": text, **({"lang": lang} if lang else {})} for text, lang in texts))
