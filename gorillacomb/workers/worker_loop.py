"""The main loop of a worker process."""

from __future__ import annotations

import gc
import pickle
import signal
import time
from multiprocessing.connection import Connection

from gorillacomb.errors import INTERRUPTS
from gorillacomb.workers.worker import WorkerFactory, WorkerResult, WorkerTask

_TELL_EVERY = 0.2


def serve_tasks(pipe: Connection, others: list[Connection], make_worker: WorkerFactory) -> None:
    """Run the loop of a worker process until the main process closes the pipe, or ends."""
    for other in others:
        other.close()
    # Ctrl-C reaches the whole terminal group; the main process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    # A task creates 100,000 objects and not one cycle: collecting would cost 5 % of a scan.
    gc.disable()
    worker = make_worker()
    teller = _ProgressSender(pipe)
    try:
        while True:
            task: WorkerTask = pickle.loads(pipe.recv_bytes())
            try:
                result: WorkerResult | Exception = worker.perform(task, teller.advance)
            except Exception as error:  # raised again in the main process
                result = error
            teller.flush()
            news = time.process_time(), result
            pipe.send_bytes(pickle.dumps(news, pickle.HIGHEST_PROTOCOL))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the main process has ended, or closed the pipe
    finally:
        worker.close()


class _ProgressSender:
    """Reports the bytes read to the main process, a few times a second."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._read = 0
        self._told = time.monotonic()

    def advance(self, size: int) -> None:
        self._read += size
        if time.monotonic() - self._told >= _TELL_EVERY:
            self.flush()

    def flush(self) -> None:
        if self._read:
            self._pipe.send_bytes(pickle.dumps((time.process_time(), self._read)))
            self._read, self._told = 0, time.monotonic()
