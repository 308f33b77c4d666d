"""The only code that reads or writes DocBins, and so the only one that knows the data contract.

Gold documents have one-hot `cats`, and `doc._.lang` where those of several languages stand together. Transfer documents
have `doc._.teacher_logits` (label order, centred, at temperature 1), `doc._.source`, and `doc._.review`, the number of
the review that they were made from; their `cats` are gold or empty, never soft.
"""

import random
from pathlib import Path
from typing import Iterable, Iterator, List, Optional

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from srsly.msgpack import unpackb

import scripts.factories  # noqa: F401
from scripts.files import UserError, replaced

for _name in ("teacher_logits", "source", "review", "lang"):
    if not Doc.has_extension(_name):
        Doc.set_extension(_name, default=None)


def write_docs(docs: Iterable[Doc], path: Path) -> None:
    """Write documents with their words, spaces, cats, teacher logits and source. The file is whole or absent.

    docs (Iterable[Doc]): The documents.
    path (Path): A .spacy file.
    """
    with replaced(path) as partial:
        partial.write_bytes(docs_to_bytes(docs))


def docs_to_bytes(docs: Iterable[Doc]) -> bytes:
    """The content of a .spacy file.

    docs (Iterable[Doc]): The documents.
    RETURNS (bytes): The same bytes for the same documents.
    """
    docs = list(docs)
    # Without user data, as in gold, spaCy's reader of corpora is five times as fast: see `read_docs`.
    return DocBin(attrs=["ORTH"], docs=docs, store_user_data=any(doc.user_data for doc in docs)).to_bytes()


def read_docs(path: Path, vocab: Vocab) -> List[Doc]:
    """Read one .spacy file.

    path (Path): A .spacy file.
    vocab (Vocab): The vocabulary that the documents shall share.
    RETURNS (List[Doc]): The documents in the order in which they were written.
    RAISES (UserError): The file is missing or broken.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the step of project.yml that writes it.")
    try:
        docbin = DocBin().from_disk(path)
        # `get_docs` would look for decoders of other packages once per document, which takes half of its time. The
        # user data of the contract holds numbers and text alone, so a plain dict is all that it needs.
        user_data, docbin.user_data = docbin.user_data, []
        docs = list(docbin.get_docs(vocab))
        for doc, packed in zip(docs, user_data):
            if packed is not None:
                doc.user_data.update(unpackb(packed, raw=False, use_list=False, object_pairs_hook=dict))
    except Exception as error:
        raise UserError(f"{path} is not a readable DocBin ({error}). Delete it and run its step again.") from error
    return docs


def read_lengths(path: Path) -> List[int]:
    """The numbers of tokens of the documents of one .spacy file, without the documents.

    path (Path): A .spacy file.
    RETURNS (List[int]): Lengths in the order in which they were written.
    """
    return [len(tokens) for tokens in DocBin().from_disk(path).tokens]


def list_shards(path: Path) -> List[Path]:
    """The .spacy files that a path stands for: itself, or the shards of a folder in order of their names.

    path (Path): A .spacy file or a folder.
    RETURNS (List[Path]): At least one path.
    RAISES (UserError): There is none.
    """
    shards = sorted(path.glob("*.spacy")) if path.is_dir() else [path]
    if not shards or not shards[0].is_file():
        raise UserError(f"No .spacy file at {path}. Run the `score` step first.")
    return shards


def stream_docs(
    path: Path, vocab: Vocab, *, buffer_size: int = 0, rng: Optional[random.Random] = None
) -> Iterator[Doc]:
    """Read a file or a folder of shards, one shard in memory at a time, in order or shuffled through a buffer.

    path (Path): A .spacy file or a folder of them.
    vocab (Vocab): The vocabulary that the documents shall share.
    buffer_size (int): Number of documents that a shuffled stream holds back.
    rng (Optional[random.Random]): Shuffles the shards and the stream; None keeps the order.
    YIELDS (Doc): Every document once.
    """
    shards = list_shards(path)
    if rng is None:
        for shard in shards:
            yield from read_docs(shard, vocab)
        return
    rng.shuffle(shards)
    buffer: List[Doc] = []
    for shard in shards:
        for doc in read_docs(shard, vocab):
            if len(buffer) < buffer_size:
                buffer.append(doc)
            else:
                # Swap with a random place of the buffer, as TensorFlow's Dataset.shuffle and WebDataset do.
                place = rng.randrange(buffer_size + 1)
                if place < buffer_size:
                    buffer[place], doc = doc, buffer[place]
                yield doc
    rng.shuffle(buffer)
    yield from buffer
