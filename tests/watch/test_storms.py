"""Beside programs that change thousands of files at a time the watcher catches up, and misses nothing."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.run import environment
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

    def __init__(self, top: Path, aside: Path, scale: int) -> None:
        self.top, self.aside, self.scale, self.dice = top, aside, scale, random.Random(scale)
        self.rounds = 0

    def begin(self) -> None: ...

    def once(self) -> None:
        raise NotImplementedError

    def need(self, *programs: str) -> None:
        for each in programs:
            if shutil.which(each) is None:
                pytest.skip(f"MISSING: {each}: apt install {each}")

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

    def begin(self) -> None:
        self.need("npm")
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

    def begin(self) -> None:
        self.need("git")
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

    def begin(self) -> None:
        self.need("rsync")

    def once(self) -> None:
        shutil.rmtree(self.aside / "source", ignore_errors=True)
        packages(self.aside / "source", self.scale, self.dice)
        self.run("rsync", "-a", "--delete", f"{self.aside}/source/", f"{self.top}/copy/")


class Unpack(Storm):
    """`tar x` over what is there, and a part of it removed again."""

    def begin(self) -> None:
        self.need("tar")
        for number in range(3):
            packages(self.aside / f"{number}", self.scale, self.dice)
            self.run("tar", "-cf", self.aside / f"{number}.tar", "-C", self.aside, f"{number}")

    def once(self) -> None:
        number = self.rounds % 3
        if self.rounds % 4 == 3:
            shutil.rmtree(self.top / f"{number}", ignore_errors=True)
        self.run("tar", "-xf", self.aside / f"{number}.tar", "-C", self.top)


@pytest.mark.parametrize("kind", [Install, Npm, Checkout, Rsync, Unpack])
@pytest.mark.parametrize(
    ("seconds", "scale"), [(1, 20), pytest.param(60, 400, marks=pytest.mark.deep)]
)
def test_it_catches_up(
    tmp_path: Path, vault: Path, kind: type[Storm], seconds: float, scale: int
) -> None:
    """With both cores at work all the time."""
    top, aside = tmp_path / "drive", tmp_path / "aside"
    top.mkdir()
    aside.mkdir()
    storm = kind(top, aside, scale)
    storm.begin()
    daemon = Daemon(vault, top)
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
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
    caught_up = time.monotonic() - ended
    ran = daemon.stop()
    lost = ran.out.count("the system lost events")
    print(f"{kind.__name__}: {storm.rounds} rounds, caught up {caught_up:.1f} s later, lost {lost}")
    assert (ran.code, ran.err) == (0, "")
    check_index(vault, tmp_path / "fresh", top)
