import random
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.conversion import webis_files
from scripts.conversion.labels import Labelling
from scripts.conversion.splits import read_splits
from scripts.conversion.webis import CATEGORIES, convert_webis, draw_splits, mix_stars, share
from scripts.conversion.webis_files import MAX_LENGTH, Item, make_item, read_items, split_items
from scripts.data.tables.file_types import read_rows
from scripts.files import UserError

HEAD, TAIL = '<?xml version="1.0" encoding="utf-8"?>\n<items>', "</items>\n"


def make_xml(text: str, rating: str = "1.0", summary: str = "Dull") -> str:
    return (
        f"<item><category>music</category><rating>{rating}</rating><url>a?b=c&amp;d</url><text>{text}\n</text>"
        f"<title>A product</title><summary>{summary}\n</summary></item>\n\n"
    )


def write_language(folder: Path, lang: str = "en", n: int = 40) -> Path:
    """The unprocessed files of one language, with n reviews of each number of stars, but only 4 of four stars."""
    for category in CATEGORIES:
        (folder / lang / category).mkdir(parents=True)
        for part in ("train", "test", "unlabeled"):
            items = [
                make_xml(f"It is {category} number {number} of {part} and has {stars}", f"{stars}.0")
                for stars in (1, 2, 4, 5)
                for number in range(4 if stars == 4 else n)
            ]
            path = folder / lang / category / f"{part}.review"
            path.write_text(f"{HEAD}{''.join(items)}{TAIL}", encoding="utf8")
    return folder


def draw(folder: Path, n_texts: int = 32, n_unlabelled: int = 30, seed: int = 0, lang: str = "en") -> Dict[str, Any]:
    rng = random.Random(seed)
    return draw_splits(folder, lang, n_texts=n_texts, n_unlabelled=n_unlabelled, rng=rng, counts={})


def make(xml: str, *, lang: str = "en", is_labelled: bool = True) -> Any:
    return make_item(xml.removeprefix("<item>").encode("utf8"), lang=lang, is_labelled=is_labelled)


@pytest.mark.parametrize(
    ("text", "summary", "expected"),
    [
        ("so  slow\n and\tlong", "Dull", "Dull. so slow and long"),
        ("so slow", "Dull!", "Dull! so slow"),
        ("so slow", "", "so slow"),
        # Entities once and twice over, and what is no entity of XML.
        ("&quot;new&quot; &amp;quot;old&amp;quot;", "A &amp;amp; B", 'A & B. "new" "old"'),
        ("caf&eacute; &#233; &#0; &amp;#39;s", "", "café é � 's"),
        # Mistakes.
        ("rock & roll, AT&T, a < b <3 c", "R&B", "R&B. rock & roll, AT&T, a < b <3 c"),
        ("bell\x07 rings", "", "bell rings"),
        ("<b>very</b> slow<br />", "", "very slow<br />"),
        # A letter and its accent apart.
        ("cafe\u0301", "", "café"),
    ],
)
def test_the_text_is_title_and_body_as_they_were_meant(text: str, summary: str, expected: str) -> None:
    assert make(make_xml(text, summary=summary)) == Item(expected, "NEGATIVE", 1)


def test_japanese_titles_end_in_their_own_stop() -> None:
    assert make(make_xml("長い", summary="退屈"), lang="ja").text == "退屈。長い"
    assert make(make_xml("長い", summary="退屈…"), lang="ja").text == "退屈… 長い"


def test_long_texts_are_cut() -> None:
    assert len(make(make_xml("word " * 2000)).text) == MAX_LENGTH
    assert len(make(make_xml("a" * 3996 + " b", summary="A!")).text) == MAX_LENGTH - 1


@pytest.mark.parametrize(("rating", "label"), [("1.0", "NEGATIVE"), ("2", "NEGATIVE"), ("4.0", "POSITIVE")])
def test_stars_become_labels(rating: str, label: str) -> None:
    assert make(make_xml("a", rating)) == Item("Dull. a", label, int(rating[0]))


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (make_xml(" "), "no text"),
        ("<item><rating>1.0</rating><summary>Dull</summary></item>", "no text"),
        ("<item><text>slow</text></item>", "no rating"),
        (make_xml("slow", "many"), "no rating"),
        (make_xml("slow", "nan"), "no rating"),
        (make_xml("slow", "3.0"), "3 stars"),
        (make_xml("slow<br>"), "broken"),
        ("<item><rating>1.0</rating><text>cut o", "broken"),
    ],
)
def test_what_cannot_be_used_says_why(xml: str, reason: str) -> None:
    assert make(xml) == reason
    if reason in ("no rating", "3 stars"):
        assert make(xml, is_labelled=False).text.endswith("slow")


