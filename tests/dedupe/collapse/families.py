"""Random families: one tree, and copies of it that drifted."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support.attributes import set_attribute

PLACES = (
    *("Backup", "New Folder With Items", "Copy of App", "App (1)", "old/2019", "App/src/old"),
    *("Backup/App", "Backup/App/src/deeper", "Copy of App/New Folder With Items"),
)
NAMES = ("main.js", "notes.txt", ".env", "photo.jpg", "photo.xmp", "Makefile", "a b", "Straße", "X")
FOLDERS = ("src", "docs", "node_modules", "build", "assets")


def git(folder: Path, *words: str) -> None:
    """Run git as somebody."""
    who = ("-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def _git_work(top: Path, dice: random.Random) -> None:
    """Do something to a repository that a person might do; it may fail."""
    for _ in range(dice.randint(1, 2)):
        edit(top, dice)
    what = dice.randrange(6)
    with suppress(subprocess.CalledProcessError):
        if what < 3:
            git(top, "add", "-A")
            git(top, "commit", "-q", "--allow-empty", "-m", f"{dice.random()}")
        elif what == 3:
            git(top, "checkout", "-q", "-b", f"b{dice.randrange(99)}")
        elif what == 4:
            git(top, "stash", "-u")
        else:
            git(top, "tag", f"t{dice.randrange(99)}")


def build(drive: Path, dice: random.Random, is_repository: bool = False) -> Path:
    """Fill a drive with a tree, its drifted copies and other files; return the tree."""
    top = drive / "App"
    top.mkdir(parents=True)
    if dice.random() < 0.6:
        (top / "package.json").write_text("{}")
    for folder in ("", *dice.sample(FOLDERS, dice.randint(1, 3))):
        (top / folder).mkdir(exist_ok=True)
        for number in range(dice.randint(2, 7)):
            _write(top / folder / f"f{number}", dice)
    (top / "src").mkdir(exist_ok=True)
    if is_repository:
        (top / "README").write_text("read me")
        git(top, "init", "-q", "-b", "main")
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", "one")
    for place in sorted(dice.sample(PLACES, dice.randint(1, 5))):
        held = drive / "held"
        shutil.copytree(top, held, symlinks=True)
        for _ in range(dice.randint(0, 6)):
            edit(held, dice)
        if is_repository and dice.random() < 0.5:
            _git_work(held, dice)
        if is_repository and dice.random() < 0.5:
            _git_work(top, dice)
        target = drive / place
        if target.exists() or any(each.is_file() for each in target.parents):
            shutil.rmtree(held)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(held, target)
    for _ in range(dice.randint(0, 2)):
        edit(top, dice)
    if is_repository and dice.random() < 0.7:
        _git_work(top, dice)
    _write(drive / "loose", dice)
    return top


def _write(path: Path, dice: random.Random) -> None:
    path.write_bytes(dice.randbytes(dice.choice((0, 5, 90, 3000, 20_000))))
    if dice.random() < 0.1:
        path.chmod(0o755)
    if dice.random() < 0.05:
        set_attribute(path, "user.note", dice.randbytes(3))
    moment = dice.randint(1, 2**30) * 1_000_000_007
    os.utime(path, ns=(moment, moment))


def edit(top: Path, dice: random.Random) -> None:
    """Do something to a copy that a person or a program might do."""
    every = sorted(each for each in top.rglob("*") if ".git" not in each.parts)
    files = [each for each in every if each.is_file() and not each.is_symlink()]
    folders = [top, *(each for each in every if each.is_dir() and not each.is_symlink())]
    new = dice.choice(folders) / dice.choice(NAMES)
    kind = dice.randrange(9)
    if kind == 0 and not os.path.lexists(new):
        _write(new, dice)
    elif kind == 1 and files:
        _write(dice.choice(files), dice)
    elif kind == 2 and files:
        dice.choice(files).unlink()
    elif kind == 3 and files and not os.path.lexists(new):
        os.rename(dice.choice(files), new)
    elif kind == 4 and not os.path.lexists(new):
        new.symlink_to(dice.choice(["f0", "../f1", "/nowhere", "src"]))
    elif kind == 5 and not os.path.lexists(new):
        new.mkdir()
        if dice.random() < 0.7:
            _write(new / "inner", dice)
    elif kind == 6 and files:
        dice.choice(files).chmod(dice.choice([0o644, 0o755]))
    elif kind == 7 and files and not os.path.lexists(new):
        os.link(dice.choice(files), new)
    elif kind == 8 and files:
        # A file becomes a folder.
        path = dice.choice(files)
        path.unlink()
        path.mkdir()
        _write(path / "within", dice)
