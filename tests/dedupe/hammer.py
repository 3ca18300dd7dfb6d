"""A process of its own that works on the files of a tree at random, and knows what it destroyed.

It is told on stdin of a folder and a seed, begins, and ends with the next line. Then it tells of
each content how many files more, or fewer, have it than before. Whatever it takes away it first
exchanges for something else, so that it knows what that was, wherever others move it meanwhile.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import select
from collections import Counter
from pathlib import Path

from tests.support.exchanging import exchange


class Hammer:
    def __init__(self, top: Path, seed: int) -> None:
        self.top = top
        self.chance = random.Random(seed)
        self.seed = seed
        self.changed: Counter[str] = Counter()
        self.number = 0
        self.acts = 0
        self.own = top / "own"
        """Where only it writes."""

    def step(self) -> None:
        """Do one thing to one file."""
        targets = [self.top / name for name in ("work", "kept")]
        files = [
            Path(folder, name)
            for top in targets
            for folder, _, names in os.walk(top)
            for name in names
        ]
        if not files:
            self.chance.choice(targets).mkdir(exist_ok=True)
            return
        target = self.chance.choice(files)
        act = self.chance.choice(
            [self.write, self.map, self.cut, self.replace, self.remove, self.link, self.move]
            + [self.mode] * 2
        )
        try:
            act(target)
            self.acts += 1
        except OSError:
            pass  # others moved it meanwhile

    def fresh(self, size: int) -> bytes:
        self.number += 1
        text = f"{self.seed}-{self.number};".encode()
        return (text * (size // len(text) + 1))[:size] if size >= len(text) else text

    def note(self, content: bytes, by: int) -> None:
        self.changed[content.decode()] += by

    def opened(self, target: Path) -> int:
        return os.open(target, os.O_RDWR | os.O_NOFOLLOW)

    def write(self, target: Path) -> None:
        file = self.opened(target)
        was = os.pread(file, 1 << 20, 0)
        new = self.fresh(len(was))
        os.pwrite(file, new, 0)
        self.note(was, -1)
        self.note(new + was[len(new) :], 1)
        os.close(file)

    def map(self, target: Path) -> None:
        file = self.opened(target)
        size = os.fstat(file).st_size
        with mmap.mmap(file, size) as mapped:
            was, new = mapped[:], self.fresh(size)
            mapped[:] = new
        self.note(was, -1)
        self.note(new, 1)
        os.close(file)

    def cut(self, target: Path) -> None:
        file = self.opened(target)
        was = os.pread(file, 1 << 20, 0)
        if len(was) > 40:
            os.ftruncate(file, len(was) - 1)
            self.note(was, -1)
            self.note(was[:-1], 1)
        os.close(file)

    def replace(self, target: Path) -> None:
        new = self.fresh(600)
        aside = self.own / f"{self.number}"
        aside.write_bytes(new)
        self.note(new, 1)
        exchange(aside, target)
        self.gone(aside)

    def remove(self, target: Path) -> None:
        aside = self.own / f"{self.chance.random()}"
        os.rename(target, aside)
        self.gone(aside)

    def gone(self, aside: Path) -> None:
        """Remove what only it has by now."""
        if aside.is_symlink():
            os.unlink(aside)
            return
        content = aside.read_bytes()
        os.unlink(aside)
        self.note(content, -1)

    def link(self, target: Path) -> None:
        aside = self.own / f"{self.chance.random()}"
        os.rename(target, aside)
        os.symlink(aside, target)

    def move(self, target: Path) -> None:
        parent = target.parent
        os.rename(parent, self.own / "folder")
        os.rename(self.own / "folder", parent)

    def mode(self, target: Path) -> None:
        file = self.opened(target)
        os.fchmod(file, self.chance.choice([0o600, 0o644, 0o755]))
        os.close(file)


def main() -> None:
    # Unbuffered: what was read ahead, select would wait for in vain.
    told = open(0, "rb", buffering=0)  # noqa: SIM115
    while line := told.readline():
        top, seed = json.loads(line)
        hammer = Hammer(Path(top), seed)
        while not select.select([told], [], [], 0)[0]:
            hammer.step()
        told.readline()
        print(json.dumps([hammer.acts, hammer.changed]), flush=True)


if __name__ == "__main__":
    main()
