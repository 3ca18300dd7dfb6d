"""Worker processes that die at the worst moment: no task and no result gets lost between two."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

import pytest

from gorillacomb.progress import NullProgress
from gorillacomb.scan.tasks import (
    FolderTask,
    RootContext,
    ScanTask,
    ScanTaskResult,
    VisitResult,
    VisitTask,
)
from gorillacomb.scan.worker import ScanWorker
from gorillacomb.workers.pool import WorkerPool
from gorillacomb.workers.resilient_dispatcher import ResilientDispatcher
from gorillacomb.workers.worker import WorkerDied
from tests.support.run import until
from tests.support.trees import make_tree


@pytest.fixture
def context(tmp_path: Path) -> RootContext:
    """A root with three thousand long names: what is found there fills any pipe."""
    tree = make_tree(
        tmp_path / "tree", {f"{number:04} {'long name ' * 20}": "x" for number in range(3000)}
    )
    facts = tree.stat()
    return RootContext(
        path=os.fsencode(tree),
        device=facts.st_dev,
        inode=facts.st_ino,
        volume="volume",
        weak=False,
        hour_shifts=False,
        grain_ns=0,
        exclude=(),
        min_size=0,
        hash_limit=1 << 20,
        waits=False,
        rehash=False,
        accept=False,
        hydrate_limit=None,
        boundaries=frozenset(),
        own=frozenset(),
        index=None,
    )


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, ScanWorker)
    yield pool
    pool.close()


def large_answer(context: RootContext) -> VisitTask:
    """A task whose result does not fit into a pipe."""
    return VisitTask(context, 1, (FolderTask(1, b"", 0),), 10_000, 1)


def large_question(context: RootContext, number: int) -> VisitTask:
    """A task that does not fit into a pipe beside another one, with a small result."""
    only = tuple(b"nix %d %d" % (number, name) for name in range(4000))
    return VisitTask(context, 1, (FolderTask(number, b"", 0, only),), 10_000, 1)


def sleeps(pid: int) -> bool:
    """Whether a process waits; twice, since it may have been about to begin."""
    for _ in range(2):
        time.sleep(0.05)
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            return False
    return True


def only_process(pool: WorkerPool) -> tuple[int, Connection]:
    (each,) = pool._processes
    assert each.process.pid is not None
    return each.process.pid, each.pipe


@pytest.mark.linux("reads /proc, which macOS lacks")
def test_killed_in_the_middle_of_an_answer(pool: WorkerPool, context: RootContext) -> None:
    """The task comes back to be given to another worker."""
    task = large_answer(context)
    pool.submit(task)
    pid, pipe = only_process(pool)
    assert wait([pipe], 10)
    assert until(lambda: sleeps(pid)), "the answer was not too large for the pipe"
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied) as death:
        list(pool.results())
    assert death.value.tasks == [task]


@pytest.mark.linux("reads /proc, which macOS lacks")
def test_killed_after_an_answer_with_more_waiting(pool: WorkerPool, context: RootContext) -> None:
    """What it had answered is taken in; what it had not is given back, every task of it."""
    tasks: list[ScanTask] = [large_question(context, number) for number in (1, 2)]
    for task in tasks:
        pool.submit(task)
    pid, pipe = only_process(pool)
    assert wait([pipe], 10)
    assert until(lambda: sleeps(pid))
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not pool._processes[0].process.is_alive())
    done: list[int] = []
    given_back: list[ScanTask] = []
    while len(done) + len(given_back) < 2:
        try:
            for news in pool.results():
                if isinstance(news, VisitResult):
                    done += news.parts_done
        except WorkerDied as death:
            given_back += death.tasks
            break
    assert done == [1], "the answer got lost"
    assert given_back == tasks[1:]


def test_a_worker_that_dies_does_not_end_a_scan_that_has_others(
    context: RootContext, caplog: pytest.LogCaptureFixture
) -> None:
    """Two workers with all that they can hold; one is killed; all is done in the end.

    No result has a place for that, so it is logged.
    """
    pool = WorkerPool(2, ScanWorker)
    left = [large_question(context, number) for number in range(1, 9)]
    done: list[int] = []
    killed = False

    def next_task() -> ScanTask | None:
        nonlocal killed
        if len(left) == 4 and not killed:
            killed = True
            victim = pool._processes[0].process
            victim.kill()
            victim.join()
        return left.pop() if left else None

    def take(result: ScanTaskResult) -> None:
        assert isinstance(result, VisitResult)
        done.extend(result.parts_done)

    try:
        ResilientDispatcher(pool, NullProgress()).run(next_task, take)
    finally:
        pool.close()
    assert killed
    assert sorted(done) == list(range(1, 9))
    texts = [each.getMessage() for each in caplog.records if each.name == "gorillacomb"]
    assert texts == ["A worker process died with exit code -9: another one takes over its tasks."]
