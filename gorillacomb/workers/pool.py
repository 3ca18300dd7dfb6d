"""A pool of workers that runs tasks and survives the death of some; a substitute for small trees.

The main process hands each worker one task at a time, plus some that wait in the pipe, so that no
worker idles while the main process writes rows. It uses no threads: it may fork, and a result
arrives only when asked for. A pool may have spare workers, which get tasks only while the others
wait for the disk instead of computing. If a worker dies, another one takes over its tasks; after
the third death the run ends.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import NoReturn, Protocol

from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.log import log_warning
from gorillacomb.progress import Progress
from gorillacomb.workers.worker import WorkerFactory, WorkerResult, WorkerTask
from gorillacomb.workers.worker_processes import (
    CpuLoad,
    WorkerProcess,
    default_workers,
    end_processes,
    interrupts_wait,
    start_method,
    start_process,
)

_PIPE_SAFE = 16 << 10
"""Bytes; a larger task is sent only to an idle worker, which empties the pipe as we fill it."""
_MOST_DEATHS = 3
_READERS = 8
"""How many files are read at once where that helps: measured, 4 take a tenth longer."""


class WorkersRefused(GorillaCombError):
    """The system allows no more processes, or no more open files."""

    exit_code = ExitCode.USAGE


class WorkersFailed(GorillaCombError):
    """Worker processes keep dying, for lack of memory or because someone kills them."""

    exit_code = ExitCode.INCOMPLETE


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


class WorkerPool:
    """Worker processes. Start them before a database is open: a forked copy must not hold one.

    Of ``size`` and ``spare`` processes, ``size`` get tasks at first, then twice as many each time,
    as long as the active ones wait more than they compute.
    """

    def __init__(self, size: int, make_worker: WorkerFactory, spare: int = 0) -> None:
        self._make_worker = make_worker
        self.method = start_method()
        self._processes: list[WorkerProcess] = []
        self._at_work = size
        self._most = size + spare
        self._load = CpuLoad()
        self._waiting: list[tuple[WorkerTask, bytes]] = []
        # Spawning is expensive and can be done on demand; forking is neither.
        refusal = self._start(size if self.method == "spawn" else size + spare)
        if len(self._processes) < size:
            self.close()
            raise WorkersRefused(
                f"{size} worker processes cannot be started: {refusal}.",
                "Ask for fewer with --workers.",
            )

    def _start(self, size: int) -> str | None:
        """Start processes up to a number, or until the system refuses; return why it did."""
        try:
            with interrupts_wait():
                while len(self._processes) < size:
                    started = start_process(self.method, self._processes, self._make_worker)
                    self._processes.append(started)
        except OSError as error:
            self._most = len(self._processes)
            return error.strerror
        return None

    def room(self, ahead: int) -> int:
        room = sum(1 + ahead - len(each.tasks) for each in self._hired)
        return room - len(self._waiting)

    @property
    def _hired(self) -> list[WorkerProcess]:
        return self._processes[: self._at_work]

    @property
    def busy(self) -> int:
        return sum(len(each.tasks) for each in self._processes) + len(self._waiting)

    @property
    def alive(self) -> bool:
        return bool(self._processes)

    @property
    def split(self) -> bool:
        return True

    def submit(self, task: WorkerTask) -> None:
        self._waiting.append((task, pickle.dumps(task, pickle.HIGHEST_PROTOCOL)))
        self._hand_out()

    def _hand_out(self) -> None:
        for _ in range(len(self._waiting)):
            task, message = self._waiting.pop(0)
            least = min(self._hired, key=lambda each: len(each.tasks))
            if least.tasks and len(message) > _PIPE_SAFE:
                self._waiting.append((task, message))
                continue
            least.tasks.append(task)
            try:
                least.pipe.send_bytes(message)
            except (BrokenPipeError, ConnectionResetError):
                self._died(least)

    def results(self) -> Iterator[WorkerResult | int]:
        pipes = {each.pipe: each for each in self._processes if each.tasks}
        for pipe in wait(list(pipes)):
            assert isinstance(pipe, Connection)
            each = pipes[pipe]
            try:
                each.cpu, news = pickle.loads(pipe.recv_bytes())
            except (EOFError, OSError, pickle.UnpicklingError):
                self._died(each)  # at once, or in the middle of an answer
            if isinstance(news, Exception):
                raise news
            if not isinstance(news, int):
                each.tasks.pop(0)
            yield news
        self._hire()
        self._hand_out()

    def _hire(self) -> None:
        """Activate spare workers if the active ones wait for the disk."""
        hired = self._hired
        if len(hired) < self._most and self._load.is_waiting(hired):
            self._at_work = min(2 * len(hired), self._most)
            if self.method == "spawn":
                self._start(self._at_work)

    def _died(self, each: WorkerProcess) -> NoReturn:
        self._processes.remove(each)
        self._most -= 1
        each.pipe.close()
        each.process.join(1)
        raise WorkerDied(each.tasks, each.process.exitcode)

    def release(self) -> None:
        idle = [each for each in self._processes if not each.tasks]
        self._processes = [each for each in self._processes if each.tasks]
        self._most = len(self._processes)
        end_processes(idle)

    def close(self) -> None:
        self._waiting.clear()
        end_processes(self._processes)
        self._processes.clear()


class Dispatcher:
    """Runs one stage after another on the same workers."""

    def __init__(self, workers: Workers, progress: Progress) -> None:
        self._workers = workers
        self._progress = progress
        self._again: list[WorkerTask] = []
        self._deaths = 0

    def run(
        self,
        next_task: Callable[[], WorkerTask | None],
        take: Callable[[WorkerResult], None],
        meanwhile: Callable[[], None] | None = None,
        ahead: int = 1,
    ) -> None:
        """Hand out tasks from ``next_task`` until it returns None while no worker is busy.

        None while a worker is busy means: nothing now, perhaps later. ``meanwhile`` is called once,
        as soon as the workers have something to do. At most ``ahead`` tasks wait for each worker: a
        higher number keeps it busy for longer while results are not collected, but spreads long
        tasks less evenly.
        """
        while True:
            while self._workers.room(ahead) > 0:
                task = self._again.pop() if self._again else next_task()
                if task is None:
                    break
                self._guarded(lambda task=task: self._workers.submit(task))  # type: ignore[misc]
            if meanwhile is not None:
                meanwhile()
                meanwhile = None
            if not self._workers.busy:
                if self._again:
                    continue
                return
            self._guarded(lambda: self._take_news(take))

    def _take_news(self, take: Callable[[WorkerResult], None]) -> None:
        for news in self._workers.results():
            if isinstance(news, int):
                self._progress.advance(0, news)
            else:
                take(news)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step; if a worker dies in it, give its tasks to another."""
        try:
            step()
        except WorkerDied as death:
            self._again += death.tasks
            self._deaths += 1
            if self._deaths >= _MOST_DEATHS or not self._workers.alive:
                raise WorkersFailed(
                    f"Some files were not read: {self._deaths} worker processes died (the last"
                    f" one with exit code {death.process_code}).",
                    "Results so far are kept. Free some memory and run the same command again.",
                ) from death
            log_warning(
                "A worker process died with exit code %s: another one takes over its tasks.",
                death.process_code,
            )


MOST_WORKERS = 64
"""More processes than that only wait for each other, and each takes some 20 MB."""


def start_pool(
    count: int | None, make_worker: WorkerFactory, one_reader: Callable[[], bool]
) -> WorkerPool:
    """Start a pool of ``count`` workers; for None, of as many as suit the machine and the disk.

    That is one per processor, and more while these wait; only one if ``one_reader`` says that the
    disk slows down with several readers. Raises WorkersRefused.
    """
    if count is None and one_reader():
        count = 1
    if count is not None:
        return WorkerPool(min(count, MOST_WORKERS), make_worker)
    size = min(default_workers(), MOST_WORKERS)
    return WorkerPool(size, make_worker, spare=max(0, _READERS - size))
