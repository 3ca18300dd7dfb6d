"""Ctrl-C, SIGTERM and SIGKILL at any moment of a scan: what was committed stays as it was."""

from __future__ import annotations

import os
import pty
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gorillacomb.model import EntryState, FolderState
from tests.support.run import (
    TIMEOUT,
    Ran,
    end_of,
    environment,
    in_proc,
    nothing_left,
    processes_of,
    read_all,
    refused,
    run,
    shell,
    start,
    started,
    until,
    without_traceback,
)
from tests.support.trees import Entry, age_digests, make_tree, rows_in_index, scan, settle

TRIES = 15
INTERRUPTED = (130, -signal.SIGINT)
"""Python ends itself by SIGINT when it met one inside `exec`, as dataclasses use it; a shell sees
130 either way."""
_SMALL, _LARGE = 3000, 36
_LARGE_BYTES = 48 << 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three thousand small files, some in copies, and large ones that take a second to read.

    The large ones are holes with a little text at the end, so that they cost no room on the disk.
    """
    top = tmp_path_factory.mktemp("interrupted")
    make_tree(
        top,
        {
            f"folder {folder:02}": {
                f"file {file:03}": f"{folder * file} " * 500 for file in range(_SMALL // 30)
            }
            for folder in range(30)
        },
    )
    (top / "large").mkdir()
    for number in range(_LARGE):
        with open(top / "large" / f"{number:02}", "wb") as file:
            file.truncate(_LARGE_BYTES + number // 3)  # three of each size, two of them the same
            file.seek(-8, os.SEEK_END)
            file.write(b"%08d" % (number - (number % 3 == 1)))
    settle(top)
    return top


@pytest.fixture(scope="module")
def whole(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[bytes, Entry], float]:
    """The rows after a scan that nobody disturbed, and the seconds for which it held the lock."""
    folder = tmp_path_factory.mktemp("whole")
    seconds = []
    for attempt in range(3):
        vault = folder / f"vault {attempt}"
        process = start("scan", tree, "--workers", "1", env=environment(vault, HOME=str(folder)))
        assert until((vault / "lock").exists)
        began = time.monotonic()
        assert end_of(process).code == 0
        seconds.append(time.monotonic() - began)
    return rows_in_index(vault), min(seconds)


def was_done(ran: Ran) -> bool:
    """Whether a scan came to its end, and the signal only after that."""
    return ran.code in (0, -signal.SIGTERM) and b"Next: " in ran.stdout and ran.stderr == b""


def moments(seconds: float, seed: int) -> Iterator[float]:
    """Random moments, one in each of equal parts of the time that a scan takes."""
    chance = random.Random(seed)
    for number in range(TRIES):
        yield seconds * (number + chance.random()) / TRIES


class Scan:
    """A scan in the background, in a session of its own, with its output in two files."""

    def __init__(self, tree: Path, vault: Path) -> None:
        self._written = [vault.with_name(f"{vault.name} {name}") for name in ("stdout", "stderr")]
        with (
            open(os.devnull, "rb") as nothing,
            open(self._written[0], "wb") as out,
            open(self._written[1], "wb") as err,
        ):
            streams = nothing.fileno(), out.fileno(), err.fileno()
            words = ("scan", tree, "--workers", "1")
            self.process = started(words, environment(vault), streams, own_session=True)

    def end(self) -> Ran:
        """Wait for the end."""
        code = self.process.wait(TIMEOUT)
        return without_traceback(Ran(code, *(path.read_bytes() for path in self._written)))


def begun(tree: Path, vault: Path, moment: float) -> Scan:
    """A scan that began to write its index so many seconds ago."""
    begins = Scan(tree, vault)
    assert until((vault / "lock").exists), begins.end()
    time.sleep(moment)
    return begins


def kept_files(vault: Path) -> int:
    """How many files a scan has hashed and committed; the index is sound, whatever happened."""
    index = vault / "index.db"
    if not index.exists():
        return 0
    database = sqlite3.connect(index)
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if database.execute("PRAGMA user_version").fetchone()[0] == 0:
            return 0  # stopped before there were tables
        found: int = database.execute(
            "SELECT count(*) FROM files WHERE state = ?", (EntryState.HASHED,)
        ).fetchone()[0]
        return found
    finally:
        database.close()


def goes_on(vault: Path, tree: Path, whole: dict[bytes, Entry], kept: int) -> None:
    """The next scan reads what is missing and no more, and then all is as if nothing had been."""
    if kept:
        age_digests(vault)
    report = scan(vault, tree)
    assert rows_in_index(vault) == whole
    assert report.hashed_files <= len(whole) - kept
    assert scan(vault, tree).hashed_files == 0


@in_proc
def test_an_interrupted_scan(
    tree: Path, whole: tuple[dict[bytes, Entry], float], tmp_path: Path
) -> None:
    rows, seconds = whole
    interrupted, most_kept = 0, 0
    for attempt, moment in enumerate(moments(seconds, 2)):
        vault = tmp_path / f"vault {attempt}"
        scanning = begun(tree, vault, moment)
        scanning.process.send_signal((signal.SIGINT, signal.SIGTERM)[attempt % 2])
        ran = scanning.end()
        kept = kept_files(vault)
        if was_done(ran):
            continue
        assert ran.code in INTERRUPTED, ran
        lines = ran.err.strip().splitlines()
        assert 1 <= len(lines) <= 2, ran.err
        assert "nterrupted" in lines[0]
        assert not processes_of(scanning.process.pid), "a worker was left behind"
        interrupted += 1
        most_kept = max(most_kept, kept)
        if attempt % 3 == 1:
            goes_on(vault, tree, rows, kept)
    assert interrupted >= TRIES // 2
    assert most_kept > _SMALL // 2, "nothing was ever committed before the end"


@in_proc
def test_a_killed_scan(tree: Path, whole: tuple[dict[bytes, Entry], float], tmp_path: Path) -> None:
    rows, seconds = whole
    killed, most_kept = 0, 0
    for attempt, moment in enumerate(moments(seconds, 9)):
        vault = tmp_path / f"vault {attempt}"
        scanning = begun(tree, vault, moment)
        scanning.process.kill()
        ran = scanning.end()
        assert nothing_left(scanning.process.pid), "a worker was left behind"
        kept = kept_files(vault)
        if ran.code == 0:
            continue
        assert ran.code == -signal.SIGKILL
        killed += 1
        most_kept = max(most_kept, kept)
        if attempt % 3 == 0:
            status = run("status", "--json", vault=vault)
            assert status.code in (0, 4)  # 4: killed before there was an index
            goes_on(vault, tree, rows, kept)
    assert killed >= TRIES // 2
    assert most_kept > _SMALL // 2


@in_proc
def test_one_vault_interrupted_again_and_again(
    tree: Path, whole: tuple[dict[bytes, Entry], float], vault: Path
) -> None:
    """Each run goes on from where the one before it was cut short, until one gets to the end."""
    rows, seconds = whole
    kept = 0
    for attempt in range(TRIES):
        process = start("scan", tree, "--workers", "1", vault=vault)
        assert stands(process.pid, signal.SIGTERM)
        time.sleep(seconds * (attempt + 1) / 6)  # longer each time: a busy machine takes long
        process.send_signal((signal.SIGINT, signal.SIGKILL, signal.SIGTERM)[attempt % 3])
        process.communicate(timeout=30)
        assert nothing_left(process.pid)
        before, kept = kept, kept_files(vault)
        assert kept >= before, "work that was committed was lost"
        if kept:
            age_digests(vault)
        if process.returncode == 0:
            break
    assert kept > _SMALL // 2
    goes_on(vault, tree, rows, kept)


def interrupted(tree: Path, vault: Path, seconds: float) -> tuple[Ran, int]:
    """A scan that was interrupted with something left to read, and how much it had kept."""
    for part in (0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        shutil.rmtree(vault, ignore_errors=True)
        scanning = begun(tree, vault, seconds * part)
        scanning.process.send_signal(signal.SIGINT)
        ran = scanning.end()
        if ran.code in INTERRUPTED and 0 < (kept := kept_files(vault)) < _SMALL + _LARGE:
            return ran, kept
    pytest.fail("every scan had come to its end before")


def test_a_resumed_scan_reads_less_than_a_fresh_one(
    tree: Path, whole: tuple[dict[bytes, Entry], float], vault: Path
) -> None:
    kept = interrupted(tree, vault, whole[1])[1]
    age_digests(vault)
    ran = run("scan", tree, "--json", vault=vault)
    assert ran.code == 0
    assert 0 < ran.json()["hashed_files"] <= len(whole[0]) - kept


def test_what_an_interrupted_scan_says(
    tree: Path, whole: tuple[dict[bytes, Entry], float], vault: Path
) -> None:
    ran = interrupted(tree, vault, whole[1])[0]
    assert "same command" in ran.err
    status = run("status", vault=vault)
    assert status.code == 0
    with closing(sqlite3.connect(vault / "index.db")) as database:
        (files,), (folders,) = database.execute(
            "SELECT count(*) FROM files WHERE state = ?"
            " UNION ALL SELECT count(*) FROM folders WHERE state = ?",
            (EntryState.PENDING, FolderState.UNLISTED),
        )
    assert files or folders
    assert ("after a quick or interrupted scan" in status.out) == bool(files)
    assert ("not listed yet" in status.out) == bool(folders)


@in_proc
def test_ctrl_c_on_a_terminal(
    tree: Path, whole: tuple[dict[bytes, Entry], float], vault: Path
) -> None:
    """The terminal signals the whole group: the workers too."""
    terminal, end = pty.openpty()
    # The leader of a new session gets the first terminal that it opens as its own.
    script = f'exec "$@" <{os.ttyname(end)} >{os.ttyname(end)} 2>&1'
    process = subprocess.Popen(
        shell(script, "scan", tree, "--workers", "1"),
        env=environment(vault),
        start_new_session=True,
    )
    assert until((vault / "lock").exists)
    time.sleep(whole[1] * 0.2)
    os.close(end)
    os.write(terminal, b"\x03")
    written = bytes(read_all({terminal: bytearray()})[terminal])
    os.close(terminal)
    assert process.wait(10) in INTERRUPTED
    assert b"Interrupted" in written
    assert b"Traceback" not in written
    assert not processes_of(process.pid), "a worker was left behind"
    goes_on(vault, tree, whole[0], kept_files(vault))


@in_proc
def test_ctrl_c_while_the_workers_start(tree: Path, tmp_path: Path) -> None:
    """From the moment on at which the handlers stand, neither we nor a forked worker complain."""
    chance = random.Random(3)
    stopped = 0
    for attempt in range(20):
        process = start("scan", tree, "--workers", "4", vault=tmp_path / f"vault {attempt}")
        assert stands(process.pid, signal.SIGTERM)
        time.sleep(chance.uniform(0, 0.12))
        os.killpg(process.pid, (signal.SIGINT, signal.SIGTERM)[attempt % 2])
        stopped += end_of(process).code in INTERRUPTED
        kept_files(tmp_path / f"vault {attempt}")
    assert stopped >= 10


_WHILE_IT_TIDIES_UP = """
import os, signal, sys, time, weakref
from gorillacomb.cli import main as program

