"""What the cells of an ablation are trained on: the run's own data, or variants of it that are made once and kept."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import srsly
from spacy.tokens import Doc
from spacy.util import load_config
from tqdm import tqdm

from scripts.ablation.variants import take_labels, take_share, take_teachers
from scripts.data.docbins import list_shards, read_docs, write_docs
from scripts.data.task import Task
from scripts.data.texts import read_texts, write_texts
from scripts.files import UserError, digest, hash_path, replaced
from scripts.process import run_module
from scripts.provenance import hash_sources
from scripts.tokenizing import make_blank

Cell = Dict[str, Any]
SCRIPTS = Path(__file__).parents[1]
CELL, VARIANTS = (SCRIPTS / "ablation" / f"{name}.py" for name in ("cell", "variants"))
AUGMENT, LEXICON = (SCRIPTS / step / "__main__.py" for step in ("augmentation", "lexicon"))
SCORE = SCRIPTS / "teacher" / "scoring.py"


class Inputs:
    """What cells are trained on. Variants of the transfer set and of the lexicon are made once and kept."""

    def __init__(
        self, corpus: Path, training: Path, configs: Path, *, lang: str, segmenter: str, tagger: str = "", gpu_id: int
    ) -> None:
        """The parameters are those of `ablate`."""
        self.corpus, self.training, self.configs = corpus, training, configs
        self.lang, self.segmenter, self.tagger, self.gpu_id = lang, segmenter, tagger, gpu_id
        self.gold, self.transfer = corpus / "gold", corpus / "transfer"
        self.teacher = training / "teacher" / "model-best"
        self.folder = training / "ablation" / "inputs"
        if not (self.transfer / "scores.json").is_file():
            raise UserError(f"{self.transfer} has no scores yet. Run the `score` step first.")
        self.task = Task.read(self.gold)
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
            "nlp.tokenizer.segmenter": self.segmenter,
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
        inputs = [config, data, self.gold, *([lexicon] if lexicon else [])]
        return {
            "config": str(config),
            "overrides": overrides,
            "model": None,
            "keep": keep,
            "gold": str(self.gold),
            "hashes": [self._hash(path) for path in inputs],
            "sources": hash_sources(CELL, config),
        }

    def make_teacher_spec(self) -> Dict[str, Any]:
        """Describe the teacher as a cell that is trained already."""
        hashes = [self._hash(path) for path in (self.teacher, self.gold)]
        model = {"model": str(self.teacher), "keep": True}
        return {**model, "gold": str(self.gold), "hashes": hashes, "sources": hash_sources(CELL)}

    def find_data(self, cell: Cell, teachers: List[Path]) -> Path:
        """The documents that a cell is trained on, made if need be.

        cell (Cell): Its `data` is "transfer" (the default) or "gold". Of the transfer set, `augment` replaces settings
            of augment.cfg, `unlabelled` is the share of the unlabelled texts that stays, and with `targets` "labels"
            the teacher's labels take the place of its logits.
        teachers (List[Path]): Models whose mean logits replace the teacher's.
        RETURNS (Path): A .spacy file or a folder of shards.
        """
        data, targets, share = cell.get("data", "transfer"), cell.get("targets", "logits"), cell.get("unlabelled", 1.0)
        if data not in ("transfer", "gold"):
            raise UserError(f"The cell {cell['name']!r}: data must be transfer or gold, got {data!r}.")
        if targets not in ("logits", "labels"):
            raise UserError(f"The cell {cell['name']!r}: targets must be logits or labels, got {targets!r}.")
        if not 0 <= share <= 1:
            raise UserError(f"The cell {cell['name']!r}: unlabelled must be 0 to 1, got {share!r}.")
        if data == "gold":
            return self.gold / "train.spacy"
        path = self._augment(cell["augment"]) if "augment" in cell else self.transfer
        if teachers:
            change = partial(take_teachers, teachers=teachers, task=self.task)
            path = self._vary(path, ["taught", *map(self._hash, teachers)], change)
        if targets == "labels":
            path = self._vary(path, ["labels"], partial(take_labels, task=self.task))
        if share < 1:
            path = self._vary(path, ["share", share], partial(take_share, share=share))
        return path

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
        texts, config = self.corpus / "unlabelled.jsonl", self.configs / "score.cfg"
        inputs = (self.teacher, self.gold, texts, config)
        identity = [options, *map(self._hash, inputs), hash_sources(LEXICON, config)]
        path = self.folder / f"lexicon-{digest(identity)}"
        if not path.is_dir():
            run_module("scripts.lexicon", texts, path, *options, *self._teacher_options(config))
        return path

    def _augment(self, settings: Dict[str, Any]) -> Path:
        """The transfer set as augment.cfg makes it with other settings; only texts that the run has not are scored."""
        record, own = (self.transfer / name for name in ("scores.json", "texts.jsonl"))
        configs, scores = [self.configs / name for name in ("augment.cfg", "score.cfg")], srsly.read_json(record)
        identity = [settings, self.tagger, *map(self._hash, (record, *configs))]
        code = [hash_sources(step, config) for step, config in zip((AUGMENT, SCORE), configs)]
        path = self.folder / f"transfer-{digest([*identity, *code])}"
        if path.is_dir():
            return path
        scored = self.folder / f"{path.name}.scored"
        wanted, texts = scored / "wanted.jsonl", scored / "texts.jsonl"
        if not texts.is_file():
            options = ["--config", change_config(configs[0], settings, scored / "augment.cfg"), *self._language()]
            options += ["--seed", scores["seed"], "--tagger", self.tagger]
            run_module(
                "scripts.augmentation", self.corpus, wanted, *options, "--encoder", self.training / "encoder.json"
            )
            known = set(map(digest, read_texts(own)))
            write_texts(texts, (text for text in read_texts(wanted) if digest(text) not in known))
        if texts.stat().st_size:
            # What scored the rest of the set scores these too.
            names = load_config(configs[1])["teacher"]
            chosen = {f"teacher.{name}": scores[name] for name in names if name in scores}
            options = self._teacher_options(change_config(configs[1], chosen, scored / "score.cfg"))
            run_module("scripts.teacher.scoring", texts, scored, *options, "--cache", self.training / "onnx")
        kept = set(map(digest, read_texts(wanted)))
        vocab = make_blank(self.lang, self.segmenter).vocab
        with replaced(path) as partial_path:
            # The documents of the shards are in the order of the texts.
            own_texts = read_texts(own)
            for shard in tqdm(list_shards(self.transfer), desc="Copying shards", unit="shard", disable=None):
                docs = [doc for doc, text in zip(read_docs(shard, vocab), own_texts) if digest(text) in kept]
                write_docs(docs, partial_path / shard.name)
            for shard in sorted(scored.glob("*.spacy")):
                write_docs(read_docs(shard, vocab), partial_path / f"new-{shard.name}")
        return path

    def _teacher_options(self, config: Path) -> List[Any]:
        """The options of a step that asks the teacher of a score.cfg."""
        options = ["--config", config, "--teacher", self.teacher, "--gold", self.gold]
        return [*options, *self._language(), "--gpu-id", self.gpu_id]

    def _language(self) -> List[str]:
        """The options of a step that cuts texts into words."""
        return ["--lang", self.lang, "--segmenter", self.segmenter]

    def _vary(self, data: Path, identity: List[Any], change: Callable[[List[Doc]], List[Doc]]) -> Path:
        """Change the documents of a transfer set.

        data (Path): The transfer set.
        identity (List[Any]): What the change is, beside its code; first its name.
        change (Callable[[List[Doc]], List[Doc]]): From the documents of a shard to those that take their place.
        RETURNS (Path): The changed transfer set.
        """
        path = self.folder / f"{identity[0]}-{digest([self._hash(data), *identity, hash_sources(VARIANTS)])}"
        if not path.is_dir():
            vocab = make_blank(self.lang, self.segmenter).vocab
            with replaced(path) as partial_path:
                for shard in tqdm(list_shards(data), desc="Changing shards", unit="shard", disable=None):
                    write_docs(change(read_docs(shard, vocab)), partial_path / shard.name)
        return path

    def _hash(self, path: Path) -> str:
        """The hash of a path, computed once."""
        if path not in self._hashes:
            self._hashes[path] = hash_path(path)
        return self._hashes[path]


def change_config(config: Path, settings: Dict[str, Any], path: Path) -> Path:
    """Write a config with other settings.

    config (Path): The config.
    settings (Dict[str, Any]): Values by dotted names.
    path (Path): Where the changed one shall stand.
    RETURNS (Path): The same.
    """
    with replaced(path) as changed:
        load_config(config, overrides=settings).to_disk(changed)
    return path
