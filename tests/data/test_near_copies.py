# ruff: noqa: RUF001 (letters that look like others are what this is about)
import unicodedata
from typing import List, Set

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scripts.data.near_copies import NearCopies, normalize, split_words

LONG = "we stayed three nights in a small room above the bar and slept like stones every single night"
# What folding, joining and gluing could trip over.
AWKWARD = (
    "5$€٥๕!=−–ـʼ&;"
    "aİıiIßſς\u0307\u0301\u0345´`'.:;=-()[]_ \n\0\1\b\x1f#+*"
    "\u200d\u200b\ufe0f\U0001f3fd👩❤ﷺ½①กำ้ກខ្人がカ\u3099ﾊﾞ가ᄀ\u1161क्षி\ufdd0"
)


@pytest.mark.parametrize(
    ("script", "one", "other"),
    [
        ("Latin, accents in one character or two", "Déjà vu à Noël", unicodedata.normalize("NFD", "DÉJÀ VU À NOËL")),
        ("Latin, full width", "ＣＤ　１０", "cd 10"),
        ("Latin, case", "Good, really!", "GOOD - really"),
        ("Latin, spaces", " Good ,really\n", "good,\u00a0\u200breally"),
        ("Latin, quotes and dashes", "“It’s good” – she said…", "'It's good' - she said."),
        ("Latin, apostrophes", "don´t", "don`t"),
        ("Latin, apostrophes", "don\u02bct", "don’t"),
        ("entities", "R&amp;D &#8211; it&rsquo;s &Eacute;tude", "R&D - it's étude"),
        ("dashes", "well-made, 5-10 days", "well made – 5–10 days"),
        ("dashes", "5%-10%, $5-$10, 5€-10€, (1)-2", "5% - 10%, $5 - $10, 5€ – 10€, (1) − 2"),
        ("dashes", "R&B- und Hip Hop, E- Gitarre", "R&B und Hip Hop, E-Gitarre"),
        ("minus", "It is -5, x=-.5", "It is −5, x = –.5"),
        ("exclamation marks", "Good! Really!", "good !really"),
        ("unequal", "x != y", "x!=y"),
        ("signs", "C ++ (.NET)", "c + + .net"),
        ("smiles", "Good :-))", "good =)"),
        ("emoji, presentation", "I ❤️ it", "i ❤ IT"),
        ("Turkish, dotted", "İYİ BİR İL", "iyi bir il"),
        ("German", "Große Straße", "GROSSE STRASSE"),
        ("Greek, last sigma", "ΟΔΟΣ ΛΟΓΟΣ", "οδος, λογος"),
        ("Cyrillic", "Мой чай", unicodedata.normalize("NFD", "МОЙ ЧАЙ!")),
        ("Hebrew", "שלום, עולם", "שלום עולם!"),
        ("Arabic", "كيف حالك؟", "كيف حالك"),
        ("Turkish, no dot", "IŞIK IŞIL", "ışık ışıl"),
        ("Turkish, a dot", "İYİ", "iyi"),
        ("Greek, final sigma", "ΚΑΛΟΣ ΛΟΓΟΣ.", "καλος λογος"),
        ("Arabic, wide", "كـتـــاب", "كتاب"),
        ("Persian, joiners", "می\u200cخواهم", "میخواهم"),
        ("Hindi", "आपका दिन।", "आपका  दिन"),
        ("Sinhala, joiners", "ශ්\u200dරී", "ශ්රී"),
        ("Thai", "อาหารอร่อย มาก", "อาหารอร่อยมาก!"),
        ("Thai, am in one character or two", "น้ำ", unicodedata.normalize("NFKD", "น้ำ")),
        ("Khmer, with breaks between words", "ខ្ញុំ\u200bចូលចិត្ត", "ខ្ញុំចូលចិត្ត"),
        ("Chinese", "很好，真的。", "很好真的"),
        ("Chinese beside Latin", "用iPhone拍", "用 iPhone 拍"),
        ("Japanese, half width", "ﾊﾞｽは、早い", "バスは早い。"),
        ("Korean, letters apart", "한국 음식", unicodedata.normalize("NFD", "한국, 음식")),
    ],
)
def test_case_spaces_punctuation_and_unicode_form_do_not_count(script: str, one: str, other: str) -> None:
    assert normalize(one) == normalize(other)
    assert other in NearCopies([one])


