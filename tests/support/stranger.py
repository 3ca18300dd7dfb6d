"""Another user, who has no rights to what root or the user of the tests made.

All modules are imported before a command is run as that user: he may not even reach the Python that
the tests run with.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
    env = environment(vault or home / "vault", HOME=str(home))
    return run(*arguments, env=env, cwd=home, before=(__name__, ""))


def prepare(nothing: str) -> None:
    """Be the stranger, in a process that is to run a command."""
    for name in (
        "sqlite_utils",
        "tomllib",
        "plistlib",
        "tqdm",
        "pathspec",
        "multiprocessing.popen_fork",
        "encodings.unicode_escape",
    ):
        importlib.import_module(name)
    os.setgroups([])
    os.setgid(STRANGER)  # of root: also the saved id, and for good
    os.setuid(STRANGER)


def give(path: Path) -> None:
    """Give a tree to the stranger."""
    os.lchown(path, STRANGER, STRANGER)
    for folder, folders, files in os.walk(os.fsencode(path)):
        for name in folders + files:
            os.lchown(os.path.join(folder, name), STRANGER, STRANGER)
