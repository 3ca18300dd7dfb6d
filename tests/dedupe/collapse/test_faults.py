"""A collapse, its undo and its purge, in which any one call is the last one, or fails.

Killed, or with one call that the drive or a full disk refuses, and then gone on with. At each point
every content of every copy is somewhere, copies and what was copied out of them are whole or not
there at all, and the program says what happened; afterwards the same command does the rest, and an
undo brings all back.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.dedupe import drives
from tests.dedupe.apply.test_killed_apply import PointNotReached, told_clearly, tried
from tests.dedupe.collapse.families import git
from tests.dedupe.collapse.test_oracle import blobs, contents
from tests.dedupe.faults import CALLS, OURS, Bench, Point, below, by_strace, look, sample
from tests.support.attributes import set_attribute
from tests.support.run import Argument, Ran
from tests.support.trees import HardLink, Link, Tree, make_tree

FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
KILL = FAULTS[0]
SOME = 4
"""Points of each command in the short form."""
SAME: Tree = {f"f{number}": f"{number}" * 2000 for number in range(6)}
TREE: Tree = {
    "App": {"package.json": "{}", "src": SAME, "Podfile.lock": "1.0"},
    "Backup": {
        "App": {
            "package.json": "{}",
            "src": {**SAME, "f1": "edited", "own": {"a": "a", "b": "b", "empty": {}}},
            "src again": {"run.sh": "#!/bin/sh", "large": b"\0" * 20_000 + b"x" * 300_000},
        }
    },
    "App (1)": {
        "package.json": "{}",
        "src": {**SAME, "notes": "mine" * 50, "link": Link("f1")},
        ".env": "KEY=1",
        "Podfile.lock": "1.0",
        "Pods": {"made again": "0" * 2000},
        "one": "under two names",
        "two": HardLink("App (1)/one"),
        "old": {"App": {"package.json": "{}", "src": {**SAME, "f2": "another edit"}}},
    },
    "beside": "it has nothing to do with it",
}


UNDO: Sequence[Argument] = ("dedupe", "--undo")
PURGE: Sequence[Argument] = ("dedupe", "--empty-quarantine", "--yes")


class Family(Bench):
    """A drive with a tree, and three copies of it, one of them in another."""

    members = 3
    calls = (
        f"{CALLS},open,openat,ioctl,copy_file_range,sendfile,fallocate,"
        "chmod,fchmod,fchmodat,fchown,fchownat,setxattr,fsetxattr,fremovexattr"
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.leaves = {each["id"]: self._inner(each["path"]) for each in self._of("leave")}
        self.copies = [*self._of("shelve"), *self._of("bring")]
        assert len(self.leaves) == self.members and self.copies
        self.whole_at_first = self.look()
        self.links = set(texts_of_links(self.drive))
        self.fine("dedupe", "--apply", self.plan)
        self.collapsed = look(self.drive)
        self.restore()

    def fill(self, drive: Path) -> None:
        make_tree(drive, TREE)
        again = drive / "Backup/App/src again"
        (again / "run.sh").chmod(0o755)
        set_attribute(again / "large", "user.note", b"from somebody")
        for number, path in enumerate(sorted(drive.rglob("*"), key=str, reverse=True)):
            if not path.is_symlink():
                os.utime(path, ns=(10**18, 10**18 + number * 10**15 + number))

    def wishes(self, action: str) -> Sequence[Argument]:
        return "--collapse", "all", "--bring", "all"

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.steps if each["kind"] == kind]

    def _inner(self, path: str) -> str:
        return os.path.relpath(path, self.drive)

    def look(self) -> dict[str, drives.Look]:
        """All that an undo gives back. Each lock is made in the root, which changes its time."""
        found = drives.look(self.drive)
        del found["."]
        return found

    def changes(self, *arguments: Argument) -> list[Point]:
        """The calls of a command that change something, and its opening of files to write."""
        return [
            point
            for point in self.points(*arguments)
            if point.call not in ("open", "openat", "ioctl")
            or re.search(r"O_WRONLY|O_RDWR|FICLONE", point.line)
        ]

    def check(self) -> None:
        """Nothing is lost, and nothing is there in part: where the user looks, and of ours."""
        self.nothing_lost()
        assert self.links <= set(texts_of_links(self.drive))
        now = look(self.drive)
        for step, top in self.leaves.items():
            nested = [each for each in self.leaves.values() if below(each, top) and each != top]
            was = self._own(self.at_first, top, nested)
            slots = self.drive.glob(f"{OURS}/quarantine/*/{step}")
            places = [self._own(now, top, nested)]
            places += [self._own(look(slot.parent), step, nested) for slot in slots]
            assert [each for each in places if each] == [was], f"{top} is not whole"
        known = {*self.at_first, *self.collapsed}
        assert not now.keys() - known, "something else was made"
        for path in now.keys() - self.at_first.keys():
            assert now[path] == self.collapsed[path], path
        for copy in self.copies:
            inner = self._inner(copy["path"])
            made = {path for path in self.collapsed if below(path, inner)}
            assert made & now.keys() in (set(), made), f"{inner} is not whole"
        gone = self.at_first.keys() - now.keys()
        assert all(any(below(each, top) for top in self.leaves.values()) for each in gone)

    @staticmethod
    def _own(
        found: dict[str, tuple[object, ...]], top: str, nested: Sequence[str]
    ) -> dict[str, tuple[object, ...]]:
        """What is in a copy, without what is in the copies in it."""
        return {
            os.path.relpath(path, top): each[:3]
            for path, each in found.items()
            if below(path, top) and not any(below(path, other) for other in nested)
        }

    def finish(self) -> None:
        """The plan, applied once more, does all that is left of it."""
        ran = self.run("dedupe", "--apply", self.plan)
        assert ran.code == 0, ran
        self.check()
        assert look(self.drive) == self.collapsed

    def back(self, times: bool = True) -> None:
        """Undo until there is nothing to undo; then all is as it was, with ``times`` of folders."""
        for _ in range(6):
            ran = self.run("dedupe", "--undo")
            if ran.code == 2:
                break
            # What was copied by one run for what another one moved waits for the undo of that.
            assert ran.code == 0 or "its original is not back" in ran.out, ran
        assert (ran.code, "No quarantine contains" in ran.err) == (2, True), ran
        assert self.set_aside() == []
        if times:
            now = self.look()
            assert now == self.whole_at_first, different(now, self.whole_at_first)
        assert look(self.drive) == self.at_first

    def emptied(self) -> None:
        """All that is left in the quarantine is deleted, and what the user sees is not touched."""
        self.fine(*PURGE)
        assert self.set_aside() == []
        assert look(self.drive) == self.collapsed
        self.nothing_lost()

    def command(self, name: str) -> Sequence[Argument]:
        return {"apply": ("dedupe", "--apply", self.plan), "undo": UNDO, "purge": PURGE}[name]

    def begin(self, name: str) -> None:
        """Bring everything to where a command begins."""
        if name != "apply":
            self.finish()
            self.save()

    def fail(self, name: str, point: Point, fault: str, also: str = "") -> Ran:
        """Run a command in which a call fails; check what is on the drive, and what was said."""
        ran = self.faulty(point, fault, *self.command(name), also=also)
        if fault == KILL and ran.code in (0, 3):
            raise PointNotReached
        if fault == KILL:
            assert ran.code == -signal.SIGKILL, ran
        else:
            told_clearly(ran)
        if name == "purge":
            self.nothing_lost()
            assert look(self.drive) == self.collapsed
            return ran
        self.check()
        if ran.code == 0:  # the call was of no importance for what was to be done
            assert look(self.drive) == (self.collapsed if name == "apply" else self.at_first)
        return ran

    def go_on(self, name: str, point: Point, again: bool) -> None:
        """Do what a user does then: give the command once more, or undo."""
        if name == "purge" and again:
            self.emptied()
        elif name == "purge":
            # What was deleted in part comes back in part, and is told each time.
            for _ in range(3):
                self.run(*UNDO)
            self.nothing_lost()
            assert self.set_aside() == []
        else:
            if name == "apply" and again:
                self.finish()
            # The time of a folder is set as well as that can be done.
            self.back(times=point.call != "utimensat")


def different(now: dict[str, drives.Look], then: dict[str, drives.Look]) -> list[object]:
    paths = [path for path in {**now, **then} if now.get(path) != then.get(path)]
    return [(path, now.get(path), then.get(path)) for path in paths]


def texts_of_links(top: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            if os.path.islink(path := os.path.join(folder, name)):
                yield os.readlink(path)


class Repository(Family):
    """A drive with a repository, and a copy of an earlier state of it, with something new."""

    members = 1

    def fill(self, drive: Path) -> None:
        keep, copy = drive / "App", drive / "Old/App"
        make_tree(keep, {"src": SAME, "more": SAME, "deleted": "later"})
        git(keep, "init", "-q", "-b", "main")
        git(keep, "add", ".")
        git(keep, "commit", "-q", "-m", "one")
        shutil.copytree(keep, copy, symlinks=True)
        git(keep, "rm", "-q", "deleted")
        (keep / "src/f1").write_text("newer")
        git(keep, "commit", "-q", "-a", "-m", "two")
        make_tree(copy, {"new": {"a": "a"}, ".env": "KEY=1"})
        (copy / "src/f2").write_text("edited")
        self.had = contents(drive)

    def nothing_lost(self) -> None:
        """Every content is somewhere, or in the history of the kept repository."""
        found = contents(self.drive / "App") | blobs(self.drive / "App")
        if (shelf := self.drive / "App (from copies)").exists():
            found |= contents(shelf)
        if not self.had <= found:  # else what is in the quarantine may be half deleted
            found |= contents(self.drive)
        assert self.had <= found


COMMANDS = ("apply", "undo", "purge")
FAMILIES: dict[str, type[Family]] = {"copies": Family, "repositories": Repository}


@by_strace
@pytest.mark.parametrize(
    ("name", "of"), [*((name, "copies") for name in COMMANDS), ("purge", "repositories")]
)
def test_some_points(tmp_path: Path, name: str, of: str) -> None:
    """Of calls on the drive, with each kind of fault in turn."""
    bench = FAMILIES[of](tmp_path)
    bench.begin(name)
    points = [each for each in bench.changes(*bench.command(name)) if str(bench.drive) in each.line]
    faults = {point: FAULTS[at % 3] for at, point in enumerate(sample(points, SOME))}

    def at(point: Point) -> None:
        bench.fail(name, point, faults[point])
        bench.go_on(name, point, again=point.number % 2 == 0)

    tried(name, bench, list(faults), None, at)


@by_strace
@pytest.mark.deep
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("of", FAMILIES)
def test_every_point(tmp_path: Path, of: str, name: str, fault: str) -> None:
    """Those in the vault and in the user's own folders as well."""
    bench = FAMILIES[of](tmp_path)
    bench.begin(name)
    ended = Counter[int]()

    def at(point: Point) -> None:
        ended[bench.fail(name, point, fault).code] += 1
        bench.go_on(name, point, again=point.number % 2 == 0)

    tried(f"{name} of {of}, {fault}", bench, bench.changes(*bench.command(name)), None, at)
    print(f"exit codes: {dict(ended)}")


