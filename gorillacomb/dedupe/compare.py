"""Two folders, entry by entry: same, changed, moved, only in one."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from gorillacomb.dedupe.forest import EXECUTABLE, NOISE, Folder, Forest
from gorillacomb.index.database import Index
from gorillacomb.index.forest import file_entries_below
from gorillacomb.model import State

_READ = (int(State.HASHED), int(State.FRESH))


@dataclass(frozen=True, slots=True)
class Item:
    """What stands at a path: a file, a link, an empty folder."""

    kind: str
    """``file``, ``link`` or ``dir``."""
    key: bytes
    """A file's digest, a link's target."""
    size: int = 0
    executable: bool = False
    known: bool = True
    """Whether its content is: a file that was not read equals no other one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two folders differ. Paths are relative to them."""

    same: int
    """Entries that are equal under the same path."""
    changed: tuple[bytes, ...]
    """Paths at which they have something different."""
    moved: tuple[tuple[bytes, bytes], ...]
    """Equal content under other paths: in A, in B."""
    only_a: tuple[bytes, ...]
    only_b: tuple[bytes, ...]
    unknown: tuple[bytes, ...] = ()
    """Paths at which one of them was not read."""


def items_below(
    index: Index, forest: Forest, folder: Folder, noise: frozenset[bytes] = NOISE
) -> dict[bytes, Item]:
    """Everything in a folder and below it, by its path relative to it."""
    prefixes = {folder.id: b""}
    items: dict[bytes, Item] = {}
    for each in forest.order[folder.first + 1 : folder.last + 1]:
        assert each.parent is not None
        prefixes[each.id] = prefixes[each.parent.id] + each.name + b"/"
    filled = set()
    for number, name, state, mode, size, digest, target in file_entries_below(
        index.connection, folder.id
    ):
        prefix = prefixes.get(number)
        if prefix is None or name in noise:
            continue
        if stat.S_ISLNK(mode):
            items[prefix + name] = Item("link", target or b"")
        elif state != State.OTHER:
            known = state in _READ and digest is not None
            items[prefix + name] = Item("file", digest or b"", size, bool(mode & EXECUTABLE), known)
        else:
            continue  # a socket, a FIFO, a device
        filled.add(number)
    for each in forest.order[folder.first + 1 : folder.last + 1]:
        if each.id not in filled and not each.children:
            items[prefixes[each.id][:-1]] = Item("dir", b"")
    return items


def compare(a: Mapping[bytes, Item], b: Mapping[bytes, Item]) -> Comparison:
    """Compare what stands in two folders."""
    same, changed, unknown = 0, [], []
    for path in a.keys() & b.keys():
        if not (a[path].known and b[path].known):
            unknown.append(path)
        elif a[path] == b[path]:
            same += 1
        else:
            changed.append(path)
    only_a, only_b = a.keys() - b.keys(), b.keys() - a.keys()
    moved = _moved(a, b, only_a, only_b)
    only_a = only_a - {pair[0] for pair in moved}
    only_b = only_b - {pair[1] for pair in moved}
    return Comparison(
        same,
        tuple(sorted(changed)),
        tuple(moved),
        tuple(sorted(only_a)),
        tuple(sorted(only_b)),
        tuple(sorted(unknown)),
    )


def _moved(
    a: Mapping[bytes, Item], b: Mapping[bytes, Item], only_a: set[bytes], only_b: set[bytes]
) -> list[tuple[bytes, bytes]]:
    """Pair what stands in one of them alone with equal content in the other, in path order."""
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
