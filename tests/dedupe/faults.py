"""A small drive, a plan for it, and runs of dedupe that strace(1) cuts short at a chosen call."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.dedupe.drives import OWN_NAMES
from tests.support import stopped
from tests.support.run import Argument, Ran, environment, run, until
from tests.support.stopped import is_stopped
from tests.support.trees import HardLink, Link, Tree, content_of, make_tree, settle

CALLS = (
    "rename,renameat,renameat2,link,linkat,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "fsync,fdatasync,write,pwrite64,ftruncate,utimensat"
)
"""The system calls that change a disk, or see to it that a change is there."""

ALBUM: Tree = {
    "one.jpg": "the first picture",
    "two.jpg": "the second picture",
    "film": {"scene.txt": "a scene", "still": Link("../one.jpg")},
}
TREE: Tree = {
    "letters": {
        "report.txt": "a report",
        "letter.txt": "a letter",
        "linked": "under two names",
        "linked too": HardLink("letters/linked"),
    },
    "desk": {
        "report (1).txt": "a report",
        "deeper": {"letter copy.txt": "a letter", "another copy.txt": "under two names"},
        "note": "only here",
    },
    "Photos": {"Album": ALBUM, "portrait.jpg": "a face", "portrait.xmp": "five stars"},
    "Backup": {
        "Album": ALBUM,
        "of the letters": {"lost": {"Album copy": ALBUM}, "diary": "also only here"},
        "shoe box": {"portrait.jpg": "a face", "portrait.xmp": "five stars", "tape": "a song"},
    },
    "linked copy": "two copies of",
    "linked copy, too": HardLink("linked copy"),
    "that one": "two copies of",
}
OURS = ".gorillacomb"
by_strace = pytest.mark.linux("strace cuts the calls short")


@dataclass(frozen=True)
class Point:
    """A system call of a run: the how manieth of its kind."""

    call: str
    number: int
    line: str

    def __str__(self) -> str:
        return f"{self.call} {self.number}: {self.line[:200]}"


@cache
def need_strace() -> None:
    """Skip, loudly, where no call can be made to fail."""
    if shutil.which("strace") is None:
        pytest.skip("MISSING: strace, to cut a run short at a chosen call: apt install strace")
    if subprocess.run(["strace", "-f", "-qq", "true"], capture_output=True).returncode:
        pytest.skip("MISSING: the right to trace a process, to cut a run short at a chosen call")


class Bench:
    """A drive, its vault and a plan, which can be put back as they were at any time."""

    calls = CALLS
    """The system calls at which a run is cut short."""

    def __init__(self, folder: Path, action: str = "quarantine") -> None:
        need_strace()
        self.live, self._log = folder / "live", folder / "strace.log"
        self.drive, self.plan = self.live / "Drive", self.live / "plan.jsonl"
        self.fill(self.drive)
        settle(self.drive)
        (self.live / "home").mkdir()
        self.env = environment(self.live / "vault", HOME=str(self.live / "home"))
        self.fine("scan", self.drive)
        self.fine("dedupe", "--plan", *self.wishes(action), "-o", self.plan)
        self.steps = [json.loads(line) for line in self.plan.read_bytes().splitlines()[1:]]
        self.at_first = look(self.drive)
        self.times_at_first = folder_times(self.drive)
        self.contents = set(contents(self.drive))
        self.save()

    def fill(self, drive: Path) -> None:
        """Make what is on the drive at first."""
        make_tree(drive, TREE)

    def wishes(self, action: str) -> Sequence[Argument]:
        """The options of the plan."""
        return "--action", action

    def save(self) -> None:
        """Take all as it is now for what `restore` brings back.

        The original is kept, and what is worked on a copy: so no folder of another copy has an
        inode that the index knows as that of one of these.
        """
        self._saved = self.live.with_name(f"saved {len(list(self.live.parent.iterdir()))}")
        self.live.rename(self._saved)
        _copy(self._saved, self.live)

    def restore(self) -> None:
        shutil.rmtree(self.live)
        _copy(self._saved, self.live)

    def run(self, *arguments: Argument) -> Ran:
        return run(*arguments, env=self.env)

    def fine(self, *arguments: Argument) -> Ran:
        """Run a command that must succeed."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran
        return ran

    def carry_out(self) -> None:
        """Carry the plan out; no link can stand for a folder, which is skipped then."""
        ran = self.run("dedupe", "--apply", self.plan)
        assert ran.code in (0, 3), ran
        assert self.set_aside()

    def points(self, *arguments: Argument, also: str = "") -> list[Point]:
        """The calls of a command that concern the drive, the vault or the user's own folders.

        Shared memory of SQLite is left out: it is nothing that is kept. The command is traced on a
        copy such as those that it is killed on: on the first one SQLite writes more pages, which
        no later run does.
        """
        self.restore()
        faults = [f"trace={self.calls}", *([f"inject={also}"] if also else [])]
        ran = self._traced(faults, *arguments)
        assert ran.code in (0, 3), ran
        found, counts = [], Counter[str]()
        process = None
        for line in self._log.read_text(errors="replace").splitlines():
            match = re.match(r"(\d+) +(\w+)\(", line)
            # Another process, such as git, has calls of its own, that are counted on their own.
            if match is None or match[1] != (process := process or match[1]):
                continue
            counts[match[2]] += 1
            if str(self.live) in line and "-shm>" not in line and '-shm"' not in line:
                found.append(Point(match[2], counts[match[2]], line))
        self.restore()
        return found

    def faulty(self, point: Point, fault: str, *arguments: Argument, also: str = "") -> Ran:
        """Run a command in which a call does not succeed: ``signal=KILL``, ``error=EIO``.

        With a ``+`` at its end the fault is that of all later calls of the kind too; ``also`` is
        one more, of every call.
        """
        # Where nothing can be written any more, no error message can be either.
        later = "+" if fault.endswith("+") and point.call != "write" else ""
        inject = f"inject={point.call}:{fault.removesuffix('+')}:when={point.number}{later}"
        faults = [inject, *([f"inject={also}"] if also else [])]
        return self._traced([f"trace={self.calls}", *faults], *arguments)

    def _traced(self, expressions: Sequence[str], *arguments: Argument) -> Ran:
        words = ["strace", "-f", "-y", "-o", str(self._log)]
        for each in expressions:
            words += ["-e", each]
        with ExitStack() as ending:

            def attach(process: int) -> None:
                assert until(lambda: is_stopped(process))
                tracer = subprocess.Popen([*words, "-p", str(process)], stderr=subprocess.PIPE)
                ending.enter_context(tracer)
                assert tracer.stderr is not None
                said = tracer.stderr.readline()
                assert b"attached" in said, said
                os.kill(process, signal.SIGCONT)

            return run(*arguments, env=self.env, before=(stopped.__name__, ""), at_start=attach)

    def set_aside(self) -> list[Path]:
        """What lies in the quarantine, by the disk alone."""
        found = self.drive.glob(f"{OURS}/quarantine/*/*")
        return [each for each in found if each.name not in OWN_NAMES]

    def nothing_lost(self) -> None:
        """Every content that there was is still somewhere on the drive."""
        assert self.contents <= set(contents(self.drive))

    def whole_steps(self) -> None:
        """Each step is done, or nothing of it is."""
        now = look(self.drive)
        for step in self.steps:
            paths = [step["path"], *(each["path"] for each in step.get("sidecars", ()))]
            for path in paths:
                top = os.path.relpath(path, self.drive)
                was = {inner: each for inner, each in self.at_first.items() if below(inner, top)}
                here = {inner: each for inner, each in now.items() if below(inner, top)}
                assert here in ({}, was), path
            assert len({os.path.lexists(path) for path in paths}) == 1, paths

    def take_all_back(self, times: bool = False) -> None:
        """Undo until nothing is set aside; then all is as it was at first.

        With ``times`` that is so of the folders' mtimes too: no call of ours was refused, and
        nobody else wrote. Where all is back already nobody comes to the time of the last folder.
        """
        times = times and bool(self.set_aside())
        for _ in range(6):
            if not self.set_aside():
                break
            ran = self.run("dedupe", "--undo")
            assert ran.code == 0, ran
        assert self.set_aside() == []
        assert look(self.drive) == self.at_first
        if times:
            now = folder_times(self.drive)
            assert now == self.times_at_first, [
                each for each, time in now.items() if self.times_at_first.get(each) != time
            ]

    def nothing_waits(self) -> None:
        """No run has anything in quarantine by its own account either.

        Intents of which nothing came may still be in a journal, once for each run.
        """
        for _ in range(3):
            ran = self.run("dedupe", "--undo")
            if ran.code:
                break
        assert (ran.code, "No quarantine contains" in ran.err) == (2, True), ran


