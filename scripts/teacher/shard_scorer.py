"""The worker of `score`: from texts to the content of a shard.

What a shard holds follows from the teacher and the shard's own texts, so shards can be scored in any order, on any
machine.
"""

from hashlib import blake2b
from typing import Callable, Dict, List

from spacy import Language
from spacy.tokens import Doc

from scripts.data.docbins import docs_to_bytes
from scripts.data.texts import Text
from scripts.teacher.protocol import Teacher
from scripts.tokenizing import make_blank


class ShardScorer:
    """Scores the texts of one shard after the other."""

    def __init__(self, teacher: Teacher, nlp: Language, known: Dict[bytes, List[float]]) -> None:
        """teacher (Teacher): The teacher.
        nlp (Language): The student's tokenizer.
        known (Dict[bytes, List[float]]): Logits of texts that need no scoring, by the text's hash.
        """
        self.teacher = teacher
        self.nlp = nlp
        self.known = known

    def __call__(self, texts: List[Text]) -> bytes:
        """texts (List[Text]): The texts of a shard. RETURNS (bytes): Their documents, in their order."""
        docs = [text.make_doc(self.nlp) for text in texts]
        hashes = [hash_doc(doc) for doc in docs]
        # Equal texts are scored once. The teacher sees its own mask token, and leaves nothing on the documents.
        new = {key: i for i, key in enumerate(hashes) if key not in self.known}
        seen = [
            texts[i].make_doc(self.nlp, mask=self.teacher.mask) if texts[i].words is not None else docs[i]
            for i in new.values()
        ]
        scored = dict(zip(new, self.teacher.logits(seen).tolist()))
        for text, doc, key in zip(texts, docs, hashes):
            doc.cats = self.teacher.task.make_cats(text.label)
            doc._.teacher_logits = scored.get(key, self.known.get(key))
            doc._.source = text.source
            doc._.review = text.review
        return docs_to_bytes(docs)


def make_scorer(
    make_teacher: Callable[[], Teacher], lang: str, segmenter: str, known: Dict[bytes, List[float]]
) -> ShardScorer:
    """Make a worker where it shall work.

    make_teacher (Callable[[], Teacher]): Gives it its teacher.
    lang (str): Language code of the student's tokenizer.
    segmenter (str): How it cuts texts into words.
    known (Dict[bytes, List[float]]): Logits of texts that need no scoring, by the text's hash.
    RETURNS (ShardScorer): The worker.
    RAISES (UserError): The teacher cannot be loaded there.
    """
    return ShardScorer(make_teacher(), make_blank(lang, segmenter), known)


def hash_doc(doc: Doc) -> bytes:
    """A hash of a document's tokens, 16 bytes: what the teacher reads."""
    tokens = "\x1f".join(token.text_with_ws for token in doc)
    return blake2b(tokens.encode("utf8"), digest_size=16).digest()
