"""Which files a run reads: those that were named, and those that stand beside train."""

from pathlib import Path
from typing import Dict, List

from scripts.data.tables.contents import check_file
from scripts.data.tables.file_types import FILE_TYPES, find_file
from scripts.files import UserError

# In place of a path: no file, even if there is one beside train.
NONE = "none"


def find_inputs(named: Dict[str, str]) -> Dict[str, Path]:
    """Find the file of each split.

    named (Dict[str, str]): What the user gave for each split. For train, a file, or the folder that
        holds one called train. For the others, a file; nothing, to look for one beside train; or NONE.
    RETURNS (Dict[str, Path]): The files by split, train first. A split without a file is missing.
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


def find_unread(inputs: Dict[str, Path]) -> List[Path]:
    """Find files beside train that could be read, and are not.

    inputs (Dict[str, Path]): What is read, by split.
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
