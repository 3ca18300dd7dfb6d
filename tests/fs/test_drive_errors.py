"""Errors of a pulled drive, errors of a vanished name, and when a root is given up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gorillacomb.fs.drive_errors import (
    LOST_AFTER,
    LOST_DRIVE,
    VANISHED,
    DriveFailureCounter,
    is_lost_cause,
    is_lost_drive,
    is_vanished,
)
from gorillacomb.fs.openat import identity_of, os_error_text

EIO = OSError(errno.EIO, "whatever")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def counter(root: Path) -> DriveFailureCounter:
    return DriveFailureCounter(os.fsencode(root), identity_of(root.stat()))


def test_each_error_is_of_one_kind() -> None:
    for number in errno.errorcode:
        error = OSError(number, os.strerror(number))
        assert is_lost_drive(error) == (number in LOST_DRIVE)
        assert is_vanished(error) == (number in VANISHED)
        assert not (is_lost_drive(error) and is_vanished(error))
        assert is_lost_cause(os_error_text(error)) == (number in LOST_DRIVE)
    assert not is_lost_cause(None)


def test_failures_in_a_row_mean_that_the_drive_is_gone(root: Path) -> None:
    failures = counter(root)
    assert [failures.note_error(EIO) for _ in range(LOST_AFTER)] == [False] * (LOST_AFTER - 1) + [
        True
    ]


def test_what_is_read_in_between_ends_the_row(root: Path) -> None:
    failures = counter(root)
    failures.note(LOST_AFTER - 1)
    failures.reset()
    assert not failures.note(LOST_AFTER - 1)
    assert failures.note(1)


def test_other_errors_do_not_count(root: Path) -> None:
    failures = counter(root)
    denied = OSError(errno.EACCES, "")
    assert not any(failures.note_error(denied) for _ in range(2 * LOST_AFTER))
    assert not any(failures.note_error(FileNotFoundError(errno.ENOENT, "")) for _ in range(99))


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOENT, errno.ENOTDIR])
@pytest.mark.parametrize("there", [False, True])
def test_one_failure_is_enough_where_the_root_is_another(
    root: Path, number: int, there: bool
) -> None:
    failures = counter(root)
    assert failures.root_is_there
    assert not failures.note_error(OSError(number, ""))
    root.rename(root.with_name("away"))
    if there:
        root.mkdir()
    assert not failures.root_is_there
    assert failures.note_error(OSError(number, ""))
    assert not failures.note_error(OSError(errno.EACCES, "")), "that says nothing of the root"