def test_every_item_is_read_or_counted(tmp_path: Path) -> None:
    items = [make_xml("fine"), make_xml("Fine!"), make_xml(" "), make_xml("b", "3.0"), make_xml("c<br>"), make_xml("d")]
    path = tmp_path / "train.review"
    path.write_bytes((HEAD + "".join(items)).encode("utf8") + b"<item><text>caf\xe9</text></item><item><text>cut")
    count: Counter = Counter()
    read = list(read_items(path, lang="en", is_labelled=True, seen=set(), count=count))
    assert [item.text for item in read] == ["Dull. fine", "Dull. d"]
    assert count == {"read": 2, "repeated": 1, "no text": 1, "3 stars": 1, "broken": 3}


@given(chunk=st.integers(1, 60), items=st.lists(st.text("<item>/x", max_size=9).filter(lambda x: "<item>" not in x)))
def test_files_are_cut_at_items_wherever_a_chunk_ends(
    chunk: int, items: List[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.review"
    path.write_text("<?xml?>" + "".join(f"<item>{item}." for item in items), encoding="utf8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webis_files, "CHUNK", chunk)
        assert list(split_items(path)) == [f"{item}.".encode() for item in items]


def test_splits_are_even_and_share_no_text(tmp_path: Path) -> None:
    splits = draw(write_language(tmp_path))
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 32, "dev": 32, "test": 32, "unlabelled": 30}
    for name in ("train", "dev", "test"):
        numbers = Counter((row["label"], row["source"]) for row in splits[name])
        for label in ("NEGATIVE", "POSITIVE"):
            # 16 of three categories.
            assert [numbers[label, f"webis-cls-10/en/{category}"] for category in CATEGORIES] == [6, 5, 5]
        assert {(row["label"], row["stars"]) for row in splits[name]} >= {("NEGATIVE", 1), ("POSITIVE", 5)}
        part = "test" if name == "test" else "train"
        assert all(f" of {part} " in row["text"] for row in splits[name])
    assert Counter(row["source"][-5:] for row in splits["unlabelled"]) == {"books": 10, "n/dvd": 10, "music": 10}
    assert all(list(row) == ["text", "source"] for row in splits["unlabelled"])
    texts = [row["text"] for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts)


def test_the_seed_decides_the_draw(tmp_path: Path) -> None:
    write_language(tmp_path)
    assert draw(tmp_path) == draw(tmp_path) != draw(tmp_path, seed=1)


def test_a_text_of_train_is_in_no_other_split(tmp_path: Path) -> None:
    write_language(tmp_path)
    books = tmp_path / "en" / "books"
    for part in ("test", "unlabeled"):
        (books / f"{part}.review").write_bytes((books / "train.review").read_bytes())
    with pytest.raises(UserError, match=r"test.review: needs 6 NEGATIVE reviews for test, found 0 that can be used"):
        draw(tmp_path)


def test_stars_are_mixed_evenly_as_long_as_they_last() -> None:
    items = [Item(str(number), "POSITIVE", 5 if number < 10 else 4) for number in range(13)]
    mixed = mix_stars(items, random.Random(0))
    assert [item.stars for item in mixed] == [4, 5] * 3 + [5] * 7
    assert sorted(mixed) == sorted(items) and mixed != items


def test_shares_are_whole_and_sum_up() -> None:
    assert share(1000, 3) == [334, 333, 333] and share(2, 3) == [1, 1, 0] and share(6, 2) == [3, 3]


def test_mistakes_name_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train.review does not exist. Give the folder .* en, de, fr, jp"):
        draw(tmp_path)
    write_language(tmp_path, "jp")
    with pytest.raises(UserError, match=r"needs 334 NEGATIVE reviews for train and dev, found 80 .*smaller --n-texts"):
        draw(tmp_path, n_texts=1000, lang="ja")
    with pytest.raises(UserError, match=r"'jp' is no language of Webis-CLS-10. Expected one of en, de, fr, ja"):
        convert_webis(tmp_path, tmp_path / "out", lang=["jp"], n_texts=6, n_unlabelled=0, seed=0)


def test_convert_reads_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_language(tmp_path / "in")
    write_language(tmp_path / "in", "jp")
    convert_webis(tmp_path / "in", tmp_path / "out", lang=["en", "ja"], n_texts=30, n_unlabelled=1000, seed=0)
    assert "en/books/unlabeled.review" in capsys.readouterr().out
    for lang in ("en", "ja"):
        paths = {name: tmp_path / "out" / lang / f"{name}.jsonl.gz" for name in ("train", "dev", "test", "unlabelled")}
        assert list(next(read_rows(paths["train"]))[1]) == ["text", "label", "stars", "source"]
        splits = read_splits({None: paths}, text_column="text", labelling=Labelling("label", "stars"), seed=0)
        assert splits.task.labels == ["NEGATIVE", "POSITIVE"]
        # As many as there are.
        assert len(list(read_rows(paths["unlabelled"]))) == 3 * 124
