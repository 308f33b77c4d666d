"""What a result follows from: the code of a step, found in its files instead of listed by hand.

To the code of a module belong, by their bytes (a comment counts, as nobody can tell which one does not matter):

- the module, and each file of the project that it imports, directly or indirectly, at the top or inside a function;
  of a package that is imported as a whole (`import scripts.architectures`), all modules;
- a module whose dotted name or file name stands in one of these as a string, as it does where a process is started:
  `"-m", "scripts.lexicon"`, or `with_name("check_wheel.py")` for a file beside it; of a page also its `page.html` and
  the like;
- the file that registers a name which stands as a string in one of these files or in one of the step's cfgs, such as
  `textdistill.SoftTargets.v1` or `textcat_distill`.

`scripts/functions.py` imports whatever can be registered, so it is not followed. A step takes of it what its cfgs
name; and if its module imports it, also all architectures: it loads a pipeline, and pipelines are made of these. This
file does not count: it lists what decides, and decides nothing.

Only syntax is read, nothing is imported: this takes a fraction of a second. Names that are put together while the code
runs are not seen, nor relative imports, which the project does not use.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Set

from scripts.files import hash_path

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS, ARCHITECTURES, THIS = "scripts.functions", "scripts.architectures", "scripts.provenance"


class Code(NamedTuple):
    """What a file imports (dotted names), which names it registers, and which strings stand in it."""

    imports: Set[str]
    registers: Set[str]
    strings: Set[str]


def hash_sources(module_file: Path, *configs: Path) -> Dict[str, str]:
    """Hash the code that the result of a module follows from.

    module_file (Path): The module, e.g. `Path(__file__)`.
    *configs (Path): The cfgs that it reads. Their names count; their own hashes are the caller's business.
    RETURNS (Dict[str, str]): SHA-256 by path relative to the project, in alphabetical order.
    """
    return hash_files(find_sources([module_file], configs))


def hash_files(files: Iterable[Path]) -> Dict[str, str]:
    """Hash files of the project.

    files (Iterable[Path]): Their paths.
    RETURNS (Dict[str, str]): SHA-256 by path relative to the project, in alphabetical order.
    """
    return {path.relative_to(ROOT).as_posix(): hash_path(path) for path in sorted(files)}


def find_sources(modules: Iterable[Path], configs: Iterable[Path]) -> Set[Path]:
    """Find the code that the result of a step follows from.

    modules (Iterable[Path]): The modules that it runs.
    configs (Iterable[Path]): The cfgs that it reads.
    RETURNS (Set[Path]): Absolute paths of files that are not empty.
    """
    registered = find_registered()
    waiting = [path.resolve() for path in modules]
    for config in configs:
        waiting += [registered[name] for name in read_config_strings(config) if name in registered]
    found: Set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if path.suffix != ".py":
                continue
            code = read_code(path)
            waiting += [file for name in code.imports for file in find_module(name)]
            waiting += [file for name in code.strings for file in find_named(name, path)]
            waiting += [registered[name] for name in code.strings if name in registered]
    # An __init__.py without content decides nothing.
    return {path for path in found if path.stat().st_size}


def find_registered() -> Dict[str, Path]:
    """Find what the project registers.

    RETURNS (Dict[str, Path]): By registered name the file that registers it.
    """
    return {name: path for path in sorted((ROOT / "scripts").rglob("*.py")) for name in read_code(path).registers}


def find_module(name: str) -> List[Path]:
    """Find what an import runs.

    name (str): A dotted name, of anything; NAME.* for all modules of a package.
    RETURNS (List[Path]): The module's file and the __init__.py of the packages above it; none if it is not the
        project's.
    """
    *parents, last = name.split(".")
    folder = ROOT.joinpath(*parents)
    if name == FUNCTIONS:
        return find_module(f"{ARCHITECTURES}.*")
    if name == THIS:
        return []
    if last == "*":
        files = sorted(folder.glob("*.py")) if (folder / "__init__.py").is_file() else []
    else:
        files = [path for path in (folder / last / "__init__.py", folder / f"{last}.py") if path.is_file()][:1]
    if not files:
        return []
    packages = [path / "__init__.py" for path in (folder, *folder.parents) if ROOT in path.parents]
    return files + [path for path in packages if path.is_file()]


def find_named(name: str, beside: Path) -> List[Path]:
    """Find the module, or the part of a page, that a string names.

    name (str): Any string.
    beside (Path): The file in which it stands.
    RETURNS (List[Path]): What `python -m NAME` runs, or the file of this name beside the other; none if there is none.
    """
    if re.fullmatch(r"\w+\.(py|html|css|js)", name):
        return [path for path in [beside.with_name(name)] if path.is_file()]
    if re.fullmatch(r"\w+(\.\w+)+", name):
        return [*find_module(name), *find_module(f"{name}.__main__")]
    return []


def read_code(path: Path) -> Code:
    """Read what a file imports, registers and names.

    path (Path): A Python file.
    RETURNS (Code): What it says.
    """
    return parse(path.read_text(encoding="utf8"))


@cache
def parse(text: str) -> Code:
    """Read what a Python text imports, registers and names."""
    code = Code(set(), set(), set())
    for node in ast.walk(ast.parse(text)):
        calls: List[ast.expr] = []
        if isinstance(node, ast.Import):
            # Who imports a package as a whole may look for its modules.
            code.imports.update(name for alias in node.names for name in (alias.name, f"{alias.name}.*"))
        elif isinstance(node, ast.ImportFrom) and node.module:
            code.imports.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            code.strings.add(node.value)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            calls = node.decorator_list
        elif isinstance(node, ast.Call) and any(keyword.arg == "func" for keyword in node.keywords):
            calls = [node]
        for call in calls:
            if isinstance(call, ast.Call) and re.search(r"\b(registry|Language)\.", ast.unparse(call.func)):
                code.registers.update(str(arg.value) for arg in call.args[:1] if isinstance(arg, ast.Constant))
    return code


def read_config_strings(config: Path) -> List[str]:
    """Read the quoted strings of a cfg, outside its comments.

    config (Path): The cfg.
    RETURNS (List[str]): The strings.
    """
    lines = config.read_text(encoding="utf8").splitlines()
    return [string for line in lines if not line.startswith("#") for string in re.findall(r'"([^"]+)"', line)]
