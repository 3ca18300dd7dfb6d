"""Worker processes that run tasks, and a one-process substitute for small trees.

The main process hands each worker one task at a time, plus some that wait in the pipe, so that no
worker idles while the main process writes rows. It uses no threads: it may fork, and a result
arrives only when asked for. A pool may have spare workers, which get tasks only while the others
wait for the disk instead of computing.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from typing import NoReturn, Protocol

from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.workers.worker import (
    INTERRUPTS,
    WorkerFactory,
    WorkerResult,
    WorkerTask,
    serve_tasks,
)

_PIPE_SAFE = 16 << 10
"""Bytes; a larger task is sent only to an idle worker, which empties the pipe as we fill it."""
_WATCH_EVERY = 0.25
"""Minimum seconds between checks of whether the workers compute or wait; they report more often."""
_WAITING = 0.7
"""Workers that use less CPU than this share of the time are waiting for the disk."""
_READERS = 8
"""How many files are read at once where that helps: measured, 4 take a tenth longer."""


class WorkersRefused(GorillaCombError):
    """The system allows no more processes, or no more open files."""

    exit_code = ExitCode.USAGE


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


@dataclass(slots=True)
class _WorkerProcess:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    tasks: list[WorkerTask] = field(default_factory=list)
    cpu: float = 0.0
    """CPU seconds that it has used."""


class WorkerPool:
    """Worker processes. Start them before a database is open: a forked copy must not hold one.

    Of ``size`` and ``spare`` processes, ``size`` get tasks at first, then twice as many each time,
    as long as the active ones wait more than they compute.
    """

    def __init__(self, size: int, make_worker: WorkerFactory, spare: int = 0) -> None:
        self._make_worker = make_worker
        self.method = start_method()
        self._processes: list[_WorkerProcess] = []
        self._at_work = size
        self._most = size + spare
        self._load = _CpuLoad()
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
            with _interrupts_wait():
                self._start_all(size)
        except OSError as error:
            self._most = len(self._processes)
            return error.strerror
        return None

    def _start_all(self, size: int) -> None:
        context = _context(self.method)
        while len(self._processes) < size:
            ours, theirs = context.Pipe()
            # A forked copy must close our ends of all pipes, or no worker notices that we ended.
            inherited = [*(each.pipe for each in self._processes), ours]
            process = context.Process(
                target=serve_tasks,
                args=(theirs, inherited if self.method == "fork" else [], self._make_worker),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._processes.append(_WorkerProcess(process, ours))

    def room(self, ahead: int) -> int:
        room = sum(1 + ahead - len(each.tasks) for each in self._hired)
        return room - len(self._waiting)

    @property
    def _hired(self) -> list[_WorkerProcess]:
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

    def _died(self, each: _WorkerProcess) -> NoReturn:
        self._processes.remove(each)
        self._most -= 1
        each.pipe.close()
        each.process.join(1)
        raise WorkerDied(each.tasks, each.process.exitcode)

    def release(self) -> None:
        idle = [each for each in self._processes if not each.tasks]
        self._processes = [each for each in self._processes if each.tasks]
        self._most = len(self._processes)
        _end(idle)

    def close(self) -> None:
        self._waiting.clear()
        _end(self._processes)
        self._processes.clear()


def _end(processes: list[_WorkerProcess]) -> None:
    for each in processes:
        each.pipe.close()
    for each in processes:
        if each.tasks:
            each.process.terminate()
        each.process.join(5)
        if each.process.is_alive():
            each.process.kill()
            each.process.join()


class _CpuLoad:
    """Judges from the CPU time of processes whether they compute or wait."""

    def __init__(self) -> None:
        self._begin([])

    def _begin(self, workers: list[_WorkerProcess]) -> None:
        self._since = time.monotonic()
        self._ours = time.process_time()
        self._theirs = sum(each.cpu for each in workers)

    def is_waiting(self, workers: list[_WorkerProcess]) -> bool:
        """Return whether the workers used little CPU since the last check, though all had tasks.

        False while this process is busy itself: then they are waiting for it.
        """
        if not all(each.tasks for each in workers):
            self._begin(workers)
            return False
        past = time.monotonic() - self._since
        if past < _WATCH_EVERY:
            return False
        by_us = time.process_time() - self._ours
        by_them = sum(each.cpu for each in workers) - self._theirs
        self._begin(workers)
        return by_us < _WAITING * past and (
            by_us + by_them < _WAITING * past * min(len(workers), default_workers())
        )


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Block Ctrl-C and SIGTERM, also in processes started here, until they reach their first line.

    The mask applies to this thread only. If the system delivers the signal to another thread,
    Python still calls the handler in the main one, and a worker being spawned would receive only
    half of its initial data.
    """
    came: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {each: signal.getsignal(each) for each in INTERRUPTS}
    replaced = {each: handler for each, handler in handlers.items() if callable(handler)}
    try:
        for each in replaced:
            signal.signal(each, lambda number, frame: came.append(number))
        yield
    finally:
        for each, handler in replaced.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in came:
            signal.raise_signal(number)


def _context(method: str) -> SpawnContext | ForkContext:
    return SpawnContext() if method == "spawn" else ForkContext()


def start_method() -> str:
    """Return the start method: fork takes 6 ms instead of 116, but is only safe without threads."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return "fork"
    return "spawn"


MOST_WORKERS = 64
"""More processes than that only wait for each other, and each takes some 20 MB."""


def default_workers() -> int:
    """Return one worker for each processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
