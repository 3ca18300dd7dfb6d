"""Somebody who works on two drives at random, and knows which contents he destroyed.

Each content is unlike every other one and begins with a letter: of a *treasure* (`T`) he may move,
copy, touch and chmod the files, but never deletes one or writes to one, so it must be there at any
time; *paper* (`P`) he throws away and writes over too. What he takes away or replaces he first has
to himself, by a rename, and only then does he look what it was: others move it meanwhile.
"""

from __future__ import annotations

import os
import random
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gorillacomb.fs import mutations
from gorillacomb.fs.openat import OUR_FOLDER
from tests.support.exchanging import exchange

OURS = os.fsdecode(OUR_FOLDER)
_CWD = -100  # AT_FDCWD
DEEPEST = 7
NAMES = [f"{word} {number}" for word in ("album", "letter", "song", "map") for number in range(8)]


def move(source: Path, target: Path) -> None:
    """Rename something; raises FileExistsError where something is."""
    mutations.rename_no_replace(_CWD, bytes(source), _CWD, bytes(target))


def entries(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk a tree without our own folder."""
    for folder, folders, names in os.walk(top):
        if OURS in folders:
            folders.remove(OURS)
        yield Path(folder), folders, names


class Person:
    """Makes changes, one at a time."""

    def __init__(self, drives: Sequence[Path], fixed: Sequence[Path], seed: int, most: int) -> None:
        """``fixed`` are folders that stay where they are; ``most`` files are on each drive."""
        self.drives, self.fixed, self.most = drives, {*drives, *fixed}, most
        self.dice = random.Random(seed)
        self.seed = seed
        self.changes = 0
        self.treasures: set[bytes] = set()
        self.papers: set[bytes] = set()
        self.destroyed: set[bytes] = set()
        self.last = ""
        """What was done last."""
        self._number = 0
        self._files: dict[Path, list[Path]] = {drive: [] for drive in drives}
        self.folders: dict[Path, list[Path]] = {drive: [drive] for drive in drives}
        self._aside = {drive: drive.parent / "of the person" for drive in drives}
        for aside in self._aside.values():
            aside.mkdir()
        self._acts: list[tuple[Callable[[Path], str | None], int]] = [
            (self.write_new, 14),
            (self.copy_file, 16),
            (self.copy_folder, 4),
            (self.make_folder, 4),
            (self.rename, 14),
            (self.move_folder, 3),
            (self.overwrite, 7),
            (self.replace, 6),
            (self.delete, 12),
            (self.throw_away, 2),
            (self.touch, 6),
            (self.chmod, 5),
            (self.link, 2),
            (self.symlink, 1),
        ]

        self._making = (self.write_new, self.copy_file, self.copy_folder, self.link)

    def work(self, times: int) -> None:
        """Make so many changes, or try to."""
        kinds, weights = zip(*self._acts, strict=True)
        for _ in range(times):
            drive = self.dice.choice(self.drives)
            if self.changes % 40 == 0 or not self._files[drive]:
                self.look(drive)
            act = self.dice.choices(kinds, weights)[0]
            if len(self._files[drive]) > self.most and act in self._making:
                act = self.dice.choice([self.delete, self.throw_away])
                if self.dice.random() < (0.01 if len(self.treasures) > self.most / 4 else 0.0005):
                    self.tire_of_treasures()
            try:
                done = act(drive)
            except OSError:
                self.look(drive)  # others moved it meanwhile
                continue
            if done is not None:
                self.last = done
                self.changes += 1

    def look(self, drive: Path) -> None:
        """See what is there."""
        self._files[drive], self.folders[drive] = [], []
        for folder, _, names in entries(drive):
            if len(folder.parts) - len(drive.parts) <= DEEPEST:
                self.folders[drive].append(folder)
            self._files[drive] += [folder / name for name in names]

    def tire_of_treasures(self) -> None:
        """Let half of the treasures be paper from now on, that the drives do not fill up."""
        old = sorted(self.treasures)[: len(self.treasures) // 2]
        self.treasures -= {*old}
        self.papers |= {*old}

    def fresh(self, treasure: bool | None = None) -> bytes:
        """A content that there was never before; by default one of either kind."""
        self._number += 1
        treasure = self.dice.random() < 0.4 if treasure is None else treasure
        text = b"%c %d.%d;" % (b"PT"[treasure], self.seed, self._number)
        size = self.dice.choice([64, 100, 300, 2000, 9000])
        return (text * (size // len(text) + 1))[: size + self._number % 7]

    def _is_safe(self, content: bytes) -> bool:
        """Whether nothing of a treasure would be lost with a file."""
        return content not in self.treasures

    def _file(self, drive: Path) -> Path:
        if not self._files[drive]:
            raise FileNotFoundError
        return self.dice.choice(self._files[drive])

    def _place(self, drive: Path) -> Path:
        name = self.dice.choice(NAMES) + self.dice.choice(["", "", " (1)", " copy", ".jpg"])
        return self.dice.choice(self.folders[drive]) / name

    def _put(self, path: Path, content: bytes) -> None:
        """Write a new file, and know from then on that there is its content."""
        with open(path, "xb") as file:
            file.write(content)
        self._know(content)

    def _know(self, content: bytes) -> None:
        if content not in self.papers:  # which may have been a treasure
            (self.treasures if content.startswith(b"T") else self.papers).add(content)

    def write_new(self, drive: Path) -> str:
        path = self._place(drive)
        self._put(path, self.fresh())
        self._files[drive].append(path)
        return f"wrote {path}"

    def copy_file(self, drive: Path) -> str:
        source = self._file(self.dice.choice(self.drives))
        target = self.dice.choice(self.folders[drive]) / source.name
        if os.path.lexists(target):
            target = self._place(drive)
        self._copy(source, target)
        self._files[drive].append(target)
        return f"copied {source} to {target}"

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a file with its times; an interrupted one is not left."""
        with open(source, "rb") as file:
            content, facts = file.read(), os.fstat(file.fileno())
        self._put(target, content)
        if self.dice.random() < 0.7:
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    def copy_folder(self, drive: Path) -> str | None:
        source = self.dice.choice(self.folders[self.dice.choice(self.drives)])
        target = self._place(drive)
        if source in self.fixed or target.is_relative_to(source):
            return None
        inner = [(folder, names) for folder, _, names in entries(source)]
        if not 0 < sum(len(names) for _, names in inner) < 25:
            return None
        for folder, names in inner:
            (target / folder.relative_to(source)).mkdir()
            for name in names:
                if not (folder / name).is_symlink():
                    self._copy(folder / name, target / folder.relative_to(source) / name)
        return f"copied the folder {source} to {target}"

    def make_folder(self, drive: Path) -> str:
        path = self._place(drive)
        path.mkdir()
        self.folders[drive].append(path)
        return f"made the folder {path}"

    def rename(self, drive: Path) -> str:
        source, target = self._file(drive), self._place(drive)
        move(source, target)
        self._files[drive].append(target)
        return f"renamed {source} to {target}"

    def move_folder(self, drive: Path) -> str | None:
        source, target = self.dice.choice(self.folders[drive]), self._place(drive)
        if any(each.is_relative_to(source) for each in self.fixed):
            return None
        move(source, target)
        self.look(drive)
        return f"moved the folder {source} to {target}"

    def overwrite(self, drive: Path) -> str | None:
        """Write into a file where it is."""
        path = self._file(drive)
        with open(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
            was = file.read()
            if not self._is_safe(was):
                return None
            file.seek(0)
            file.write(new := self.fresh(treasure=False))
            file.truncate()
        self._know(new)
        self.destroyed.add(was)
        return f"wrote over {path}"

    def replace(self, drive: Path) -> str:
        """Write a file beside, and have it take the place of another one."""
        path, aside = self._file(drive), self._aside[drive] / "new"
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileNotFoundError
        self._put(aside, self.fresh())
        try:
            exchange(aside, path)
        except OSError:
            self._away(drive, aside)
            raise
        self._away(drive, aside)
        return f"replaced {path}"

    def delete(self, drive: Path) -> str | None:
        path, aside = self._file(drive), self._aside[drive] / "old"
        if not path.is_symlink() and not self._is_safe(path.read_bytes()):
            return None
        move(path, aside)
        return ("deleted " if self._away(drive, aside) else "took from its place ") + str(path)

    def _away(self, drive: Path, aside: Path) -> bool:
        """Delete what he has to himself, or put a treasure somewhere; says whether he deleted."""
        mode = aside.lstat().st_mode
        content = aside.read_bytes() if stat.S_ISREG(mode) else b""
        if stat.S_ISDIR(mode) or not self._is_safe(content):
            self._number += 1
            move(aside, drive / f"kept {self._number}")
            return False
        self.destroyed.add(content)
        aside.unlink()
        return True

    def throw_away(self, drive: Path) -> str | None:
        """Delete a folder with all in it but treasures; each file counts as a change.

        Not one with much of a drive in it: a root that lost that is suspect, and known as it was.
        """
        self._number += 1
        path = self.dice.choice(self.folders[drive])
        aside = self._aside[drive] / f"old {self._number}"  # somebody may put things back into it
        holds = sum(each.is_relative_to(path) for each in self._files[drive])
        if holds > self.most / 8 or any(each.is_relative_to(path) for each in self.fixed):
            return None
        move(path, aside)
        for folder, folders, names in os.walk(aside, topdown=False):
            for name in names:
                self._away(drive, Path(folder, name))
                self.changes += 1
            for name in folders:
                inner = Path(folder, name)
                inner.unlink() if inner.is_symlink() else inner.rmdir()
        aside.rmdir()
        self.look(drive)
        return f"threw the folder {path} away"

    def touch(self, drive: Path) -> str:
        path = self._file(drive)
        moment = self.dice.choice([time.time_ns(), 10**18 + self.dice.randrange(10**9)])
        os.utime(path, ns=(moment, moment), follow_symlinks=False)
        return f"touched {path}"

    def chmod(self, drive: Path) -> str:
        path = self._file(drive)
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(file, self.dice.choice([0o644, 0o755, 0o600]))
        finally:
            os.close(file)
        return f"changed the mode of {path}"

    def link(self, drive: Path) -> str:
        source, target = self._file(drive), self._place(drive)
        os.link(source, target, follow_symlinks=False)
        self._files[drive].append(target)
        return f"linked {source} to {target}"

    def symlink(self, drive: Path) -> str:
        path, target = self._place(drive), self._file(drive)
        path.symlink_to(target if self.dice.random() < 0.5 else target.name)
        return f"made the link {path} to {target}"
