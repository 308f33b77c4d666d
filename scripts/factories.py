"""What of other packages is used: components that a pipeline names, and no functions in place of the project's own.

`Language()` imports every package that offers a factory by entry point. spacy-transformers does, and brings PyTorch's
compiler: seconds of work in each step, though only those that run the teacher need it.

A wheel of this project offers the functions that it ships under the names that they have here, and the registry asks
entry points first. Where one is installed, perhaps of an older state, the steps shall run what stands here.

To import this module changes both for the process.
"""

from functools import wraps
from typing import Any, Callable

import catalogue
from spacy import Language
from spacy.util import registry

OWN = "textdistill."


def look_further(create_pipe: Callable[..., Any]) -> Callable[..., Any]:
    """Let `Language.create_pipe` import the factories of other packages where it knows none of that name.

    create_pipe (Callable[..., Any]): The method.
    RETURNS (Callable[..., Any]): The method that looks further.
    """

    @wraps(create_pipe)
    def create_any_pipe(nlp: Language, factory_name: str, *args: Any, **kwargs: Any) -> Any:
        if not nlp.has_factory(factory_name):
            registry._entry_point_factories.get_entry_points()
        return create_pipe(nlp, factory_name, *args, **kwargs)

    return create_any_pipe


def keep_own(get_entry_point: Callable[..., Any]) -> Callable[..., Any]:
    """Let `Registry.get_entry_point` find nothing for the names that the project registers itself.

    get_entry_point (Callable[..., Any]): The method.
    RETURNS (Callable[..., Any]): The method that leaves these to the project.
    """

    @wraps(get_entry_point)
    def get_other(self: catalogue.Registry, name: str, default: Any = None) -> Any:
        return default if name.startswith(OWN) else get_entry_point(self, name, default)

    return get_other


# Without them, the registry has nothing to import when `Language()` asks it for all.
registry._entry_point_factories.entry_points = False
Language.create_pipe = look_further(Language.create_pipe)  # type: ignore[method-assign]
catalogue.Registry.get_entry_point = keep_own(catalogue.Registry.get_entry_point)
