"""Beside programs that change thousands of files at a time the watcher misses nothing."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.run import Ran, environment
from tests.watch.daemon import Daemon, check_index

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gc.auto=0")


def packages(top: Path, number: int, dice: random.Random) -> None:
    """A tree as a package manager leaves it: many small files, some of them in many places."""
    for package in range(number):
        folder = top / f"package-{package}" / dice.choice(["lib", "dist", "src/inner"])
        folder.mkdir(parents=True)
        for name in range(dice.randrange(3, 12)):
            (folder / f"{name}.js").write_text(f"module {dice.randrange(200)}\n" * 20)
        (folder.parent / "package.json").write_text(f'{{"name": "package-{package}"}}')
        (folder.parent / "LICENSE").write_text("MIT\n" * 100)
        if package:
            os.symlink(f"../package-{package - 1}", folder.parent / "before")


class Storm:
    """Somebody who does the same to a folder again and again, each time with another outcome."""

    program: ClassVar[str] = ""

    def __init__(self, top: Path, aside: Path, scale: int) -> None:
        self.top, self.aside, self.scale, self.dice = top, aside, scale, random.Random(scale)
        self.rounds = 0
        for each in (top, aside):
            each.mkdir(parents=True)

    @classmethod
    def is_there(cls) -> bool:
        """Whether the program that it needs is."""
        return not cls.program or shutil.which(cls.program) is not None

    def begin(self) -> None: ...

    def once(self) -> None:
        raise NotImplementedError

    def run(self, *words: str | Path) -> None:
        subprocess.run(words, check=True, capture_output=True, timeout=120, env=environment())


class Install(Storm):
    """`npm install` in short: unpack beside, rename into place, throw the old away."""

    def once(self) -> None:
        staging = self.top / ".staging"
        packages(staging, self.scale, self.dice)
        modules = self.top / "node_modules"
        modules.mkdir(exist_ok=True)
        for each in staging.iterdir():
            target = modules / each.name
            if target.exists():
                target.rename(staging / "old")
                each.rename(target)
                shutil.rmtree(staging / "old")
            else:
                each.rename(target)
        staging.rmdir()
        for each in self.dice.sample(sorted(modules.iterdir()), self.scale // 10):
            shutil.rmtree(each)


class Npm(Storm):
    """The real one, with packages that lie beside: nothing comes from a network."""

    program = "npm"

    def begin(self) -> None:
        packages(self.aside / "packages", self.scale // 4, self.dice)
        for each in (self.aside / "packages").iterdir():
            (each / "package.json").write_text(f'{{"name": "{each.name}", "version": "1.0.0"}}')

    def once(self) -> None:
        every = sorted((self.aside / "packages").iterdir())
        some = self.dice.sample(every, len(every) // 2)
        wanted = ", ".join(f'"{each.name}": "file:{each}"' for each in some)
        text = f'{{"name": "app", "version": "1.0.0", "dependencies": {{{wanted}}}}}'
        (self.top / "package.json").write_text(text)
        options = ("--offline", "--no-audit", "--no-fund", "--install-links", "--prefix", self.top)
        self.run("npm", "install", *options, "--cache", self.aside / "cache")


class Checkout(Storm):
    """`git checkout` between branches that have little in common."""

    program = "git"

    def begin(self) -> None:
        self.run(*GIT, "init", "-q", "-b", "one", self.top)
        for branch in ("one", "two", "three"):
            packages(self.top / "src", self.scale, self.dice)
            self.run(*GIT, "-C", self.top, "add", "-A")
            self.run(*GIT, "-C", self.top, "commit", "-q", "-m", branch)
            self.run(*GIT, "-C", self.top, "branch", "-f", f"b-{branch}")
            shutil.rmtree(self.top / "src")

    def once(self) -> None:
        branch = ("b-one", "b-two", "b-three")[self.rounds % 3]
        self.run(*GIT, "-C", self.top, "checkout", "-q", "-f", branch)


class Rsync(Storm):
    """`rsync --delete` of a source that changes."""

    program = "rsync"

    def once(self) -> None:
        shutil.rmtree(self.aside / "source", ignore_errors=True)
        packages(self.aside / "source", self.scale, self.dice)
        self.run("rsync", "-a", "--delete", f"{self.aside}/source/", f"{self.top}/copy/")


class Unpack(Storm):
    """`tar x` over what is there, and a part of it removed again."""

    program = "tar"

    def begin(self) -> None:
        for number in range(3):
            packages(self.aside / f"{number}", self.scale, self.dice)
            self.run("tar", "-cf", self.aside / f"{number}.tar", "-C", self.aside, f"{number}")

    def once(self) -> None:
        number = self.rounds % 3
        if self.rounds % 4 == 3:
            shutil.rmtree(self.top / f"{number}", ignore_errors=True)
        self.run("tar", "-xf", self.aside / f"{number}.tar", "-C", self.top)


def blow(storms: Sequence[Storm], daemon: Daemon, seconds: float) -> float:
    """Have each go on for some seconds, with busy cores; returns how long it took to catch up."""
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        for storm in storms:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                storm.once()
                storm.rounds += 1
        ended = time.monotonic()
        daemon.settle()
    finally:
        for each in busy:
            each.kill()
            each.wait()
    return time.monotonic() - ended


def check(daemon: Daemon, fresh: Path) -> Ran:
    ran = daemon.stop()
    assert (ran.code, ran.err) == (0, "")
    check_index(daemon.vault, fresh, *daemon.tops)
    return ran


def test_it_catches_up(tmp_path: Path, vault: Path) -> None:
    kinds = [each for each in (Install, Checkout, Rsync, Unpack) if each.is_there()]
    storms = []
    for kind in kinds:
        storm = kind(tmp_path / "drive" / kind.__name__, tmp_path / kind.__name__, 12)
        storm.begin()
        storms.append(storm)
    daemon = Daemon(vault, tmp_path / "drive")
    blow(storms, daemon, 0.5)
    check(daemon, tmp_path / "fresh")
    missing = [each.program for each in (Checkout, Rsync, Unpack) if each not in kinds]
    if missing:
        pytest.skip(f"MISSING: {', '.join(missing)}: apt install {' '.join(missing)}")


@pytest.mark.deep
@pytest.mark.parametrize("kind", [Install, Npm, Checkout, Rsync, Unpack])
def test_it_catches_up_after_a_minute(tmp_path: Path, vault: Path, kind: type[Storm]) -> None:
    if not kind.is_there():
        pytest.skip(f"MISSING: {kind.program}: apt install {kind.program}")
    storm = kind(tmp_path / "drive", tmp_path / "aside", 400)
    storm.begin()
    daemon = Daemon(vault, tmp_path / "drive")
    took = blow([storm], daemon, 60)
    lost = check(daemon, tmp_path / "fresh").out.count("the system lost events")
    print(f"{kind.__name__}: {storm.rounds} rounds, caught up after {took:.1f} s, {lost} overflows")
