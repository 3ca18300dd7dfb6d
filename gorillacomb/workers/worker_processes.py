"""The processes of workers: how they are started and ended, and whether they wait or compute."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from typing import Protocol

from gorillacomb.errors import INTERRUPTS
from gorillacomb.workers.worker import WorkerFactory, WorkerTask
from gorillacomb.workers.worker_loop import serve_tasks

_WATCH_EVERY = 0.25
"""Minimum seconds between checks of whether the workers compute or wait; they report more often."""
_WAITING = 0.7
"""Workers that use less CPU than this share of the time are waiting for the disk."""


class AnyProcess(Protocol):
    """The part of `multiprocessing.Process` that a pool needs of a running process."""

    @property
    def pid(self) -> int | None: ...

    @property
    def exitcode(self) -> int | None: ...

    def is_alive(self) -> bool: ...

    def join(self, timeout: float | None = None) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(slots=True)
class WorkerProcess:
    """A process, and our end of the pipe to it."""

    process: AnyProcess
    pipe: Connection
    tasks: list[WorkerTask] = field(default_factory=list)
    cpu: float = 0.0
    """CPU seconds that it has used."""


def start_process(
    method: str, others: Iterable[WorkerProcess], make_worker: WorkerFactory
) -> WorkerProcess:
    """Start one beside ``others``. Raises OSError if the system refuses."""
    context = SpawnContext() if method == "spawn" else ForkContext()
    ours, theirs = context.Pipe()
    # A forked copy must close our ends of all pipes, or no worker notices that we ended.
    inherited = [*(each.pipe for each in others), ours] if method == "fork" else []
    process = context.Process(
        target=serve_tasks, args=(theirs, inherited, make_worker), daemon=True
    )
    process.start()
    theirs.close()
    return WorkerProcess(process, ours)


def end_processes(processes: Sequence[WorkerProcess]) -> None:
    """End processes: those without a task by themselves, the others by a signal."""
    for each in processes:
        each.pipe.close()
    for each in processes:
        if each.tasks:
            each.process.terminate()
        each.process.join(5)
        if each.process.is_alive():
            each.process.kill()
            each.process.join()


class CpuLoad:
    """Judges from the CPU time of processes whether they compute or wait."""

    def __init__(self) -> None:
        self._begin([])

    def _begin(self, workers: list[WorkerProcess]) -> None:
        self._since = time.monotonic()
        self._ours = time.process_time()
        self._theirs = sum(each.cpu for each in workers)

    def is_waiting(self, workers: list[WorkerProcess]) -> bool:
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
def interrupts_wait() -> Iterator[None]:
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


def start_method() -> str:
    """Return the start method: fork takes 6 ms instead of 116, but is only safe without threads."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return "fork"
    return "spawn"


def default_workers() -> int:
    """Return one worker for each processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
