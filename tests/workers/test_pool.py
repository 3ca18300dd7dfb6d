"""How many workers a pool gives work to."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gorillacomb.progress import NullProgress
from gorillacomb.workers.pool import WorkerPool, start_pool
from gorillacomb.workers.resilient_dispatcher import ResilientDispatcher
from gorillacomb.workers.worker import Advance, WorkerDied
from gorillacomb.workers.worker_processes import default_workers


class Nap(NamedTuple):
    seconds: float


class Sleeper:
    """A worker that waits as one does for a disk, and says which process it is."""

    def perform(self, task: Nap, advance: Advance) -> tuple[int]:
        time.sleep(task.seconds)
        return (os.getpid(),)

    def close(self) -> None: ...


def at_work(pool: WorkerPool, tasks: int, seconds: float) -> set[int]:
    """The processes that did some tasks."""
    naps = [Nap(seconds)] * tasks
    done: list[int] = []
    try:
        ResilientDispatcher(pool, NullProgress()).run(
            lambda: naps.pop() if naps else None, lambda result: done.append(result[0])
        )
    finally:
        pool.close()
    assert len(done) == tasks
    return set(done)


def test_spare_workers_join_in_while_the_others_wait() -> None:
    assert len(at_work(WorkerPool(1, Sleeper, spare=3), 60, 0.05)) == 4


def test_ctrl_c_waits_until_a_worker_has_been_spawned(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it gets half of what it is to begin with, and complains of that on the terminal."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    spawn = multiprocessing.util.spawnv_passfds

    def spawn_and_interrupt(*arguments: Any) -> int:
        process: int = spawn(*arguments)
        assert thread.ident is not None
        signal.pthread_kill(thread.ident, signal.SIGINT)  # where this thread's mask is no help
        time.sleep(0.05)  # a moment in which Python would call the handler
        return process

    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", spawn_and_interrupt)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            WorkerPool(1, Sleeper)
        children = multiprocessing.active_children()
        gc.collect()  # nobody has the pool, and with it the worker's pipe is closed
        for child in children:
            child.join(10)
    finally:
        signal.signal(signal.SIGINT, handler)
        ended.set()
        thread.join()
    assert [child.exitcode for child in children] == [0]
    assert capfd.readouterr().err == ""


def test_beside_a_thread_they_are_started_when_they_are_needed() -> None:
    """Where a process must not fork, each costs the start of an interpreter."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        pool = WorkerPool(1, Sleeper, spare=1)
        assert pool.method == "spawn"
        assert len(multiprocessing.active_children()) == 1
        assert len(at_work(pool, 40, 0.05)) == 2
    finally:
        ended.set()
        thread.join()


def descendants(process: int) -> set[int]:
    """The processes below one."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {int(each) for each in children}.union(*(descendants(int(each)) for each in children))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="/proc names the processes")
def test_spare_workers_exist_only_when_they_are_needed() -> None:
    before = descendants(os.getpid())
    pool = WorkerPool(2, Sleeper, spare=6)
    assert pool.method == "fork"
    started = descendants(os.getpid()) - before
    assert len(started) == 3  # the two, and one that would fork the others
    at_work(pool, 10, 0.001)
    assert not started & descendants(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere spare workers are spawned")
def test_a_spare_worker_that_is_killed_is_replaced() -> None:
    """Its exit code is reported, though it is not our child."""
    pool = WorkerPool(1, Sleeper, spare=3)
    assert pool.method == "fork"
    first = descendants(os.getpid())
    tasks = [Nap(0.05)] * 60
    done: list[int] = []
    deaths: list[WorkerDied] = []
    killed = None
    try:
        while tasks or pool.busy:
            try:
                while tasks and pool.room(1) > 0:
                    pool.submit(tasks.pop())
                done += [each[0] for each in pool.results() if not isinstance(each, int)]
            except WorkerDied as death:
                deaths.append(death)
                tasks += death.tasks
            busy = [each for each in done[-1:] if each not in first]
            if killed is None and busy and tasks:
                [killed] = busy
                os.kill(killed, signal.SIGKILL)
    finally:
        pool.close()
    assert killed is not None
    assert [death.process_code for death in deaths] == [-signal.SIGKILL]


@pytest.mark.linux("a worker that is spawned starts slowly, and others join in meanwhile")
def test_without_need_nobody_joins_in() -> None:
    assert len(at_work(WorkerPool(1, Sleeper, spare=3), 5, 0.001)) == 1


def test_so_many_as_asked_for_and_no_more() -> None:
    assert len(at_work(start_pool(2, Sleeper, lambda: True), 30, 0.05)) == 2
    assert len(at_work(start_pool(None, Sleeper, lambda: True), 10, 0.05)) == 1


def test_a_pool_of_its_own_choice_reads_eight_files_at_a_time() -> None:
    assert len(at_work(start_pool(None, Sleeper, lambda: False), 200, 0.05)) == max(
        8, default_workers()
    )
