"""The texts of the page: who says what of them, and their words by what they add to the student's decision."""

from typing import Any, Dict, List, NamedTuple, Tuple

from scripts.evaluation.highlights import DISAGREEMENT, GOLD_ERROR, MISTAKE
from scripts.evaluation.page.inputs import Saved

# Words that add less than this share of what the strongest word of the text adds are not coloured.
WEAKEST = 0.2
N_LEVELS = 4
N_NAMED = 4
KINDS = {
    MISTAKE: "Confident mistake",
    DISAGREEMENT: "The teacher disagrees",
    GOLD_ERROR: "Gold may be wrong",
}


class Piece(NamedTuple):
    """A part of a text.

    text (str): The part.
    side (str): "for" the student's label or "against" it; empty for words that decide little.
    level (int): 1 to N_LEVELS, how much it adds; 0 for words that decide little.
    """

    text: str
    side: str
    level: int


def make_items(saved: Saved) -> List[Dict[str, Any]]:
    """Make the texts as the template shows them.

    saved (Saved): A finished run.
    RETURNS (List[Dict[str, Any]]): In the order of the highlights.
    """
    return [make_item(saved, row) for row in saved.highlights]


def make_item(saved: Saved, row: Dict[str, Any]) -> Dict[str, Any]:
    """Make one text.

    saved (Saved): A finished run.
    row (Dict[str, Any]): Its row of the highlights.
    RETURNS (Dict[str, Any]): What the template shows.
    """
    predicted = saved.splits[row["split"]]
    number, labels = row["number"], saved.task.labels
    said = {}
    for name in ("student", "teacher"):
        probs = predicted.probs[name][number]
        said[name] = {"label": labels[int(probs.argmax())], "confidence": float(probs.max())}
    text = predicted.texts[number]
    words = row["words"]
    end = words[-1][1] if words else 0
    return {
        **said,
        "kinds": row["kinds"],
        "split": row["split"],
        "number": number,
        "lang": predicted.langs[number] if predicted.langs else saved.report["provenance"]["lang"],
        "gold": labels[int(predicted.gold[number])],
        "pieces": cut_pieces(text[:end], words),
        "is_cut": bool(text[end:].strip()),
        "named": {side: name_words(text, words, sign) for side, sign in (("for", 1), ("against", -1))},
    }


def cut_pieces(text: str, words: List[Tuple[int, int, float]]) -> List[Piece]:
    """Cut a text where the colour changes.

    text (str): The text.
    words (List[Tuple[int, int, float]]): First character, the one behind the last, and what the word adds.
    RETURNS (List[Piece]): Together they are the text.
    """
    strongest = max((abs(share) for _, _, share in words), default=0.0) or 1.0
    pieces: List[Piece] = []
    done = 0
    for start, end, share in words:
        strength = abs(share) / strongest
        if strength >= WEAKEST and text[start:end].strip():
            pieces.append(Piece(text[done:start], "", 0))
            level = min(N_LEVELS, 1 + int(N_LEVELS * (strength - WEAKEST) / (1 - WEAKEST)))
            pieces.append(Piece(text[start:end], "for" if share > 0 else "against", level))
            done = end
    pieces.append(Piece(text[done:], "", 0))
    return [piece for piece in pieces if piece.text]


def name_words(text: str, words: List[Tuple[int, int, float]], sign: int) -> List[str]:
    """The words that decide most.

    text (str): The text.
    words (List[Tuple[int, int, float]]): As for `cut_pieces`.
    sign (int): 1 for those that speak for the student's label, -1 for those against it.
    RETURNS (List[str]): At most N_NAMED, each once, the strongest first.
    """
    spoken = sorted((word for word in words if sign * word[2] > 0), key=lambda word: -abs(word[2]))
    names = (text[start:end].lower() for start, end, _ in spoken)
    return list(dict.fromkeys(name for name in names if any(map(str.isalnum, name))))[:N_NAMED]
