"""Change trees at random, and compare what is watched with what is there.

`tree_oracle.py FOLDER SEED OPERATIONS`, run where it may mount: prints what it did, and how many
folders it compared, as a line of JSON; fails where a living folder is neither watched nor polled.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from gorillacomb.fs.mounts import mounts, mounts_below
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.exclusions import WatchExclusions
from gorillacomb.watch.health import RootHealth, WatcherHealth
from gorillacomb.watch.options import WatchOptions
from gorillacomb.watch.root_monitor import RootMonitor
from tests.support.exchanging import exchange

MS_BIND, MNT_DETACH = 4096, 2
NAMES = [letter.encode() for letter in "abcd"]
MOST = 120
"""So many folders, and more are removed than made."""
PATIENCE = 30.0
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Drive:
    """Two roots named by their paths and one by a link, and what is around them."""

    def __init__(self, base: bytes, seed: int) -> None:
        self.base, self.dice = base, random.Random(seed)
        self.done: Counter[str] = Counter()
        self._known: list[bytes] = []
        self.link = base + b"/current"
        for each in (
            b"up/one",
            b"up/two",
            b"releases/1/a",
            b"releases/2/b",
            b"outside/c",
            b"other",
        ):
            os.makedirs(os.path.join(base, each))
        os.symlink(b"releases/1", self.link)
        self.named = [base + b"/up/one", base + b"/up/two", self.link]
        self._operations: list[tuple[Callable[[], None], int]] = [
            (self.make, 30),
            (self.remove, 8),
            (self.move, 25),
            (self.exchange, 15),
            (self.chmod, 5),
            (self.move_above, 2),
            (self.bring_back, 3),
            (self.lead_elsewhere, 1),
            (self.mount, 1),
            (self.unmount, 1),
            (self.make_file, 5),
        ]

    def work(self, operations: int) -> None:
        """Do so many of them; one that the system refuses is one, too."""
        kinds, weights = zip(*self._operations, strict=True)
        for _ in range(operations):
            what = self.dice.choices(kinds, weights)[0]
            if what == self.make and len(self._folders()) > MOST:
                what = self.remove
            try:
                what()
                self.done[what.__name__] += 1
            except (OSError, shutil.Error):
                self.done["refused"] += 1

    def _folders(self) -> list[bytes]:
        """All that may be changed, in the roots and outside of them; looked up now and then."""
        if not self._known or self.dice.random() < 0.1:
            tops = (b"up", b"releases", b"outside", b"other")
            self._known = [
                folder
                for top in tops
                for folder, _, _ in os.walk(os.path.join(self.base, top))
                if self._depth(folder) > 1
            ]
        return self._known or [self.base + b"/outside"]

    def _depth(self, path: bytes) -> int:
        return path.count(b"/") - self.base.count(b"/")

    def _folder(self) -> bytes:
        return self.dice.choice(self._folders())

    def _place(self) -> bytes:
        return os.path.join(self._folder(), self.dice.choice(NAMES))

    def make(self) -> None:
        place = self._place()
        os.makedirs(os.path.join(place, *self.dice.choices(NAMES, k=self.dice.randrange(4))))
        self._folders().append(place)

    def make_file(self) -> None:
        Path(os.fsdecode(self._place())).write_bytes(b"")

    def remove(self) -> None:
        path = self._folder()
        if self._depth(path) > 2:  # not a root
            shutil.rmtree(path)

    def move(self) -> None:
        place = self._place()
        os.rename(self._folder(), place)
        self._folders().append(place)

    def exchange(self) -> None:
        exchange(self._folder(), self._folder())

    def chmod(self) -> None:
        os.chmod(self._folder(), self.dice.choice([0o700, 0o755]))

    def move_above(self) -> None:
        """Have a folder above roots be another one, for good or for a moment."""
        exchange(self.base + b"/up", self.base + b"/other")
        if self.dice.random() < 0.8:
            self.work(self.dice.randrange(3))
            exchange(self.base + b"/up", self.base + b"/other")

    def bring_back(self) -> None:
        """Have some folder be in the place of a root, or of what the link leads to, that went."""
        for each in (*self.named, self.base + b"/releases/1", self.base + b"/releases/2"):
            if not os.path.lexists(each):
                os.rename(self._folder(), each)

    def lead_elsewhere(self) -> None:
        target = self.dice.choice([b"releases/1", b"releases/2", b"up/one", b"outside", b"nowhere"])
        os.symlink(target, self.link + b".next")
        os.rename(self.link + b".next", self.link)

    def mount(self) -> None:
        point = self._folder()
        if len(self._mounted()) < 3:
            if self.dice.random() < 0.5:
                _call(_LIBC.mount, self._folder(), point, None, MS_BIND, None)
            else:
                _call(_LIBC.mount, b"none", point, b"tmpfs", 0, None)
            self._known = []

    def unmount(self) -> None:
        if mounted := self._mounted():
            _call(_LIBC.umount2, self.dice.choice(mounted), MNT_DETACH)

    def _mounted(self) -> list[bytes]:
        return [each.point for each in mounts_below(self.base)]


class Watch:
    """The watcher's eyes, without what it does with what they see."""

    def __init__(self, drive: Drive, vault: Path) -> None:
        self.drive, self.health = drive, WatcherHealth()
        self._pending = ChangeQueue(0)
        self.left_out = WatchExclusions(Vault(vault))
        options = WatchOptions(quiet_ns=0, poll_ns=SECOND)
        self.roots = RootMonitor(
            drive.named, options, self._pending, self.left_out, self.health, lambda root: None
        )
        self.turn()

    def turn(self) -> None:
        """What the watcher does every few seconds."""
        self.roots.poll_presence()
        self._pending.take()

    def wrong(self) -> list[str]:
        """What is not as it should be, once all events are read; called until nothing is."""
        self.turn()
        watched = self.roots.watched()
        known = watches_of_process()
        wrong = []
        expected: set[bytes] = set()
        for root in self.roots.paths:
            health = self.health.roots[root]
            if health is RootHealth.WATCHED:
                expected |= set(living_folders(root))
            elif health is RootHealth.AWAY and os.path.isdir(root) and root in self._reached():
                wrong.append(f"{root!r} is there, and said to be away")
        wrong += [f"{root!r} is no root" for root in self._reached() if not self._is_covered(root)]
        for path in expected | watched.keys():
            if path not in watched:
                wrong.append(f"{path!r} is not watched")
            elif path not in expected:
                wrong.append(f"{path!r} is watched, and is not there")
            else:
                wd, identity = watched[path]
                facts = os.stat(path)
                if known.get(wd) != facts.st_ino or identity != (facts.st_dev, facts.st_ino):
                    wrong.append(f"{path!r} is another folder than the one that is watched")
        idle = known.keys() - {wd for wd, _ in watched.values()}
        return wrong + [f"the watch {wd} is of no folder" for wd in idle]

    def _reached(self) -> set[bytes]:
        return {os.path.realpath(each) for each in self.drive.named if os.path.isdir(each)}

    def _is_covered(self, path: bytes) -> bool:
        return any(path == root or path.startswith(root + b"/") for root in self.roots.paths)

    def check(self) -> int:
        """Wait until all is as it should be; returns how many folders are watched."""
        end = time.monotonic() + PATIENCE
        while wrong := self.wrong():
            assert time.monotonic() < end, "\n".join(sorted(wrong)[:10])
            time.sleep(0.005)
        return len(self.roots.watched())


