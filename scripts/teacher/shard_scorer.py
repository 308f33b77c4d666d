"""The worker of `score`: a teacher that turns texts into the content of a shard.

What a shard holds follows from the teacher, its runtime and the shard's own texts, so shards can be scored in any
order, on any machine with the same runtime.
"""

import json
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union, cast

import spacy
from spacy import Language
from spacy.tokens import Doc

from scripts.data.docbins import MASK, center_logits, docs_to_bytes, one_hot
from scripts.engines.shards import PackedFolder
from scripts.engines.workers import Engine, Worker, run_tasks
from scripts.files import UserError
from scripts.gpu import use_gpu
from scripts.teacher.runtimes import Runtime, choose_runtime, mask_token

Row = Dict[str, Any]
# Instead of texts: asks what runs the teacher, and for the encoder that was exported for it.
ASK_RUNTIME, ASK_ENCODER = "runtime", "encoder"


class ShardScorer:
    """Scores the texts of one shard after the other."""

    def __init__(
        self, nlp: Language, runtime: Runtime, labels: Sequence[str], known: Dict[bytes, List[float]], encoder: Path
    ) -> None:
        """nlp (Language): The teacher; it tokenizes for the student, too.
        runtime (Runtime): What runs it.
        labels (Sequence[str]): Label order of the logits.
        known (Dict[bytes, List[float]]): Scores of texts that need no scoring, by the text's hash.
        encoder (Path): Folder of the exported encoder, if the runtime has one.
        """
        self.nlp = nlp
        self.runtime = runtime
        self.labels = labels
        self.known = known
        self.encoder = encoder
        self.mask = mask_token(nlp)
        # Folder of what was unpacked for it; it stays as long as the worker.
        self.home: Optional[TemporaryDirectory] = None

    def __call__(self, payload: "List[Row] | str") -> bytes:
        """payload (List[Row] | str): Texts, or a question. RETURNS (bytes): A shard of them, or the answer."""
        if payload == ASK_ENCODER:
            return PackedFolder.pack(self.encoder).content
        if payload == ASK_RUNTIME:
            check = self.runtime.check and self.runtime.check._asdict()
            answer = {"runtime": self.runtime.name, "precision": self.runtime.precision, "check": check}
            return json.dumps(answer).encode("utf8")
        return self._score(cast(List[Row], payload))

    def _score(self, rows: List[Row]) -> bytes:
        """A shard of the rows, in their order."""
        docs = [make_doc(row, self.nlp, mask=MASK) for row in rows]
        hashes = [hash_doc(doc) for doc in docs]
        # Equal texts are scored once. The teacher sees its own mask token, and leaves nothing on the student's
        # documents.
        new = {key: i for i, key in enumerate(hashes) if key not in self.known}
        seen = [make_doc(rows[i], self.nlp, mask=self.mask) if "words" in rows[i] else docs[i] for i in new.values()]
        scored = dict(zip(new, center_logits(self.runtime.predict(seen)).tolist()))
        for row, doc, key in zip(rows, docs, hashes):
            doc.cats = one_hot(row.get("label"), self.labels)
            doc._.teacher_logits = scored.get(key, self.known.get(key))
            doc._.source = row["source"]
            doc._.review = row["review"]
        return docs_to_bytes(docs)


def make_scorer(
    teacher: Union[Path, PackedFolder],
    encoder: Union[Path, PackedFolder],
    *,
    runtime: str,
    labels: Sequence[str],
    sample: List[Row],
    known: Dict[bytes, List[float]],
    on_gpu: bool = False,
) -> ShardScorer:
    """Load a teacher where it shall work.

    teacher (Union[Path, PackedFolder]): The pipeline.
    encoder (Union[Path, PackedFolder]): Folder of the exported encoder, which may be missing.
    runtime (str): What runs the teacher, or "auto".
    labels (Sequence[str]): Label order of the logits.
    sample (List[Row]): Texts to check a runtime of lower precision with.
    known (Dict[bytes, List[float]]): Scores of texts that need no scoring, by the text's hash.
    on_gpu (bool): Whether to take the GPU that Ray has set aside.
    RETURNS (ShardScorer): The worker.
    RAISES (UserError): The teacher cannot be run this way.
    """
    if on_gpu:
        use_gpu(0)
    home = TemporaryDirectory()
    teacher, encoder = (
        folder.unpack(Path(home.name) / name) if isinstance(folder, PackedFolder) else folder
        for name, folder in (("teacher", teacher), ("encoder", encoder))
    )
    nlp = spacy.load(teacher)
    docs = [make_doc(row, nlp, mask=mask_token(nlp)) for row in sample]
    scorer = ShardScorer(nlp, choose_runtime(runtime, nlp, labels, sample=docs, cache=encoder), labels, known, encoder)
    scorer.home = home
    return scorer


def prepare_scoring(
    teacher: Path, encoder: Path, *, runtime: str, engine: Engine, **settings: Any
) -> Tuple[Dict[str, Any], Callable[[], Worker]]:
    """Choose what runs the teacher, once for all workers.

    teacher (Path): The pipeline.
    encoder (Path): Folder of the exported encoder, which may be missing.
    runtime (str): What runs the teacher, or "auto".
    engine (Engine): Where the workers run.
    settings (Any): Of `make_scorer`.
    RETURNS (Tuple[Dict[str, Any], Callable[[], Worker]]): Name, precision and check of the runtime, and what makes
        a worker.
    """
    if engine.name == "local":
        worker = make_scorer(teacher, encoder, runtime=runtime, **settings)
        return json.loads(worker(ASK_RUNTIME)), lambda: worker
    packed = PackedFolder.pack(teacher)
    make = partial(make_scorer, packed, on_gpu=engine.gpus > 0, **settings)
    # One worker chooses, on a machine like those of all, and exports the encoder that all of them load.
    ask = partial(make, PackedFolder.pack(encoder), runtime=runtime)
    answers = dict(run_tasks(ask, [(key, key) for key in (ASK_RUNTIME, ASK_ENCODER)], engine._replace(n_workers=1)))
    chosen = json.loads(answers[ASK_RUNTIME])
    make_worker = partial(make, PackedFolder(answers[ASK_ENCODER]), runtime=chosen["runtime"])
    return chosen, partial(_check_scorer, make_worker, chosen["precision"])


def _check_scorer(make_worker: Callable[[], ShardScorer], precision: str) -> ShardScorer:
    """Refuse a worker whose machine runs the teacher in another precision, as its scores would differ."""
    worker = make_worker()
    if worker.runtime.precision != precision:
        raise UserError(
            f"One machine runs the teacher in {precision}, another in {worker.runtime.precision}: their scores would "
            "differ. Use machines of one kind, or --vars.runtime pipeline."
        )
    return worker


def make_doc(row: Row, nlp: Language, *, mask: str) -> Doc:
    """Make the document of a row. Augmented rows keep their tokens, or the tokenizer would split the mask.

    row (Row): A text of the transfer set.
    nlp (Language): Tokenizes texts.
    mask (str): What stands for a masked word.
    RETURNS (Doc): The document.
    """
    if "words" not in row:
        return nlp.make_doc(row["text"])
    return Doc(nlp.vocab, words=[mask if word == MASK else word for word in row["words"]], spaces=row["spaces"])


def hash_doc(doc: Doc) -> bytes:
    """A hash of a document's tokens, 16 bytes: what the teacher reads."""
    tokens = "\x1f".join(token.text_with_ws for token in doc)
    return blake2b(tokens.encode("utf8"), digest_size=16).digest()
