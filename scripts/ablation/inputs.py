"""What the cells of an ablation are trained on: the run's own data, or variants of it that are made once and kept."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import spacy
import srsly
from spacy import Language
from spacy.tokens import Doc
from spacy.util import load_config
from tqdm import tqdm

from scripts.data.docbins import center_logits, list_shards, read_docs, write_docs
from scripts.files import UserError, digest, hash_path, replaced

Cell = Dict[str, Any]
CODE = [
    *sorted(Path("scripts/architectures").glob("*.py")),
    *sorted(Path("scripts/distillation").glob("*.py")),
    Path("scripts/ablation/cell.py"),
    Path("scripts/data/docbins.py"),
]
LEXICON = Path("scripts/lexicon/__main__.py")


class Inputs:
    """What cells are trained on. Variants of the transfer set and of the lexicon are made once and kept."""

    def __init__(
        self, corpus: Path, training: Path, configs: Path, *, lang: str, tagger: str = "", gpu_id: int
    ) -> None:
        """The parameters are those of `ablate`."""
        self.corpus, self.training, self.configs = corpus, training, configs
        self.lang, self.tagger, self.gpu_id = lang, tagger, gpu_id
        self.gold = corpus / "gold"
        self.teacher = training / "teacher" / "model-best"
        self.folder = training / "ablation" / "inputs"
        if not (corpus / "transfer" / "scores.json").is_file():
            raise UserError(f"{corpus / 'transfer'} has no scores yet. Run the `score` step first.")
        self._hashes: Dict[Path, str] = {}

    def make_spec(self, cell: Cell, seed: int, *, teachers: List[Path], keep: bool) -> Dict[str, Any]:
        """Describe one training.

        cell (Cell): The cell.
        seed (int): The seed.
        teachers (List[Path]): Models that take the teacher's place.
        keep (bool): Whether the model is needed after its predictions are written.
        RETURNS (Dict[str, Any]): What `run_cell` reads; its hash is the name of the cell's folder.
        """
        config = self.configs / f"student_{cell['student']}.cfg"
        if not config.is_file():
            raise UserError(f"The cell {cell['name']!r} asks for {config}, which does not exist.")
        data = self.find_data(cell, teachers)
        lexicon = self.find_lexicon(cell.get("lexicon", True))
        overrides = {
            "nlp.lang": self.lang,
            "system.seed": seed,
            "paths.train": str(data),
            "paths.dev": str(self.gold / "dev.spacy"),
            "paths.labels": str(self.gold / "labels.json"),
            **({"paths.vectors": str(lexicon)} if lexicon else {}),
            **cell.get("set", {}),
        }
        try:
            load_config(config, overrides=overrides)
        except ValueError as error:
            raise UserError(f"The cell {cell['name']!r}: {error}") from error
        # Paths are told apart by what they hold.
        inputs = [config, data, self.gold, *([lexicon] if lexicon else []), *CODE]
        return {
            "config": str(config),
            "overrides": overrides,
            "model": None,
            "keep": keep,
            **self._splits(),
            "hashes": [self._hash(path) for path in inputs],
        }

    def make_teacher_spec(self) -> Dict[str, Any]:
        """Describe the teacher as a cell that is trained already."""
        hashes = [self._hash(path) for path in (self.teacher, self.gold)]
        return {"model": str(self.teacher), "keep": True, **self._splits(), "hashes": hashes}

    def find_data(self, cell: Cell, teachers: List[Path]) -> Path:
        """The documents that a cell is trained on, made if need be.

        cell (Cell): Its `data` is "transfer" (the default) or "gold"; its `augment` replaces settings of augment.cfg.
        teachers (List[Path]): Models whose mean logits replace the teacher's.
        RETURNS (Path): A .spacy file or a folder of shards.
        """
        data = cell.get("data", "transfer")
        if data not in ("transfer", "gold"):
            raise UserError(f"The cell {cell['name']!r}: data must be transfer or gold, got {data!r}.")
        if data == "gold":
            return self.gold / "train.spacy"
        path = self.corpus / "transfer"
        if "augment" in cell:
            path = self._augment(cell["augment"])
        return self._score_anew(path, teachers) if teachers else path

    def find_lexicon(self, settings: Any) -> Optional[Path]:
        """The lexicon of a cell, made if need be.

        settings (Any): True for that of the run, False for none, or options of `scripts.lexicon`.
        RETURNS (Optional[Path]): Its folder.
        """
        if settings is False:
            return None
        if settings is True:
            return self.training / "lexicon"
        options = [part for name, value in sorted(settings.items()) for part in (f"--{name}", str(value))]
        texts = self.corpus / "transfer" / "texts.jsonl"
        path = self.folder / f"lexicon-{digest([options, *map(self._hash, (self.teacher, texts, LEXICON))])}"
        if not path.is_dir():
            run_module("scripts.lexicon", texts, self.teacher, path, *options, "--gpu-id", self.gpu_id)
        return path

    def _augment(self, settings: Dict[str, Any]) -> Path:
        """The transfer set as augment.cfg makes it with other settings; only texts that the run has not are scored."""
        record, own = (self.corpus / "transfer" / name for name in ("scores.json", "texts.jsonl"))
        scores = srsly.read_json(record)
        path = self.folder / f"transfer-{digest([settings, self.tagger, self._hash(record)])}"
        if path.is_dir():
            return path
        with replaced(self.folder / f"{path.name}.cfg") as config:
            load_config(self.configs / "augment.cfg", overrides=settings).to_disk(config)
        scored = self.folder / f"{path.name}.scored"
        wanted, texts = scored / "wanted.jsonl", scored / "texts.jsonl"
        if not texts.is_file():
            options = ["--config", self.folder / f"{path.name}.cfg", "--lang", self.lang, "--seed", scores["seed"]]
            options += ["--tagger", self.tagger, "--encoder", self.training / "encoder.json"]
            run_module("scripts.augmentation", self.corpus, wanted, *options)
            known = set(map(digest, srsly.read_jsonl(own)))
            with replaced(texts) as partial:
                srsly.write_jsonl(partial, (row for row in srsly.read_jsonl(wanted) if digest(row) not in known))
        if texts.stat().st_size:
            # What scored the rest of the set scores these too.
            options = ["--labels", self.gold / "labels.json", "--runtime", scores["runtime"]]
            options += ["--cache", self.training / "onnx", "--gpu-id", self.gpu_id]
            run_module("scripts.teacher.scoring", texts, self.teacher, scored, *options)
        kept = set(map(digest, srsly.read_jsonl(wanted)))
        vocab = spacy.blank(self.lang).vocab
        with replaced(path) as partial:
            # The documents of the shards are in the order of the texts.
            rows = srsly.read_jsonl(own)
            for shard in tqdm(list_shards(self.corpus / "transfer"), desc="Copying shards", unit="shard", disable=None):
                docs = [doc for doc, row in zip(read_docs(shard, vocab), rows) if digest(row) in kept]
                write_docs(docs, partial / shard.name)
            for shard in sorted(scored.glob("*.spacy")):
                write_docs(read_docs(shard, vocab), partial / f"new-{shard.name}")
        return path

    def _score_anew(self, data: Path, teachers: List[Path]) -> Path:
        """The transfer set with the mean of other models' logits in place of the teacher's."""
        path = self.folder / f"taught-{digest([self._hash(data), *map(self._hash, teachers)])}"
        if path.is_dir():
            return path
        pipelines = [spacy.load(teacher) for teacher in teachers]
        vocab, labels = pipelines[0].vocab, srsly.read_json(self.gold / "labels.json")
        with replaced(path) as partial:
            for shard in tqdm(list_shards(data), desc="Scoring anew", unit="shard", disable=None):
                docs = read_docs(shard, vocab)
                logits = numpy.mean([predict_logits(docs, nlp, labels) for nlp in pipelines], axis=0)
                for doc, row in zip(docs, logits):
                    doc._.teacher_logits = row.tolist()
                write_docs(docs, partial / shard.name)
        return path

    def _splits(self) -> Dict[str, str]:
        """Paths of the gold texts, and of the labels."""
        splits = {split: str(self.gold / f"{split}.spacy") for split in ("train", "dev", "test")}
        return {**splits, "labels": str(self.gold / "labels.json")}

    def _hash(self, path: Path) -> str:
        """The hash of a path, computed once."""
        if path not in self._hashes:
            self._hashes[path] = hash_path(path)
        return self._hashes[path]


def predict_logits(docs: List[Doc], nlp: Language, labels: List[str]) -> numpy.ndarray:
    """The centred logits of tokenized documents.

    docs (List[Doc]): The documents; what a pipeline sets on them is left in place.
    nlp (Language): A trained student.
    labels (List[str]): Label order.
    RETURNS (ndarray): Shape: (n_docs, n_labels).
    """
    textcat: Any = nlp.get_pipe("textcat")
    columns = [textcat.labels.index(label) for label in labels]
    batches = [docs[start : start + 256] for start in range(0, len(docs), 256)]
    return center_logits(numpy.concatenate([numpy.asarray(textcat.predict(batch)) for batch in batches])[:, columns])


def run_module(module: str, *arguments: Any) -> None:
    """Run a step of the project with other settings.

    module (str): The step's module.
    arguments (Any): Its arguments.
    RAISES (UserError): It failed; it has said why.
    """
    if code := subprocess.run([sys.executable, "-m", module, *map(str, arguments)]).returncode:
        raise UserError(f"{module} failed with exit code {code}.")
