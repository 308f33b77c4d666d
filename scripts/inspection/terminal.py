"""What a pipeline says of a text, on a terminal: label, probabilities, and the words coloured by what they add.

Without colours, as in a file, the words that add most say the same.
"""

import re
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text
from spacy.tokens import Doc

from scripts.inspection.contributions import Contribution

# Two hues that colour-blind people tell apart (Okabe and Ito 2008): for the label, and against it.
FOR, AGAINST = (86, 180, 233), (230, 159, 0)
BLACK = Color.from_rgb(0, 0, 0)
# Part of the largest contribution below which a word is left as it is.
FAINT = 0.1
N_WORDS = 5
# A text may hold commands to the terminal. rich leaves some of them as they are, and others out, which moves the words.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show_text(console: Console, doc: Doc, shares: List[Contribution], *, title: Optional[str] = None) -> None:
    """Print what a pipeline says of a text.

    console (Console): Where to; with soft wraps, as a text is to be copied as it is.
    doc (Doc): A document with `cats`.
    shares (List[Contribution]): What its tokens add to the logit of the most probable label.
    title (Optional[str]): A line above.
    """
    ranked = sorted(doc.cats, key=doc.cats.__getitem__, reverse=True)
    if title:
        console.print(Text(title))
    console.print(Text("  ".join(f"{label} {doc.cats[label]:.3f}" for label in ranked), style="bold"))
    console.print(color_words(doc, shares))
    for name, words in zip(("for", "against"), rank_words(doc, shares)):
        if words:
            listed = ", ".join(f"{word} {share:+.2f}" for word, share in words)
            console.print(Text(f"{name} {ranked[0]}: {listed}"))
    console.print()


def color_words(doc: Doc, shares: List[Contribution]) -> Text:
    """The text, its words on the colour of what they add.

    doc (Doc): The document.
    shares (List[Contribution]): What its tokens add.
    RETURNS (Text): The text as rich prints it.
    """
    text = Text(blank_controls(doc.text))
    largest = max((abs(share) for *_, share in shares), default=0)
    for start, end, share in shares:
        if abs(share) > FAINT * largest:
            text.stylize(make_style(share / largest), start, end)
    return text


def blank_controls(text: str) -> str:
    """A text of the same length, with a space in place of each control character but tabs and line feeds."""
    return _CONTROL.sub(" ", text)


def make_style(strength: float) -> Style:
    """Black on a hue that is the deeper, the more a word adds.

    strength (float): From -1, against the label, to 1, for it.
    RETURNS (Style): The style.
    """
    hue = FOR if strength > 0 else AGAINST
    red, green, blue = (255 - abs(strength) * (255 - part) for part in hue)
    return Style(color=BLACK, bgcolor=Color.from_rgb(red, green, blue))


def rank_words(doc: Doc, shares: List[Contribution]) -> Tuple[List[Tuple[str, float]], List[Tuple[str, float]]]:
    """The words that add most, each with what all its occurrences add together.

    doc (Doc): The document.
    shares (List[Contribution]): What its tokens add.
    RETURNS (Tuple[List[Tuple[str, float]], List[Tuple[str, float]]]): Those for the label and those against it, the
        strongest first; none of those that add next to nothing.
    """
    sums: Dict[str, float] = defaultdict(float)
    for start, end, share in shares:
        sums[blank_controls(doc.text[start:end]).lower()] += share
    largest = max(map(abs, sums.values()), default=0)
    words = [(word, share) for word, share in sums.items() if word.strip() and abs(share) > FAINT * largest]
    return (
        sorted((pair for pair in words if pair[1] > 0), key=lambda pair: -pair[1])[:N_WORDS],
        sorted((pair for pair in words if pair[1] < 0), key=lambda pair: pair[1])[:N_WORDS],
    )
