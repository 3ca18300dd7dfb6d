"""Compare two folders entry by entry: same, changed, moved, only in one."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import EXECUTABLE, FolderTree, TreeFolder
from gorillacomb.fs.paths import pair_spellings, unicode_key
from gorillacomb.model import READ, EntryState


@dataclass(frozen=True, slots=True)
class TreeItem:
    """What exists at a path: a file, a link, an empty folder."""

    kind: str
    """``file``, ``link`` or ``dir``."""
    key: bytes
    """A file's digest, or a link's target."""
    size: int = 0
    executable: bool = False
    known: bool = True
    """Whether its content is known: an unread file equals no other."""
    mtime_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FolderDiff:
    """How two folders differ. Paths are relative to them."""

    same: int
    """Number of entries that are equal at the same path."""
    changed: tuple[bytes, ...]
    """Paths at which they differ."""
    moved: tuple[tuple[bytes, bytes], ...]
    """Equal content at different paths: in A, in B."""
    only_a: tuple[bytes, ...]
    only_b: tuple[bytes, ...]
    unknown: tuple[bytes, ...] = ()
    """Paths at which one of them was not read."""
    respelled: Mapping[bytes, bytes] = field(default_factory=dict)
    """Paths in A that B has in another Unicode form, mapped to that: they are also in ``moved``,
    ``changed`` or ``unknown``."""
    perhaps_damaged: tuple[bytes, ...] = ()
    """Those ``changed`` files whose size and mtime are the same in both, as after bit rot."""


def diff_folders_in_index(
    entries: FolderEntries,
    forest: FolderTree,
    a: TreeFolder,
    b: TreeFolder,
    apart_a: Collection[TreeFolder] = (),
    apart_b: Collection[TreeFolder] = (),
    modes: bool = True,
) -> FolderDiff:
    """Compare two folders by the index.

    Folders with equal Merkle digests are the same and are not descended into, so near copies are
    cheap. ``apart_a`` are folders below A, ``apart_b`` below B, that do not count; without
    ``modes`` executable bits do not.
    """
    sides: tuple[dict[bytes, TreeItem], dict[bytes, TreeItem]] = {}, {}
    same = 0
    for x, y, prefix in _steps(a, b, apart_a, apart_b):
        if x is not None and y is not None and _is_whole_and_same(x, y, apart_a, apart_b):
            same += x.entries if prefix or x.entries > x.empty or x.folders else 0
            continue
        for folder, items in ((x, sides[0]), (y, sides[1])):
            if folder is not None:
                own = _own_items(entries, folder, prefix, forest.noise)
                items.update(own)
                if prefix and not own and not folder.children:
                    items[prefix[:-1]] = TreeItem("dir", b"")
    found = diff_folders(*(sides if modes else map(_without_modes, sides)))
    return replace(found, same=found.same + same)


def differing_folders(
    a: TreeFolder,
    b: TreeFolder,
    apart_a: Collection[TreeFolder] = (),
    apart_b: Collection[TreeFolder] = (),
) -> Iterator[TreeFolder]:
    """Yield the folders whose entries `diff_folders_in_index` looks at."""
    for x, y, _ in _steps(a, b, apart_a, apart_b):
        if x is None or y is None or not _is_whole_and_same(x, y, apart_a, apart_b):
            yield from (each for each in (x, y) if each is not None)


def _steps(
    a: TreeFolder,
    b: TreeFolder,
    apart_a: Collection[TreeFolder],
    apart_b: Collection[TreeFolder],
) -> Iterator[tuple[TreeFolder | None, TreeFolder | None, bytes]]:
    """Yield both folders and those below them in step, each with the path down to it.

    Does not descend into what is the same.
    """
    waiting: list[tuple[TreeFolder | None, TreeFolder | None, bytes]] = [(a, b, b"")]
    while waiting:
        x, y, prefix = waiting.pop()
        yield x, y, prefix
        if x is not None and y is not None and _is_whole_and_same(x, y, apart_a, apart_b):
            continue
        ours = _children(x, apart_a)
        theirs = _children(y, apart_b)
        waiting += [
            (ours.get(name), theirs.get(name), prefix + name + b"/") for name in ours | theirs
        ]


def _children(folder: TreeFolder | None, apart: Collection[TreeFolder]) -> dict[bytes, TreeFolder]:
    if folder is None:
        return {}
    return {each.name: each for each in folder.children if each not in apart}


def _is_whole_and_same(
    a: TreeFolder,
    b: TreeFolder,
    apart_a: Collection[TreeFolder],
    apart_b: Collection[TreeFolder],
) -> bool:
    return _is_same(a, b) and not (any(map(a.holds, apart_a)) or any(map(b.holds, apart_b)))


def _without_modes(items: Mapping[bytes, TreeItem]) -> dict[bytes, TreeItem]:
    return {path: replace(item, executable=False) for path, item in items.items()}


def _is_same(a: TreeFolder, b: TreeFolder) -> bool:
    return a.digest == b.digest and a.gap is None and b.gap is None


def _own_items(
    entries: FolderEntries, folder: TreeFolder, prefix: bytes, noise: frozenset[bytes]
) -> dict[bytes, TreeItem]:
    """Return the files and links directly in a folder."""
    items = {}
    for _, name, state, mode, size, mtime, digest, target in entries.of(folder):
        if name in noise and stat.S_ISREG(mode):
            continue
        if stat.S_ISLNK(mode):
            items[prefix + name] = TreeItem("link", target or b"")
        elif state != EntryState.OTHER:  # a socket, a FIFO, a device
            known = state in READ and digest is not None
            items[prefix + name] = TreeItem(
                "file", digest or b"", size, bool(mode & EXECUTABLE), known, mtime
            )
    return items


def diff_folders(a: Mapping[bytes, TreeItem], b: Mapping[bytes, TreeItem]) -> FolderDiff:
    """Compare the entries of two folders.

    A path that B has in another Unicode form is the same path, and moved if otherwise equal.
    """
    only_a, only_b = a.keys() - b.keys(), b.keys() - a.keys()
    respelled = pair_spellings(only_a, only_b, unicode_key)
    same, changed, unknown, moved = 0, [], [], []
    for path in (a.keys() & b.keys()) | respelled.keys():
        other = respelled.get(path, path)
        if not (a[path].known and b[other].known):
            unknown.append(path)
        elif a[path] != b[other]:
            changed.append(path)
        elif other != path:
            moved.append((path, other))
        else:
            same += 1
    only_a -= respelled.keys()
    only_b -= set(respelled.values())
    moved = sorted([*moved, *_moved(a, b, only_a, only_b)])
    only_a = only_a - {pair[0] for pair in moved}
    only_b = only_b - {pair[1] for pair in moved}
    return FolderDiff(
        same,
        tuple(sorted(changed)),
        tuple(moved),
        tuple(sorted(only_a)),
        tuple(sorted(only_b)),
        tuple(sorted(unknown)),
        respelled,
        tuple(_perhaps_damaged(a, b, sorted(changed), respelled)),
    )


def _perhaps_damaged(
    a: Mapping[bytes, TreeItem],
    b: Mapping[bytes, TreeItem],
    changed: Sequence[bytes],
    respelled: Mapping[bytes, bytes],
) -> Iterator[bytes]:
    """Yield the files that were copied, by size and mtime, and yet have another content in B.

    An mtime of files with several contents says nothing: releases are often packed with one mtime
    for all their files.
    """
    found = []
    for path in changed:
        here, there = a[path], b[respelled.get(path, path)]
        is_copy = here.kind == there.kind == "file" and here.key != there.key
        if is_copy and (here.size, here.mtime_ns) == (there.size, there.mtime_ns):
            found.append(path)
    if not found:
        return
    contents: dict[int, set[bytes]] = {a[path].mtime_ns: set() for path in found}
    for item in (*a.values(), *b.values()):
        if item.kind == "file" and item.mtime_ns in contents:
            contents[item.mtime_ns].add(item.key)
    for path in found:
        mtime = a[path].mtime_ns
        if mtime > 0 and len(contents[mtime]) == 2:
            yield path


def _moved(
    a: Mapping[bytes, TreeItem], b: Mapping[bytes, TreeItem], only_a: set[bytes], only_b: set[bytes]
) -> list[tuple[bytes, bytes]]:
    """Pair files that exist in only one of them with equal content in the other, in path order."""
    there: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for path in sorted(only_b, reverse=True):
        if b[path].kind == "file" and b[path].known and b[path].size:
            there[b[path].key].append(path)
    found = []
    for path in sorted(only_a):
        item = a[path]
        if item.kind == "file" and item.known and item.size and there.get(item.key):
            found.append((path, there[item.key].pop()))
    return found
