"""Random drives with drifted copies, as values; and what the definition of a family says of them.

Nothing here knows how the program finds families: everything is compared with everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from random import Random

from gorillacomb.folders.tree import FolderTree, TreeFolder
from gorillacomb.index.tree_queries import PathBatch

Path = tuple[bytes, ...]
Drive = dict[bytes, "Drive | int"]
"""Folders by name, and files: their content, 0 for an empty one."""
Family = frozenset[Path]

LEAST, HALF = 5, 0.5
MADE = b"node_modules"
MOST_FOLDERS = 60


def random_drive(random: Random) -> Drive:
    """A drive of at most 60 folders into which trees were copied, each copy changed a little."""
    contents = iter(range(1, 10**9))
    drive: Drive = {}
    for number in range(random.randint(1, 3)):
        drive[b"tree %d" % number] = _tree(random, contents, random.randint(0, 3))
    for number in range(random.randint(3, 16)):
        folders = [path for path, _ in folders_of(drive)]
        source = random.choice([path for path in folders if path])
        target = random.choice([(), random.choice(folders)])
        copy = _copy(_at(drive, source))
        for _ in range(random.choice([0, 1, 2, 4, 8])):
            _change(random, copy, contents)
        name = random.choice([source[-1], b"copy %d" % number])
        if sum(1 for _ in folders_of(drive)) + sum(1 for _ in folders_of(copy)) > MOST_FOLDERS:
            break
        _at(drive, target)[name] = copy
    return drive


def _tree(random: Random, contents: Iterator[int], depth: int) -> Drive:
    few = random.choice([3, 6, 9])
    found: Drive = {b"f%d" % at: next(contents) for at in range(random.randint(few // 3, few))}
    if random.random() < 0.1:
        found[b"empty"] = 0
    if depth:
        for name in random.sample([b"a", b"b", b"c", b"src", MADE], random.randint(0, 3)):
            found[name] = _tree(random, contents, depth - 1)
    return found


def _copy(tree: Drive) -> Drive:
    return {name: _copy(it) if isinstance(it, dict) else it for name, it in tree.items()}


def _at(drive: Drive, path: Path) -> Drive:
    for name in path:
        inner = drive[name]
        assert isinstance(inner, dict)
        drive = inner
    return drive


def folders_of(drive: Drive, top: Path = ()) -> Iterator[tuple[Path, Drive]]:
    yield top, drive
    for name, inner in drive.items():
        if isinstance(inner, dict):
            yield from folders_of(inner, (*top, name))


def _change(random: Random, tree: Drive, contents: Iterator[int]) -> None:
    """Drop, edit, add or rename one thing."""
    folder = random.choice([inner for _, inner in folders_of(tree)])
    names = sorted(folder)
    action = random.choice(["drop", "edit", "add", "rename"])
    if action == "add" or not names:
        folder[b"new %d" % random.randrange(9)] = next(contents)
        return
    name = random.choice(names)
    if action == "drop":
        del folder[name]
    elif action == "edit" and not isinstance(folder[name], dict):
        folder[name] = next(contents)
    else:
        folder[random.choice([b"a", b"b", b"other"])] = folder.pop(name)


def renamed(drive: Drive, names: dict[bytes, bytes], random: Random) -> Drive:
    """The same drive with other names and in another order."""
    found: Drive = {}
    for name in random.sample(sorted(drive), len(drive)):
        inner = drive[name]
        found[names[name]] = renamed(inner, names, random) if isinstance(inner, dict) else inner
    return found


def as_index(drive: Drive, random: Random) -> tuple[FolderTree, list[PathBatch]]:
    """The tree that is read from an index of the drive, and the batches, in any order."""
    order: list[TreeFolder] = []
    holders: defaultdict[tuple[bytes, int], list[int]] = defaultdict(list)
    ids = random.sample(range(1, 1000), 2 * MOST_FOLDERS)

    def add(name: bytes, inner: Drive, parent: TreeFolder | None) -> TreeFolder:
        folder = TreeFolder(ids.pop(), 1, parent, name, None)
        folder.machine = parent is not None and (parent.machine or name == MADE)
        folder.first = len(order)
        order.append(folder)
        for key in sorted(inner):
            item = inner[key]
            if isinstance(item, dict):
                child = add(key, item, folder)
                folder.children.append(child)
                folder.counted += child.counted if folder.machine or not child.machine else 0
            elif item:
                folder.counted += 1
                holders[key, item].append(folder.id)
        folder.files = folder.counted
        folder.last = len(order) - 1
        return folder

    add(b"", drive, None)
    batches = [
        (",".join(map(str, random.sample(held, len(held)))), 1)
        for held in holders.values()
        if len(held) > 1
    ]
    random.shuffle(batches)
    return FolderTree({each.id: each for each in order}, order, frozenset()), batches


def path_of(folder: TreeFolder) -> Path:
    parts: list[bytes] = []
    while folder.parent is not None:
        parts.append(folder.name)
        folder = folder.parent
    return tuple(reversed(parts))


@dataclass
class Oracle:
    """What the definition says of a drive, given its families."""

    drive: Drive
    families: Collection[Family]
    files: dict[Path, dict[Path, int]] = field(default_factory=dict)
    """By folder, its files that count: their contents by relative path."""
    _copies: dict[tuple[Path, Path], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path, _ in folders_of(self.drive):
            if MADE not in path:
                self.files[path] = {}
        for path, inner in folders_of(self.drive):
            for name, content in inner.items():
                if MADE not in path and content and not isinstance(content, dict):
                    for depth in range(len(path) + 1):
                        self.files[path[:depth]][(*path[depth:], name)] = content
        self.family = {member: family for family in self.families for member in family}

    def votes(self, a: Path, b: Path, apart: Iterable[Path] = ()) -> int:
        """At how many relative paths they have equal content, ``apart`` in the first left out."""
        there = self.files[b]
        return sum(
            there.get(path) == content
            and not any((*a, *path)[: len(each)] == each for each in apart)
            for path, content in self.files[a].items()
        )

    def count(self, folder: Path, apart: Iterable[Path]) -> int:
        inside = [each for each in apart if each != folder and each[: len(folder)] == folder]
        return sum(
            not any((*folder, *path)[: len(each)] == each for each in inside)
            for path in self.files[folder]
        )

    def is_copy(self, a: Path, b: Path) -> bool:
        """Whether two folders are a pair that is not loose.

        Perhaps without the copies of each that are inside the other: the tree was copied into
        itself, and if the two have the same name, one subfolder suffices.
        """
        if self.votes(a, b) < LEAST:
            return False
        if (a, b) not in self._copies:
            inside = self.inside(a, b), self.inside(b, a)
            self._copies[a, b] = self._is_copy(a, b, [b], [a]) or (
                any(inside)
                and self._is_copy(a, b, [b, *inside[0]], [a, *inside[1]], a[-1:] == b[-1:])
            )
        return self._copies[a, b]

    def inside(self, folder: Path, other: Path) -> list[Path]:
        """The folders inside a folder that are copies of another."""
        below = [each for each in self.files if each != folder and each[: len(folder)] == folder]
        return [each for each in below if each != other and self.is_copy(each, other)]

    def _is_copy(
        self, a: Path, b: Path, apart_a: list[Path], apart_b: list[Path], same_name: bool = False
    ) -> bool:
        votes = self.votes(a, b)
        size_a, size_b = self.count(a, apart_a), self.count(b, apart_b)
        if votes < max(LEAST, HALF * min(size_a, size_b)):
            return False
        for child in self.files:
            if len(child) != len(a) + 1 or child[:-1] != a:
                continue
            twin = (*b, child[-1])
            if twin not in self.files or 2 * self.votes(child, twin) < votes:
                continue
            rest = votes - self.votes(child, twin)
            beside = [
                self.count(top, [*apart, one])
                for top, apart, one, size in (
                    (a, apart_a, child, size_a),
                    (b, apart_b, twin, size_b),
                )
                if size == min(size_a, size_b)
            ]
            if (not rest and not same_name) or rest < HALF * min(beside):
                return False
        return True

    def is_implied(self, a: Path, b: Path) -> bool:
        """Whether two folders are at one relative path below two members of a family."""
        while a and b and a[-1] == b[-1]:
            a, b = a[:-1], b[:-1]
            if a != b and a in self.family and self.family[a] == self.family.get(b):
                return True
        return False

    def copies(self) -> Iterator[tuple[Path, Path]]:
        for a, b in combinations(self.files, 2):
            if self.is_copy(a, b):
                yield a, b


def connected(pairs: Iterable[tuple[Path, Path]]) -> set[Family]:
    """What pairs connect."""
    found: list[set[Path]] = []
    for pair in pairs:
        touched = [group for group in found if group & set(pair)]
        found = [group for group in found if group not in touched]
        found.append(set(pair).union(*touched))
    return set(map(Family, found))
