"""Components of other packages are imported when a pipeline names one, not whenever a pipeline is made.

`Language()` imports every package that offers a factory by entry point. spacy-transformers does, and brings PyTorch's
compiler: seconds of work in each step, though only those that run the teacher need it. To import this module changes
that for the process.
"""

from functools import wraps
from typing import Any, Callable

from spacy import Language
from spacy.util import registry


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


# Without them, the registry has nothing to import when `Language()` asks it for all.
registry._entry_point_factories.entry_points = False
Language.create_pipe = look_further(Language.create_pipe)  # type: ignore[method-assign]
