"""Another user, who has no rights to what root or the user of the tests made.

``python -m tests.support.stranger ARGUMENT...`` is ``gorillacomb`` as that user. All modules are
imported first: he may not even reach the Python that the tests run with.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import gorillacomb
from tests.support.run import Argument, Ran, environment, run

STRANGER = 65534


@contextmanager
def ground() -> Iterator[Path]:
    """A folder that the stranger owns, where he can reach it; skips when there is no stranger."""
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to run the command as another user")
    folder = Path(tempfile.mkdtemp(prefix="gorillacomb-stranger-"))
    try:
        os.chown(folder, STRANGER, STRANGER)
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


def run_as_stranger(*arguments: Argument, home: Path, vault: Path | None = None) -> Ran:
    """Run a command as the stranger."""
    words = [sys.executable, "-m", "tests.support.stranger", *arguments]
    return run(
        words=[os.fsencode(word) for word in words],
        env=environment(vault or home / "vault", HOME=str(home)),
        cwd=home,
    )


def give(path: Path) -> None:
    """Give a tree to the stranger."""
    os.lchown(path, STRANGER, STRANGER)
    for folder, folders, files in os.walk(os.fsencode(path)):
        for name in folders + files:
            os.lchown(os.path.join(folder, name), STRANGER, STRANGER)


def _import_all() -> None:
    for module in pkgutil.walk_packages(gorillacomb.__path__, "gorillacomb."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (
        "difflib",
        "sqlite_utils",
        "tomllib",
        "tqdm",
        "pathspec",
        "multiprocessing.popen_fork",
        "encodings.unicode_escape",
    ):
        importlib.import_module(name)


def _become_stranger() -> None:
    os.setgroups([])
    os.setresgid(STRANGER, STRANGER, STRANGER)
    os.setresuid(STRANGER, STRANGER, STRANGER)


if __name__ == "__main__":
    _import_all()
    _become_stranger()
    importlib.import_module("gorillacomb.cli.main").main()
