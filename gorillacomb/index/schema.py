"""Define the tables of the index, and migrate older ones (sqlite-utils migrations)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gorillacomb.sqlite import Connection, is_defined

if TYPE_CHECKING:
    from sqlite_utils import Database

VERSION = 13
"""Stored as `user_version`; an index with a higher one was written by a newer Gorilla Comb."""
READABLE = 6
"""The oldest version whose tables can be read unchanged: later additions matter to writers only."""

_TABLES_1 = """
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,         -- random, 32 hex digits
    folder INTEGER NOT NULL,          -- its top folder
    path BLOB NOT NULL,               -- absolute, where it was last seen
    volume TEXT NOT NULL,             -- identity of the file system
    volume_type TEXT NOT NULL,
    weak INTEGER NOT NULL,            -- 1: no stable inodes
    inner_path BLOB NOT NULL,         -- path inside the file system
    exclude TEXT NOT NULL,            -- JSON list of gitignore patterns
    min_size INTEGER NOT NULL         -- bytes
);
CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    root INTEGER NOT NULL,
    parent INTEGER,                   -- NULL for the top folder of a root
    name BLOB NOT NULL,
    inode INTEGER NOT NULL,
    state INTEGER NOT NULL,           -- model.FolderState
    marker TEXT,                      -- what makes it a project
    cause TEXT
);
CREATE UNIQUE INDEX folder_by_name ON folders (parent, name);
CREATE INDEX folder_by_inode ON folders (inode);
CREATE TABLE files (
    folder INTEGER NOT NULL,
    name BLOB NOT NULL,
    state INTEGER NOT NULL,           -- model.State
    mode INTEGER NOT NULL,
    size INTEGER NOT NULL,            -- bytes
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    links INTEGER NOT NULL,
    blocks INTEGER NOT NULL,          -- of 512 bytes
    checked_ns INTEGER NOT NULL,      -- when its content was last read
    digest BLOB,                      -- BLAKE3, 32 bytes
    probe INTEGER,                    -- xxh3 of head and tail
    target BLOB,                      -- of a symbolic link
    cause TEXT,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX file_by_gap ON files (state, size) WHERE state NOT IN (0, 8);
CREATE INDEX file_by_emptiness ON files (size) WHERE size = 0 AND state <= 1;
CREATE TABLE groups (
    digest BLOB PRIMARY KEY,
    size INTEGER NOT NULL,            -- bytes of one copy
    names INTEGER NOT NULL,           -- paths
    copies INTEGER NOT NULL,          -- separate copies on disk
    reclaimable INTEGER NOT NULL      -- bytes on disk
) WITHOUT ROWID;
CREATE TABLE touched (
    digest BLOB NOT NULL              -- contents whose groups are to be made anew
);
CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    root INTEGER NOT NULL,
    scope BLOB NOT NULL,              -- the folder scanned, relative to the root
    started_ns INTEGER NOT NULL,
    finished_ns INTEGER,              -- NULL when it was interrupted
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hashed_files INTEGER NOT NULL,
    hashed_bytes INTEGER NOT NULL
);
CREATE VIEW folder_paths AS
WITH RECURSIVE walk (id, root, path) AS (
    SELECT folders.id, roots.id, CAST(roots.path AS TEXT)
    FROM folders JOIN roots ON roots.folder = folders.id
    UNION ALL
    SELECT folders.id, walk.root, walk.path || '/' || CAST(folders.name AS TEXT)
    FROM folders JOIN walk ON folders.parent = walk.id
)
SELECT id, root, path FROM walk;
CREATE VIEW all_files AS
SELECT folder_paths.path || '/' || CAST(files.name AS TEXT) AS path, files.size,
       datetime(files.mtime_ns / 1000000000, 'unixepoch') AS modified,
       lower(hex(files.digest)) AS blake3,
       CASE files.state WHEN 0 THEN 'read' WHEN 1 THEN 'read' WHEN 2 THEN 'not read yet'
       WHEN 3 THEN 'unreadable' WHEN 4 THEN 'unstable' WHEN 5 THEN 'in the cloud'
       WHEN 6 THEN 'excluded' WHEN 7 THEN 'below min-size' WHEN 9 THEN 'damaged'
       ELSE 'suspect' END AS state,
       files.cause
