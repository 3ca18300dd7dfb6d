"""A run of tests that is killed leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.hanging import STARTED
from tests.support.leftovers import VARIABLE, marked
from tests.support.run import REPOSITORY, processes_of, until


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["pytest", "xdist"])
def test_a_killed_run_leaves_no_process(tmp_path: Path, options: tuple[str, ...]) -> None:
    started = tmp_path / "started"
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options),
            *("--basetemp", tmp_path / "inner", "tests/setup/hanging.py"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, STARTED: str(started)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert until(started.exists, 60), run.communicate()
        manifest, scan = map(int, started.read_text().split())
        assert until(lambda: processes_of(manifest) and len(processes_of(scan)) > 1, 30)
    finally:
        run.send_signal(signal.SIGKILL)
        run.communicate()
    assert until(lambda: not processes_of(manifest) and not processes_of(scan), 20)


def test_this_run_is_watched_over() -> None:
    mark = os.environ[VARIABLE]
    sleeping = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        # The kernel shows what a process was started with a moment after it runs.
        assert until(lambda: sleeping.pid in marked(mark))
    finally:
        sleeping.kill()
        sleeping.wait()
    guardians = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and mark.encode() in arguments_of(entry)
    ]
    assert len(guardians) == 1


def arguments_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
