"""The wheels that the locks name, fetched once for all tests of the set-up."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.run import REPOSITORY

Words = list[str | Path]
LOCKS = {
    name: REPOSITORY / ".ci" / f"{name}.txt" for name in ("run-time", "development", "from-source")
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PIP: Words = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
PLAIN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PIP_", "MAKE", "MFLAGS"))
}
"""The environment without what the user set for pip, and not that of a call by make."""
UNCOMPILED = {"PIP_NO_COMPILE": "1"}
"""Modules are compiled when they are first imported, and most never are."""


class Wheels:
    """The wheels of the lock for development, by Python: what pip takes when it may not choose.

    They are fetched when they are first asked for, once for all processes that run these tests.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)

    def __getitem__(self, python: str) -> Path:
        place = self._folder / python
        with open(self._folder / f"{python}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                partial = self._folder / f"{python}.partial"  # of no other Python
                partial.mkdir(exist_ok=True)
                known = set() if python == PYTHONS[0] else self._link_known(python, partial)
                self._fetch(python, partial, known)
                partial.rename(place)
        return place

    def _link_known(self, python: str, place: Path) -> set[str]:
        """Link what was fetched for the first Python and fits another one; the packages' names."""
        fitting = supported(python)
        known = set()
        for wheel in self[PYTHONS[0]].iterdir():
            name, _, _, made_for = parse_wheel_filename(wheel.name)
            if not made_for.isdisjoint(fitting):
                (place / wheel.name).unlink(missing_ok=True)
                os.link(wheel, place / wheel.name)
                known.add(str(name))
        return known

    def _fetch(self, python: str, place: Path, known: set[str]) -> None:
        """Fetch what the lock names, except packages that are known."""
        missing = self._folder / f"{python}.txt"
        missing.write_text(
            "\n".join(
                block
                for entry, block in locked("development")
                if canonicalize_name(entry.name) not in known
            )
        )
        words: Words = [
            *(*PIP, "download", "--quiet", "--python-version", python, "--retries=2"),
            *("--only-binary=:all:", "--no-deps", "--require-hashes"),
            *("-r", missing, "-d", place),
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        if "connection broken" in done.stderr:
            pytest.skip("MISSING: a network, to fetch what the locks name")
        assert done.returncode == 0, done.stderr


def locked(lock: str) -> Iterator[tuple[Requirement, str]]:
    """What a lock names, each with its lines."""
    for block in re.split(r"\n(?=\S)", LOCKS[lock].read_text("utf-8")):
        yield Requirement(block.partition("\\")[0].strip()), block


def supported(python: str) -> set[tags.Tag]:
    """What a wheel may be made for, to be installed with a Python on this system."""
    version = tuple(map(int, python.split(".")))
    here = list(tags.platform_tags())
    own = tags.cpython_tags(version, platforms=here)
    return {*own, *tags.compatible_tags(version, f"cp{version[0]}{version[1]}", here)}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """What the locks name, for each Python."""
    base = tmp_path_factory.getbasetemp()
    is_one_of_many = "PYTEST_XDIST_WORKER" in os.environ  # then each has a folder in that of all
    return Wheels((base.parent if is_one_of_many else base) / "wheels")
