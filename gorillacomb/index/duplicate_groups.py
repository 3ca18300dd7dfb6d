"""The tables about contents with several copies: maintain them, and read groups page by page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from gorillacomb.fs.openat import to_signed64
from gorillacomb.fs.paths import join
from gorillacomb.index.paths import BELOW, FileKey, FolderPaths
from gorillacomb.index.roots import folder_paths
from gorillacomb.index.schema import GROUP_INDEX, has_content
from gorillacomb.model import GroupSummary
from gorillacomb.sqlite import Connection, insert, is_defined

_LINKED = 0
"""Marks the copies of a group as not counted yet, as some of its names may be hard links."""


def has_groups(connection: Connection) -> bool:
    """Return whether the groups have been created, and are kept up to date since."""
    return is_defined(connection, "group_by_waste")


def create_groups(connection: Connection) -> None:
    """Create all groups for the first time; the index of digests must exist."""
    rebuild_groups(connection)
    connection.execute(GROUP_INDEX)


def rebuild_groups(connection: Connection) -> None:
    """Rebuild all groups, inside the caller's transaction."""
    connection.execute("DELETE FROM groups")
    connection.execute("DELETE FROM touched")
    for statement in _group_statements(""):
        connection.execute(statement)
    if sys.platform == "darwin":
        _count_clones_once(connection, "")


def refresh_groups(connection: Connection) -> None:
    """Rebuild the groups of touched contents, and mark these to be stamped again."""
    if connection.execute("SELECT 1 FROM touched LIMIT 1").fetchone() is None:
        return
    connection.execute("DELETE FROM groups WHERE digest IN (SELECT digest FROM touched)")
    some = "AND digest IN (SELECT digest FROM touched)"
    for statement in _group_statements(some):
        connection.execute(statement)
    if sys.platform == "darwin":
        _count_clones_once(connection, some)
    connection.execute("INSERT INTO unstamped SELECT digest FROM touched")
    connection.execute("DELETE FROM touched")


def drop_entries(connection: Connection, files: Iterable[FileKey], folders: Iterable[int]) -> None:
    """Drop files and folders as if a scan had found them missing.

    The groups are up to date afterwards, and only what was dropped is marked to be stamped again.
    The number of statements is the same for any number of files.
    """
    connection.execute("DELETE FROM touched")
    connection.execute("DELETE FROM unstamped")
    names = bytearray()
    places: list[tuple[int, int, int]] = []
    for folder, name in files:
        places.append((folder, len(names) + 1, len(name)))
        names += name
    part = "json_extract(value, '$[{}]')".format
    dropped = (
        f"WITH dropped (folder, name) AS (SELECT {part(0)},"
        f" substr(?, {part(1)}, {part(2)}) FROM json_each(?))"
    )
    below = (
        "WITH RECURSIVE below (id) AS (SELECT value FROM json_each(?) UNION"
        " SELECT folders.id FROM folders JOIN below ON folders.parent = below.id)"
    )
    here = bytes(names), json.dumps(places)
    tops = (json.dumps(list(folders)),)
    touch = "INSERT INTO touched SELECT digest FROM files WHERE digest IS NOT NULL AND"
    for what in (touch, "DELETE FROM files WHERE"):
        connection.execute(f"{dropped} {what} (folder, name) IN (SELECT * FROM dropped)", here)
    connection.execute(f"{below} {touch} folder IN below", tops)
    for what in ("files WHERE folder", "our_folders WHERE folder", "folders WHERE id"):
        connection.execute(f"{below} DELETE FROM {what} IN below", tops)
    refresh_groups(connection)


def drop_former_stamps(connection: Connection) -> None:
    """Drop the stamps of contents that are to be stamped again and that no file has any more."""
    connection.execute(
        "DELETE FROM stamps WHERE digest IN (SELECT digest FROM unstamped) AND NOT EXISTS"
        f" (SELECT 1 FROM files WHERE files.digest = stamps.digest AND {has_content('files')})"
    )


def move_stamps(
    connection: Connection, rows: Sequence[tuple[bytes, int, bytes]], rules: int
) -> None:
    """Move stamps to other files, given as digest, folder and name, by one statement.

    ``rules`` is the version of the rules that chose those.
    """
    texts = bytearray()
    places: list[tuple[int, int, int, int]] = []
    for digest, folder, name in rows:
        places.append((len(texts) + 1, len(digest), folder, len(name)))
        texts += digest + name
    part = "json_extract(value, '$[{}]')".format
    connection.execute(
        f"WITH moved (digest, folder, name) AS (SELECT substr(?1, {part(0)}, {part(1)}),"
        f" {part(2)}, substr(?1, {part(0)} + {part(1)}, {part(3)}) FROM json_each(?2))"
        " INSERT OR REPLACE INTO stamps (digest, seq, folder, name, rules)"
        " SELECT moved.digest, stamps.seq, moved.folder, moved.name, ?3"
        " FROM moved JOIN stamps ON stamps.digest = moved.digest",
        (bytes(texts), json.dumps(places), rules),
    )


