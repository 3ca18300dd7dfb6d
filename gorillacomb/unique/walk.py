"""Walk a folder on disk and in the index side by side: which of its files are as they were read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.classify.state_text import FILE_CAUSES
from gorillacomb.classify.stores import is_ours
from gorillacomb.fs.bounded_read import UNTOLD, tells_size
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    clamp_int64,
    identity_of,
    is_placeholder,
    open_file,
    os_error_text,
)
from gorillacomb.fs.paths import join, join_relative
from gorillacomb.index.database import Index
from gorillacomb.index.file_records import (
    FACTS_OF_ROW,
    FileRecord,
    FileRow,
    FolderRecord,
    files_below,
    folders_below,
    known_folder,
)
from gorillacomb.model import EntryState, FolderState, Root
from gorillacomb.progress import Progress
from gorillacomb.unique.copy_check import is_as_read, list_with_stat

_FOLDER_CAUSES = {
    FolderState.UNLISTED: "not listed by a scan yet",
    FolderState.UNREADABLE: "could not be read when it was scanned",
    FolderState.EXCLUDED: "excluded",
    FolderState.OTHER_FILE_SYSTEM: "on another file system",
}
_CAUSES = {
    **FILE_CAUSES,
    EntryState.FRESH: "written while it was scanned",
    EntryState.UNREADABLE: "could not be read when it was scanned",
    EntryState.UNSTABLE: "changed while it was read",
}
_HASHED = int(EntryState.HASHED)
_STATE, _DIGEST = 1, 7
"""Where those are in a `FileRow`."""


class OpenFolder(NamedTuple):
    """A folder that is being walked."""

    descriptor: int
    path: bytes
    root: Root
    known: FolderRecord

    def record(self, row: FileRow) -> FileRecord:
        """Return what the index has of a file in it."""
        return FileRecord(self.root.id, self.known.id, join(self.path, row[0]), *row[1:-1])


class IndexedOnDisk(NamedTuple):
    """A file on disk that matches the index."""

    digest: bytes
    size: int
    name: bytes
    folder: OpenFolder
    """The folder that contains it; its descriptor may be closed since."""
    identity: FileIdentity
    row: FileRow

    @property
    def record(self) -> FileRecord:
        """What the index has of it."""
        return self.folder.record(self.row)


@dataclass(slots=True)
class WalkedFolder:
    """What was met on disk in a folder and below it."""

    path: bytes
    """Of the folder, absolute."""
    files: int = 0
    """Regular files found on disk."""
    size: int = 0
    """Bytes of all files."""
    noise: int = 0
    """Files that systems leave behind, which need no copy."""
    empty: int = 0
    """Empty files, for which nothing vouches: only their names would be lost."""
    links: int = 0
    """Symbolic links."""
    odd: int = 0
    """FIFOs, sockets, devices."""
    quarantines: list[bytes] = field(default_factory=list)
    """Folders in it that contain a folder of ours, which may have a quarantine."""


@dataclass(slots=True)
class FolderWalk:
    """Walks the actual folder and the index side by side."""

    index: Index
    found: WalkedFolder
    """The folder; what is met is counted there."""
    root: Root
    at_path: Mapping[bytes, Root]
    """The roots on mounted drives, by path: one may be mounted below the folder."""
    noise: Collection[bytes]
    unproven: Callable[[bytes, str], None]
    """Called with a path whose status cannot be determined, and why."""
    progress: Progress
    folders: set[FileIdentity] = field(default_factory=set)
    """All folders that were listed."""
    _rows: dict[int, list[FileRow]] = field(default_factory=dict)
    """By folder, of those that are not listed yet: the files in it."""
    _below: dict[int, dict[bytes, FolderRecord]] = field(default_factory=dict)
    """The same for its subfolders, by name."""

    def run(self, folder: int) -> Iterator[IndexedOnDisk]:
        """Yield every nonempty file that matches the index; ``unproven`` gets the others."""
        open_folders = OpenFolders(self.found.path)
        try:
            waiting = [(b"", self.root, self._known(folder))]
            while waiting:
                relative, root, known = waiting.pop()
                path = join(self.found.path, relative)
                if known.state != FolderState.LISTED:
                    self.unproven(path, known.cause or _FOLDER_CAUSES[known.state])
                    continue
                try:
                    descriptor = open_folders.open(relative)
                    entries = list_with_stat(descriptor)
                    self.folders.add(identity_of(os.fstat(descriptor)))
                except OSError as error:
                    self.unproven(path, os_error_text(error))
                    continue
                inner: list[bytes] = []
                here = OpenFolder(descriptor, path, root, known)
                yield from self._files(here, entries, inner)
                below_here = self._below.pop(known.id, {})
                for name in inner:
                    way = join_relative(relative, name)
                    other = self.at_path.get(join(path, name))
                    child = below_here.get(name)
                    if other is not None and (child is None or child.state != FolderState.LISTED):
                        waiting.append((way, other, self._known(other.folder)))
                    elif child is not None:
                        waiting.append((way, root, child))
                    else:
                        self.unproven(join(path, name), "not in the index")
        finally:
            open_folders.close()

    def _known(self, folder: int) -> FolderRecord:
        """Read what the index has of a folder and all below it, by its id."""
        connection = self.index.connection
        self._rows |= files_below(connection, folder)
        self._below |= folders_below(connection, folder)
        return known_folder(connection, folder)

    def _files(
        self,
        here: OpenFolder,
        entries: list[tuple[bytes, os.stat_result | OSError]],
        inner: list[bytes],
    ) -> Iterator[IndexedOnDisk]:
        """Yield the files directly in a folder that match; append its subfolders to ``inner``."""
        folder = here.path
        rows = {row[0]: row for row in self._rows.pop(here.known.id, ())}
        counts, noise, files = self.found, self.noise, 0
        for name, facts in entries:
            if isinstance(facts, OSError):
                self.unproven(join(folder, name), os_error_text(facts))
                continue
            mode = facts.st_mode
            if stat.S_ISDIR(mode):
                if is_ours(name):
                    self.found.quarantines.append(folder)
                else:
                    inner.append(name)
            elif stat.S_ISLNK(mode):
                counts.links += 1
            elif not stat.S_ISREG(mode):
                counts.odd += 1
            elif name in noise:
                counts.noise += 1
            else:
                files += 1
                size = facts.st_size
                counts.size += size
                row = rows.get(name)
                if (
                    row is not None
                    and size
                    and row[_STATE] == _HASHED
                    and row[_DIGEST] is not None
                    and not is_placeholder(facts)
                    and is_as_read(row[FACTS_OF_ROW], facts)
                ):
                    yield IndexedOnDisk(row[_DIGEST], size, name, here, identity_of(facts), row)
                else:
                    self._leave(here, name, facts, None if row is None else here.record(row))
        counts.files += files
        self.progress.advance(files, 0)

    def _leave(
        self, here: OpenFolder, name: bytes, facts: os.stat_result, known: FileRecord | None
    ) -> None:
        """Count a file that is empty, or say why nothing can be said about it."""
        path = join(here.path, name)
        if is_placeholder(facts):
            self.unproven(path, "only in the cloud")
        elif not facts.st_size and _is_empty(here.descriptor, name):
            self.found.empty += 1
        elif known is None:
            self.unproven(path, "not in the index")
        elif known.state != EntryState.HASHED:
            self.unproven(path, known.cause or _CAUSES.get(EntryState(known.state), "not read"))
        elif not facts.st_size or _is_untold(known, facts):
            self.unproven(path, UNTOLD)
        else:
            self.unproven(path, "changed since the scan")


def _is_empty(folder: int, name: bytes) -> bool:
    """Return whether an allegedly empty file is really empty; False if it cannot be read."""
    try:
        file = open_file(name, folder)
    except OSError:
        return False
    try:
        return tells_size(file, 0)
    except OSError:
        return False
    finally:
        os.close(file)


def _is_untold(known: FileRecord, facts: os.stat_result) -> bool:
    """Return whether a file's times are unchanged since it was read, but its size differs."""
    times = clamp_int64(facts.st_mtime_ns), known.ctime_ns and clamp_int64(facts.st_ctime_ns)
    return known.size != facts.st_size and times == (known.mtime_ns, known.ctime_ns)
