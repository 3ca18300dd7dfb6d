"""What a scan costs, counted and not timed: system calls, bytes read, rows written, memory.

Each bound is a tenth or so above what was counted when it was written down; what has to go over one
should say why.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.stamping.trace import stamping_scan
from tests.support.run import command, environment
from tests.support.trees import age_digests, settle

FOLDERS, FILES, COPIES = 60, 12, 4
LARGE, LARGE_SIZE = 4, 3_000_000
SMALL = FOLDERS * FILES * COPIES
MANY = 6_000
"""Stamps: more than two transactions of the trace."""
CALL = re.compile(r"^(\w+)\((.*)\) += +(-?\d+)")
PEAK = """
import os, subprocess, sys
scan = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(scan.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Prints the peak memory of a command in KiB, that of the largest of its processes."""
READS = frozenset({"read", "pread64", "readv", "preadv"})


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in four copies, of which a tenth was edited, and large files without a copy."""
    top = tmp_path_factory.mktemp("costs") / "tree"
    for copy in range(COPIES):
        for number in range(FOLDERS):
            folder = top / f"copy {copy}" / f"part {number // 8}" / f"{number}"
            folder.mkdir(parents=True)
            for file in range(FILES):
                edited = f" edited {copy}" if file == 0 and number % 5 == 0 else ""
                text = f"content {number} {file}{edited}. " * (1 + file * 7 % 40)
                (folder / f"file {file}.txt").write_text(text)
    for number in range(LARGE):
        (top / f"large {number}").write_bytes(os.urandom(LARGE_SIZE + number))
    settle(top)
    return top


def size_of(tree: Path) -> int:
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


class Traced:
    """The system calls of a scan, of its workers too."""

    def __init__(self, tree: Path, vault: Path, logs: Path, *options: str) -> None:
        """``logs`` is a folder that is not there yet; each process has a file of its own in it."""
        if shutil.which("strace") is None:
            pytest.skip("MISSING: strace, to count system calls: apt install strace")
        logs.mkdir()
        words = ["strace", "-ff", "-y", "-qq", "-o", str(logs / "of")]
        scan = command("scan", tree, "--workers", "2", "--no-progress", *options)
        done = subprocess.run(
            [*map(os.fsencode, words), *scan], env=environment(vault), capture_output=True
        )
        assert done.returncode == 0, done.stderr
        self.calls: Counter[str] = Counter()
        self.read = 0
        """Bytes, of files in the tree."""
        inside = str(tree) + "/"
        lines = [each.read_text(errors="replace").splitlines() for each in logs.iterdir()]
        for line in chain(*lines):
            found = CALL.match(line)
            if found is None:
                continue
            name, arguments, result = found.groups()
            self.calls[name] += 1
            if name in READS and inside in arguments.split(",")[0]:
                self.read += max(0, int(result))

    @property
    def count(self) -> int:
        return self.calls.total()


def per_file(much: Traced, little: Traced) -> float:
    """System calls for each file, without those that a scan of nothing takes too."""
    return (much.count - little.count) / (SMALL + LARGE)


@pytest.mark.linux("counts system calls, also those of the made-up macOS itself")
def test_system_calls_and_bytes_read(tree: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    vault, needed = tmp_path / "vault", size_of(tree)
    nothing = Traced(empty, tmp_path / "other", tmp_path / "0")
    first = Traced(tree, vault, tmp_path / "1")
    print(f"first: {per_file(first, nothing):.2f} calls a file, {first.read / needed:.3f} read")
    print(first.calls.most_common(12))
    assert first.read == needed, "each byte is read, and once"
    assert per_file(first, nothing) <= 7.2
    age_digests(vault)
    again = Traced(tree, vault, tmp_path / "2")
    print(f"second: {per_file(again, nothing):.2f} calls a file, {again.read} bytes read")
    print(again.calls.most_common(8))
    assert again.read == 0
    assert per_file(again, nothing) <= 2.3
    quick = Traced(tree, tmp_path / "quick", tmp_path / "3", "--quick")
    print(f"quick: {quick.read / needed:.3f} read")
    assert quick.read <= needed - LARGE * LARGE_SIZE * 0.99


class Counting(sqlite3.Connection):
    """A connection that tells how many rows it changed."""

    rows = 0

    def close(self) -> None:
        Counting.rows += self.total_changes
        super().close()


def test_rows_written(tree: Path, vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Counting))

    def scanned(**options: Any) -> float:
        Counting.rows = 0
        stamping_scan(vault, tree, **options)
        return Counting.rows / (SMALL + LARGE)

    first = scanned()
    again = scanned()
    print(f"rows written for each file: {first:.2f}, then {again:.4f}")
    assert first <= 2.32  # with a row for the order of the copies of each content
    assert again <= 0.01


def peak_of_scan(tree: Path, vault: Path) -> float:
    """The peak memory of a scan in MB.

    Started by a small process: a fork counts the memory of its parent too.
    """
    words = command("scan", tree, "--workers", "2", "--json")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *words], env=environment(vault), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024 / 1e6


def test_memory(tree: Path, vault: Path) -> None:
    peak = peak_of_scan(tree, vault)
    print(f"peak memory: {peak:.1f} MB")
    assert peak <= 60


def test_memory_of_many_stamps(tree: Path, tmp_path: Path) -> None:
    """What is written to the trace leaves memory again: entries, and the pages that hold them."""
    for number in range(MANY):
        folder = tmp_path / "many" / f"{number // 100}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number}").write_text(f"unlike all others: {number}")
    grown = peak_of_scan(tmp_path / "many", tmp_path / "v") - peak_of_scan(tree, tmp_path / "w")
    print(f"memory of {MANY:,} stamps: {grown:.1f} MB")
    assert grown <= 10