class Thing: pass

def interrupted(reference):
    os.kill(os.getpid(), signal.{name})
    sum(range(1000))

def command(**options):
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    del thing  # now; and an exception is dropped there
    time.sleep({seconds})

program.cli.main = command
program.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_where_python_drops_exceptions(name: str) -> None:
    """As in the callback of a weak reference, which every import makes: it is not lost."""
    script = _WHILE_IT_TIDIES_UP.format(name=name, seconds=20)
    began = time.monotonic()
    ran = run(words=[os.fsencode(sys.executable), b"-c", script.encode()])
    assert (ran.code, ran.out, ran.err) == (130, "", "gorillacomb: Interrupted.\n")
    assert time.monotonic() - began < 15


_WHILE_A_CLASS_IS_MADE = """
import os, signal
from gorillacomb.cli import main as program

def command(**options):
    exec("os.kill(os.getpid(), signal.SIGINT); sum(range(1000))")

program.cli.main = command
program.main()
"""


def test_ctrl_c_in_code_from_a_string(tmp_path: Path) -> None:
    """As where a dataclass is made: Python notes that, to kill itself at the very end."""
    (tmp_path / "script.py").write_text(_WHILE_A_CLASS_IS_MADE)
    words = [b"env", b"-C", os.fsencode(tmp_path), os.fsencode(sys.executable), b"-m", b"script"]
    ran = run(words=words)
    assert (ran.code, ran.out, ran.err) == (130, "", "gorillacomb: Interrupted.\n")


