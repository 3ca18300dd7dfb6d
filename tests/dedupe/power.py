"""Power cuts: what a run does to a disk is recorded, and all that a cut could leave is built.

What is taken from POSIX and no more: fsync of a folder keeps the names in it as they are at that
moment, fsync of a file its content. Of all else, any part may be lost. A rename is kept or lost as
one, until an fsync of one of its two folders keeps that half of it alone, as FAT and ext2 do.
Changes of one name reach the disk in their order.
"""

from __future__ import annotations

import fcntl
import os
import random
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.fs import mutations
from gorillacomb.fs.darwin.figures import F_FULLFSYNC, F_GETPATH, MAXPATHLEN

Name = tuple[str, bytes]
"""A folder, by what `Disk` calls it, and a name in it."""
Change = tuple[tuple[Name, str | None], ...]
"""Names that change together, with what they are to name."""
MOST = 5
"""Of so many changes that may be lost, all combinations are tried; of more, a sample."""


class PowerCut(BaseException):
    """The process is no more."""


@dataclass(frozen=True)
class Node:
    """A file, folder or link; of a file its content and what is known of it."""

    kind: str
    content: bytes = b""
    mode: int = 0o600
    mtime_ns: int = 0


@dataclass(frozen=True)
class Event:
    """A change of names, a new content of a file, or an fsync of either."""

    change: Change = ()
    wrote: str | None = None
    synced: str | None = None
    node: Node | None = None
    """The file that was written or synced, as it was right after that."""


