"""A disk for the files of a run of tests: as quick as memory, as large as the one below it.

Tests make and remove some 200,000 small files and folders and sync many of them. A disk that
discards what is freed takes 2 ms for each, so a run would wait for half of its time. This one is an
image with ext4 on a loop device that waits for nothing: what a crash of the machine would leave of
it does not matter. `leftovers` drops it, whatever ends the run. To keep a run's files, name another
place: ``pytest --basetemp=PATH``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.disks import may_mount

_LAZY = "lazy_journal_init=1,lazy_itable_init=1"
_MOST = 40 << 30
"""Bytes; the image takes as much as is written."""


def plug_in(config: pytest.Config) -> Path | None:
    """Let a run's files be on a quick disk; return where it is, or None without one.

    There is none where nobody may mount, or where the place of the files was chosen.
    """
    chosen = config.option.basetemp or {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"} & os.environ.keys()
    if sys.platform != "linux" or chosen or not may_mount():
        return None
    point = Path(tempfile.mkdtemp(prefix="gorillacomb-"))
    if not _mount(point):
        point.rmdir()
        return None
    for name in ("tests", "tmp"):
        (point / name).mkdir()
    point.chmod(0o755)
    (point / "tmp").chmod(0o1777)
    config.option.basetemp = str(point / "tests")
    os.environ["TMPDIR"] = str(point / "tmp")  # for commands, and for other processes of pytest
    tempfile.tempdir = None  # it is looked up anew
    return point


def _mount(point: Path) -> bool:
    with tempfile.NamedTemporaryFile(prefix="gorillacomb-disk-") as image:
        image.truncate(min(_MOST, shutil.disk_usage(point).free * 9 // 10))
        env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        # Once it is mounted the image needs no name: the kernel drops it with the mount.
        for command in (
            ["mkfs.ext4", "-q", "-F", "-J", "size=64", "-E", f"nodiscard,{_LAZY}", image.name],
            ["mount", "-o", "loop,nodiscard,nobarrier", image.name, str(point)],
        ):
            try:
                done = subprocess.run(command, env=env, capture_output=True, check=False)
            except FileNotFoundError:
                return False
            if done.returncode:
                return False
    return True
