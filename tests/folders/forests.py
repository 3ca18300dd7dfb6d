"""Random forests with planted copies, and what a walk of the disk says of their folders.

Nothing here knows how the program finds what it finds: every answer is made by comparing everything
with everything.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from tests.support.trees import Link, Tree

NAMES = st.sampled_from(["a", "b", "album", "HealthTrack", "node_modules", ".DS_Store", "é", "src"])
TEXTS = st.sampled_from(["", *(letter * 3 ** (at % 5) for at, letter in enumerate("123456789xyz"))])
LINKS = st.sampled_from([Link("a"), Link("a"), Link("../a"), Link("../../b/a")])
LEAVES = st.one_of(TEXTS, TEXTS, TEXTS, LINKS)
TREES: st.SearchStrategy[dict[str, object]] = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=5),
    lambda inner: st.dictionaries(NAMES, st.one_of(inner, LEAVES), max_size=4),
    max_leaves=10,
)


@st.composite
def forests(draw: st.DrawFn) -> Tree:
    """A tree into which parts of it were copied, each copy changed a little."""
    top: dict[str, object] = {"one": draw(TREES), "two": draw(TREES)}
    for number in range(draw(st.integers(0, 4))):
        places = [place for place in _folders(top) if place]
        source = draw(st.sampled_from(places))
        target = draw(st.sampled_from([(), *places]))
        copy = _copied(_at(top, source))
        for _ in range(draw(st.integers(0, 2))):
            _change(draw, copy)
        name = draw(st.sampled_from([source[-1], f"{source[-1]} ({number})", f"copy {number}"]))
        _at(top, target)[name] = copy
    return _copied(top)  # type: ignore[return-value]


def _folders(tree: dict[str, object], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [at]
    for name, inner in tree.items():
        if isinstance(inner, dict):
            found += _folders(inner, (*at, name))
    return found


def _at(tree: dict[str, object], place: tuple[str, ...]) -> dict[str, object]:
    for name in place:
        tree = tree[name]  # type: ignore[assignment]
    return tree


def _copied(tree: dict[str, object]) -> dict[str, object]:
    return {name: _copied(it) if isinstance(it, dict) else it for name, it in tree.items()}


def _change(draw: st.DrawFn, tree: dict[str, object]) -> None:
    """Drop, edit, add or rename one thing."""
    folder = _at(tree, draw(st.sampled_from(_folders(tree))))
    names = sorted(folder)
    action = draw(st.sampled_from(["drop", "edit", "add", "rename"]))
    if action == "add" or not names:
        folder[draw(NAMES)] = draw(TEXTS)
    elif action == "drop":
        del folder[draw(st.sampled_from(names))]
    elif action == "edit":
        folder[draw(st.sampled_from(names))] = draw(TEXTS)
    else:
        folder["new name"] = folder.pop(draw(st.sampled_from(names)))


@dataclass
class Seen:
    """A folder as a walk of the disk finds it."""

    path: Path
    entries: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """What stands in it and below, by relative path, noise left out; empty folders too."""
    own: set[bytes] = field(default_factory=set)
    """Contents that stand outside of machine-made folders."""
    contents: set[bytes] = field(default_factory=set)

    def holds(self, other: Seen) -> bool:
        return self.path in other.path.parents


def look(top: Path) -> dict[Path, Seen]:
    """Every folder below ``top``, and itself."""
    return {
        path: _look(path, top)
        for path in [top, *sorted(top.rglob("*"))]
        if path.is_dir() and not path.is_symlink()
    }


def _look(folder: Path, top: Path) -> Seen:
    seen = Seen(folder)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if not _counts(path):
            continue
        if path.is_symlink():
            seen.entries[relative] = ("link", os.readlink(path))
        elif path.is_file():
            seen.entries[relative] = ("file", path.read_bytes())
            if path.stat().st_size:
                seen.contents.add(path.read_bytes())
                if is_own(path, folder, top):
                    seen.own.add(path.read_bytes())
        elif path.is_dir() and not any(_counts(each) for each in path.iterdir()):
            seen.entries[relative] = ("dir",)
    return seen


def _counts(path: Path) -> bool:
    return path.name != ".DS_Store" or path.is_symlink() or path.is_dir()


def is_own(path: Path, folder: Path, top: Path) -> bool:
    """Whether a file counts as somebody's own in a folder: not if a program made what it is in.

    In a folder that is machine-made itself all is taken as it is.
    """
    if "node_modules" in folder.relative_to(top).parts:
        return True
    return "node_modules" not in path.parent.relative_to(folder).parts


def identical(seen: dict[Path, Seen]) -> set[frozenset[Path]]:
    """Sets of folders with the same entries, unless those around them are all the same too."""
    same: defaultdict[tuple[object, ...], set[Path]] = defaultdict(set)
    for folder in seen.values():
        if any(entry[0] != "dir" for entry in folder.entries.values()):
            same[tuple(sorted(folder.entries.items()))].add(folder.path)
    found = set()
    for group in same.values():
        around = {path.parent for path in group}
        inner = all(each in seen for each in around)
        if len(group) > 1 and not (
            len(around) > 1
            and inner
            and len({str(sorted(seen[p].entries.items())) for p in around}) == 1
        ):
            found.add(frozenset(group))
    return found


def without(folder: Seen, apart: list[Seen], seen: dict[Path, Seen]) -> Seen:
    """A folder with others inside it left out."""
    inner = [each for each in apart if folder.holds(each)]
    if not inner:
        return folder
    kept = Seen(folder.path)
    for path in sorted(folder.path.rglob("*")):
        gone = any(each.path == path or each.path in path.parents for each in inner)
        relative = path.relative_to(folder.path).as_posix()
        if not gone and relative in folder.entries:
            kept.entries[relative] = folder.entries[relative]
            entry = folder.entries[relative]
            if entry[0] == "file" and entry[1]:
                assert isinstance(entry[1], bytes)
                kept.contents.add(entry[1])
                if is_own(path, folder.path, min(seen)):
                    kept.own.add(entry[1])
    return kept
