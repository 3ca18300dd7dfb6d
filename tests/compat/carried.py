"""Fixtures of earlier versions, mounted or unpacked, and today's commands on them."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.compat import Fixture
from fixtures.compat.archive import unpack
from fixtures.compat.build import tables
from fixtures.compat.look import look
from fixtures.compat.mounted import ABOVE, NEEDED, POINT, Mounted
from tests.dedupe.drives import OWN_NAMES
from tests.support import mount_namespace
from tests.support.disks import need
from tests.support.run import REPOSITORY, Argument, Ran, environment, run

DATA = "home/.local/share/gorillacomb"
_FS_IOC_GETFSUUID = 0x80111500  # Linux 6.9, include/uapi/linux/fs.h


@dataclass(frozen=True)
class Old:
    """A copy of an earlier version's vault and drives."""

    fixture: Fixture
    top: Path
    """Where its files are seen from here."""
    point: Path
    """Where its files are seen by commands."""
    before: tuple[str, str] | None = None
    """What each command does first."""

    @property
    def names(self) -> dict[str, str]:
        """Return the names of its runs."""
        found: dict[str, str] = self.fixture.answers["runs"]
        return found

    def run(self, *arguments: Argument) -> Ran:
        env = environment(
            HOME=str(self.point / "home"),
            TZ="UTC",
            GORILLACOMB_VAULT=None,
            **{f"XDG_{each}_HOME": None for each in ("DATA", "CONFIG", "STATE", "CACHE")},
        )
        return run(*arguments, env=env, before=self.before)

    def json(self, *arguments: Argument, code: int = 0) -> Any:
        """Return the document of a command that must end with this exit code."""
        ran = self.run(*arguments, "--json")
        assert ran.code == code, ran
        return ran.json()

    def tables(self) -> dict[str, Any]:
        return tables(self.top / DATA)

    def trace(self) -> list[dict[str, Any]]:
        """Return all entries."""
        entries: list[dict[str, Any]] = self.json("trace", "log", "-n", "0")["entries"]
        return entries

    def look(self, root: str) -> dict[str, Any]:
        return look(self.top / root)

    def run_folder(self, root: str, name: str) -> Path:
        """Return the folder of a run in the quarantine, relative to the top."""
        return Path(root, ".gorillacomb/quarantine", self.names[name])

    def journal(self, root: str, name: str) -> list[dict[str, Any]]:
        path = self.top / self.run_folder(root, name) / "journal.jsonl"
        return [json.loads(line) for line in path.read_bytes().splitlines()]

    def aside(self, root: str, name: str) -> list[str]:
        """List what a run has in the quarantine."""
        found = os.listdir(self.top / self.run_folder(root, name))
        return sorted(set(found) - set(OWN_NAMES))


def unpacked(fixture: Fixture, folder: Path) -> Old:
    """Unpack a fixture's archive: on another disk, at another path."""
    if sys.platform != "linux":
        pytest.skip("MISSING: Linux, whose folders for data and settings the fixtures have")
    folder.mkdir()
    unpack(fixture.archive, folder)
    return Old(fixture, folder, folder)


@contextmanager
def mounted(fixture: Fixture, folder: Path, point: Path = POINT) -> Iterator[Old]:
    """Mount a fresh copy of a fixture's image; skips, loudly, where that is not possible."""
    need(*NEEDED, device="/dev/loop-control")
    for path in (REPOSITORY, Path(sys.prefix), Path(sys.executable), folder):
        if path.is_relative_to(ABOVE):
            pytest.skip(f"MISSING: a place outside {ABOVE}, where images are mounted, for {path}")
    with Mounted(fixture.image(folder / "image"), point) as image:
        if not _has_uuid(image.path()):
            pytest.skip("MISSING: Linux 6.9 or udev, by which a volume is known by its UUID")
        yield Old(fixture, image.path(), point, (mount_namespace.__name__, str(image.process)))


def _has_uuid(path: Path) -> bool:
    """Say whether this system can tell the UUID of a volume."""
    device = path.stat().st_dev
    if os.path.exists(f"/run/udev/data/b{os.major(device)}:{os.minor(device)}"):
        return True
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.ioctl(descriptor, _FS_IOC_GETFSUUID, bytearray(17))
            return True
        return False
    finally:
        os.close(descriptor)