@dataclass
class Disk:
    """Everything below a folder, by names that outlive renames; records what is done to it."""

    top: Path
    names: dict[Name, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    at_first: dict[Name, str] = field(default_factory=dict)
    first_nodes: dict[str, Node] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _numbers: dict[int, str] = field(default_factory=dict)
    """Inode numbers, and whose they are."""

    def __post_init__(self) -> None:
        self._numbers[self.top.stat().st_ino] = ""
        self.nodes[""] = Node("folder")
        for folder, folders, files in os.walk(os.fsencode(self.top)):
            for name in sorted((*folders, *files)):
                path = os.path.join(folder, name)
                facts = os.lstat(path)
                identity = self._numbers.setdefault(
                    facts.st_ino, os.fsdecode(os.path.relpath(path, os.fsencode(self.top)))
                )
                self.names[self._numbers[os.stat(folder).st_ino], name] = identity
                self.nodes[identity] = _node(path, facts)
        self.at_first, self.first_nodes = dict(self.names), dict(self.nodes)

    @contextmanager
    def recording(
        self, stop_at: int = -1, stop: type[BaseException] = KeyboardInterrupt, links: bool = False
    ) -> Iterator[None]:
        """Record what happens; ``stop`` is raised right after an event given by its number.

        After `PowerCut` nothing more is done to the disk. ``links`` has the file system move
        things by a link alone.
        """
        first, dead = len(self.events), False

        def noting(function: Callable[..., Any], note: Callable[..., Event | None]) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal dead
                if dead:
                    raise PowerCut
                event = None
                known = {} if function is not os.open else dict(self.names)
                result = function(*arguments, **options)
                event = note(result, known, *arguments, **options)
                if event is not None:
                    self.events.append(event)
                    if len(self.events) - first - 1 == stop_at:
                        dead = stop is PowerCut
                        raise stop
                return result

            return call

        rename = (lambda *arguments: 22) if links else mutations._rename
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mutations, "_rename", noting(rename, self._renamed))
            for name in ("open", "link", "unlink", "rmdir", "mkdir", "symlink"):
                patch.setattr(os, name, noting(getattr(os, name), getattr(self, f"_{name}")))
            for name in ("write", "pwrite", "ftruncate"):
                patch.setattr(os, name, noting(getattr(os, name), self._wrote))
            patch.setattr(os, "fsync", noting(os.fsync, self._fsync))
            if sys.platform == "darwin":
                patch.setattr(fcntl, "fcntl", noting(fcntl.fcntl, self._controlled))
            yield

    def _folder(self, descriptor: int) -> str | None:
        return self._numbers.get(os.fstat(descriptor).st_ino)

    def _changed(self, *change: tuple[Name, str | None]) -> Event:
        for name, identity in change:
            if identity is None:
                self.names.pop(name)
            else:
                self.names[name] = identity
        return Event(change)

    def _renamed(
        self, error: int, _: object, source: int, old: bytes, target: int, new: bytes, flag: int
    ) -> Event | None:
        from_, to = self._folder(source), self._folder(target)
        if error or from_ is None or to is None:
            return None
        one, other = (from_, old), (to, new)
        return self._changed((other, self.names[one]), (one, self.names.get(other)))

    def _link(
        self, _: object, __: object, old: bytes, new: bytes, *, src_dir_fd: int, dst_dir_fd: int,
        follow_symlinks: bool,
    ) -> Event:  # fmt: skip
        from_, to = self._folder(src_dir_fd), self._folder(dst_dir_fd)
        assert from_ is not None and to is not None
        return self._changed(((to, new), self.names[from_, old]))

    def _unlink(self, _: object, __: object, name: bytes, *, dir_fd: int) -> Event | None:
        folder = self._folder(dir_fd)
        return None if folder is None else self._changed(((folder, name), None))

    _rmdir = _unlink

    def _mkdir(
        self, _: object, __: object, name: bytes, mode: int = 0, *, dir_fd: int
    ) -> Event | None:
        return self._made(name, dir_fd)

    def _symlink(self, _: object, __: object, text: bytes, name: bytes, *, dir_fd: int) -> Event:
        event = self._made(name, dir_fd)
        assert event is not None
        return event

    def _open(
        self, file: int, known: dict[Name, str], name: Any, flags: int, mode: int = 0, *,
        dir_fd: int | None = None,
    ) -> Event | None:  # fmt: skip
        if not flags & os.O_CREAT or dir_fd is None or (self._folder(dir_fd), name) in known:
            return None
        return self._made(name, dir_fd)

    def _made(self, name: bytes, folder: int) -> Event | None:
        above = self._folder(folder)
        if above is None:
            return None
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        identity = f"made {len(self.events)}"
        self._numbers[facts.st_ino] = identity
        text = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(facts.st_mode) else b""
        self.nodes[identity] = Node(_kind(facts), text, stat.S_IMODE(facts.st_mode))
        self.first_nodes[identity] = self.nodes[identity]
        return self._changed(((above, name), identity))

    def _of_file(self, file: int) -> tuple[str, Node] | None:
        facts = os.fstat(file)
        identity = self._numbers.get(facts.st_ino)
        if identity is None or not stat.S_ISREG(facts.st_mode):
            return None
        self.nodes[identity] = _node(path_of(file), facts)
        return identity, self.nodes[identity]

    def _wrote(self, _: object, __: object, file: int, *___: object) -> Event | None:
        found = self._of_file(file)
        return None if found is None else Event(wrote=found[0], node=found[1])

    def _fsync(self, _: object, __: object, file: int) -> Event | None:
        found = self._of_file(file)
        if found is not None:
            return Event(synced=found[0], node=found[1])
        folder = self._folder(file)
        return None if folder is None else Event(synced=folder)

    def _controlled(
        self, _: object, known: object, file: int, command: int, *__: object
    ) -> Event | None:
        return self._fsync(_, known, file) if command == F_FULLFSYNC else None

    def cuts(self, first: int = 0) -> Iterator[Image]:
        """Every disk that a cut can leave after ``first`` events or more."""
        for count in range(first, len(self.events) + 1):
            yield from self._cuts_after(self.events[:count])

    def _cuts_after(self, events: list[Event]) -> Iterator[Image]:
        synced = {each.synced: at for at, each in enumerate(events) if each.synced is not None}
        open_ = [
            at
            for at, each in enumerate(events)
            if any(synced.get(folder, -1) < at for (folder, _), _ in each.change)
        ]
        files = [_contents(self.first_nodes, events, whole) for whole in (0.0, 0.5, 1.0)]
        for kept in _combinations(events, open_):
            names = dict(self.at_first)
            for at, each in enumerate(events):
                for name, identity in each.change:
                    if at in kept or synced.get(name[0], -1) > at:
                        names.pop(name, None)
                        if identity is not None:
                            names[name] = identity
            for found in self._checked(names):
                for nodes in files:
                    yield Image(found, nodes)

    def _checked(self, names: dict[Name, str]) -> Iterator[dict[Name, str]]:
        """The same after fsck, which leaves a folder one of its two names, and nobody knows which.

        Half a rename left it them.
        """
        of_folders: dict[str, list[Name]] = {}
        for name, identity in names.items():
            if self.nodes[identity].kind == "folder":
                of_folders.setdefault(identity, []).append(name)
        for kept in product(*of_folders.values()):
            left = dict(zip(of_folders, kept, strict=True))
            yield {
                name: identity
                for name, identity in names.items()
                if left.get(identity, name) == name
            }


