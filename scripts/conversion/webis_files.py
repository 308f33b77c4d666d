"""The .review files of Webis-CLS-10: XML but for single items, which would stop an XML parser for the whole file."""

import re
import unicodedata
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Set, Union
from xml.etree import ElementTree

from scripts.conversion.labels import Labelling
from scripts.data.near_copies import normalize
from scripts.files import UserError

# The data set's folder of each language.
FOLDERS = {"en": "en", "de": "de", "fr": "fr", "ja": "jp"}
LABELLING = Labelling("label", "stars", negative_up_to=2, skip_stars=3)
RATING = re.compile(r"[1-5](\.0)?")
MAX_LENGTH = 4000
# What is counted beside the reasons why items were left out.
READ = "read"
CHUNK = 1 << 20
# What stands in the texts of a file that is XML otherwise: an & that begins no entity of XML, a < that begins no tag,
# and characters that XML does not have.
MISTAKES = (
    (re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)"), "&amp;"),
    (re.compile(r"<(?!/?[a-z_]+>)"), "&lt;"),
    (re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"), " "),
)


class Item(NamedTuple):
    """One review. Label and stars are None in unlabelled files."""

    text: str
    label: Optional[str]
    stars: Optional[int]


def read_items(path: Path, *, lang: str, is_labelled: bool, seen: Set[int], count: Counter) -> Iterator[Item]:
    """Read one file. Every item is read, or counted with the reason why it was left out.

    path (Path): A .review file.
    lang (str): Language of the texts.
    is_labelled (bool): Whether the rating is read.
    seen (Set[int]): Texts of this and other files, as hashes; takes those of this one.
    count (Counter): Takes the numbers.
    YIELDS (Item): Reviews that can be used, none of them seen before.
    RAISES (UserError): The file is missing.
    """
    if not path.is_file():
        raise UserError(
            f"{path} does not exist. Give the folder of the unprocessed files, which has the folders "
            f"{', '.join(FOLDERS.values())}."
        )
    for content in split_items(path):
        item = make_item(content, lang=lang, is_labelled=is_labelled)
        if isinstance(item, str):
            count[item] += 1
            continue
        key = hash(normalize(item.text))
        if key in seen:
            count["repeated"] += 1
            continue
        seen.add(key)
        count[READ] += 1
        yield item


def split_items(path: Path) -> Iterator[bytes]:
    """Cut a file into what stands behind each <item>, so that a broken one costs no other.

    path (Path): A .review file.
    YIELDS (bytes): The item and what follows it, without the opening tag.
    """
    with path.open("rb") as file:
        rest, is_head = b"", True
        while chunk := file.read(CHUNK):
            *items, rest = (rest + chunk).split(b"<item>")
            yield from items[is_head:]
            is_head = is_head and not items
    if not is_head:
        yield rest


def make_item(content: bytes, *, lang: str, is_labelled: bool) -> Union[Item, str]:
    """Make an item of its XML.

    content (bytes): What stands behind <item>.
    lang (str): Language of the text.
    is_labelled (bool): Whether the rating is read.
    RETURNS (Union[Item, str]): The item, or the reason why it cannot be used.
    """
    try:
        xml = content.partition(b"</item>")[0].decode("utf8")
        for pattern, right in MISTAKES:
            xml = pattern.sub(right, xml)
        element = ElementTree.fromstring(f"<item>{xml}</item>")
    except (UnicodeDecodeError, ElementTree.ParseError):
        return "broken"
    fields = {field.tag: clean("".join(field.itertext())) for field in element}
    if not fields.get("text"):
        return "no text"
    text = join_title(fields.get("summary", ""), fields["text"], lang=lang)[:MAX_LENGTH].strip()
    if not is_labelled:
        return Item(text, None, None)
    if not RATING.fullmatch(fields.get("rating", "")):
        return "no rating"
    stars = float(fields["rating"])
    label = LABELLING.read({"stars": stars})
    return "3 stars" if label is None else Item(text, label, int(stars))


def clean(text: str) -> str:
    """Undo entities, some of which are written twice over (&amp;amp;quot;), collapse white space, compose (NFC).

    text (str): The content of a field.
    RETURNS (str): The clean text.
    """
    while (undone := unescape(text)) != text:
        text = undone
    return " ".join(unicodedata.normalize("NFC", text).split())


def join_title(title: str, body: str, *, lang: str) -> str:
    """Put the title before the body, as a sentence of its own.

    title (str): May be empty.
    body (str): The review.
    lang (str): Language of both.
    RETURNS (str): The text.
    """
    if not title:
        return body
    if unicodedata.category(title[-1])[0] == "P":
        return f"{title} {body}"
    return f"{title}。{body}" if lang == "ja" else f"{title}. {body}"
