"""The stamps in the index: a view of the trace that can always be rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from gorillacomb.index.paths import AWAY, WITHOUT_PLACE
from gorillacomb.index.schema import has_content, has_gap
from gorillacomb.model import EntryState, FolderState
from gorillacomb.sqlite import Connection, insert

_STAMP = "seq, folder, name"
_BELOW = (
    "WITH RECURSIVE below (id) AS (SELECT ? UNION"
    " SELECT stamp_folders.id FROM stamp_folders JOIN below ON stamp_folders.parent = below.id)"
)

FOLDERS_CHANGED = b""
"""An entry among the unstamped contents that means that folders moved or disappeared."""


class Stamp(NamedTuple):
    """Where the canonical file of a content is, by the index's folder."""

    seq: int
    folder: int
    name: bytes


class StampFolder(NamedTuple):
    """A folder as the trace knows it."""

    id: int
    root: int
    parent: int | None
    name: bytes


ContentFile = tuple[int, bytes, int]
"""A file with a content: folder, name, mtime (ns)."""


class ContentHolders(NamedTuple):
    """A content, and the files that have it."""

    digest: bytes
    size: int
    files: int
    """How many names it has."""
    links: int
    """The most hard links that any of these files has."""
    folders: str
    """Ids, separated by commas; one for each file."""
    times: str
    """Their mtimes (ns), in the same order."""
    name: bytes | None
    """The name of all these files; None if they differ."""


def synced_log_size(connection: Connection) -> tuple[str, int] | None:
    """Return the log that the stamps reflect, and how many of its entries."""
    found: tuple[str, int] | None = connection.execute("SELECT log, size FROM reflected").fetchone()
    return found


def set_synced_log_size(
    connection: Connection, log: str, size: int, rules: int | None = None
) -> None:
    """Record up to where the stamps reflect the trace.

    ``rules`` is the version of the rules by which all of them were chosen or confirmed; None if
    none was checked.
    """
    if rules is None:
        [rules] = connection.execute("SELECT coalesce(min(rules), 0) FROM stamps").fetchone()
    else:
        connection.execute("UPDATE stamps SET rules = ? WHERE rules < ?", (rules, rules))
    connection.execute("DELETE FROM reflected")
    connection.execute(
        "INSERT INTO reflected (log, size, rules) VALUES (?, ?, ?)", (log, size, rules)
    )


def clear_synced_log_size(connection: Connection) -> None:
    """Record that the stamps do not reflect the trace, until `set_synced_log_size`."""
    connection.execute("DELETE FROM reflected")


def clear(connection: Connection) -> None:
    """Drop all stamps, to rebuild them from the trace."""
    for table in ("stamps", "stamp_folders", "stamp_roots", "reflected"):
        connection.execute(f"DELETE FROM {table}")


