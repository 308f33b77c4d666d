"""Runs tasks here, in processes of this machine, or on a Ray cluster; what a task gives does not depend on where."""

import multiprocessing
import os
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Callable, Dict, Iterable, Iterator, Literal, NamedTuple, Optional, Tuple

from scripts.files import UserError

# A task's name, and what the worker is given.
Task = Tuple[str, Any]
Worker = Callable[[Any], bytes]
# Times that a task is given to another worker after one died over it. Others may die as often as they like, as spot
# machines do; a task that kills every worker must not go round for ever.
TASK_RETRIES = 3


class Engine(NamedTuple):
    """Where tasks run, as a cfg says it (scripts/engines/config.py).

    name (str): "local" or "ray".
    n_workers (int): Processes or actors; with Ray, 0 is as many as the cluster has room for at the start.
    address (str): Address of the Ray cluster, e.g. ray://head:10001; empty: RAY_ADDRESS, or this machine's.
    gpus (float): GPUs of each actor; a share such as 0.5 puts several on one.
    cpus (float): CPUs of each actor.
    storage (str): Folder or URL of unfinished work; empty: beside what it becomes.
    """

    name: Literal["local", "ray"] = "local"
    n_workers: int = 1
    address: str = ""
    gpus: float = 0.0
    cpus: float = 1.0
    storage: str = ""

    def place(self, output: Path) -> str:
        """Where unfinished work goes.

        output (Path): Where it would be beside what it becomes.
        RETURNS (str): The same path; with a storage, that path below it, so that runs that share one do not meet.
        """
        return f"{self.storage}/{output.relative_to(output.anchor).as_posix()}" if self.storage else str(output)


def run_tasks(make_worker: Callable[[], Worker], tasks: Iterable[Task], engine: Engine) -> Iterator[Tuple[str, bytes]]:
    """Give each task to a worker, and few of them at a time, so that memory stays flat whatever their number.

    make_worker (Callable[[], Worker]): Makes a worker where it shall work; picklable unless tasks run here.
    tasks (Iterable[Task]): Name and input of each task.
    engine (Engine): Where they run.
    YIELDS (Tuple[str, bytes]): Name and result of each task, in the order in which they are finished.
    RAISES (UserError): The engine cannot start, or a task's workers died again and again.
    """
    if engine.name == "ray":
        yield from _run_on_ray(make_worker, tasks, engine)
    elif engine.n_workers > 1:
        yield from _run_in_processes(make_worker, tasks, engine.n_workers)
    else:
        worker = make_worker()
        for name, payload in tasks:
            yield name, worker(payload)


def _run_in_processes(
    make_worker: Callable[[], Worker], tasks: Iterable[Task], n_workers: int
) -> Iterator[Tuple[str, bytes]]:
    """Run tasks in processes that live as long as the stream."""
    # Spawned, as a forked process would share locks with threads that it does not have.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_workers, context, _start_process, (make_worker,))
    running: Dict[Future[bytes], str] = {}
    try:
        for name, payload in tasks:
            # One task waits for each worker, so that none is idle.
            if len(running) == 2 * n_workers:
                yield from _take_finished(running)
            running[pool.submit(_work, payload)] = name
        while running:
            yield from _take_finished(running)
    except BrokenProcessPool as error:
        raise UserError(
            "A worker process died; was it killed, or did memory run out? Run the same command again: it goes on where "
            "it stopped. Fewer processes need less memory."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _take_finished(running: Dict["Future[bytes]", str]) -> Iterator[Tuple[str, bytes]]:
    """Wait for at least one task, and take out those that are finished."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future.result()


_worker: Optional[Worker] = None


def _start_process(make_worker: Callable[[], Worker]) -> None:
    """Make the worker of this process, and let the process end with the one that started it, even by a kill -9."""
    global _worker
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=follow, daemon=True).start()
    _worker = make_worker()


def _work(payload: Any) -> bytes:
    """Run a task in a process of the pool."""
    if _worker is None:
        raise RuntimeError("The process has no worker: it was not started by the pool.")
    return _worker(payload)


def _run_on_ray(
    make_worker: Callable[[], Worker], tasks: Iterable[Task], engine: Engine
) -> Iterator[Tuple[str, bytes]]:
    """Run tasks on actors. One that dies is started anew, elsewhere if need be, and given its task again."""
    with _connect(engine.address) as ray:
        actor_class = ray.remote(max_restarts=-1, max_task_retries=TASK_RETRIES)(_Actor)
        resources = {"num_cpus": engine.cpus, "num_gpus": engine.gpus}
        # Sent to the cluster once, not once per actor: it may hold a model.
        shared = ray.put(make_worker)
        n_workers = engine.n_workers or _count_places(ray.cluster_resources(), engine)
        actors = [actor_class.options(**resources).remote(shared) for _ in range(n_workers)]
        pool = ray.util.ActorPool(actors)
        try:
            for task in tasks:
                if not pool.has_free():
                    yield pool.get_next_unordered()
                pool.submit(_submit, task)
            while pool.has_next():
                yield pool.get_next_unordered()
        except ray.exceptions.RayTaskError as error:
            # What went wrong in a task, as if it had run here.
            raise error.cause from error
        except ray.exceptions.RayActorError as error:
            raise UserError(
                f"The workers of a task died {TASK_RETRIES + 1} times, or could not start: {error}\nRun the same "
                "command again: it goes on where it stopped."
            ) from error
        finally:
            # An error may hold on to them, and the next tasks would wait for their place.
            for actor in actors:
                ray.kill(actor)


class _Actor:
    """A worker in a process of the cluster."""

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self.worker = make_worker()

    def run(self, name: str, payload: Any) -> Tuple[str, bytes]:
        return name, self.worker(payload)


def _submit(actor: Any, task: Task) -> Any:
    """Give an actor a task."""
    return actor.run.remote(*task)


def _count_places(resources: Dict[str, float], engine: Engine) -> int:
    """How many actors a cluster has room for."""
    places = [resources.get(kind, 0.0) / share for kind, share in (("CPU", engine.cpus), ("GPU", engine.gpus)) if share]
    if not places or min(places) < 1:
        raise UserError(
            f"The Ray cluster has {resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs; a worker "
            f"needs {engine.cpus:g} and {engine.gpus:g}. Add machines, or ask for less."
        )
    return int(min(places))


@contextmanager
def _connect(address: str) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine; leave it, or stop it, at the end.

    address (str): Address of the cluster; empty: RAY_ADDRESS if it is set, else a new one.
    YIELDS (Any): The module `ray`.
    RAISES (UserError): Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray
        import ray.util
    except ImportError as error:
        raise UserError("The engine ray needs Ray: pip install -r requirements-ray.txt") from error
    if ray.is_initialized():
        yield ray
        return
    # The machines of a cluster need not have the project: its code goes with the connection.
    code = {"py_modules": [str(Path(__file__).parents[1])]} if address else None
    try:
        ray.init(address or None, runtime_env=code, include_dashboard=None if address else False, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"There is no Ray cluster at {address or 'this machine'}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()
