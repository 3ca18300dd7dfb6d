"""Run tests of the suite on a made-up Mac: `python -m tests.darwin.suite [WORDS OF PYTEST]`.

Without words, those that must pass there. Python looks for `sitecustomize` when it starts, so
pytest is started with it on its path; commands and readers of the tests start the same way, which
takes longer than their forks on Linux.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.darwin.fake.configuration import FakeVolume, Machine
from tests.support.run import REPOSITORY

ROOMS = (
    *("api", "canonical", "classify", "cli", "dedupe", "folders", "fs", "index", "manifest"),
    *("marks", "scan", "stamping", "unique", "vault", "workers"),
)
"""What decides which files are copies, and what is done with them."""
LEFT_OUT = {
    "darwin": "starts made-up Macs of its own, and runs with all other tests",
    "architecture docs setup fixtures": "about the repository, which is the same there",
    "mesh scrolls tokens vaultmesh web jobs drop": "know nothing of the system but files and time",
    "compat": "its fixtures have the folders of Linux",
    "chaos benchmarks": "campaigns, which take hours there",
    "watch": "its tests make real changes, of which nothing tells there: tests/darwin/test_watch",
    "cli/test_untested_macos.py": "makes a Mac of Linux by itself, and here nothing is refused",
}
"""The other rooms, or files of rooms, and why they are not run there."""
SITE = REPOSITORY / "tests/darwin/fake"


def main(words: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="gorillacomb-mac-") as folder:
        file, log = Path(folder, "machine.json"), Path(folder, "log")
        Machine(str(log), volumes(), is_examined=True).write(file)
        log.touch()
        log.chmod(0o666)  # some tests run commands as another user
        Path(folder).chmod(0o755)
        env = {
            **os.environ,
            "FAKE_DARWIN": str(file),
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{SITE}",
        }
        words = words or _all_rooms()
        words = [sys.executable, "-m", "pytest", "-m", "not linux and not deep", *words]
        return os.spawnve(os.P_WAIT, sys.executable, words, env)


def _all_rooms() -> list[str]:
    tests = REPOSITORY / "tests"
    files = [each for names in LEFT_OUT for each in names.split() if "/" in each]
    left_out = [f"--ignore={tests / each}" for each in files]
    return [
        "-q",
        "-n",
        "3",
        "--dist",
        "loadfile",
        *left_out,
        *(str(tests / room) for room in ROOMS),
    ]


def volumes() -> list[FakeVolume]:
    """One for each file system that tests work on."""
    found = {os.stat("/").st_dev: "/"}
    for place in (os.environ.get("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()), "/dev/shm"):
        if os.path.isdir(place):
            found.setdefault(os.stat(place).st_dev, os.path.realpath(place))
    return [
        FakeVolume(path, uuid=f"{number:032x}") for number, path in enumerate(found.values(), 1)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
