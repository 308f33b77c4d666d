"""`spacy train` in a process that tells how many steps it took, and how many of the texts it learned from."""

import time
from pathlib import Path
from typing import Any, Set

import srsly
import typer
from spacy.cli.train import train

import scripts.functions  # noqa: F401
from scripts.data.docbins import read_docs
from scripts.distillation.component import DistilledTextCategorizer
from scripts.files import run_command
from scripts.tokenizing import make_blank


def watch(
    config: Path = typer.Argument(..., help="Config of the student"),
    run: Path = typer.Argument(..., help="Folder of the run"),
    texts: Path = typer.Argument(..., help="The .spacy file that is trained on"),
    result: Path = typer.Argument(..., help="The .json file to write"),
) -> None:
    """Train on a file and write down what was read."""
    data = srsly.read_json(run / "data.json")
    overrides = {
        "nlp.lang": data["lang"],
        "nlp.tokenizer.segmenter": data["segmenter"],
        "paths.train": str(texts),
        "paths.dev": str(run / "gold" / "dev.spacy"),
        "paths.labels": str(run / "gold" / "labels.json"),
    }
    read: Set[int] = set()
    steps = 0
    update = DistilledTextCategorizer.update

    def watched_update(self: Any, examples: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        examples = list(examples)
        read.update(hash(eg.reference.text) for eg in examples)
        return update(self, examples, **kwargs)

    DistilledTextCategorizer.update = watched_update  # type: ignore[method-assign]
    output = result.with_suffix("")
    train(config, output, overrides=overrides)
    cpu_seconds = time.process_time()
    distinct = {hash(doc.text) for doc in read_docs(texts, make_blank(data["lang"], data["segmenter"]).vocab)}
    score = srsly.read_json(output / "model-best" / "meta.json")["performance"]["cats_calibrated_f"]
    facts = {"texts": len(distinct), "steps": steps, "read": len(distinct & read), "cpu_seconds": cpu_seconds}
    srsly.write_json(result, {**facts, "dev_macro_f1": score})


if __name__ == "__main__":
    run_command(watch)
