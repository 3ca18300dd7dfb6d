"""Somebody who works on a drive: random operations, at full speed."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.exchanging import exchange

NAMES = [f"{letter}{number}" for letter in "abcd" for number in range(6)]
MOST = 1500
"""So many files and folders, and more is deleted than made."""


_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def flood(folder: Path) -> None:
    """More changes in a folder than the kernel keeps for somebody who does not listen."""
    path = folder / "flood"
    for number in range(int(_QUEUE.read_text()) + 1000):
        # In turn: equal ones that follow each other are kept as one.
        path.write_text("x") if number % 2 else path.unlink(missing_ok=True)


class Load:
    """Changes a tree, one operation at a time; says nothing of what it did."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top = top
        self.dice = random.Random(seed)
        self.files: list[Path] = []
        self.folders: list[Path] = [top]
        self.count = 0
        self._operations: list[tuple[Callable[[], None], int]] = [
            (self.create, 20),
            (self.append, 15),
            (self.replace, 12),
            (self.rename, 10),
            (self.move_folder, 4),
            (self.exchange, 2),
            (self.move_out_and_in, 1),
            (self.hard_link, 6),
            (self.symlink, 2),
            (self.delete, 12),
            (self.chmod, 6),
            (self.deep_tree, 3),
            (self.remove_tree, 1),
        ]

    def work(self, operations: int) -> None:
        """Do so many of them."""
        kinds, weights = zip(*self._operations, strict=True)
        for _ in range(operations):
            crowded = len(self.files) + len(self.folders) > MOST
            what = self.remove_tree if crowded else self.dice.choices(kinds, weights)[0]
            try:
                what()
            except OSError:
                self._look()  # what it knows of the tree has grown old
            self.count += 1

    def _look(self) -> None:
        self.files, self.folders = [], []
        for folder, _, names in os.walk(self.top):
            self.folders.append(Path(folder))
            self.files += [Path(folder, name) for name in names]

    def _file(self) -> Path:
        return self.dice.choice(self.files) if self.files else self.top / "a0"

    def _place(self) -> Path:
        return self.dice.choice(self.folders) / self.dice.choice(NAMES)

    def _content(self) -> bytes:
        return bytes([65 + self.dice.randrange(20)]) * self.dice.choice([0, 1, 10, 300, 5000])

    def create(self) -> None:
        path = self._place()
        path.write_bytes(self._content())
        self.files.append(path)

    def append(self) -> None:
        with open(self._file(), "ab") as file:
            file.write(self._content())

    def replace(self) -> None:
        path = self._file()
        aside = path.with_name("aside")
        aside.write_bytes(self._content())
        aside.rename(path)

    def rename(self) -> None:
        path, target = self._file(), self._place()
        path.rename(target)
        self.files.append(target)

    def move_folder(self) -> None:
        path, target = self.dice.choice(self.folders), self._place()
        if path != self.top:
            path.rename(target)
            self._look()

    def exchange(self) -> None:
        one, other = self.dice.choice(self.folders), self.dice.choice(self.folders)
        if self.top not in (one, other):
            exchange(os.fsencode(one), os.fsencode(other))
            self._look()

    def move_out_and_in(self) -> None:
        """A folder is away for a moment, in which others come and what is in it changes."""
        path, outside = self.dice.choice(self.folders), self.top.with_name("outside")
        if path == self.top:
            return
        path.rename(outside)
        (outside / "from outside").write_bytes(self._content())
        self._look()
        self.work(self.dice.randrange(4))
        outside.rename(self.dice.choice(self.folders) / "back")
        self._look()

    def hard_link(self) -> None:
        target = self._place()
        os.link(self._file(), target)
        self.files.append(target)

    def symlink(self) -> None:
        self._place().symlink_to(self.dice.choice(["a0", "../b1", "nowhere"]))

    def delete(self) -> None:
        path = self._file()
        path.unlink()
        if path in self.files:  # where there is no file, it may be a link of that name
            self.files.remove(path)

    def chmod(self) -> None:
        self._file().chmod(self.dice.choice([0o644, 0o755, 0o600]))

    def deep_tree(self) -> None:
        path = self.dice.choice(self.folders)
        for _ in range(self.dice.randint(2, 8)):
            path /= self.dice.choice(NAMES)
            path.mkdir(exist_ok=True)
            self.folders.append(path)
            if self.dice.random() < 0.5:
                inner = path / self.dice.choice(NAMES)
                inner.write_bytes(self._content())
                self.files.append(inner)

    def remove_tree(self) -> None:
        path = self.dice.choice(self.folders)
        if path != self.top:
            shutil.rmtree(path)
            self._look()
