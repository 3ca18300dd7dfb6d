"""Whether worker processes wait or compute."""

from __future__ import annotations

import time

import pytest

from gorillacomb.workers.worker_processes import CpuLoad, WorkerProcess


def test_a_process_that_computes_is_not_taken_for_one_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the processor time that is told: a busy machine could make any worker wait."""
    load = CpuLoad()
    worker = WorkerProcess(None, None, [None])  # type: ignore[arg-type]
    for share, waits in ((1.0, False), (0.8, False), (0.2, True), (0.0, True), (0.9, False)):
        start = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda start=start: start + 1)
        monkeypatch.setattr(load, "_since", start)
        worker.cpu += share
        assert load.is_waiting([worker]) is waits
        monkeypatch.undo()
    worker.tasks.clear()
    monkeypatch.setattr(load, "_since", time.monotonic() - 1)
    assert not load.is_waiting([worker]), "it has nothing to wait for"
