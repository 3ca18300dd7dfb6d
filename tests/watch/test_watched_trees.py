"""Whatever is renamed, exchanged, mounted or led elsewhere: each living folder is watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run import environment
from tests.support.trees import make_tree, rows_in_index
from tests.watch import tree_oracle
from tests.watch.daemon import Daemon

ALONE = ("unshare", "--user", "--map-root-user", "--mount")
"""What is mounted then, nobody else sees."""


def need_alone() -> None:
    tried = subprocess.run([*ALONE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"MISSING: a mount namespace of its own: {tried.stderr.strip()}")


@pytest.mark.parametrize(
    ("operations", "file_system"),
    [
        (1_000, "that of the test"),
        pytest.param(20_000, "that of the test", marks=pytest.mark.deep),
        pytest.param(100_000, "tmpfs", marks=pytest.mark.deep),
    ],
)
def test_each_living_folder_is_watched(tmp_path: Path, operations: int, file_system: str) -> None:
    need_alone()
    before = "true" if file_system != "tmpfs" else 'mount -t tmpfs none "$4"'
    script = f'{before} && exec "$@"'
    words = [sys.executable, "-m", tree_oracle.__name__, str(tmp_path), "1", str(operations)]
    ran = subprocess.run(
        [*ALONE, "sh", "-c", script, "sh", *words],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    print(f"{operations:,} operations on {file_system}: {found}")
    assert found["compared"] > operations / 200 and found["folders"] > operations / 20
    assert all(found["done"][kind] for kind in ("exchange", "move_above", "mount", "unmount"))


def test_what_is_mounted_on_a_watched_folder(tmp_path: Path, vault: Path) -> None:
    """It is not watched unless it is named, which is told; what it hid is watched again."""
    top = make_tree(tmp_path / "drive", {"in": {"a": "1"}, "named": {"b": "2"}, "empty": {}})
    need_alone()
    words = tuple(map(os.fsencode, ALONE))
    options = ("--poll-remote", "1")
    daemon = Daemon(vault, top, top / "named", options=options, words=words)
    daemon.settle()
    assert roots(daemon) == {top: "watched"}

    def within(*command: str | Path) -> None:
        inside = ("nsenter", "--preserve-credentials", "--user", "--mount", "-t")
        subprocess.run([*inside, str(daemon.process.pid), *command], check=True, timeout=30)

    for each in ("in", "named", "empty"):
        within("mount", "-t", "tmpfs", "none", top / each)
    daemon.until(lambda: len(roots(daemon)) == 2)
    daemon.until(lambda: daemon.statement()["degraded"])
    [cause] = daemon.statement()["degraded"]
    assert cause.startswith(f"something is mounted on {top / 'in'}, and not watched")
    assert roots(daemon) == {top: "watched", top / "named": "watched"}
    within("touch", top / "named/on top", top / "in/nobody sees it")
    daemon.until(lambda: is_known(vault, top / "named/on top"))
    for each in ("in", "named", "empty"):
        within("umount", top / each)
    daemon.until(lambda: not daemon.statement()["degraded"] and len(roots(daemon)) == 1)
    for each in ("in", "named", "empty"):
        (top / each / "later").write_text(each)
    daemon.until(lambda: all(is_known(vault, top / each / "later") for each in ("in", "empty")))
    daemon.until(lambda: is_known(vault, top / "named/later"))
    assert not is_known(vault, top / "in/nobody sees it")
    daemon.stop()


def roots(daemon: Daemon) -> dict[Path, str]:
    return {Path(each["path"]): each["health"] for each in daemon.statement()["roots"]}


def is_known(vault: Path, path: Path) -> bool:
    return os.fsencode(path) in rows_in_index(vault)
