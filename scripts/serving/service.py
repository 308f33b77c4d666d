"""What the routes of an app share."""

from typing import Dict, List, Optional, Sequence

from fastapi import Request

from scripts.data.usable import find_fault
from scripts.segmenters import find_max_bytes
from scripts.serving.batching import Answer, Batcher
from scripts.serving.errors import RequestError
from scripts.serving.metrics import Metrics
from scripts.serving.models import Served
from scripts.serving.settings import Settings


class Service:
    """Models at work, and what limits them."""

    def __init__(
        self, settings: Settings, models: Dict[str, Served], batchers: Dict[str, Batcher], metrics: Metrics
    ) -> None:
        """settings (Settings): Of the server.
        models (Dict[str, Served]): By name.
        batchers (Dict[str, Batcher]): By name of the model.
        metrics (Metrics): What is counted.
        """
        self.settings = settings
        self.models = models
        self.batchers = batchers
        self.metrics = metrics
        self.is_ending = False
        self.n_files = 0
        # Found once, as spaCy makes a config anew whenever it is asked for.
        limits = [find_max_bytes(served.nlp.config["nlp"]["tokenizer"]) for served in models.values()]
        self.max_bytes = min((limit for limit in limits if limit is not None), default=None)

    def is_ready(self) -> bool:
        """Whether more requests should be sent here."""
        return not self.is_ending and all(batcher.is_working() for batcher in self.batchers.values())

    def find_model(self, name: Optional[str]) -> Served:
        """Find a model.

        name (Optional[str]): Its name; None for the first one.
        RETURNS (Served): The model.
        RAISES (RequestError): There is none of that name. Names are not looked for anywhere else.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise RequestError(404, "unknown_model", f"No such model. There is {', '.join(self.models)}.")
        return self.models[name]

    def check(self, texts: Sequence[str], *, max_characters: Optional[int] = None) -> None:
        """Refuse texts that are too many, too long, or none.

        texts (Sequence[str]): The texts of a request.
        max_characters (Optional[int]): Most characters of each, if fewer than elsewhere.
        RAISES (RequestError): They are refused.
        """
        limits = self.settings
        if not 0 < len(texts) <= limits.max_texts:
            raise RequestError(
                422, "too_many_texts", f"The request has {len(texts)} texts; from 1 to {limits.max_texts} are taken."
            )
        longest = max_characters or limits.max_characters
        for number, text in enumerate(texts):
            if len(text) > longest:
                message = f"Text {number} has {len(text):,} characters; at most {longest:,} are taken."
                raise RequestError(422, "text_too_long", message)
            if fault := find_fault(text, max_bytes=self.max_bytes):
                raise RequestError(422, "unusable_text", f"Text {number}: {fault}")

    async def classify(self, served: Served, texts: List[str]) -> Answer:
        """Have a model classify texts.

        served (Served): The model.
        texts (List[str]): Texts that were checked.
        RETURNS (Answer): What it says.
        RAISES (RequestError): Too many texts wait for it.
        """
        return await self.batchers[served.name].submit(texts)


async def get_service(request: Request) -> Service:
    """What is served, for routes. FastAPI would give a function that is not async to another thread."""
    service: Service = request.app.state.service
    return service
