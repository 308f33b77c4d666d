"""What of other packages is used: components that a pipeline names, and no functions in place of the project's own.

`Language()` imports every package that offers a factory by entry point. spacy-transformers does, and brings PyTorch's
compiler: seconds of work in each step, though only those that run the teacher need it.

A wheel of this project offers the functions that it ships under the names that they have here, and the registry asks
entry points first. Where one is installed, perhaps of an older state, the steps shall run what stands here.

To import this module changes both for the process.
"""

from functools import wraps
from typing import Any, Callable, List

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


def keep_own(get_entry_points: Callable[..., Any]) -> Callable[..., Any]:
    """Let `Registry._get_entry_points` leave out the names that the project registers itself.

    Each look for a name that is nowhere loads all entry points, and a wheel that is imported registers its own.

    get_entry_points (Callable[..., Any]): The method.
    RETURNS (Callable[..., Any]): The method that leaves these to the project.
    """

    @wraps(get_entry_points)
    def get_others(self: catalogue.Registry) -> List[Any]:
        return [point for point in get_entry_points(self) if not point.name.startswith(OWN)]

    return get_others


# Without them, the registry has nothing to import when `Language()` asks it for all.
registry._entry_point_factories.entry_points = False
Language.create_pipe = look_further(Language.create_pipe)  # type: ignore[method-assign]
catalogue.Registry._get_entry_points = keep_own(catalogue.Registry._get_entry_points)
