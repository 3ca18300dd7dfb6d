"""Random trees as people leave them: projects, albums and libraries, copied about and drifted."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

AROUND = (
    *("Backup", "Downloads", "Temp", "New Folder With Items", "old", "Documents", "Archive 2019"),
    *("Desktop", "work", "x", "Photos", "Copy of stuff", "untitled folder"),
)
PROJECT = (
    *("src/index.ts", "src/app.ts", "client/main.tsx", "server/index.ts", "README.md", ".env"),
    *(".gitignore", "shared/a.ts", "LICENSE", "docs/read.txt"),
)
PLAIN = (
    *("a.txt", "b.txt", "c.doc", "sub/d.txt", "sub/e.pdf", "notes.md", ".hidden", "sub/deep/f"),
    *("g.csv", "h.bin"),
)
LEFTOVERS = ("readme", "todo.txt", "Thumbs.db", ".DS_Store", "x.bak", "zero")
SIZES = (0, 10, 40, 63, 64, 200, 900, 5000)
NAMES = ("Foo", "HealthTrack", "Report")


class MessyTree:
    """Makes one tree; the same of the same seed."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top = top
        self.dice = random.Random(seed)
        self.contents: list[bytes] = [b"", b"{}"]

    def build(self) -> None:
        dice = self.dice
        self.top.mkdir(parents=True)
        kinds: tuple[tuple[Callable[[Path], None], tuple[str, ...]], ...] = (
            *[(self._project, NAMES)] * 4,
            *[(self._plain, NAMES)] * 3,
            *[(self._album, ("Album", "Trip", "Photos"))] * 2,
            (self._library, ("Lib.photoslibrary",)),
        )
        for _ in range(dice.randint(1, 5)):
            make, names = dice.choice(kinds)
            make(self._somewhere() / dice.choice(names))
        for _ in range(dice.randint(3, 14)):
            self._copy()
        for _ in range(dice.choice([0, 0, 1, 2, 4])):
            self._link()
        for _ in range(dice.randint(0, 4)):
            self._write(dice.choice(self._folders()) / dice.choice(LEFTOVERS))
        for path in self._entries():
            if dice.random() < 0.6:
                moment = dice.randint(1, 2**30) * 1_000_000_007
                os.utime(path, ns=(moment, moment))

    def _entries(self) -> list[Path]:
        return sorted(path for path in self.top.rglob("*") if not path.is_symlink())

    def _folders(self) -> list[Path]:
        return [self.top, *filter(Path.is_dir, self._entries())]

    def _somewhere(self) -> Path:
        depth = self.dice.choice([0, 1, 1, 2, 2, 3])
        return self.top.joinpath(*self.dice.choices(AROUND, k=depth))

    def _write(self, path: Path, content: bytes | None = None) -> None:
        if os.path.lexists(path) or any(each.is_file() for each in path.parents):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._content() if content is None else content)
        if self.dice.random() < 0.04:
            path.chmod(0o755)

    def _content(self) -> bytes:
        if self.dice.random() < 0.2:
            return self.dice.choice(self.contents)
        found = content(len(self.contents), self.dice.choice(SIZES))
        self.contents.append(found)
        return found

    def _write_some(self, folder: Path, names: tuple[str, ...], least: int) -> None:
        for name in self.dice.sample(names, self.dice.randint(least, 7)):
            self._write(folder / name)
        if self.dice.random() < 0.25 and folder.is_dir():
            (folder / "empty").mkdir(exist_ok=True)

    def _project(self, folder: Path) -> None:
        dice = self.dice
        self._write_some(folder, PROJECT, 2)
        if dice.random() < 0.7:
            self._write(folder / "package.json")
        if dice.random() < 0.4:
            self._write(folder / ".git/HEAD", b"ref: refs/heads/main\n")
            self._write(folder / ".git/refs/heads/main")
        for number in range(dice.choice([0, 0, 1, 2])):
            self._write(folder / f"node_modules/p{number}/index.js")

    def _plain(self, folder: Path) -> None:
        self._write_some(folder, PLAIN, 1)

    def _album(self, folder: Path) -> None:
        dice = self.dice
        for number in range(dice.randint(3, 9)):
            self._write(folder / f"IMG_{number}.jpg", picture(number + 20 * dice.randint(0, 1)))
            if dice.random() < 0.3:
                self._write(folder / f"IMG_{number}.xmp")

    def _library(self, folder: Path) -> None:
        for number in range(self.dice.randint(1, 3)):
            self._write(folder / f"originals/{number}.jpg", picture(number))
        self._write(folder / "database/Photos.sqlite")

    def _copy(self) -> None:
        """Copy a file or a folder, which may drift after that."""
        dice = self.dice
        things = self._entries()
        if not things:
            return
        source = dice.choices(things, [4 if each.is_dir() else 1 for each in things])[0]
        stem, dot, end = source.name.partition(".")
        marked = (f"{stem} (1){dot}{end}", f"Copy of {source.name}", f"{stem} copy{dot}{end}")
        name = dice.choice([*[source.name] * 4, *marked, f"{stem} 2{dot}{end}"])
        places = [source.parent, self._somewhere(), self._somewhere(), dice.choice(self._folders())]
        target = dice.choice([source, *places] if source.is_dir() else places) / name
        if os.path.lexists(target) or any(each.is_file() for each in target.parents):
            return
        held = self.top.with_name("held")
        if source.is_dir():
            shutil.copytree(source, held, symlinks=True)
        else:
            shutil.copy2(source, held)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(held, target)
        if target.is_dir():
            self._drift(target)

    def _drift(self, folder: Path) -> None:
        dice = self.dice
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if dice.random() < 0.3:
            for path in files:
                if dice.random() < 0.25:
                    path.unlink()
        if dice.random() < 0.25 and files:
            changed = dice.choice(files)
            if changed.is_file() and not changed.is_symlink():
                changed.write_bytes(self._content())
        if dice.random() < 0.2:
            self._write(folder / f"own{len(self.contents)}.txt")

    def _link(self) -> None:
        things = self._entries()
        if not things:
            return
        source = self.dice.choice(things)
        name = self.dice.choice(["link", "alias", source.name])
        target = self.dice.choice(self._folders()) / name
        if os.path.lexists(target):
            return
        if self.dice.random() < 0.5 and source.is_file():
            os.link(source, target)
        else:
            target.symlink_to(os.path.relpath(source, target.parent))


def content(number: int, size: int) -> bytes:
    return (f"content {number}; " * (size // 8 + 1)).encode()[:size]


def picture(number: int) -> bytes:
    return content(1000 + number, 300)
