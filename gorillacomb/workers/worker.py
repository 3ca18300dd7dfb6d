"""Tasks, the workers that perform them, and a one-process substitute for small trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

Advance = Callable[[int], None]
"""Called with the number of bytes just read."""
WorkerTask = Any
"""A plain value that describes a task; it must survive pickling, as must its result."""
WorkerResult = Any


class Worker(Protocol):
    """Performs tasks, in any process."""

    def perform(self, task: WorkerTask, advance: Advance) -> WorkerResult:
        """Perform a task and return its result, which must not be an integer."""

    def close(self) -> None:
        """Close everything that it opened."""


WorkerFactory = Callable[[], Worker]
"""A top-level class or function: a spawned process looks it up by name."""


class WorkerDied(Exception):
    """A worker process died; ``tasks`` are those that it had been given."""

    def __init__(self, tasks: list[WorkerTask], process_code: int | None) -> None:
        super().__init__(f"a worker process ended with exit code {process_code}")
        self.tasks = tasks
        self.process_code = process_code


class Workers(Protocol):
    """Runs tasks in any order."""

    def room(self, ahead: int) -> int:
        """Return how many more tasks can be submitted with ``ahead`` waiting for each worker."""

    @property
    def busy(self) -> int:
        """Number of tasks in progress."""

    @property
    def alive(self) -> bool:
        """Whether any worker is left."""

    @property
    def split(self) -> bool:
        """Whether tasks run in other processes, while this one does something else."""

    def submit(self, task: WorkerTask) -> None:
        """Hand out a task; only while there is room."""

    def results(self) -> Iterator[WorkerResult | int]:
        """Wait for news: results, and numbers of bytes read so far. Raises WorkerDied."""

    def release(self) -> None:
        """End the idle workers; no more tasks may be submitted after that."""

    def close(self) -> None:
        """End all workers; unfinished tasks are lost."""


class InlineWorkers:
    """Runs each task in this process, when its result is asked for."""

    def __init__(self, make_worker: WorkerFactory) -> None:
        self._worker = make_worker()
        self._tasks: list[WorkerTask] = []

    def room(self, ahead: int) -> int:
        return 1 - len(self._tasks)

    @property
    def busy(self) -> int:
        return len(self._tasks)

    @property
    def alive(self) -> bool:
        return True

    @property
    def split(self) -> bool:
        return False

    def submit(self, task: WorkerTask) -> None:
        self._tasks.append(task)

    def results(self) -> Iterator[WorkerResult | int]:
        task = self._tasks.pop()
        read: list[int] = []
        yield self._worker.perform(task, read.append)
        yield from read

    def release(self) -> None:
        self.close()

    def close(self) -> None:
        self._worker.close()