@pytest.mark.parametrize(
    ("script", "one", "other"),
    [
        ("Latin, accents", "Er fordert Bruder", "Er fördert Brüder"),
        ("languages", "Sort a list in C++?", "Sort a list in C#?"),
        ("languages", "Sort a list in C?", "Sort a list in C#?"),
        ("languages", "Sort a list in .NET?", "Sort a list in net?"),
        ("algorithms", "Is A* fast?", "Is A fast?"),
        ("numbers", "It is 5 degrees", "It is -5 degrees"),
        *(
            ("minus", one, one.replace("-", ""))
            for one in ("A profit of -$5", "-£5m", "€-20", "x=-5", ">-5", "≥-5", "EPS:-5", "温度-5度", "-٥", "-๕")
        ),
        *(("minus", one, one.replace("-", "")) for one in ("😀-5", "❤\ufe0f-5", "-.5", "Grade: A-", "A-")),
        ("unequal", "x != y", "x = y"),
        ("not", "!valid", "valid"),
        ("numbers", "It has 5 stars", "It has .5 stars"),
        ("numbers", "Take 50 off", "Take 50% off"),
        ("numbers", "Take $50 off", "Take €50 off"),
        ("smiles", "Just arrived :)", "Just arrived :("),
        ("smiles", "Just arrived =]", "Just arrived =["),
        ("smiles", "Just arrived ;)", "Just arrived."),
        ("hearts", "Just arrived <3", "Just arrived </3"),
        ("emoji", "Just arrived 😍", "Just arrived 😡"),
        ("emoji", "😍", "😡"),
        ("emoji, number", "Food ★★★★★", "Food ★"),
        ("emoji, place", "Food 😍 room 😡", "Food 😡 room 😍"),
        ("emoji, skin", "👍🏽", "👍🏿"),
        ("emoji, joined", "👨\u200d👩\u200d👧", "👨👩👧"),
        ("emoji, joined", "👩\u200d💻", "👨\u200d💻"),
        ("emoji, flags", "🇩🇪", "🇫🇷"),
        ("emoji, flags", "🏴\U000e0067\U000e0062\U000e0065\U000e007f", "🏴\U000e0067\U000e0062\U000e0077\U000e007f"),
        ("Greek", "πότε", "ποτέ"),
        ("Cyrillic", "мой край", "мои краи"),
        ("Hebrew, points", "סֵפֶר", "סַפָּר"),
        ("Arabic, vowel marks", "كَتَبَ", "كُتِبَ"),
        ("Arabic, vowel marks", "كتب", "كُتِبَ"),
        ("Hindi", "आपका दिन", "आपका दीन"),
        ("Hindi, silent vowels", "कमल", "कम्ल"),
        ("Bengali", "দিন", "দীন"),
        ("Tamil", "படம்", "பாடம்"),
        ("Thai", "ปา", "ป่า"),
        ("Thai, vowels", "กิน", "กัน"),
        ("Lao", "ປາ", "ປ່າ"),
        ("Khmer", "ក", "កា"),
        ("Burmese", "စာ", "စား"),
        ("Chinese", "很好", "不好"),
        ("Japanese", "はし", "ばし"),
        ("Korean", "좋아", "싫어"),
    ],
)
def test_letters_marks_symbols_and_emoji_count(script: str, one: str, other: str) -> None:
    assert normalize(one) != normalize(other)
    assert other not in NearCopies([one])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++ or C#, 🙂 maybe?", ["c++", "or", "c#🙂", "maybe"]),
        ("It costs $5...", ["it", "costs$", "5"]),
        ("आपका दिन", ["आपका", "दिन"]),
        ("กินป่า", ["กิ", "น", "ป่", "า"]),
        ("ຂ້ອຍ", ["ຂ້", "ອ", "ຍ"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("တော်", ["တော်"]),
        ("人々が好き", ["人", "々", "が", "好", "き"]),
        ("한국 음식", ["한국", "음식"]),
        ("snake_case", ["snake", "case"]),
        ("(8)", ["8"]),
        ("note:(important)", ["note", "important"]),
    ],
)
def test_words(text: str, words: list) -> None:
    assert split_words(text) == words


def test_near_copies() -> None:
    held_out = NearCopies([LONG, "short one", "この本は本当に面白かったです", "อาหารอร่อยมากและบริการดี"])
    copies = (
        LONG.upper() + "!!!",
        "Short, one",
        f"{LONG} and then we left",
        LONG[:60],
        "この本は本当に面白かった",
        "อาหารอร่อยมาก",
    )
    for copy in copies:
        assert copy in held_out, copy
    others = (
        "short two",
        "we stayed three nights",
        "この映画は退屈でした",
        "",
        LONG.split("above")[1][:12],
        "ห้องพักเล็กเกินไป",
    )
    for other in others:
        assert other not in held_out, other


def test_marks_and_symbols_count_in_near_copies() -> None:
    # Four of seven words are shared, which is one run of five with none.
    assert "कमरा अच्छा था लेकिन खाना ठंडा मिला" not in NearCopies(["सेवा अच्छी थी लेकिन खाना ठंडा मिला"])
    assert "sort a list in c#" not in NearCopies(["Sort a list in C++?"])
    # Stars alone are no words in common.
    assert "★★★★★★★ a waste" not in NearCopies(["★★★★★★★ so lovely"])


@settings(max_examples=500)
@given(st.text() | st.text(AWKWARD, max_size=12), st.text())
@example("!\u200d😍", "a\u0301\u200d\u0323")
def test_normalize_is_stable_and_copies_are_found(one: str, other: str) -> None:
    assert normalize(normalize(one)) == normalize(one)
    assert one in NearCopies([one, other])
    assert normalize(f"  {one}\n") == normalize(one)
    assert split_words(one) == split_words(one.upper().casefold()) or not one.isascii() or "&" in one


FEW_WORDS = st.lists(st.sampled_from("abc"), max_size=14).map(" ".join)


@given(st.lists(FEW_WORDS, max_size=5), FEW_WORDS)
@example(["a b c"], "a b c a b c")
def test_near_copies_are_those_found_by_looking_at_each(held_out: List[str], text: str) -> None:
    def runs(text: str) -> Set[str]:
        words = text.split()
        return {" ".join(words[start : start + 5]) for start in range(len(words) - 4)}

    def is_copy(other: str) -> bool:
        shared = len(runs(text) & runs(other))
        return text == other or (shared > 0 and shared >= 0.5 * min(len(runs(text)), len(runs(other))))

    assert (text in NearCopies(held_out)) == any(map(is_copy, held_out))
