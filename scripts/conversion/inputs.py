"""Which files a run reads: those that were named, and those that stand beside train; or those of several languages."""

from pathlib import Path
from typing import Dict, List, Optional

from scripts.data.tables.contents import check_file
from scripts.data.tables.file_types import FILE_TYPES, find_file
from scripts.files import UserError
from scripts.variables import ANY, split_languages

# In place of a path: no file, even if there is one beside train.
NONE = "none"
# Files by split.
Inputs = Dict[str, Path]


def find_all_inputs(named: Dict[str, str], *, lang: str, langs: str) -> Dict[Optional[str], Inputs]:
    """Find the files of a run: of one language, or of several whose reviews are read together.

    named (Dict[str, str]): What the user gave for each split, as for `find_inputs`. Where train is REVIEWS/xx, and
        there is none, the folders of languages beside it are meant.
    lang (str): Language code of the run.
    langs (str): The languages to read together, if this one is ANY.
    RETURNS (Dict[Optional[str], Inputs]): Files by split, by language; by None where texts do not tell theirs.
    RAISES (UserError): As `find_inputs`; or a folder is missing, or a file is named for all languages.
    """
    train = Path(named["train"])
    # Another name that is not there is a slip.
    if lang != ANY or train.exists() or train.name != ANY:
        return {None: find_inputs(named)}
    folders = {code: train.parent / code for code in sorted(split_languages(langs)) if code != ANY}
    missing = [str(folder) for folder in folders.values() if not folder.is_dir()]
    if missing or len(folders) < 2:
        there = [path.parent.name for path in sorted(train.parent.glob("*/train.*"))]
        raise UserError(
            f"--vars.lang {ANY} reads {train}, or else the folders of --vars.langs {langs!r} beside it, at least two. "
            f"There is no {', '.join([str(train), *missing])}. Folders with a file called train: "
            f"{', '.join(dict.fromkeys(there)) or 'none'}. Give --vars.langs some of these, or --vars.train a file."
        )
    for split, name in named.items():
        if split != "train" and name not in ("", NONE):
            raise UserError(
                f"--vars.{split} {name} is one file, and {', '.join(folders)} are read together, each from a folder of "
                f"its own. Put files called {split} there, or join all files and give --vars.train that one."
            )
    return {code: find_inputs({**named, "train": str(folder)}) for code, folder in folders.items()}


def find_inputs(named: Dict[str, str]) -> Inputs:
    """Find the file of each split.

    named (Dict[str, str]): What the user gave for each split. For train, a file, or the folder that
        holds one called train. For the others, a file; nothing, to look for one beside train; or NONE.
    RETURNS (Inputs): The files by split, train first. A split without a file is missing.
    RAISES (UserError): A file that was named is not there, no train is, or two splits have the same file.
    """
    train = Path(named["train"])
    if train.is_dir():
        found = find_file(train, "train")
        if found is None:
            names = ", ".join(path.name for path in list_tables(train)) or "none that could be read"
            raise UserError(f"{train} holds no file called train; it holds {names}. Name it: --vars.train FILE")
        train = found
    inputs = {"train": train}
    for split, name in named.items():
        if split != "train" and name != NONE:
            path = Path(name) if name else find_file(train.parent, split)
            if path is not None:
                inputs[split] = path
    for split, path in inputs.items():
        check_file(path)
        twice = [other for other in inputs if other != split and inputs[other].resolve() == path.resolve()]
        if twice:
            raise UserError(
                f"{path} is to be both {split} and {twice[0]}. Give --vars.{twice[0]} another file, or {NONE}."
            )
    return inputs


def find_unread(inputs: Inputs) -> List[Path]:
    """Find files beside train that could be read, and are not.

    inputs (Inputs): What is read, by split.
    RETURNS (List[Path]): The others, in alphabetical order.
    """
    read = {path.resolve() for path in inputs.values()}
    return [path for path in list_tables(inputs["train"].parent) if path.resolve() not in read]


def list_tables(folder: Path) -> List[Path]:
    """List the files of a folder that are of a type that can be read, but for those that programs hide.

    folder (Path): An existing folder.
    RETURNS (List[Path]): The files in alphabetical order.
    """
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.lower().endswith(tuple(FILE_TYPES)) and path.name[0] not in ".~"
    ]