IMPORTANT = {
    "a copy was brought, and the journal cannot say so": (
        "apply",
        r"write.*bring-6.*event.*do",
    ),
    "one is on the shelf, and the journal cannot say so": ("apply", r'write.*shelve-2.*"d"'),
    "what was brought cannot be synced": ("apply", r"fsync.*Drive/App>"),
    "a copy among others in a folder cannot be made": ("apply", r"pwrite64.*\.copy-bring-6"),
    "a copy of a tree cannot leave": ("apply", r'renameat2.*"App \(1\)".*leave-3'),
    "a copy cannot be taken back": ("undo", r'renameat2.*"two".*\.copy-bring-7'),
    "the undo of a copy cannot be recorded": ("undo", r"write.*bring-8.*event.*un"),
    "a copy cannot be synced after it was taken back": ("undo", r"fsync.*Drive/App/src>"),
    "a copy cannot be compared in the quarantine": ("undo", r"fsync.*\.copy-bring-7>"),
    "a copy cannot be deleted": ("undo", r"unlinkat.*\.copy-bring-3"),
    "the shelf cannot be removed": ("undo", r'unlinkat.*"App \(from copies\)", AT_REMOVEDIR\) = 0'),
}
"""Calls at which the next undo once found nothing more to do, or a copy stayed for good."""