def stamp_of(connection: Connection, digest: bytes) -> Stamp | None:
    """Return the stamp of a content."""
    row = connection.execute(f"SELECT {_STAMP} FROM stamps WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else Stamp(*row)


def all_stamps(connection: Connection) -> Iterator[tuple[bytes, Stamp]]:
    """Yield every stamp with its content's digest."""
    for digest, *stamp in connection.execute(f"SELECT digest, {_STAMP} FROM stamps"):
        yield digest, Stamp(*stamp)


def count_stamps(connection: Connection) -> int:
    """Return how many contents have a stamp."""
    return int(connection.execute("SELECT count(*) FROM stamps").fetchone()[0])


def count_by_folder(connection: Connection) -> dict[int, int]:
    """Return how many canonical files are directly in each folder, by its id."""
    rows: list[tuple[int, int]] = connection.execute(
        "SELECT folder, count(*) FROM stamps GROUP BY folder"
    ).fetchall()
    return dict(rows)


def stamps_below(connection: Connection, folder: int) -> list[tuple[bytes, Stamp]]:
    """Return the stamps in a folder and below it, as the trace knows that folder."""
    rows = connection.execute(
        f"{_BELOW} SELECT digest, {_STAMP} FROM stamps WHERE folder IN below", (folder,)
    )
    return [(digest, Stamp(*stamp)) for digest, *stamp in rows]


def put_stamps(connection: Connection, rows: Iterable[tuple[bytes, int, int, bytes, int]]) -> None:
    """Store stamps: digest, seq, folder, name, version of the rules."""
    insert(
        connection,
        "INSERT OR REPLACE INTO stamps (digest, seq, folder, name, rules) VALUES (?, ?, ?, ?, ?)",
        [*chain.from_iterable(rows)],
    )


def rules_of_stamps(connection: Connection) -> dict[bytes, tuple[int, int]]:
    """Return, by content, the entry of its stamp and the version of the rules that chose it."""
    rows = connection.execute("SELECT digest, seq, rules FROM stamps")
    return {digest: (seq, rules) for digest, seq, rules in rows}


def rules_of_stamp(connection: Connection, digest: bytes) -> int:
    """Return the version of the rules by which a content's canonical file was chosen."""
    [rules] = connection.execute("SELECT rules FROM stamps WHERE digest = ?", (digest,)).fetchone()
    return int(rules)


def chosen_by_other_rules(connection: Connection, version: int, choice: str) -> list[bytes]:
    """Return the contents with several copies whose stamps were chosen by older rules.

    If the user's settings said something else than ``choice`` then, that is all of them. For other
    contents there was no choice.
    """
    if synced_log_size(connection) is not None and user_choice(connection) != choice:
        rows = connection.execute("SELECT digest FROM stamps JOIN groups USING (digest)")
        return [digest for (digest,) in rows]
    if connection.execute("SELECT 1 FROM reflected WHERE rules >= ?", (version,)).fetchone():
        return []
    rows = connection.execute(
        "SELECT digest FROM stamps WHERE rules < ? AND digest IN (SELECT digest FROM groups)",
        (version,),
    )
    return [digest for (digest,) in rows]


def user_choice(connection: Connection) -> str:
    """Return what the user's settings said about which copy to keep when all was last chosen."""
    row = connection.execute("SELECT settings FROM chosen_by").fetchone()
    return "" if row is None else str(row[0])


def set_user_choice(connection: Connection, choice: str) -> None:
    """Record what the user's settings say about which copy to keep; all was chosen by that."""
    if user_choice(connection) != choice:
        connection.execute("DELETE FROM chosen_by")
        connection.execute("INSERT INTO chosen_by (settings) VALUES (?)", (choice,))


def drop_stamps(connection: Connection, digests: Iterable[bytes]) -> None:
    """Drop the stamps of contents."""
    connection.executemany("DELETE FROM stamps WHERE digest = ?", ((digest,) for digest in digests))


_HELD = (
    "SELECT digest, size, count(*), max(links), group_concat(folder), group_concat(mtime_ns),"
    " CASE WHEN min(name) = max(name) THEN min(name) END"
    f" FROM files INDEXED BY file_by_digest WHERE {has_content()}"
)


def contents_to_stamp(connection: Connection) -> Iterator[ContentHolders]:
    """Yield every content, sorted by digest."""
    return map(ContentHolders._make, connection.execute(f"{_HELD} GROUP BY digest"))


def content(connection: Connection, digest: bytes) -> ContentHolders | None:
    """Return one content, if any file has it."""
    row = connection.execute(f"{_HELD} AND digest = ? GROUP BY digest", (digest,)).fetchone()
    return None if row is None else ContentHolders._make(row)


def holders_of(connection: Connection, digest: bytes) -> list[ContentFile]:
    """Return the files with a content."""
    return connection.execute(
        f"SELECT folder, name, mtime_ns FROM files WHERE {has_content()} AND digest = ?",
        (digest,),
    ).fetchall()


def copies_of(connection: Connection, digest: bytes) -> int:
    """Return the number of separate copies of a content on disk, hard links counted once."""
    row = connection.execute("SELECT copies FROM groups WHERE digest = ?", (digest,)).fetchone()
    return 1 if row is None else int(row[0])


def content_at(connection: Connection, folder: int, name: bytes) -> tuple[bytes | None] | None:
    """Return the digest of a file in a tuple; None if there is no such entry."""
    found: tuple[bytes | None] | None = connection.execute(
        "SELECT digest FROM files WHERE folder = ? AND name = ?", (folder, name)
    ).fetchone()
    return found


def is_unread(connection: Connection, folder: int, name: bytes) -> bool:
    """Return whether a file's content is unknown; a link is not a file."""
    found = connection.execute(
        "SELECT count(*) FROM files WHERE folder = ? AND name = ?"
        f" AND digest IS NULL AND state <> {EntryState.OTHER:d}",
        (folder, name),
    ).fetchone()
    return bool(found[0])


def is_listed(connection: Connection, folder: int) -> bool:
    """Return whether a folder's last scan listed it: only then can its files be called missing."""
    row = connection.execute("SELECT state FROM folders WHERE id = ?", (folder,)).fetchone()
    return row is not None and row[0] == FolderState.LISTED


def contents_of_unreadable_files(connection: Connection) -> set[bytes]:
    """Return contents of files that are excluded, unreadable and the like: known, not missing."""
    rows = connection.execute(
        f"SELECT DISTINCT digest FROM files WHERE {has_gap()} AND digest IS NOT NULL"
        f" AND state <> {EntryState.FRESH:d}"
    )
    return {digest for (digest,) in rows}


def note_changed_folders(connection: Connection) -> None:
    """Record, for the stamps, that folders moved or disappeared."""
    connection.execute("INSERT INTO unstamped VALUES (?)", (FOLDERS_CHANGED,))


def unstamped(connection: Connection) -> list[bytes]:
    """Return the contents whose stamps must be checked again."""
    return [digest for (digest,) in connection.execute("SELECT DISTINCT digest FROM unstamped")]


def never_stamped(connection: Connection) -> Iterator[bytes]:
    """Return the contents without a stamp."""
    rows = connection.execute(
        "SELECT DISTINCT digest FROM files INDEXED BY file_by_digest"
        f" WHERE {has_content()} AND digest NOT IN (SELECT digest FROM stamps)"
    )
    return (digest for (digest,) in rows)


def deferred_folders(connection: Connection) -> dict[int, int]:
    """Return the machine-made folders that are stamped later, and their last change, ns."""
    return dict(connection.execute("SELECT folder, changed_ns FROM unquiet").fetchall())


def set_deferred_folders(connection: Connection, folders: Mapping[int, int]) -> None:
    """Store which machine-made folders those are, replacing the previous ones."""
    connection.execute("DELETE FROM unquiet")
    connection.executemany("INSERT INTO unquiet VALUES (?, ?)", folders.items())


def mark_stamped(connection: Connection, undecided: Iterable[bytes]) -> None:
    """Record that all stamps have been checked, except those of these contents."""
    connection.execute("DELETE FROM unstamped")
    connection.executemany("INSERT INTO unstamped VALUES (?)", ((each,) for each in undecided))


class StampRoot(NamedTuple):
    """A root as the trace knows it."""

    id: int
    uid: str
    path: bytes
    volume: str


def stamp_roots(connection: Connection) -> dict[int, StampRoot]:
    """Return the roots that the trace knows."""
    rows = connection.execute("SELECT id, uid, path, volume FROM stamp_roots")
    return {row[0]: StampRoot(*row) for row in rows}


def put_root(connection: Connection, root: StampRoot) -> None:
    """Store a root as the trace now knows it."""
    connection.execute(
        "INSERT OR REPLACE INTO stamp_roots VALUES (?, ?, ?, ?)",
        (root.id, root.uid, root.path, root.volume),
    )


def drop_root(connection: Connection, root: int) -> None:
    """Drop a root that the trace no longer knows: forgotten, or now a folder of another."""
    connection.execute("DELETE FROM stamp_roots WHERE id = ?", (root,))


def stamp_folder(connection: Connection, folder: int) -> StampFolder | None:
    """Return a folder as the trace knows it."""
    row = connection.execute(
        "SELECT id, root, parent, name FROM stamp_folders WHERE id = ?", (folder,)
    ).fetchone()
    return None if row is None else StampFolder(*row)


def index_folder(connection: Connection, folder: int) -> StampFolder | None:
    """Return a folder as it is now, regardless of the trace."""
    row = connection.execute(
        "SELECT id, root, parent, name FROM folders WHERE id = ?", (folder,)
    ).fetchone()
    return None if row is None else StampFolder(*row)


def add_all_folders(connection: Connection) -> None:
    """Add all folders that the trace did not know yet, except detached ones."""
    connection.execute(
        "INSERT OR IGNORE INTO stamp_folders SELECT id, root, parent, name FROM folders"
        f" WHERE id NOT IN ({WITHOUT_PLACE})"
    )


def put_folder(connection: Connection, folder: StampFolder) -> None:
    """Store where the trace now knows a folder."""
    connection.execute(
        "INSERT OR REPLACE INTO stamp_folders VALUES (?, ?, ?, ?)",
        (folder.id, folder.root, folder.parent, folder.name),
    )


def add_folders_above(connection: Connection, folder: int | None) -> None:
    """Add a folder and its parents, if the trace did not know them yet."""
    at = folder
    while at is not None and stamp_folder(connection, at) is None:
        found = index_folder(connection, at)
        assert found is not None, "every indexed file is in a folder"
        put_folder(connection, found)
        at = found.parent


def set_root_below(connection: Connection, folder: int, root: int) -> None:
    """Move a folder and everything below it to another root, as the trace now knows it."""
    connection.execute(
        f"{_BELOW} UPDATE stamp_folders SET root = ? WHERE id IN below", (folder, root)
    )


def drop_folders_below(connection: Connection, folder: int) -> None:
    """Drop a folder and everything below it."""
    connection.execute(f"{_BELOW} DELETE FROM stamp_folders WHERE id IN below", (folder,))


def folder_at(connection: Connection, parent: int | None, name: bytes) -> list[int]:
    """Return the folders that the trace knows at a place."""
    rows = connection.execute(
        "SELECT id FROM stamp_folders WHERE parent IS ? AND name = ?", (parent, name)
    )
    return [folder for (folder,) in rows]


def moved_folders(connection: Connection) -> list[StampFolder]:
    """Return folders that are not where the trace knows them, as they are now."""
    rows = connection.execute(
        "SELECT folders.id, folders.root, folders.parent, folders.name"
        " FROM stamp_folders JOIN folders ON folders.id = stamp_folders.id"
        " WHERE (folders.root <> stamp_folders.root OR folders.parent IS NOT stamp_folders.parent"
        f"  OR folders.name <> stamp_folders.name) AND folders.parent IS NOT {AWAY}"
    )
    return [StampFolder(*row) for row in rows]


def gone_folders(connection: Connection) -> list[int]:
    """Return the topmost of the folders that the trace knows and that no longer exist."""
    rows = connection.execute(
        "WITH gone AS (SELECT id, parent FROM stamp_folders"
        " WHERE id NOT IN (SELECT id FROM folders))"
        " SELECT id FROM gone WHERE parent IS NULL OR parent NOT IN (SELECT id FROM gone)"
    )
    return [folder for (folder,) in rows]
