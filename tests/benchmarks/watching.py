"""From a change on disk to its row in the index, and what a watcher takes while nothing changes."""

import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .places import REPOSITORY, BenchError, cache

CHANGES = 200
_FOLDERS = 20
_APART = 0.25
_IDLE = 60
"""Seconds."""
_ROWS = (
    "SELECT CAST(name AS BLOB) FROM files WHERE folder IN"
    " (SELECT id FROM folders WHERE root = (SELECT id FROM roots WHERE path = ?))"
)
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Watched:
    """Seconds; the quiet span is part of each delay. Memory in bytes, processor time in seconds."""

    quiet: float
    delays: list[float]
    memory: int
    idle: float
    idle_cpu: float

    def delay(self, share: float) -> float:
        """The delay that this share of the changes did not exceed."""
        return sorted(self.delays)[min(len(self.delays) - 1, int(share * len(self.delays)))]

    @property
    def median(self) -> float:
        """Of the delays."""
        return statistics.median(self.delays)


def measure(tree: Path, say: Callable[[str], None], quiet: float = 2.0) -> Watched:
    """Watch a tree and a small folder beside it; change files in that one, then leave it alone."""
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        home = Path(folder)
        top = home / "changing"
        for number in range(_FOLDERS):
            (top / str(number)).mkdir(parents=True)
        with _watching(home, quiet, tree, top) as process:
            say("watch: the first scan")
            _wait(process, lambda: _is_idle(home))
            say(f"watch: {CHANGES} changes")
            delays = _delays(home, top, process)
            _wait(process, lambda: _is_idle(home))
            say(f"watch: {_IDLE} s of nothing")
            before, start = _cpu(process.pid), time.monotonic()
            time.sleep(_IDLE)
            idle = time.monotonic() - start
            return Watched(quiet, delays, _memory(process.pid), idle, _cpu(process.pid) - before)


@contextmanager
def _watching(home: Path, quiet: float, *tops: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "gorillacomb", "watch", *map(str, tops)]
    words += ["--vault", str(home / "vault"), "--quiet", str(quiet), "--pulse", "1"]
    env = {**os.environ, "HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        env.pop(name, None)
    with (home / "told").open("wb") as told:
        process = subprocess.Popen(words, env=env, stdout=told, stderr=told)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _delays(home: Path, top: Path, process: subprocess.Popen[bytes]) -> list[float]:
    connection = sqlite3.connect(f"file:{home / 'vault' / 'index.db'}?mode=ro", uri=True)
    written: dict[bytes, float] = {}
    delays: list[float] = []
    start = time.monotonic()
    with contextlib.closing(connection):
        while len(delays) < CHANGES:
            made = len(written) + len(delays)
            if made < CHANGES and time.monotonic() - start >= made * _APART:
                name = f"change {made}"
                (top / str(made % _FOLDERS) / name).write_text(name)
                written[name.encode()] = time.monotonic()
            for (name,) in connection.execute(_ROWS, (os.fsencode(top.resolve()),)):
                if name in written:
                    delays.append(time.monotonic() - written.pop(name))
            if process.poll() is not None:
                raise BenchError("the watcher ended")
            time.sleep(0.005)
    return delays


def _is_idle(home: Path) -> bool:
    for path in (home / ".local/state/gorillacomb/pulses").glob("*/latest"):
        said = json.loads(path.read_text().partition("\n")[0])
        return said["state"] == "watching" and said["queue"] == 0 and not said["scanning"]
    return False


def _wait(process: subprocess.Popen[bytes], is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not is_so():
        if process.poll() is not None or time.monotonic() > end:
            raise BenchError("the watcher ended, or never was idle")
        time.sleep(0.5)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