@pytest.fixture(scope="module")
def families(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Family, list[Point]]]:
    """A drive for each command, and the calls that it makes there."""
    found = {}
    for name in ("apply", "undo"):
        bench = Family(tmp_path_factory.mktemp(name))
        bench.begin(name)
        found[name] = bench, bench.changes(*bench.command(name))
    return found


@by_strace
@pytest.mark.parametrize("what", IMPORTANT)
def test_a_point_that_matters(families: dict[str, tuple[Family, list[Point]]], what: str) -> None:
    name, pattern = IMPORTANT[what]
    bench, points = families[name]
    called = re.compile(rf"\d+ +{pattern}")
    point = next(each for each in points if called.match(each.line))
    bench.restore()
    ran = bench.fail(name, point, "error=EIO")
    assert ran.code == 3, ran
    assert "input/output error" in ran.out, ran
    bench.go_on(name, point, again=False)


HALF_DELETED = {
    "a repository": ("repositories", r'unlinkat.*"refs", AT_REMOVEDIR'),
    "what a lock file makes again": ("copies", r'unlinkat.*"Pods", AT_REMOVEDIR'),
}


@by_strace
@pytest.mark.parametrize("what", HALF_DELETED)
def test_what_is_deleted_in_part_can_still_be_compared(tmp_path: Path, what: str) -> None:
    """Or nothing of it is left: of half a repository nobody could say what it contains."""
    of, pattern = HALF_DELETED[what]
    bench = FAMILIES[of](tmp_path)
    bench.begin("purge")
    called = re.compile(rf"\d+ +{pattern}")
    point = next(each for each in bench.changes(*PURGE) if called.match(each.line))
    for again in (True, False):
        bench.restore()
        bench.fail("purge", point, KILL)
        bench.go_on("purge", point, again)
