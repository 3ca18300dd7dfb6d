"""Random drives for dedupe, edits by others, and what must hold of the disk whatever is done."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from tests.support.attributes import attributes, set_attribute
from tests.support.trees import content_of

NAMES = ["a", "b", "photo.jpg", "photo.xmp", "notes.txt", "Copy of a", "a (1)", ".env", "back"]
FOLDERS = ["x", "y", "Backup", "New Folder With Items", "album", "client", "Temp", "n\nl"]
MARKED = ["package.json", ".git"]
CONTENTS = [b"", *(bytes([65 + number]) * (1 + number * 7) for number in range(6))]
OUR_FOLDER = ".gorillacomb"
OWN_NAMES = ("journal.jsonl", ".purging-when-the-disk-is-full")
"""What the folder of a run contains beside what was quarantined."""


def build(top: Path, dice: random.Random) -> None:
    """Fill a folder with folders, files, copies of both, projects, links."""
    top.mkdir(parents=True)
    _fill(top, dice, 0)
    for _ in range(dice.randint(1, 4)):
        _copy_something(top, dice)
    for _ in range(dice.randint(0, 3)):
        _link_something(top, dice)


def _fill(folder: Path, dice: random.Random, depth: int) -> None:
    for name in dice.sample(NAMES, dice.randint(0, 4)):
        _write(folder / name, dice)
    if dice.random() < 0.25:
        _mark(folder, dice)
    if depth < 3:
        for name in dice.sample(FOLDERS, dice.randint(0, 2 if depth else 3)):
            (folder / name).mkdir()
            _fill(folder / name, dice, depth + 1)
    if dice.random() < 0.08:
        kind = dice.choice(["node_modules", "Lib.photoslibrary", ".Trash", "tmp"])
        (folder / kind).mkdir(exist_ok=True)
        _write(folder / kind / "a", dice)


def _mark(folder: Path, dice: random.Random) -> None:
    name = dice.choice(MARKED)
    if name == ".git":
        (folder / ".git" / "refs").mkdir(parents=True, exist_ok=True)
        (folder / ".git" / "HEAD").write_bytes(dice.choice(CONTENTS))
        (folder / ".git" / "refs" / "main").write_bytes(dice.choice(CONTENTS))
    else:
        (folder / name).write_bytes(b"{}")


def _write(path: Path, dice: random.Random) -> None:
    path.write_bytes(dice.choice(CONTENTS))
    if dice.random() < 0.1:
        path.chmod(0o755)
    if dice.random() < 0.05:
        note = dice.choice([b"1", b"2"])
        set_attribute(path, "user.note", note)
    moment = dice.randint(1, 2**30) * 1_000_000_007
    os.utime(path, ns=(moment, moment))


def entries(top: Path) -> list[Path]:
    """Everything below a folder that is not ours."""
    found = []
    for folder, folders, names in os.walk(top):
        if OUR_FOLDER in folders:
            folders.remove(OUR_FOLDER)
        found += [f"{folder}/{name}" for name in (*folders, *names) if name != OUR_FOLDER]
    return [Path(path) for path in sorted(found, key=lambda path: path.split("/"))]


def folders(top: Path) -> list[Path]:
    return [top, *(path for path in entries(top) if stat.S_ISDIR(path.lstat().st_mode))]


def files(top: Path) -> list[Path]:
    return [path for path in entries(top) if stat.S_ISREG(path.lstat().st_mode)]


def _free(folder: Path, name: str) -> Path | None:
    path = folder / name
    return None if os.path.lexists(path) else path


def _copy_something(top: Path, dice: random.Random) -> None:
    """Copy a folder or file elsewhere, perhaps under a name that says so, perhaps into itself."""
    things = entries(top)
    if not things:
        return
    source = dice.choice(things)
    if source.is_symlink():
        return
    name = dice.choice([source.name, f"Copy of {source.name}", f"{source.name} (1)", "back"])
    target = _free(dice.choice(folders(top)), name)
    if target is None:
        return
    if source.is_dir():
        held = shutil.copytree(source, top / ".held", symlinks=True)
        os.rename(held, target)
    else:
        shutil.copy2(source, target)


def _link_something(top: Path, dice: random.Random) -> None:
    things = entries(top)
    target = _free(dice.choice(folders(top)), dice.choice(["link", "name", "photo.jpg"]))
    if not things or target is None:
        return
    source = dice.choice(things)
    if dice.random() < 0.5 and source.is_file() and not source.is_symlink():
        os.link(source, target)
    else:
        target.symlink_to(os.path.relpath(source, target.parent))


def edit(top: Path, dice: random.Random) -> None:
    """Something that somebody else does to a drive."""
    found, kind = files(top), dice.randrange(7)
    if kind == 0:
        _copy_something(top, dice)
    elif kind == 1:
        _link_something(top, dice)
    elif kind == 2:
        path = _free(dice.choice(folders(top)), dice.choice(NAMES))
        if path is not None:
            _write(path, dice)
    elif found and kind == 3:
        dice.choice(found).write_bytes(dice.choice(CONTENTS))
    elif found and kind == 4:
        dice.choice(found).unlink()
    elif found and kind == 5:
        target = _free(dice.choice(folders(top)), dice.choice(NAMES))
        if target is not None:
            os.rename(dice.choice(found), target)
    elif len(folders(top)) > 1:
        shutil.rmtree(dice.choice(folders(top)[1:]))


@dataclass(frozen=True)
class Contents:
    """Digests of what stands on a disk."""

    anywhere: frozenset[bytes]
    outside: frozenset[bytes]
    """Those that stand outside of quarantines."""


def contents(top: Path, but: Collection[bytes] = ()) -> Contents:
    """Hash every file below a folder, but for those of some names."""
    anywhere, outside = set(), set()
    for folder, _, names in os.walk(top):
        is_ours = f"/{OUR_FOLDER}/" in f"{folder}/"
        for name in names:
            if is_ours and name in (*OWN_NAMES, "lock", "bases.jsonl"):
                continue
            path = f"{folder}/{name}"
            if os.fsencode(name) not in but and stat.S_ISREG(os.lstat(path).st_mode):
                digest = hashlib.sha256(content_of(path)).digest()
                anywhere.add(digest)
                if not is_ours:
                    outside.add(digest)
    return Contents(frozenset(anywhere), frozenset(outside))


Look = tuple[object, ...]


def look(top: Path) -> dict[str, Look]:
    """All that an undo has to give back, by path: kind, bytes, mode, owner, mtime, attributes.

    And the link structure: with which other paths an entry shares its inode.
    """
    names: dict[tuple[int, int], list[str]] = {}
    found: dict[str, tuple[os.stat_result, Path]] = {}
    start = len(str(top)) + 1
    for path in [top, *entries(top)]:
        facts = path.lstat()
        relative = str(path)[start:] or "."
        found[relative] = facts, path
        if not stat.S_ISDIR(facts.st_mode):
            names.setdefault((facts.st_dev, facts.st_ino), []).append(relative)
    return {
        relative: (
            stat.S_IFMT(facts.st_mode),
            stat.S_IMODE(facts.st_mode),
            facts.st_uid,
            facts.st_gid,
            facts.st_mtime_ns,
            tuple(names.get((facts.st_dev, facts.st_ino), ())),
            _payload(path, facts.st_mode),
        )
        for relative, (facts, path) in found.items()
    }


def _payload(path: Path, mode: int) -> object:
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    marks = attributes(path)
    return (content_of(path) if stat.S_ISREG(mode) else None), tuple(sorted(marks.items()))


def killed(work: Callable[[], object], after: int) -> bool:
    """Do something in a process of its own that dies at its n-th change of the disk.

    Returns whether it died; False when it came to its end before that.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _die_at(after)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (0, _DEAD), f"the child ended with {ended}"
    return ended == _DEAD


_DEAD = 99
_CHANGES = (
    *("rename_no_replace", "make_folder", "link", "symlink", "remove", "remove_folder"),
    "append_durably",
)


def _die_at(count: int) -> None:
    """From now on the process ends right before, or right after, its n-th change of the disk."""
    from gorillacomb.fs import mutations

    left = count

    def dying(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os._exit(_DEAD)
            result = function(*arguments, **options)
            left -= 1
            if left == 0:
                os._exit(_DEAD)
            return result

        return call

    for name in _CHANGES:
        setattr(mutations, name, dying(getattr(mutations, name)))
