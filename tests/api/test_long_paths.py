"""Paths that are longer than a call of the system takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.dedupe.differences import change_since_plan
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.fs.openat import lstat_of_any_length
from tests.support.trees import make_tree, settle

_NAME = "d" * 200
_DEPTH = 25


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[bytes]:
    """The path of a file, 5,000 bytes long, with a copy beside its tree."""
    top = make_tree(tmp_path / "Drive", {"Documents": {"report": "r" * 5000}, "Long": {}})
    folder = os.open(top / "Long", os.O_RDONLY)
    for _ in range(_DEPTH):
        os.mkdir(_NAME, dir_fd=folder)
        inner = os.open(_NAME, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    file = os.open("Copy of report", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder)
    os.write(file, b"r" * 5000)
    os.close(file)
    os.close(folder)
    settle(top)
    yield b"/".join([os.fsencode(top / "Long"), *[_NAME.encode()] * _DEPTH, b"Copy of report"])
    shutil.rmtree(top / "Long")


def test_a_step_about_one_is_not_called_missing(deep: bytes, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(deep.partition(b"/Long/")[0])
        (step,) = opened.plan().steps
    assert step.path == deep
    assert change_since_plan(step, frozenset()) is None
    assert lstat_of_any_length(deep).st_size == 5000
    with pytest.raises(FileNotFoundError):
        lstat_of_any_length(deep + b"s")
    os.unlink(step.keep)
    assert isinstance(change_since_plan(step, frozenset()), StepProblem)