def _group_statements(some: str) -> Iterator[str]:
    """Yield SQL that inserts groups: first as if every name were a copy, then with hard links.

    A content whose names are all one inode is not a duplicate and gets no group.
    """
    yield (
        "INSERT INTO groups SELECT digest, size, count(*),"
        f" CASE max(links) WHEN 1 THEN count(*) ELSE {_LINKED} END,"
        " (sum(blocks) - max(blocks)) * 512"
        f" FROM files WHERE {has_content()} AND digest IS NOT NULL {some}"
        " GROUP BY digest HAVING count(*) > 1"
    )
    linked = f"copies = {_LINKED} {some}"
    yield (
        "INSERT OR REPLACE INTO groups"
        " SELECT digest, min(size), sum(names), count(*), (sum(blocks) - max(blocks)) * 512"
        " FROM (SELECT files.digest, files.size, count(*) AS names, max(files.blocks) AS blocks"
        "  FROM files JOIN folders ON folders.id = files.folder JOIN roots ON roots.id = root"
        f"  WHERE {has_content('files')}"
        f"  AND files.digest IN (SELECT digest FROM groups WHERE {linked})"
        "  GROUP BY files.digest, CASE WHEN files.links > 1"
        "   THEN roots.volume || ':' || files.inode"
        "   ELSE files.folder || '/' || hex(files.name) END)"
        " GROUP BY digest HAVING count(*) > 1"
    )
    yield f"DELETE FROM groups WHERE {linked}"


class ContentPlaces(NamedTuple):
    """Where the copies of a content are."""

    digest: bytes
    folders: str
    """The ids of the folders with a copy, separated by commas; a folder once for each copy."""
    size: int | None
    """The bytes on disk of each copy, if all have the same and no file is named twice; else None.
    """
    stamped: int | None
    """The id of the folder with the canonical file, if that is one of the copies."""


def content_places(connection: Connection, one_file_twice: bool) -> Iterator[ContentPlaces]:
    """Yield every content with copies, with the folders that contain them.

    SQLite collects those: passing a row per file to Python costs three times as much.
    ``one_file_twice`` says whether two roots may show one file.
    """
    rows = connection.execute(
        "SELECT groups.digest, held.folders,"
        f" CASE WHEN {'0' if one_file_twice else 'held.links <= 1'} AND held.least = held.most"
        # A scan that was interrupted has not updated the group yet.
        "  AND groups.reclaimable = (held.names - 1) * held.most * 512 THEN held.most * 512 END,"
        " CASE WHEN EXISTS (SELECT 1 FROM files WHERE files.folder = stamps.folder"
        "  AND files.name = stamps.name AND files.digest = stamps.digest"
        f"  AND {has_content('files')}) THEN stamps.folder END"
        " FROM (SELECT digest, group_concat(folder) AS folders, count(*) AS names,"
        "  min(blocks) AS least, max(blocks) AS most, max(links) AS links"
        f"  FROM files INDEXED BY file_by_digest WHERE {has_content()} AND digest IS NOT NULL"
        "  GROUP BY digest) AS held"
        " CROSS JOIN groups ON groups.digest = held.digest"
        " LEFT JOIN stamps ON stamps.digest = held.digest"
    )
    return map(ContentPlaces._make, rows)


class _GroupFile(NamedTuple):
    """A name of a file with the content of a group."""

    digest: bytes
    folder: int
    name: bytes
    blocks: int
    inode: int
    links: int
    volume: str
    is_apfs: int

    @property
    def file(self) -> object:
        """What all names of one file share."""
        return (self.volume, self.inode) if self.links > 1 else (self.folder, self.name)


def _count_clones_once(connection: Connection, some: str) -> None:
    """Correct the reclaimable bytes of groups with clones, which APFS stores once.

    Copies that Finder makes are clones. They are separate files, and counted as such; but removing
    one of them frees nothing while another stays.
    """
    rows = connection.execute(
        "SELECT digest, files.folder, files.name, blocks, files.inode, links, volume,"
        " volume_type = 'apfs' FROM files JOIN folders ON folders.id = files.folder"
        f" JOIN roots ON roots.id = root WHERE {has_content('files')}"
        f" AND digest IN (SELECT digest FROM groups WHERE true {some}) ORDER BY digest"
    )
    paths = folder_paths(connection)
    found = []
    for digest, names in groupby(map(_GroupFile._make, rows), itemgetter(0)):
        files = {each.file: each for each in names}
        stored: dict[object, int] = {}
        for each in files.values():
            clone = _clone_of(each, paths) if each.is_apfs else None
            place = each.file if clone is None else ("clone", each.volume, clone)
            stored[place] = max(stored.get(place, 0), each.blocks)
        if len(stored) < len(files):
            found.append(((sum(stored.values()) - max(stored.values())) * 512, digest))
    connection.executemany("UPDATE groups SET reclaimable = ? WHERE digest = ?", found)