def living_folders(root: bytes) -> Iterator[bytes]:
    """The folders in a root that are to be watched: not those on other file systems."""
    points = {each.point for each in mounts()}
    device = os.stat(root).st_dev
    for folder, names, _ in os.walk(root):
        yield folder
        paths = {name: os.path.join(folder, name) for name in names}
        names[:] = [
            name
            for name, path in paths.items()
            if path not in points and not os.path.islink(path) and os.lstat(path).st_dev == device
        ]


def watches_of_process() -> dict[int, int]:
    """The inode of each watch of this process, as the kernel tells."""
    found = {}
    for number in os.listdir("/proc/self/fdinfo"):
        try:
            lines = Path("/proc/self/fdinfo", number).read_text().splitlines()
        except FileNotFoundError:
            continue  # that of the listing
        for line in lines:
            if line.startswith("inotify "):
                fields = dict(word.split(":", 1) for word in line.split()[1:4])
                found[int(fields["wd"], 16)] = int(fields["ino"], 16)
    return found


def campaign(folder: Path, seed: int, operations: int) -> dict[str, object]:
    """Work, look around in between as the watcher does, and compare time and again."""
    base = os.fsencode(folder.resolve() / "base")
    drive = Drive(base, seed)
    watch = Watch(drive, folder / "vault")
    compared = folders = 0
    try:
        while sum(drive.done.values()) < operations:
            drive.work(drive.dice.randrange(1, 60))
            if drive.dice.random() < 0.5:
                watch.turn()
            else:
                compared += 1
                folders += watch.check()
    finally:
        watch.roots.close()
    return {"done": dict(drive.done), "compared": compared, "folders": folders}


if __name__ == "__main__":
    print(json.dumps(campaign(Path(sys.argv[1]), *map(int, sys.argv[2:4]))))
