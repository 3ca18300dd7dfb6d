"""Trees for tests, declared as literals, and what a scan of one leaves in the index."""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from blake3 import blake3

from gorillacomb.index.database import Index
from gorillacomb.index.folder_digest import set_missing_digests
from gorillacomb.model import EntryState, ScanReport
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan as scan_paths
from gorillacomb.vault.vault import Vault


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str | bytes


@dataclass(frozen=True)
class HardLink:
    """Another name of a file made earlier, given from the top of the tree."""

    of: str


Tree = Mapping[str | bytes, Union[bytes, str, Link, HardLink, "Tree"]]


def make_tree(top: Path, tree: Tree) -> Path:
    """Make folders (mappings), files (bytes or text) and links under ``top``."""
    _make(os.fsencode(top), os.fsencode(top), tree)
    return top


def _make(top: bytes, folder: bytes, tree: Tree) -> None:
    try:
        os.mkdir(folder)
    except (FileExistsError, FileNotFoundError):
        os.makedirs(folder, exist_ok=True)
    for name, content in tree.items():
        path = folder + b"/" + os.fsencode(name)
        if isinstance(content, Mapping):
            _make(top, path, content)
        elif isinstance(content, Link):
            os.symlink(os.fsencode(content.target), path)
        elif isinstance(content, HardLink):
            os.link(os.path.join(top, os.fsencode(content.of)), path)
        else:
            write_content(path, content.encode() if isinstance(content, str) else content)


def write_content(path: str | bytes, content: bytes) -> None:
    """Write a new file, or over what one holds; many small ones are made, so without a buffer."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def content_of(path: str | bytes | Path) -> bytes:
    """Return what a file holds; many small ones are read, so without a buffer."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def settle(top: Path, grain: float = 0.025) -> None:
    """Wait until no file under ``top`` was written within the clock's grain of now.

    A file hashed within the grain of its last change is read again by the next scan, as it must be.
    """
    newest = max(
        (
            os.lstat(os.path.join(folder, name)).st_ctime
            for folder, _, names in os.walk(top)
            for name in names
        ),
        default=0.0,
    )
    while (left := newest + grain - time.time()) > 0:
        time.sleep(left)


def groups_on_disk(top: Path) -> set[frozenset[bytes]]:
    """The ten-line oracle: sets of paths with equal content, at least two separate files each."""
    names: dict[bytes, list[bytes]] = defaultdict(list)
    inodes: dict[bytes, set[int]] = defaultdict(set)
    for folder, _, files in os.walk(os.fsencode(top)):
        for name in files:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode) and facts.st_size:
                content = hashlib.sha256(content_of(path)).digest()
                names[content].append(path)
                inodes[content].add(facts.st_ino)
    return {frozenset(paths) for content, paths in names.items() if len(inodes[content]) > 1}


def groups_in_index(vault: Path) -> set[frozenset[bytes]]:
    """The groups that the index of a vault holds, as sets of paths."""
    from gorillacomb.canonical.groups import GroupReader

    with Index.read(Vault(vault)) as index:
        groups = GroupReader(index, lambda root: True, lambda path: False)
        return {frozenset(copy.path for copy in group.copies) for group in groups.all()}


Entry = tuple[int, int, int, bytes | None, bytes | None]


def rows_in_index(vault: Path) -> dict[bytes, Entry]:
    """Every entry of the index by path: state, mode, size, digest, target."""
    from gorillacomb.index.roots import folder_paths

    with Index.read(Vault(vault)) as index:
        paths = folder_paths(index.connection)
        rows = index.connection.execute(
            "SELECT folder, name, state, mode, size, digest, target FROM files"
        )
        placed = ((paths.place(folder), name, row) for folder, name, *row in rows)
        return {place[1] + b"/" + name: tuple(row) for place, name, row in placed if place}


def check_seals(vault: Path) -> None:
    """Each folder's seal, where it has one, is that of its rows, and these are all settled."""
    with Index.read(Vault(vault)) as index:
        folders = index.connection.execute("SELECT id, seal FROM folders WHERE seal IS NOT NULL")
        for folder, seal in folders.fetchall():
            entries = index.connection.execute(
                "SELECT name, state, mode, size, mtime_ns, ctime_ns, inode, links, blocks"
                " FROM files WHERE folder = ? ORDER BY name",
                (folder,),
            ).fetchall()
            assert {entry[1] for entry in entries} <= {
                EntryState.HASHED,
                EntryState.TOO_SMALL,
                EntryState.OTHER,
            }, folder
            assert seal == blake3(marshal.dumps(entries, 2)).digest(16), folder


def an_hour_on() -> int:
    """A clock for scans by which what a test has just written is old, ns."""
    return time.time_ns() + 3600 * 10**9


def age_digests(vault: Path) -> None:
    """Have an index hold that its files were read an hour after they were, and so are old.

    For vaults that are filled by the program itself, to which no clock can be handed.
    """
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            put = index.connection.execute
            put("UPDATE files SET checked_ns = checked_ns + 3600000000000 WHERE checked_ns <> 0")
            put(f"UPDATE files SET state = 0 WHERE state = {EntryState.FRESH:d}")
            for (root,) in put("SELECT id FROM roots").fetchall():
                set_missing_digests(index.connection, root)
        index.commit()


def scan(vault: Path, *tops: Path, **options: object) -> ScanReport:
    """Scan folders into a vault; options as in `ScanOptions`.

    By default in this process, and an hour on: what was read within a minute of its writing is read
    again, and tests are about that only where they hand in ``now``.
    """
    options.setdefault("workers", 0)
    options.setdefault("now", an_hour_on)
    paths = [os.fsencode(top) for top in tops]
    report = scan_paths(Vault(vault), paths, ScanOptions(**options))  # type: ignore[arg-type]
    check_seals(vault)
    return report
