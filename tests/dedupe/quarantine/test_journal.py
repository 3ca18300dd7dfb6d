"""The journal of a run on a disk that is full for a while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.dedupe.quarantine.journal import (
    INTENT,
    NAME,
    JournalContents,
    JournalWriter,
    KeptCopy,
    MovedItem,
    StepRecord,
    read_journal,
)
from gorillacomb.fs.bounded_read import UnexpectedFile
from tests.support.mounts import fill, tmpfs


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
    os.mkfifo(os.fsencode(tmp_path) + b"/" + NAME)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(UnexpectedFile):
            read_journal(folder, os.fsencode(tmp_path))
    finally:
        os.close(folder)
