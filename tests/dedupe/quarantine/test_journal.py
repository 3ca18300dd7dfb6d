"""The journal of a run on a disk that is full for a while."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb import clock
from gorillacomb.dedupe.quarantine.inventory import run_age_ns
from gorillacomb.dedupe.quarantine.journal_entries import (
    INTENT,
    JournalContents,
    KeptCopy,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.journal_format import JournalWriter, read_journal
from gorillacomb.dedupe.quarantine.run_folders import JOURNAL
from gorillacomb.fs.bounded_read import UnexpectedFile
from gorillacomb.fs.darwin import system
from tests.support.mounts import fill, tmpfs

YEAR = 365 * 24 * 3600 * 10**9


def record(step: str, length: int = 10) -> StepRecord:
    """A step; its line in the journal is as long as its path wants it."""
    move = MovedItem(b"x" * length, step.encode(), KeptCopy(b"kept", True), 1, 2)
    return StepRecord(step, INTENT, "file", 1, 4096, (move,))


def test_what_is_written_after_half_a_line_is_read(tmp_path: Path) -> None:
    """Else the next intent would be part of a line that nobody can read, and its file lost."""
    with tmpfs(tmp_path / "disk", "64k") as disk:
        folder = os.open(disk, os.O_RDONLY)
        journal = JournalWriter.begin(
            folder, JournalContents("run", "plan", "quarantine", b"/base", 0)
        )
        try:
            fill(disk)
            with pytest.raises(OSError, match="No space left"):
                journal.note([record("s1", 9000)])
            whole = (disk / "journal.jsonl").read_bytes()
            assert not whole.endswith(b"\n"), "part of a line was written"
            (disk / "filler").unlink()
            journal.note([record("s2")])
            journal.note([record("s3")])
            recorded = read_journal(folder, os.fsencode(disk))
        finally:
            journal.close()
            os.close(folder)
    assert list(recorded.steps) == ["s2", "s3"]
    assert not recorded.torn


def test_a_journal_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(os.fsencode(tmp_path) + b"/" + JOURNAL)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(UnexpectedFile):
            read_journal(folder, os.fsencode(tmp_path))
    finally:
        os.close(folder)


@given(st.integers(0, YEAR), st.integers(-YEAR, YEAR), st.booleans(), st.integers(0, YEAR))
def test_the_age_of_a_run_is_that_of_a_clock_that_nobody_set(
    age: int, off: int, same_boot: bool, took: int
) -> None:
    """``off`` is by how much the clock on the wall was set since."""
    now, up = 50 * YEAR, 3 * YEAR
    started = now - age - off
    recorded = JournalContents("run", "plan", "quarantine", b"/base", started)
    recorded.boot, recorded.uptime_ns = "one", up - age
    with (
        mock.patch.object(system, "boot_id", lambda: "one" if same_boot else "two"),
        mock.patch.object(clock, "since_boot_ns", lambda: up),
    ):
        found = run_age_ns(recorded, now)
        later = run_age_ns(recorded, now, replace(record("s1"), when_ns=started + took))
    if same_boot:
        assert found == age
    else:
        assert found == (None if started > now else age + off)
    if found is not None:
        assert later == (found - took if took <= found else found)
