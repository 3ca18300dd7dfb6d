"""The wheels that the locks name, fetched once for all tests of the set-up."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of the lock for development, by Python: what pip takes when it may not choose."""
    folders = {}
    for python in PYTHONS:
        folders[python] = tmp_path_factory.mktemp("wheels") / python
        words: Words = [
            *(*PIP, "download", "--quiet", "--python-version", python, "--retries=2"),
            *("--only-binary=:all:", "--no-deps", "--require-hashes"),
            *("-r", LOCKS["development"], "-d", folders[python]),
        ]
        done = subprocess.run(words, capture_output=True, text=True)
        if "connection broken" in done.stderr:
            pytest.skip("MISSING: a network, to fetch what the locks name")
        assert done.returncode == 0, done.stderr
    return folders
