"""What a worker does for the recorder while the main process goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.errors import VaultError
from gorillacomb.index.database import Index
from gorillacomb.model import StampReport
from gorillacomb.progress import Progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.vault import Vault
from tests.support.trees import make_tree, settle


@dataclass
class Asking:
    """A recorder that has some work done, and asks for what it gave."""

    work: Callable[[], Any]
    asks: bool = True
    found: list[Any] = field(default_factory=list)

    def begin(self, index: Index) -> None: ...

    def aside(self, index: Index) -> Callable[[], Any] | None:
        return self.work

    def end(
        self, index: Index, scan: int, progress: Progress, aside: Callable[[], Any] | None
    ) -> StampReport:
        if self.asks:
            self.found.append(None if aside is None else aside())
        return StampReport()

    def close(self) -> None: ...


def count_contents(index: Path) -> tuple[int, int]:
    """Who asks, and how many contents are grouped by an index that another process has open."""
    connection = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
    try:
        query = "SELECT count(DISTINCT digest) FROM files INDEXED BY file_by_digest"
        row = connection.execute(f"{query} WHERE state <= 1 AND size > 0").fetchone()
        return os.getpid(), row[0]
    finally:
        connection.close()


def die_elsewhere(here: int) -> str:
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done here"


def refuse() -> None:
    raise VaultError("There is none.")


def sleep_for_long(note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(300)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three contents; the one that stands twice is too large to be read at first sight."""
    large = b"x" * (3 << 20)
    top = make_tree(tmp_path / "tree", {"a": "1", "b": {"a": "2", "large": large}, "large": large})
    settle(top)
    return top


def combed(tree: Path, recorder: Asking, workers: int, **options: Any) -> None:
    vault = Vault(tree.parent / "vault")
    scan(vault, [os.fsencode(tree)], ScanOptions(workers=workers, **options), recorder=recorder)


@pytest.mark.parametrize("quick", [False, True])
def test_a_worker_sees_all_that_was_read(tree: Path, quick: bool) -> None:
    recorder = Asking(partial(count_contents, tree.parent / "vault" / "index.db"))
    combed(tree, recorder, 2, quick=quick)
    [(pid, contents)] = recorder.found
    assert pid != os.getpid()
    assert contents == 3


def test_a_process_alone_is_given_nothing_aside(tree: Path) -> None:
    recorder = Asking(refuse)
    combed(tree, recorder, 0)
    assert recorder.found == [None]


def test_a_worker_that_dies_leaves_its_work_to_the_main_process(tree: Path) -> None:
    recorder = Asking(partial(die_elsewhere, os.getpid()))
    combed(tree, recorder, 2)
    assert recorder.found == ["done here"]


def test_an_error_there_is_an_error_here(tree: Path) -> None:
    with pytest.raises(VaultError, match=r"There is none\."):
        combed(tree, Asking(refuse), 2)


def test_what_nobody_asks_for_is_not_waited_for(tree: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    begun = time.monotonic()
    recorder = Asking(partial(sleep_for_long, note), asks=False)
    combed(tree, recorder, 1)
    assert time.monotonic() - begun < 100
    if note.exists():  # it may have been ended before it began
        assert not Path(f"/proc/{note.read_text()}").exists()
