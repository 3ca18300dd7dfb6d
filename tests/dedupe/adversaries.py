"""Others who write to a tree while it is being deduplicated, each in a way of its own."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path

NEW = b"what somebody else wrote meanwhile, as long as it takes; " * 8


class Adversary:
    """Does something to one file; ready before the run begins, as a program would be."""

    shows = True
    """Whether a look at the file, or at its place, can tell that something was done."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.wrote: bytes | None = None
        """A content that nobody may lose any more."""
        self.missed = False
        """Whether what it was after had gone from its place."""

    def __call__(self) -> None:
        try:
            self.act()
        except FileNotFoundError:
            self.missed = True

    def act(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is open."""


class _WithFile(Adversary):
    """Has had the file open since before: it is reached wherever it went."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self.file = os.open(target, os.O_RDWR)

    def close(self) -> None:
        os.close(self.file)

    def put(self, content: bytes) -> None:
        self.wrote = content
        os.pwrite(self.file, content, 0)


class Writes(_WithFile):
    def act(self) -> None:
        self.put(NEW[: os.fstat(self.file).st_size])


class Truncates(_WithFile):
    def act(self) -> None:
        self.wrote = os.pread(self.file, 5, 0)
        os.ftruncate(self.file, 5)


class Appends(_WithFile):
    def act(self) -> None:
        size = os.fstat(self.file).st_size
        self.wrote = os.pread(self.file, size, 0) + NEW
        os.pwrite(self.file, NEW, size)


class WritesThroughAMap(_WithFile):
    """Its page was dirtied long before: no system call tells of what it writes."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self.size = os.fstat(self.file).st_size
        self.map = mmap.mmap(self.file, self.size)
        self.map[0:1] = self.map[0:1]

    def act(self) -> None:
        self.wrote = NEW[: self.size]
        self.map[: self.size] = self.wrote

    def close(self) -> None:
        self.map.close()
        super().close()


class WritesAndHidesIt(_WithFile):
    """As `cp --preserve` and `rsync --inplace --times` do: size and time are what they were."""

    shows = False

    def act(self) -> None:
        facts = os.fstat(self.file)
        self.put(NEW[: facts.st_size])
        os.utime(self.file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


class SwapsForALink(Adversary):
    """Takes the file elsewhere and leaves a link to it."""

    def act(self) -> None:
        aside = self.target.parent.parent / f"aside {self.target.name}"
        os.rename(self.target, aside)
        os.symlink(aside, self.target)


class Replaces(Adversary):
    """Writes a new file and renames it over the old one, as editors do."""

    def act(self) -> None:
        self.missed = not os.path.lexists(self.target)
        fresh = self.target.parent / f".{self.target.name}.tmp"
        fresh.write_bytes(NEW)
        self.wrote = NEW
        os.rename(fresh, self.target)


class Removes(Adversary):
    def act(self) -> None:
        os.unlink(self.target)


class RenamesTheParent(Adversary):
    def act(self) -> None:
        parent = self.target.parent
        self.missed = not os.path.lexists(self.target)
        os.rename(parent, parent.with_name(parent.name + " renamed"))


class ChangesTheMode(Adversary):
    shows = False

    def act(self) -> None:
        os.chmod(self.target, 0o600)


ALL: list[Callable[[Path], Adversary]] = [
    Writes,
    Truncates,
    Appends,
    WritesThroughAMap,
    WritesAndHidesIt,
    SwapsForALink,
    Replaces,
    Removes,
    RenamesTheParent,
    ChangesTheMode,
]
