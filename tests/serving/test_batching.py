import asyncio
import threading
from typing import Any, Awaitable, Callable, List

import pytest

from scripts.serving.batching import MAX_CALLS, Batcher
from scripts.serving.errors import RequestError


class Model:
    """Notes its batches; may be told to wait, and fails at a text."""

    def __init__(self) -> None:
        self.batches: List[List[str]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, texts: List[str]) -> Any:
        self.may_go.wait()
        self.batches.append(texts)
        if "poison" in texts:
            raise ZeroDivisionError
        return [{text: 1.0} for text in texts]


def run(model: Model, use: Callable[[Batcher], Awaitable[Any]], **options: Any) -> None:
    """Run a batcher as long as something uses it."""

    async def work() -> None:
        limits = {"max_wait": 0, "max_batch": 4, "max_queue": 8, **options}
        waiting: List[int] = [0]
        batcher = Batcher(model, observe=lambda n_texts, seconds: None, observe_waiting=waiting.append, **limits)
        batcher.start()
        try:
            await asyncio.wait_for(use(batcher), 10)
            assert batcher.n_waiting == batcher.n_calls == waiting[-1] == 0
        finally:
            model.may_go.set()
            await batcher.stop()

    asyncio.run(work())


async def let_wait(batcher: Batcher, model: Model, *requests: List[str]) -> List["asyncio.Task[Any]"]:
    """Have a model busy with one text while requests come."""
    model.may_go.clear()
    tasks = [asyncio.ensure_future(batcher.submit(["first"]))]
    await asyncio.sleep(0.05)
    tasks += [asyncio.ensure_future(batcher.submit(texts)) for texts in requests]
    await asyncio.sleep(0.01)
    return tasks


def test_what_comes_while_a_model_works_is_classified_together_and_everyone_gets_his_own() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"], ["b", "c"], ["d", "e"])
        model.may_go.set()
        answers = [[list(cats) for cats in answer.cats] for answer in await asyncio.gather(*tasks)]
        assert answers == [[["first"]], [["a"]], [["b"], ["c"]], [["d"], ["e"]]]

    run(model, use)
    assert model.batches == [["first"], ["a", "b", "c"], ["d", "e"]]


def test_a_text_waits_for_others_as_long_as_it_may() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        requests = [batcher.submit([text]) for text in "abcde"]
        await asyncio.gather(*requests)

    # Four fill a batch, so the wait of a minute ends; the fifth would have to wait, if it were not for the limit.
    run(model, use, max_wait=60_000, max_batch=5)
    assert model.batches == [["a", "b", "c", "d", "e"]]
    run(model, lambda batcher: batcher.submit(["alone"]), max_wait=20)
    assert model.batches[-1] == ["alone"]


def test_a_request_of_more_than_a_batch_is_classified_by_itself() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"], list("bcdefg"), ["h"])
        model.may_go.set()
        await asyncio.gather(*tasks)

    run(model, use)
    assert model.batches == [["first"], ["a"], list("bcdefg"), ["h"]]


def test_too_many_waiting_texts_are_refused_and_told_when_to_come_again() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, list("abcd"), list("efgh"))
        with pytest.raises(RequestError, match=r"8 texts are waiting for this model. Try again later") as refused:
            await batcher.submit(["i"])
        assert refused.value.status_code == 429 and refused.value.headers == {"Retry-After": "1"}
        model.may_go.set()
        await asyncio.gather(*tasks)
        await batcher.submit(["i"])

    run(model, use)


def test_a_text_that_breaks_the_model_spoils_no_answer_but_its_own() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"], ["poison"], ["b"])
        model.may_go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(answer, ZeroDivisionError) for answer in answers] == [False, False, True, False]
        assert batcher.is_working()

    run(model, use)


def test_texts_of_a_client_that_went_away_are_not_classified() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"], ["b", "c"], ["d"])
        tasks[2].cancel()
        await asyncio.sleep(0)
        assert batcher.n_waiting == 2
        model.may_go.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(model, use)
    assert model.batches == [["first"], ["a", "d"]]


def test_a_part_of_a_file_waits_until_nobody_else_does() -> None:
    model = Model()

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"])
        tasks.append(asyncio.ensure_future(batcher.submit_when_free(["file"])))
        await asyncio.sleep(0.1)
        tasks.append(asyncio.ensure_future(batcher.submit(["b"])))
        await asyncio.sleep(0.01)
        model.may_go.set()
        await asyncio.gather(*tasks)

    run(model, use)
    assert model.batches == [["first"], ["a", "b"], ["file"]]


def test_a_file_comes_to_its_turn_where_others_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    monkeypatch.setattr("scripts.serving.batching.FILE_PATIENCE", 0.1)

    async def use(batcher: Batcher) -> None:
        tasks = await let_wait(batcher, model, ["a"])
        tasks.append(asyncio.ensure_future(batcher.submit_when_free(["file"])))
        await asyncio.sleep(0.3)
        assert batcher.n_waiting == 2
        model.may_go.set()
        await asyncio.gather(*tasks)

    run(model, use)
    assert model.batches == [["first"], ["a", "file"]]


def test_calls_are_refused_when_too_many_wait_and_a_batch_waits_for_one_of_them_alone() -> None:
    model = Model()
    order: List[int] = []

    def explain(number: int) -> int:
        model.may_go.wait()
        order.append(number)
        return len(model.batches)

    async def use(batcher: Batcher) -> None:
        model.may_go.clear()
        calls = [asyncio.ensure_future(batcher.call(explain, number)) for number in range(MAX_CALLS)]
        await asyncio.sleep(0.05)
        task = asyncio.ensure_future(batcher.submit(["a"]))
        with pytest.raises(RequestError, match=r"16 texts whose words shall be weighed are waiting"):
            await batcher.call(explain, -1)
        await asyncio.sleep(0.05)
        model.may_go.set()
        assert await asyncio.gather(*calls) == [0] + [1] * (MAX_CALLS - 1)
        await task

    run(model, use)
    assert order == list(range(MAX_CALLS))
