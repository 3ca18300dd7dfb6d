"""The suite on a made-up Mac: each room of the tests is run there, or it is said why not."""

from __future__ import annotations

import subprocess
import sys

from tests.darwin.suite import LEFT_OUT, ROOMS
from tests.support.run import REPOSITORY

TESTS = REPOSITORY / "tests"


def test_each_room_is_run_or_left_out_for_a_reason() -> None:
    rooms = {path.name for path in TESTS.iterdir() if any(path.glob("**/test_*.py"))}
    named = {each.partition("/")[0] for each in ROOMS}
    left = {each for names in LEFT_OUT for each in names.split()}
    assert all((TESTS / each).exists() for each in (*ROOMS, *left))
    assert rooms <= named | {each for each in left if "/" not in each}
    assert not left & set(ROOMS)


def test_it_runs_there() -> None:
    words = ["-q", "tests/classify/test_cloud_folders.py", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.darwin.suite", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and " passed" in ran.stdout, ran.stdout + ran.stderr
