"""Spare workers that are forked only when they are needed.

A worker must not inherit an open database, so after the start this process cannot fork any more. A
process that does nothing else, forked in time, does it instead. Most scans need no spare worker,
and each costs as much as looking at thousands of files.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext

from gorillacomb.errors import INTERRUPTS, ExitCode
from gorillacomb.workers.worker import WorkerFactory
from gorillacomb.workers.worker_loop import serve_tasks
from gorillacomb.workers.worker_processes import WorkerProcess

_FORK = 0
"""Asks for the next worker; any other number asks how the worker with that process id ended."""


class SpareWorkers:
    """Workers to come, and the process that forks them."""

    def __init__(
        self, count: int, others: Iterable[WorkerProcess], make_worker: WorkerFactory
    ) -> None:
        """Start that process beside ``others``. Raises OSError if the system refuses."""
        context = ForkContext()
        self._pipes = [context.Pipe() for _ in range(count)]
        self._control, theirs = context.Pipe()
        ours = [each.pipe for each in others] + [self._control] + [ours for ours, _ in self._pipes]
        self._process = context.Process(
            target=_fork_on_request,
            args=(theirs, ours, [their for _, their in self._pipes], make_worker),
            daemon=True,
        )
        self._process.start()
        for each in (theirs, *(their for _, their in self._pipes)):
            each.close()

    def take(self) -> WorkerProcess:
        """Return the next one, running. Raises OSError if the system refuses, or none is left."""
        if not self._pipes:
            raise OSError("no spare worker is left")
        pid = self._ask(_FORK)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        process = _SpareProcess(pid, os.pidfd_open(pid), self)
        return WorkerProcess(process, self._pipes.pop(0)[0])

    def exit_code(self, pid: int) -> int | None:
        """Return the exit code of one that ended, negative for a signal; None if not known."""
        try:
            return self._ask(pid)
        except OSError:
            return None

    def _ask(self, request: int) -> int:
        try:
            self._control.send(request)
            answer: int = self._control.recv()
        except EOFError:
            raise OSError("the process that starts spare workers has ended") from None
        return answer

    def close(self) -> None:
        """End the process that forks; those already running are not affected."""
        for ours, _ in self._pipes:
            ours.close()
        self._pipes.clear()
        self._control.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class _SpareProcess:
    """A process that is not our child, with the methods of `multiprocessing.Process`."""

    def __init__(self, pid: int, descriptor: int, parent: SpareWorkers) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._parent = parent

    def __del__(self) -> None:
        os.close(self._descriptor)

    @property
    def exitcode(self) -> int | None:
        return None if self.is_alive() else self._parent.exit_code(self.pid)

    def is_alive(self) -> bool:
        return not self._has_ended(0)

    def join(self, timeout: float | None = None) -> None:
        self._has_ended(timeout)

    def _has_ended(self, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.is_alive():
            signal.pidfd_send_signal(self._descriptor, number)


def _fork_on_request(
    control: Connection, ours: list[Connection], pipes: list[Connection], make_worker: WorkerFactory
) -> None:
    """Fork a worker for each request, until the main process closes its end or ends."""
    for each in ours:
        each.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a worker
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    while True:
        try:
            request: int = control.recv()
            if request != _FORK:
                control.send(os.waitstatus_to_exitcode(os.waitpid(request, 0)[1]))
                continue
            pipe = pipes.pop(0)
            try:
                pid = os.fork()
            except OSError as error:
                control.send(-(error.errno or 1))
                continue
            if not pid:
                try:
                    serve_tasks(pipe, [control, *pipes], make_worker)
                finally:
                    os._exit(ExitCode.DONE)
            pipe.close()
            control.send(pid)
        except (EOFError, OSError):
            return