def _clone_of(file: _GroupFile, paths: FolderPaths) -> int | None:
    """Return what a file has in common with its clones; None if it is not there now."""
    from gorillacomb.fs.darwin.clones import clone_id

    place = paths.place(file.folder)
    if place is None:
        return None
    path = join(place[1], file.name)
    try:
        is_there = to_signed64(os.lstat(path).st_ino) == file.inode
    except OSError:
        return None
    return clone_id(path) if is_there else None


def pack_copy_order(order: Iterable[FileKey]) -> bytes:
    """Return an order of copies as it is stored."""
    return b"\0".join([b"%d/%b" % copy for copy in order])


def pack_order_of_folders(folders: Sequence[bytes], name: bytes) -> bytes:
    """Return the same for copies of one name, given their folders as `pack_folder` returns them."""
    return (name + b"\0").join(folders) + name


def pack_folder(folder: int) -> bytes:
    """Return how copies in a folder begin in an order as it is stored."""
    return b"%d/" % folder


def put_copy_orders(
    connection: Connection, orders: Sequence[bytes], dropped: Iterable[bytes]
) -> None:
    """Store orders of copies, and drop those of contents without several copies.

    ``orders`` are a content and its packed order, in turn. Those of two copies are stored too,
    although the stamp says which is the first: it says nothing of the other and a third one that
    takes the stamp.
    """
    insert(connection, "INSERT OR REPLACE INTO copy_orders VALUES (?, ?)", orders)
    connection.executemany(
        "DELETE FROM copy_orders WHERE digest = ?", [(digest,) for digest in dropped]
    )


def drop_former_copy_orders(connection: Connection) -> None:
    """Drop the orders of contents that no longer have several copies."""
    connection.execute(
        "DELETE FROM copy_orders WHERE (SELECT count(*) FROM files"
        f" WHERE {has_content()} AND files.digest = copy_orders.digest) < 2"
    )


class GroupOrder(StrEnum):
    """By what groups are sorted, the largest first."""

    WASTE = "waste"
    """Bytes on disk that all copies but one take."""
    SIZE = "size"
    """Bytes of one copy."""
    COPIES = "copies"


_SORTED = {
    GroupOrder.WASTE: ("reclaimable", "size * copies"),
    GroupOrder.SIZE: ("size", "copies"),
    GroupOrder.COPIES: ("copies", "size"),
}
"""What each order compares; equal ones follow by digest. The first one alone has an index."""


class GroupPosition(NamedTuple):
    """A place in an order of groups: that of a group, by its sort key."""

    first: int
    second: int
    digest: bytes

    @classmethod
    def of(cls, group: GroupSummary, order: GroupOrder) -> GroupPosition:
        """Return where a group is in an order."""
        all_of_it = group.size * group.copies
        first, second = {
            GroupOrder.WASTE: (group.reclaimable, all_of_it),
            GroupOrder.SIZE: (group.size, group.copies),
            GroupOrder.COPIES: (group.copies, group.size),
        }[order]
        return cls(first, second, group.digest)


def groups_after(
    connection: Connection,
    order: GroupOrder,
    position: GroupPosition | None,
    min_reclaimable: int,
    limit: int,
) -> list[GroupSummary]:
    """Return the groups that follow a position in an order, at most ``limit``.

    ``min_reclaimable`` is in bytes on disk.
    """
    first, second = _SORTED[order]
    # For the other orders, that index would be read only to look up every row in the table.
    least = "reclaimable" if order is GroupOrder.WASTE else "+reclaimable"
    where, values = "", tuple[Any, ...]()
    if position is not None:
        # The first condition alone can use the index of that order.
        where = (
            f" AND {first} <= ?3 AND ({first} < ?3 OR {second} < ?4"
            f" OR ({second} = ?4 AND digest > ?5))"
        )
        values = position
    rows = connection.execute(
        f"SELECT digest, size, names, copies, reclaimable FROM groups WHERE {least} >= ?1"
        f"{where} ORDER BY {first} DESC, {second} DESC, digest LIMIT ?2",
        (min_reclaimable, limit, *values),
    )
    return [GroupSummary(*row) for row in rows]


def names_with(connection: Connection, digests: Sequence[bytes]) -> list[tuple[bytes, int, bytes]]:
    """Return digest, folder id and name of every file with one of some contents."""
    marks = ", ".join("?" * len(digests))
    return connection.execute(
        f"SELECT digest, folder, name FROM files WHERE {has_content()} AND digest IN ({marks})",
        digests,
    ).fetchall()


def folders_below(connection: Connection, folder: int) -> set[int]:
    """Return the ids of a folder and of all folders below it."""
    return {each for (each,) in connection.execute(f"{BELOW} SELECT id FROM below", (folder,))}