FROM files JOIN folder_paths ON folder_paths.id = files.folder
WHERE (files.mode & 61440) = 32768;
CREATE VIEW duplicate_files AS
SELECT lower(hex(groups.digest)) AS blake3, groups.size, groups.copies, groups.reclaimable,
       folder_paths.path || '/' || CAST(files.name AS TEXT) AS path
FROM groups
JOIN files ON files.digest = groups.digest AND files.state <= 1 AND files.size > 0
JOIN folder_paths ON folder_paths.id = files.folder;
"""

_TABLES_2 = """
CREATE TABLE stamps (                 -- the canonical file of each content, as the trace has it
    digest BLOB PRIMARY KEY,          -- BLAKE3, 32 bytes
    seq INTEGER NOT NULL,             -- of its last entry in the trace
    folder INTEGER NOT NULL,
    name BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE stamp_folders (          -- folders as the trace knows them: those with stamps below
    id INTEGER PRIMARY KEY,           -- as in `folders`
    root INTEGER NOT NULL,
    parent INTEGER,
    name BLOB NOT NULL
);
CREATE TABLE stamp_roots (            -- roots as the trace knows them
    id INTEGER PRIMARY KEY,           -- as in `roots`
    uid TEXT NOT NULL,
    path BLOB NOT NULL,
    volume TEXT NOT NULL
);
CREATE TABLE unstamped (
    digest BLOB NOT NULL              -- contents whose stamps are to be looked at anew
);
CREATE TABLE reflected (              -- the entry of the trace up to which the above is true
    log TEXT NOT NULL,
    size INTEGER NOT NULL
);
"""

_TABLES_3 = """
CREATE INDEX stamp_folder_by_place ON stamp_folders (parent, name);
CREATE TABLE damage (                 -- damaged files of which the trace was told
    folder INTEGER NOT NULL,
    name BLOB NOT NULL,
    state INTEGER NOT NULL,           -- model.State
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
"""

_TABLES_4 = """
CREATE TABLE unquiet (                -- machine-made folders whose new contents are stamped later
    folder INTEGER PRIMARY KEY,       -- as in `folders`
    changed_ns INTEGER NOT NULL       -- when something new came there
);
"""

_TABLES_6 = """
ALTER TABLE folders ADD COLUMN seal BLOB; -- digest of its entries, see seal.py
"""

_TABLES_7 = """
ALTER TABLE stamps ADD COLUMN rules INTEGER NOT NULL DEFAULT 0; -- see keep_criteria.py
ALTER TABLE reflected ADD COLUMN rules INTEGER NOT NULL DEFAULT 0; -- no stamp has lower ones
"""

_TABLES_8 = """
CREATE TABLE our_folders (            -- folders in which a .gorillacomb was seen
    folder INTEGER PRIMARY KEY        -- as in `folders`
);
"""

_TABLES_9 = """
CREATE TABLE IF NOT EXISTS suspects ( -- roots that may not be what they were
    root INTEGER PRIMARY KEY,         -- as in `roots`
    cause TEXT NOT NULL
);
"""

_TABLES_10 = """
CREATE TABLE IF NOT EXISTS arrivals_ended (   -- the first folder id that was free after each scan
    folder INTEGER PRIMARY KEY
);
"""

_TABLES_11 = """
CREATE TABLE IF NOT EXISTS copy_orders (      -- the order of a content's copies after the last scan
    digest BLOB PRIMARY KEY,          -- BLAKE3, 32 bytes
    copies BLOB NOT NULL              -- folder id, slash, name of each, with NUL between them
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS root_names (       -- what the user calls roots
    uid TEXT PRIMARY KEY,             -- as in `roots`
    name TEXT NOT NULL
) WITHOUT ROWID;
"""

_TABLES_12 = """
CREATE TABLE IF NOT EXISTS marks (            -- what the user marked, as the trace has it
    seq INTEGER PRIMARY KEY,          -- of its last entry in the trace
    kind TEXT NOT NULL,               -- keep, intended, not-duplicates
    circle TEXT NOT NULL,             -- the same for all that was marked together
    root TEXT NOT NULL,               -- as `uid` in `roots`
    path BLOB NOT NULL,               -- relative to the root, as of that entry
    is_folder INTEGER NOT NULL,
    digest TEXT NOT NULL,             -- of its content when it was marked, in hex; may be empty
    note TEXT,
    marked_ns INTEGER NOT NULL,
    folder INTEGER,                   -- the folder itself, or that of the file; NULL: unknown
    name BLOB NOT NULL,               -- of the file
    inode INTEGER NOT NULL            -- of the file; 0: unknown
);
CREATE TABLE IF NOT EXISTS marks_reflected (  -- the entry of the trace up to which `marks` is true
    log TEXT NOT NULL,
    size INTEGER NOT NULL
);
"""

_TABLES_13 = """
CREATE TABLE IF NOT EXISTS chosen_by (        -- by what the canonical files were chosen
    settings TEXT NOT NULL            -- what the user's settings said about it; empty: nothing
);
"""


DIGEST_SIZE = 32
"""Bytes of a BLAKE3 digest."""


def has_content(table: str = "") -> str:
    """Return the SQL condition for a file whose content counts: it was read, and is not empty.

    ``table`` is the query's alias of ``files``, if needed. The index of digests is partial, by the
    same condition: SQLite uses it only if a query contains this condition, term by term.
    """
    prefix = table and f"{table}."
    return f"{prefix}state <= 1 AND {prefix}size > 0"


def has_gap(table: str = "") -> str:
    """Return the SQL condition for every state except HASHED and OTHER.

    ``table`` as above. It is redundant next to a narrower condition, but SQLite uses the partial
    index `file_by_gap` only if a query contains it, term by term.
    """
    return f"{table and f'{table}.'}state NOT IN (0, 8)"


DIGEST_INDEX = (
    "CREATE INDEX IF NOT EXISTS file_by_digest"
    " ON files (digest, size, blocks, links, state, folder, name, mtime_ns)"
    f" WHERE {has_content()}"
)
"""With all columns from which groups and stamps are made: looking up rows in digest order is slow.
Created when the first scan has all its rows: building it once costs a tenth of maintaining it."""

GROUP_INDEX = "CREATE INDEX group_by_waste ON groups (reclaimable DESC, size * copies DESC, digest)"
"""Created together with the first groups: if it exists, they are kept up to date."""


@contextmanager
def only_stdlib_sqlite() -> Iterator[None]:
    """Keep sqlite-utils from loading another SQLite library that happens to be installed."""
    others = {name: None for name in ("pysqlite3", "sqlean") if name not in sys.modules}
    sys.modules.update(others)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in others:
            del sys.modules[name]


def migrate(connection: Connection) -> None:
    """Create the tables of a new index, or migrate an old one to `VERSION`; not in a transaction.

    sqlite-utils is imported only for an old one: a first scan does not need its 100 ms.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES_1} {_TABLES_2} {_TABLES_3} {_TABLES_4} {_TABLES_6}"
            f" {_TABLES_7} {_TABLES_8} {_TABLES_9} {_TABLES_10} {_TABLES_11} {_TABLES_12}"
            f" {_TABLES_13}"
            f" PRAGMA user_version = {VERSION}; COMMIT;"
        )
        return
    with only_stdlib_sqlite():
        from sqlite_utils import Database, Migrations

    migrations = Migrations("gorillacomb.index")

    def add_script(number: int, name: str, script: str) -> None:
        if version < number:
            migrations(name=name)(lambda db: db.executescript(script))

    add_script(1, "first_tables", _TABLES_1)
    add_script(2, "tables_of_stamps", _TABLES_2)
    add_script(3, "table_of_damage", _TABLES_3)
    add_script(4, "table_of_unquiet_folders", _TABLES_4)
    if version < 5:

        @migrations()
        def index_of_digests_with_times(db: Database) -> None:
            db.execute("DROP INDEX IF EXISTS file_by_digest")
            if is_defined(db.conn, "group_by_waste"):  # else the interrupted scan creates it
                db.execute(DIGEST_INDEX)

    add_script(6, "seals_of_folders", _TABLES_6)
    add_script(7, "rules_of_stamps", _TABLES_7)
    add_script(8, "folders_of_ours", _TABLES_8)
    add_script(9, "suspect_roots", _TABLES_9)
    add_script(10, "arrivals_of_folders", _TABLES_10)
    add_script(11, "orders_of_copies_and_names_of_roots", _TABLES_11)
    add_script(12, "marks", _TABLES_12)
    add_script(13, "settings_of_the_choice", _TABLES_13)
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {VERSION}")
