"""What `convert` does with reviews of several languages that are read together."""

from collections import Counter
from typing import Dict, List

import regex

from scripts.conversion.problems import Review, show
from scripts.data.near_copies import SPACELESS
from scripts.variables import ANY

# Of so many texts of a split, and where so many of their letters are of scripts without spaces, it is said.
N_LOOKED_AT, MAX_SPACELESS = 2000, 0.05
_LETTER = regex.compile(r"\p{L}")
_SPACELESS = regex.compile("[" + "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in SPACELESS) + "]")


def mix(reviews: List[Review]) -> List[Review]:
    """Spread the languages evenly: later steps look at the first texts, and these shall stand for all.

    reviews (List[Review]): Reviews of several languages.
    RETURNS (List[Review]): The same. Those of one language keep their order; each beginning of the list has of each
        language its share.
    """
    sizes = Counter(review.lang for review in reviews)
    seen: Counter = Counter()
    places = []
    for review in reviews:
        places.append(((seen[review.lang] + 0.5) / sizes[review.lang], review.lang or ""))
        seen[review.lang] += 1
    return [reviews[number] for number in sorted(range(len(reviews)), key=places.__getitem__)]


def count_languages(reviews: List[Review]) -> Dict[str, int]:
    """Count the texts of each language.

    reviews (List[Review]): Reviews.
    RETURNS (Dict[str, int]): Texts by language, in alphabetical order; none where texts do not tell theirs.
    """
    return dict(sorted(Counter(review.lang for review in reviews if review.lang).items()))


def tell_other_classes(train: List[Review]) -> List[str]:
    """Name languages that lack a class which others have: it may go by another name there.

    train (List[Review]): Labelled reviews.
    RETURNS (List[str]): A warning for each such language.
    """
    labels: Dict[str, set] = {lang: set() for lang in count_languages(train)}
    for review in train:
        if review.lang:
            labels[review.lang].add(review.label)
    classes = set().union(*labels.values())
    return [
        f"{lang} has no text in train with the label {', '.join(map(show, sorted(classes - found, key=str)))}; it has "
        f"{', '.join(map(show, sorted(found, key=str)))}. A class must have the same name in all languages."
        for lang, found in labels.items()
        if found != classes
    ]


def tell_spaceless(reviews: Dict[str, List[Review]]) -> List[str]:
    """Say where texts have no spaces, of which spaCy's tokenizer for any language makes words as long as sentences.

    reviews (Dict[str, List[Review]]): The clean reviews of each split.
    RETURNS (List[str]): A warning, if there are many of them.
    """
    shares = {}
    for split, found in reviews.items():
        text = " ".join(review.text for review in found[:N_LOOKED_AT])
        shares[split] = len(_SPACELESS.findall(text)) / max(1, len(_LETTER.findall(text)))
    split = max(shares, key=shares.__getitem__)
    if shares[split] <= MAX_SPACELESS:
        return []
    return [
        f"{split}: {shares[split]:.0%} of all letters are of scripts without spaces between words. The tokenizer of "
        f"{ANY} makes long words of such texts, from which little can be learned. Give --vars.segmenter char, or "
        "languages such as ja, zh and th a student of their own."
    ]