def stands(pid: int, number: signal.Signals) -> bool:
    """Wait until a process has a handler of its own for a signal."""
    return until(lambda: handles(pid, number))


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


@in_proc
def test_a_second_ctrl_c_while_the_first_is_obeyed(
    tree: Path, whole: tuple[dict[bytes, Entry], float], tmp_path: Path
) -> None:
    stopped = 0
    for attempt in range(6):
        vault = tmp_path / f"vault {attempt}"
        scanning = begun(tree, vault, whole[1] * (attempt + 1) / 12)
        for _ in range(3):
            scanning.process.send_signal(signal.SIGINT)
            time.sleep(0.004 * attempt)
        ran = scanning.end()
        assert ran.code in (0, *INTERRUPTED)
        stopped += ran.code != 0
        kept_files(vault)
        assert nothing_left(scanning.process.pid)
    assert stopped >= 3


# Workers -----------------------------------------------------------------------------------------


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    return [pid for pid, parent in processes_of(process.pid).items() if parent == process.pid]


def has_workers(process: subprocess.Popen[bytes], count: int) -> bool:
    """Wait until so many workers were started."""
    return until(lambda: len(workers_of(process)) == count)


@in_proc
@pytest.mark.parametrize("all_of_them", [False, True])
def test_workers_that_are_killed(
    all_of_them: bool, tree: Path, whole: tuple[dict[bytes, Entry], float], tmp_path: Path
) -> None:
    """The others take over, or the scan ends with a clear word; nothing that was read is lost."""
    rows, seconds = whole
    for attempt in range(5):
        vault = tmp_path / f"vault {attempt}"
        process = start("scan", tree, "--workers", "2", vault=vault)
        assert has_workers(process, 2)
        assert until((vault / "lock").exists)
        time.sleep(seconds * attempt / 8)
        victims = workers_of(process)[: 2 if all_of_them else 1]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        ran = end_of(process)
        assert ran.code in (0, 3), ran
        if ran.code == 0:
            assert rows_in_index(vault) == rows
        else:
            assert len(ran.err.splitlines()) <= 2
            assert "orker" in ran.err.splitlines()[0]
            goes_on(vault, tree, rows, kept_files(vault))


@in_proc
def test_one_worker_of_four_is_missed_by_nobody(
    tree: Path, whole: tuple[dict[bytes, Entry], float], vault: Path
) -> None:
    process = start("scan", tree, "--workers", "4", "--json", vault=vault)
    assert has_workers(process, 4)
    assert until((vault / "lock").exists)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    ran = end_of(process)
    assert ran.code == 0, ran
    assert rows_in_index(vault) == whole[0]


@in_proc
def test_a_scan_without_memory_for_its_workers(tree: Path, vault: Path) -> None:
    """Every worker dies as soon as it starts to work: a clear word instead of an endless loop."""
    process = start("scan", tree, "--workers", "2", vault=vault)
    stopped = False
    while process.poll() is None:
        for pid in workers_of(process):
            with suppress(ProcessLookupError):  # it ended since it was listed
                os.kill(pid, signal.SIGKILL)
                stopped = True
        time.sleep(0.001)
    assert stopped
    refused(end_of(process), 3, "orker processes died")
    assert scan(vault, tree).files == _SMALL + _LARGE
