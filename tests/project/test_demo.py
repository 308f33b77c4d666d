"""The embedded reviews, in each language that there is a folder for: sizes, labels, fairness and language."""

import re
from collections import Counter
from functools import cache
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import srsly

from scripts.conversion.labels import Labelling
from scripts.data.near_copies import NearCopies, normalize
from tests.conftest import ROOT

ASSETS = ROOT / "assets"
LANGS = sorted(folder.name for folder in (ASSETS / "reviews").iterdir())
LABELLED = ("train", "dev", "test")
SIZES = {"en": {"train": 394, "dev": 198, "test": 402, "unlabelled": 2019}}
SIZES_ELSEWHERE = {"train": 120, "dev": 30, "test": 50, "unlabelled": 100}
DOMAINS = {"product", "restaurant", "hotel", "film", "book", "app"}
# What somebody would write down who has read none of the reviews.
POSITIVE_WORDS = {
    "en": "good great excellent love loved best perfect nice happy wonderful amazing recommend well",
    "de": "gut gute super toll tolle ausgezeichnet liebe beste perfekt schön zufrieden wunderbar begeistert empfehle",
    "fr": "bon bonne bien super excellent adore meilleur parfait beau belle content ravie magnifique recommande",
    "es": "bueno buena bien excelente encanta mejor perfecto bonito contento maravilla genial recomiendo",
    "it": "buono buona bene ottimo ottima adoro migliore perfetto bello bella contenta meraviglioso consiglio",
    "nl": "goed goede super mooi mooie uitstekend heerlijk beste perfect leuk blij tevreden geweldig aanrader",
}
NEGATIVE_WORDS = {
    "en": "bad worst awful terrible poor hate hated broken waste never not disappointed boring",
    "de": "schlecht schlechte schlimmste furchtbar mies kaputt schade nie nicht enttäuscht langweilig leider",
    "fr": "mauvais mauvaise pire affreux nul déteste cassé jamais pas déçu déçue ennuyeux dommage",
    "es": "malo mala mal peor horrible fatal odio roto nunca no decepción decepcionado aburrido lástima",
    "it": "male cattivo pessimo pessima peggiore orribile odio rotto mai non deluso delusa noioso peccato",
    "nl": "slecht slechte slechtste vreselijk waardeloos haat kapot nooit niet teleurgesteld saai jammer helaas",
}
FUNCTION_WORDS = {
    "en": "the a an and or of to in it is was my i that for with on not but you we they this at so as have had be",
    "de": "der die das und ich nicht ist ein eine zu es mit war sich auf auch wir den von wie so für aber im nur mir",
    "fr": "le la les et je un une de des est pas que qui à ne du en il elle on ce nous l d c j n au mais sur avec",
    "es": "el la los las y no un una de que es en se lo con me por para del muy pero al mi como ni ya nos le",
    "it": "il la le e non un una di che è in si lo con mi per del molto ma al ho sono i gli della nel ci l come più",
    "nl": "de het een en niet is van ik in dat op te je we er was met maar voor die om aan wel ook nog naar zo ze",
}


def sizes(lang: str) -> Dict[str, int]:
    return SIZES.get(lang, SIZES_ELSEWHERE)


@cache
def read_demo(lang: str, split: str) -> List[Dict[str, Any]]:
    return list(srsly.read_gzip_jsonl(ASSETS / "reviews" / lang / f"{split}.jsonl.gz"))


def words_of(text: str) -> List[str]:
    return re.findall(r"\w+", text.lower())


