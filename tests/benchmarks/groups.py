"""Compares the groups of duplicates that two programs print in the way of fdupes."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from .places import BenchError

Group = frozenset[bytes]


@dataclass(frozen=True)
class Comparison:
    """How many groups each side found, how many files in them, and how many only one side has."""

    name: str
    ours: int
    theirs: int
    our_files: int
    their_files: int
    only_ours: int
    only_theirs: int
    example: str

    @property
    def equal(self) -> bool:
        """Whether both found the very same groups."""
        return self.only_ours == 0 and self.only_theirs == 0


def compare(name: str, ours: Path, theirs: Path, tree: Path) -> Comparison:
    """Compare two files of groups; the example of a difference is relative to `tree`."""
    left, right = read(ours), read(theirs)
    odd = sorted(left ^ right, key=sorted)
    return Comparison(
        name=name,
        ours=len(left),
        theirs=len(right),
        our_files=sum(map(len, left)),
        their_files=sum(map(len, right)),
        only_ours=len(left - right),
        only_theirs=len(right - left),
        example=_show(odd[0], tree) if odd else "",
    )


def read(printed: Path) -> set[Group]:
    """The groups in a file: a path a line, an empty line after each group.

    Empty files are left out, names of one hard-linked file count as one, and a group of one is
    no group; so that programs which differ in these points can still be compared.
    """
    groups: set[Group] = set()
    for block in printed.read_bytes().split(b"\n\n"):
        group = frozenset(filter(None, map(_key, filter(None, block.split(b"\n")))))
        if len(group) > 1:
            groups.add(group)
    return groups


def _key(path: bytes) -> bytes:
    """What stands for `path` in a group: the inode if it has several names; nothing if empty."""
    try:
        status = os.lstat(path)
    except OSError as error:
        raise BenchError(f"not a path of a file in the groups printed: {path!r}: {error}") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        return b""
    if status.st_nlink > 1:
        return b"inode %d %d" % (status.st_dev, status.st_ino)
    return path


def _show(group: Group, tree: Path) -> str:
    names = [os.path.relpath(path, os.fsencode(tree)) for path in sorted(group)[:3]]
    return " = ".join(name.decode(errors="backslashreplace") for name in names)
