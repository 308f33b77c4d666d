"""Compares what two states of this project made of the same texts, file by file: is the result equal to the byte?

    python -m benchmarks.same_results ../before . --run en

For a change of structure, which must not change a result. Both folders are projects after the same `run all`. Files
that hold times, machines or hashes of code are compared without these; of a model that is not equal to the byte,
weights and settings are.
"""

from difflib import unified_diff
from pathlib import Path
from typing import Any, Iterator, List

import numpy
import srsly
import typer
from wasabi import msg

from scripts.files import UserError, hash_path, replaced, run_command

# Under corpus/RUN and training/RUN. Logs, caches and records of machines are left out.
FILES = (
    "corpus/{run}/gold/*.spacy",
    "corpus/{run}/gold/labels.json",
    "corpus/{run}/unlabelled.jsonl",
    "corpus/{run}/selected.jsonl",
    "corpus/{run}/transfer/*.spacy",
    "training/{run}/teacher/model-best/*/model",
    "training/{run}/lexicon/vocab/*",
    "training/{run}/baseline/model-best/*/model",
    "training/{run}/student_*/model-best/*/model",
    "training/{run}/export*/textcat/model",
    "training/{run}/export*/config.cfg",
    "training/{run}/compressed/textcat/model",
    "training/{run}/compressed/config.cfg",
    "training/{run}/compression.json",
    "training/{run}/report/report.json",
)
# What a run of the same code gives anew each time; the reason of a verdict names speeds.
VARYING = ("words_per_second", "provenance", "size_mb", "mb", "reason")
EQUAL = "equal to the byte"
# A model that has kept where its encoder lay.
SAME_MODEL = "weights equal to the byte; attributes equal"


def compare(
    before: Path = typer.Argument(..., help="A project folder after `run all`"),
    after: Path = typer.Argument(..., help="Another one"),
    run: str = typer.Option("en", help="Name of the run"),
    output: Path = typer.Option(Path("benchmarks/results/same_results.json"), help="The record"),
) -> None:
    """Compare the results of two states of the project."""
    names = sorted({str(path.relative_to(before)) for name in FILES for path in before.glob(name.format(run=run))})
    if not names:
        raise UserError(f"{before} has no results of the run {run!r}. Run the project there first.")
    rows = [{"file": name, "result": compare_files(before / name, after / name)} for name in names]
    with replaced(output) as partial:
        srsly.write_json(partial, {"run": run, "files": rows})
    msg.table([(row["file"], row["result"]) for row in rows], header=("file", "result"), divider=True)
    n_equal = sum(row["result"] == EQUAL for row in rows)
    msg.info(f"{n_equal} of {len(rows)} files are {EQUAL}")


def compare_files(one: Path, other: Path) -> str:
    """Compare two files.

    one, other (Path): The files; the second may be missing.
    RETURNS (str): EQUAL, or what is the same and what is not.
    """
    if not other.is_file():
        return "missing"
    if hash_path(one) == hash_path(other):
        return EQUAL
    if one.name == "model":
        return compare_models(one.read_bytes(), other.read_bytes())
    if one.suffix == ".json":
        differing = sorted(find_differences(srsly.read_json(one), srsly.read_json(other)))
        what = f"but for {', '.join(VARYING)} and what is new"
        return f"NOT equal {what}: {', '.join(differing)}" if differing else f"equal {what}"
    if one.suffix == ".cfg":
        lines = unified_diff(one.read_text("utf8").splitlines(), other.read_text("utf8").splitlines(), n=0, lineterm="")
        changed = [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
        return f"settings differ: {'; '.join(changed)}"
    return "NOT equal"


def compare_models(one: bytes, other: bytes) -> str:
    """Compare two serialised Thinc models: weights, and the attributes that both have.

    one, other (bytes): What `Model.to_bytes` gave.
    RETURNS (str): What is the same and what is not.
    """
    first, second = srsly.msgpack_loads(one), srsly.msgpack_loads(other)
    weights = [find_arrays(model["params"]) for model in (first, second)]
    same = len(weights[0]) == len(weights[1]) and all(map(numpy.array_equal, *weights))
    attrs = [{name for node in model["attrs"] for name in node} for model in (first, second)]
    shared = attrs[0] & attrs[1]
    same_attrs = [{k: v for k, v in node.items() if k in shared} for node in first["attrs"]] == [
        {k: v for k, v in node.items() if k in shared} for node in second["attrs"]
    ]
    changed = sorted(attrs[0] ^ attrs[1])
    return (
        f"weights {'equal' if same else 'NOT equal'} to the byte; attributes {'equal' if same_attrs else 'NOT equal'}"
        + (f" but for {', '.join(changed)}, which one of the two has" if changed else "")
    )


def find_arrays(value: Any) -> List[numpy.ndarray]:
    """All arrays in nested lists and dictionaries, in order."""
    if isinstance(value, numpy.ndarray):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [array for child in children for array in find_arrays(child)]


def find_differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where a record does not say what an earlier one said.

    one, other (Any): The earlier record and the later one, which may say more.
    place (str): Where they stand.
    YIELDS (str): Places of what differs, by their names.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one:
            if name not in VARYING:
                yield from find_differences(one[name], other.get(name), f"{place}.{name}" if place else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other)):
            yield from find_differences(*pair, f"{place}[{number}]")
    elif one != other:
        yield place


if __name__ == "__main__":
    run_command(compare)