def runs_of_words(text: str, n: int) -> Iterator[Tuple[str, ...]]:
    words = words_of(text)
    return (tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def find_lang(text: str) -> str:
    """Of the demo's languages, the one whose function words make up most of a text."""
    words = words_of(text)
    return max(FUNCTION_WORDS, key=lambda lang: sum(map(words.count, FUNCTION_WORDS[lang].split())))


@pytest.mark.parametrize("lang", LANGS)
def test_demo_has_the_promised_sizes_labels_stars_and_domains(lang: str) -> None:
    labelling = Labelling("no label column", "stars")
    for split, size in sizes(lang).items():
        rows = read_demo(lang, split)
        assert len(rows) == size
        assert all(8 <= len(row["text"].split()) <= 80 for row in rows)
        assert {row["source"] for row in rows} == DOMAINS
        if split in LABELLED:
            labels = [row["label"] for row in rows]
            assert labels.count("POSITIVE") == labels.count("NEGATIVE") == size // 2
            assert labels == [labelling.read({"stars": row["stars"]}) for row in rows]
            assert {1, 2, 4, 5} <= {row["stars"] for row in rows} <= {1, 2, 3, 4, 5}
        else:
            assert not any({"label", "stars"} & set(row) for row in rows)


@pytest.mark.parametrize("lang", LANGS)
def test_no_domain_of_the_demo_is_all_good_or_all_bad(lang: str) -> None:
    for domain in DOMAINS:
        rows = [row for split in LABELLED for row in read_demo(lang, split) if row["source"] == domain]
        assert 0.4 < sum(row["label"] == "POSITIVE" for row in rows) / len(rows) < 0.6


@pytest.mark.parametrize("lang", LANGS)
def test_no_review_is_there_twice_and_none_is_a_near_copy_of_dev_or_test(lang: str) -> None:
    texts = {split: [row["text"] for row in read_demo(lang, split)] for split in sizes(lang)}
    every = [normalize(text) for split in texts.values() for text in split]
    assert len(set(every)) == len(every)
    for held_out, others in (("test", ("train", "dev", "unlabelled")), ("dev", ("train", "unlabelled"))):
        copies = NearCopies(texts[held_out])
        assert not [text for split in others for text in texts[split] if text in copies]


@pytest.mark.parametrize("lang", LANGS)
def test_no_run_of_six_words_is_shared_by_reviews_of_two_splits(lang: str) -> None:
    seen: Dict[Tuple[str, ...], str] = {}
    for split in sizes(lang):
        for row in read_demo(lang, split):
            for run in runs_of_words(row["text"], 6):
                assert seen.setdefault(run, split) == split, f"{split} and {seen[run]} share {' '.join(run)!r}"


@pytest.mark.parametrize("lang", LANGS)
def test_a_word_list_does_not_solve_the_demo(lang: str) -> None:
    positive, negative = set(POSITIVE_WORDS[lang].split()), set(NEGATIVE_WORDS[lang].split())
    rows = [row for split in LABELLED for row in read_demo(lang, split)]
    correct = 0.0
    for row in rows:
        words = words_of(row["text"])
        score = sum(word in positive for word in words) - sum(word in negative for word in words)
        correct += 0.5 if score == 0 else (score > 0) == (row["label"] == "POSITIVE")
    assert 0.5 < correct / len(rows) < 0.7


@pytest.mark.parametrize("lang", LANGS)
def test_no_single_word_tells_the_labels_apart(lang: str) -> None:
    rows = [row for split in LABELLED for row in read_demo(lang, split)]
    lead: Counter[str] = Counter()
    for row in rows:
        for word in set(words_of(row["text"])):
            lead[word] += 1 if row["label"] == "POSITIVE" else -1
    # Half of the reviews have each label: who goes by a word alone gains half its lead.
    assert not {word: n for word, n in lead.items() if abs(n) / 2 >= 0.15 * len(rows)}


@pytest.mark.parametrize("lang", LANGS)
def test_the_reviews_are_in_the_language_of_their_folder(lang: str) -> None:
    for split in sizes(lang):
        texts = [row["text"] for row in read_demo(lang, split)]
        strange = [text for text in texts if find_lang(text) != lang]
        # The shortest have hardly any of those words.
        assert len(strange) <= 0.1 * len(texts), strange


@pytest.mark.parametrize("lang", LANGS)
def test_assets_state_the_licence_and_sizes_of_the_reviews(lang: str) -> None:
    lines = (ASSETS / "README.md").read_text(encoding="utf8").splitlines()
    (row,) = (line for line in lines if re.search(rf"^\| `reviews/(\{{[a-z,]*)?\b{lang}\b", line))
    assert row.endswith("MIT |") and (ROOT / "LICENSE").read_text(encoding="utf8").startswith("MIT License")
    assert all(f"{size:,}" in row for size in sizes(lang).values())
