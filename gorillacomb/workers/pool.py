"""A pool of worker processes that run tasks.

The main process hands each worker one task at a time, plus some that wait in the pipe, so that no
worker idles while the main process writes rows. It uses no threads: it may fork, and a result
arrives only when asked for. A pool may have spare workers, which are started only while the others
wait for the disk instead of computing.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import NoReturn

from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.workers.spare_processes import SpareWorkers
from gorillacomb.workers.worker import WorkerDied, WorkerFactory, WorkerResult, WorkerTask
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
_READERS = 8
"""How many files are read at once where that helps: measured, 4 take a tenth longer."""


class WorkersRefused(GorillaCombError):
    """The system allows no more processes, or no more open files."""

    exit_code = ExitCode.USAGE


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
        self._spares: SpareWorkers | None = None
        refusal = self._start(size, spare if self.method == "fork" else 0)
        if len(self._processes) < size:
            self.close()
            raise WorkersRefused(
                f"{size} worker processes cannot be started: {refusal}.",
                "Ask for fewer with --workers.",
            )

    def _start(self, size: int, spare: int = 0) -> str | None:
        """Start processes up to a number, or until the system refuses; return why it did.

        ``spare`` more are prepared, to be forked later: then this process may have a database open.
        """
        try:
            with interrupts_wait():
                while len(self._processes) < size:
                    if self._spares is None:
                        new = start_process(self.method, self._processes, self._make_worker)
                    else:
                        new = self._spares.take()
                    self._processes.append(new)
                if spare:
                    self._spares = SpareWorkers(spare, self._processes, self._make_worker)
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
        if not self._processes:
            self._end_spares()

    def close(self) -> None:
        self._waiting.clear()
        end_processes(self._processes)
        self._processes.clear()
        self._end_spares()

    def _end_spares(self) -> None:
        if self._spares is not None:
            self._spares.close()
            self._spares = None


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