def _combinations(events: list[Event], open_: list[int]) -> Iterator[set[int]]:
    """Of changes that may be lost, those that are kept."""
    if len(open_) <= MOST:
        chosen: Iterable[int] = range(1 << len(open_))
    else:
        dice, all_ = random.Random(len(events)), (1 << len(open_)) - 1
        ones = [1 << at for at in range(len(open_))]
        chosen = [0, all_, *ones, *(all_ ^ one for one in ones), *(one - 1 for one in ones)]
        chosen += [dice.randrange(all_) for _ in range(1 << MOST)]
    for bits in chosen:
        kept = {at for number, at in enumerate(open_) if bits >> number & 1}
        for at in sorted(kept, reverse=True):
            names = {name for name, _ in events[at].change}
            kept |= {
                other
                for other in open_
                if other < at and not names.isdisjoint(name for name, _ in events[other].change)
            }
        yield kept


def _contents(nodes: dict[str, Node], events: list[Event], whole: float) -> dict[str, Node]:
    """Files as far as they are on the disk, and so much of what was written after that."""
    kept = dict(nodes)
    after: dict[str, Node] = {}
    for each in events:
        if each.node is not None and each.synced is not None:
            kept[each.synced] = each.node
            after.pop(each.synced, None)
        elif each.node is not None and each.wrote is not None:
            after[each.wrote] = each.node
    for identity, node in after.items():
        size = len(kept[identity].content)
        size += int((len(node.content) - size) * whole)
        kept[identity] = Node("file", node.content[:size], node.mode, node.mtime_ns)
    return kept


@dataclass(frozen=True)
class Image:
    """What may be on a disk after a power cut."""

    names: dict[Name, str]
    nodes: dict[str, Node]

    def build(self, top: Path) -> Path:
        """Build it as a folder that is not there yet."""
        inside: dict[str, list[tuple[bytes, str]]] = {}
        for (folder, name), identity in sorted(self.names.items()):
            inside.setdefault(folder, []).append((name, identity))
        self._build(os.fsencode(top), "", inside, {})
        return top

    def _build(
        self,
        path: bytes,
        identity: str,
        inside: dict[str, list[tuple[bytes, str]]],
        built: dict[str, bytes],
    ) -> None:
        node = self.nodes[identity]
        if node.kind == "folder":
            os.mkdir(path)
            for name, inner in inside.get(identity, ()):
                self._build(path + b"/" + name, inner, inside, built)
        elif node.kind == "link":
            os.symlink(node.content, path)
        elif identity in built:
            os.link(built[identity], path)
        else:
            with open(path, "wb") as file:
                file.write(node.content)
                os.fchmod(file.fileno(), node.mode)
            os.utime(path, ns=(node.mtime_ns, node.mtime_ns))
            built[identity] = path

    def key(self, plain: Callable[[bytes], bytes]) -> object:
        """What tells it from others; ``plain`` takes from a content what differs each time."""
        return tuple(
            sorted(
                (folder, name, identity, plain(self.nodes[identity].content))
                for (folder, name), identity in self.names.items()
            )
        )


def _kind(facts: os.stat_result) -> str:
    if stat.S_ISDIR(facts.st_mode):
        return "folder"
    return "link" if stat.S_ISLNK(facts.st_mode) else "file"


def path_of(file: int) -> bytes:
    """A path of an open file, which may have another name, or none, by now."""
    if sys.platform != "darwin":
        return b"/proc/self/fd/%d" % file
    found: bytes = fcntl.fcntl(file, F_GETPATH, bytes(MAXPATHLEN))
    return found.partition(b"\0")[0]


def _node(path: bytes, facts: os.stat_result) -> Node:
    kind, content = _kind(facts), b""
    if kind == "file":
        with open(path, "rb") as file:
            content = file.read()
    elif kind == "link":
        content = os.readlink(path)
    return Node(kind, content, stat.S_IMODE(facts.st_mode), facts.st_mtime_ns)
