"""The wheels that the locks name, fetched once for all tests of the set-up."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
                self._fetch(python, partial)
                partial.rename(place)
        return place

    @staticmethod
    def _fetch(python: str, place: Path) -> None:
        words: Words = [
            *(*PIP, "download", "--quiet", "--python-version", python, "--retries=2"),
            *("--only-binary=:all:", "--no-deps", "--require-hashes"),
            *("-r", LOCKS["development"], "-d", place),
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        if "connection broken" in done.stderr:
            pytest.skip("MISSING: a network, to fetch what the locks name")
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """What the locks name, for each Python."""
    base = tmp_path_factory.getbasetemp()
    is_one_of_many = "PYTEST_XDIST_WORKER" in os.environ  # then each has a folder in that of all
    return Wheels((base.parent if is_one_of_many else base) / "wheels")
