"""Ctrl-C, killed workers and full disks while a manifest is made or checked."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.run import (
    complained,
    end_of,
    in_proc,
    nothing_left,
    processes_of,
    run,
    shell,
    start,
    until,
)
from tests.support.trees import make_tree

HOURS = 1 << 42
"""Bytes of a sparse file: reading them would take very long."""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A tree with one file that takes very long to read."""
    top = make_tree(tmp_path / "tree", {f"f{n}": str(n) for n in range(400)})
    with open(top / "long", "wb") as file:
        file.truncate(HOURS)
    return top


@in_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_manifest_is_not_there(top: Path, tmp_path: Path, number: int) -> None:
    process = start("manifest", top, "-o", tmp_path / "m.json")
    assert until(lambda: len(processes_of(process.pid)) > 1)
    os.kill(process.pid, number)
    ran = end_of(process)
    complained(ran, 130, "Interrupted")
    assert nothing_left(process.pid)
    assert os.listdir(tmp_path) == ["tree"]


@in_proc
def test_an_interrupted_verify(top: Path, tmp_path: Path) -> None:
    with open(top / "long", "wb") as file:
        file.truncate(0)
    assert run("manifest", top, "-o", tmp_path / "m.json", "--no-sign").code == 0
    big = tmp_path / "m.json"
    _grow(big, top)
    process = start("verify", big)
    assert until(lambda: len(processes_of(process.pid)) > 1)
    os.killpg(process.pid, signal.SIGINT)
    complained(end_of(process), 130, "Interrupted")
    assert nothing_left(process.pid)


def _grow(manifest: Path, top: Path) -> None:
    """Let the manifest say that the long file is as long as it is."""
    import dataclasses

    from gorillacomb.manifest.parse import parse_manifest
    from gorillacomb.manifest.serialize import to_json

    value = parse_manifest(manifest.read_bytes())
    with open(top / "long", "wb") as file:
        file.truncate(HOURS)
    entries = tuple(
        dataclasses.replace(entry, size=HOURS) if entry.path == b"long" else entry
        for entry in value.entries
    )
    manifest.write_bytes(to_json(dataclasses.replace(value, entries=entries)))


@in_proc
def test_workers_that_keep_dying(top: Path, tmp_path: Path) -> None:
    process = start("manifest", top, "-o", tmp_path / "m.json", "--workers", "4")
    assert until(lambda: len(processes_of(process.pid)) == 5)
    for worker in processes_of(process.pid).keys() - {process.pid}:
        os.kill(worker, signal.SIGKILL)
    complained(end_of(process), 3, "worker processes died")
    assert os.listdir(tmp_path) == ["tree"]


@in_proc
def test_a_worker_that_dies_once_is_made_up_for(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {f"f{n}": str(n) for n in range(400)})
    with open(top / "large", "wb") as file:
        file.truncate(1 << 29)
    process = start("manifest", top, "-o", tmp_path / "m.json", "--workers", "3", "--json")
    assert until(lambda: len(processes_of(process.pid)) == 4)
    os.kill(max(pid for pid in processes_of(process.pid) if pid != process.pid), signal.SIGKILL)
    ran = end_of(process)
    assert ran.code == 0, ran
    assert ran.json()["files"] == 401
    assert run("verify", tmp_path / "m.json").code == 0


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {f"f{n}": str(n) for n in range(400)})
    out = tmp_path / "m.json"
    limited = 'ulimit -f 8; trap "" XFSZ; exec "$@"'
    assert run("keys", "init").code == 0
    ran = run(words=shell(limited, "manifest", top, "-o", out))
    complained(ran, 2, "m.json.dsse", "file too large")
    assert os.listdir(tmp_path) == ["tree"]
    ran = run(words=shell('exec "$@" >/dev/full', "manifest", top, "-o", "-"))
    complained(ran, 2, "No space left")
