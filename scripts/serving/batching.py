"""Requests that come at the same time are classified together, as a pipeline is faster on many texts than on one.

A model works in one thread of its own: no two threads share a vocabulary, and a slow teacher holds no student up.
"""

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Awaitable, Callable, Deque, Dict, List, NamedTuple, Optional, TypeVar

from scripts.serving.errors import RequestError

Cats = Dict[str, float]
T = TypeVar("T")
# Seconds that a client should wait before it comes again.
RETRY_AFTER = 1
# Seconds after which a part of a file looks again whether others wait, and after which it waits with them.
LOOK_AFTER, FILE_PATIENCE = 0.05, 1.0
# Calls that may wait for a model: each can take as long as hundreds of texts.
MAX_CALLS = 16


class Answer(NamedTuple):
    """What a model says of the texts of a request.

    cats (List[Cats]): Of each text the probability of each label.
    seconds (float): What the model took, for these and the texts that were classified with them.
    """

    cats: List[Cats]
    seconds: float


class Job(NamedTuple):
    """Texts of one request, and who waits for them."""

    texts: List[str]
    future: "asyncio.Future[Answer]"


def refuse(waiting: str) -> RequestError:
    """The error for a request that comes when too much waits.

    waiting (str): What waits.
    RETURNS (RequestError): It says when to come again.
    """
    message = f"{waiting} are waiting for this model. Try again later."
    return RequestError(429, "queue_full", message, headers={"Retry-After": str(RETRY_AFTER)})


class Batcher:
    """Collects the texts of several requests and gives them to a model."""

    def __init__(
        self,
        run: Callable[[List[str]], List[Cats]],
        *,
        max_wait: float,
        max_batch: int,
        max_queue: int,
        observe: Callable[[int, float], None],
        observe_waiting: Callable[[int], None],
    ) -> None:
        """run (Callable): Classifies texts; called in the model's thread.
        max_wait (float): Milliseconds to wait for more texts.
        max_batch (int): Texts at a time. A request of more is classified by itself.
        max_queue (int): Texts that may wait.
        observe (Callable): Told of every batch: texts and seconds.
        observe_waiting (Callable): Told how many texts wait whenever that changes.
        """
        self.run = run
        self.max_wait = max_wait / 1000
        self.max_batch = max_batch
        self.max_queue = max_queue
        self.observe = observe
        self.observe_waiting = observe_waiting
        self.n_waiting = self.n_calls = 0
        self._jobs: Deque[Job] = deque()
        self._come = asyncio.Event()
        self._enough = asyncio.Event()
        # One call at a time gets to the model, so that a batch waits for one at most.
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1)
        self._task: Optional[asyncio.Task] = None

    def start(self) -> None:
        """Begin to work, in the event loop that is running."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    def is_working(self) -> bool:
        """Whether it answers what comes."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """End the work. Whoever still waits is told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for job in self._jobs:
            job.future.cancel()
        self._thread.shutdown()

    async def submit(self, texts: List[str]) -> Answer:
        """Have texts classified.

        texts (List[str]): The texts of a request.
        RETURNS (Answer): What the model says.
        RAISES (RequestError): Too many texts are waiting already.
        """
        if self.n_waiting and self.n_waiting + len(texts) > self.max_queue:
            raise refuse(f"{self.n_waiting} texts")
        job = Job(texts, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._count(len(texts))
        try:
            return await job.future
        except asyncio.CancelledError:
            # Its client went away, or was told that it took too long.
            if any(other is job for other in self._jobs):
                self._jobs = deque(other for other in self._jobs if other is not job)
                self._count(-len(texts))
            raise

    async def submit_when_free(self, texts: List[str]) -> Answer:
        """The same for a part of a file, which lets others go first for a while, and is never refused."""
        end = time.monotonic() + FILE_PATIENCE
        while self.n_waiting and (time.monotonic() < end or self.n_waiting + len(texts) > self.max_queue):
            await asyncio.sleep(LOOK_AFTER)
        return await self.submit(texts)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of the model in its thread, between two batches.

        function (Callable[..., T]): The function.
        arguments (Any): Its arguments.
        RETURNS (T): What it returns.
        RAISES (RequestError): Too many calls are waiting already.
        """
        if self.n_calls >= MAX_CALLS:
            raise refuse(f"{self.n_calls} texts whose words shall be weighed")
        self.n_calls += 1
        try:
            async with self._turn:
                return await self._run(function, *arguments)
        finally:
            self.n_calls -= 1

    def _run(self, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        """Run a function in the model's thread."""
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _count(self, n_texts: int) -> None:
        """Note that texts have come or gone."""
        self.n_waiting += n_texts
        self.observe_waiting(self.n_waiting)
        for event, is_set in ((self._come, self._jobs), (self._enough, self.n_waiting >= self.max_batch)):
            if is_set:
                event.set()
            else:
                event.clear()

    async def _work(self) -> None:
        """Classify what comes, for ever."""
        while True:
            await self._come.wait()
            if self.max_wait and not self._enough.is_set():
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._enough.wait(), self.max_wait)
            if jobs := self._take():
                await self._classify(jobs)

    def _take(self) -> List[Job]:
        """The jobs of the next batch, in the order in which they came."""
        jobs: List[Job] = []
        n_texts = 0
        while self._jobs and (not jobs or n_texts + len(self._jobs[0].texts) <= self.max_batch):
            jobs.append(self._jobs.popleft())
            n_texts += len(jobs[-1].texts)
        self._count(-n_texts)
        return jobs

    async def _classify(self, jobs: List[Job]) -> None:
        """Classify some jobs together; if that fails, each by itself, so that no text spoils another's answer."""
        texts = [text for job in jobs for text in job.texts]
        start = time.perf_counter()
        try:
            cats = iter(await self._run(self.run, texts))
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    await self._classify([job])
            elif not jobs[0].future.done():
                jobs[0].future.set_exception(error)
            return
        seconds = time.perf_counter() - start
        self.observe(len(texts), seconds)
        for job in jobs:
            answer = Answer([next(cats) for _ in job.texts], seconds)
            if not job.future.done():
                job.future.set_result(answer)