def sample(points: Sequence[Point], most: int | None) -> Iterator[Point]:
    """So many points, spread evenly; all of them without a number."""
    count = len(points) if most is None else min(most, len(points))
    for number in range(count):
        yield points[number * len(points) // count]


def below(inner: str, top: str) -> bool:
    return inner == top or inner.startswith(top + "/")


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)


def contents(top: Path) -> Iterator[bytes]:
    """The content of every file, in our own folder too."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield hashlib.sha256(path.read_bytes()).digest()


def look(top: Path) -> dict[str, tuple[object, ...]]:
    """All that a user sees below a folder, and which names are one file; nothing of ours.

    Of a folder the mode alone: `folder_times` has the rest.
    """
    names: dict[int, list[str]] = {}
    found: dict[str, tuple[object, ...]] = {}
    start = len(str(top)) + 1
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != OURS]
        for name in (*folders, *files):
            path = f"{folder}/{name}"
            inner = path[start:]
            facts = os.lstat(path)
            names.setdefault(facts.st_ino, []).append(inner)
            if stat.S_ISDIR(facts.st_mode):
                found[inner] = (facts.st_mode,)
            else:
                content = os.readlink(path) if stat.S_ISLNK(facts.st_mode) else content_of(path)
                found[inner] = (facts.st_mode, facts.st_mtime_ns, content, facts.st_ino)
    return {
        inner: (*each[:3], tuple(sorted(names[each[3]])))  # type: ignore[index]
        if len(each) > 1
        else each
        for inner, each in found.items()
    }


def folder_times(top: Path) -> dict[str, int]:
    """The mtimes of the folders below a folder, ns; not of ours, nor of the folder around that."""
    found = {}
    for folder, folders, _ in os.walk(top):
        folders[:] = [name for name in folders if name != OURS]
        for name in folders:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = os.lstat(path).st_mtime_ns
    return found
