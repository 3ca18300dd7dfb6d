"""Search the scanned folders for files whose text refers to other files by their paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from gorillacomb.classify.references import (
    BEGINNINGS,
    ENDINGS,
    LARGEST,
    NAMES,
    SCRIPT_HEAD,
    MentionedPath,
    ReferenceParser,
    is_activation,
    mentioned_paths,
    parse_script,
    reference_parser,
)
from gorillacomb.dedupe.model import Reference
from gorillacomb.dedupe.safety.symlinks import path_chain
from gorillacomb.fs.openat import OpenFolders, is_placeholder, open_file
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths, child_folder
from gorillacomb.index.roots import folder_paths
from gorillacomb.index.tree_queries import entries_in, files_named
from gorillacomb.model import Root

_BINARIES = (b"bin", b"Scripts")
_SERVICES = (
    *(b"/etc/systemd/system", b"~/.config/systemd/user"),
    *(b"/Library/LaunchAgents", b"/Library/LaunchDaemons", b"~/Library/LaunchAgents"),
    *(b"/etc", b"/etc/cron.d", b"/var/spool/cron", b"/var/spool/cron/crontabs"),
)
"""Folders with files that say what this machine starts: systemd.unit(5), launchd.plist(5), cron(8).
They are rarely scanned."""
_EXECUTABLE = 0o111
_Reading = tuple[bytes, bytes, ReferenceParser]
"""The path of a folder, a name in it, and the parser for that file."""


def text_references(index: Index, roots: Mapping[int, Root]) -> list[Reference]:
    """Return what the files in the index refer to, if it exists; sorted.

    ``roots`` are those that are connected, by their ids: their files are read, and only what is in
    one of them counts as a target. What starts programs on this machine is read as well, in the
    folders where systems have it. A file that cannot be read, or whose
    content is only in the cloud, is skipped. Raises VaultError.
    """
    resolver = _TargetResolver([root.path for root in roots.values()])
    found: set[Reference] = set()
    for number, readings in _files_to_read(index, roots).items():
        folders = OpenFolders(roots[number].path)
        try:
            for folder, name, parse in readings:
                inner = relative_path(folder, roots[number].path)
                limit = SCRIPT_HEAD if parse is parse_script else LARGEST
                content = _content(folders, inner, name, limit)
                for each in mentioned_paths(parse, content) if content else ():
                    found.update(resolver.references(folder, name, each))
        finally:
            folders.close()
    for folder in map(os.path.expanduser, _SERVICES):
        found.update(_service_references(folder, resolver))
    return sorted(found)


def _service_references(folder: bytes, resolver: _TargetResolver) -> Iterator[Reference]:
    """Yield what the services in a folder of the system refer to: as links, and in their texts."""
    try:
        names = sorted(os.listdir(folder))
        folders = OpenFolders(folder)
    except OSError:
        return  # missing, or not readable for this user
    with closing(folders):
        for name in names:
            path = join(folder, name)
            parse = reference_parser(path)
            if parse is None:
                continue
            if os.path.islink(path):
                yield from resolver.references(folder, name, MentionedPath(path, 0))
            content = _content(folders, b"", name, LARGEST)
            for each in mentioned_paths(parse, content) if content else ():
                yield from resolver.references(folder, name, each)


def _files_to_read(index: Index, roots: Collection[int]) -> dict[int, list[_Reading]]:
    """Return the files that may refer to something, by the ids of their roots."""
    connection = index.connection
    paths = folder_paths(connection)
    paths.load()
    found: dict[int, list[_Reading]] = {number: [] for number in roots}
    environments: set[int] = set()
    for folder, name in files_named(connection, NAMES, BEGINNINGS, ENDINGS):
        place = paths.place(folder)
        if place is None or place[0] not in roots:
            continue
        parse = reference_parser(join(place[1], name))
        if name == b"pyvenv.cfg":
            environments.add(folder)
        elif name == b"activate" and parse is not None:
            parent = paths.row(folder)
            if parent is not None and parent[1] is not None:
                environments.add(parent[1])
        if parse is not None and not is_activation(name):
            found[place[0]].append((place[1], name, parse))
    for environment in environments:
        for root, reading in _scripts_of(index, paths, environment):
            found[root].append(reading)
    return found


def _scripts_of(
    index: Index, paths: FolderPaths, environment: int
) -> Iterator[tuple[int, _Reading]]:
    """Return the scripts of an environment, each with the id of its root."""
    for binaries in _BINARIES:
        folder = child_folder(index.connection, environment, binaries)
        place = None if folder is None else paths.place(folder)
        if folder is None or place is None:
            continue
        for _, name, _, mode, _, _, _, _ in entries_in(index.connection, folder):
            parse = reference_parser(join(place[1], name)) if is_activation(name) else None
            if parse is None and stat.S_ISREG(mode) and mode & _EXECUTABLE:
                parse = parse_script
            if parse is not None:
                yield place[0], (place[1], name, parse)


def _content(folders: OpenFolders, folder: bytes, name: bytes, limit: int) -> bytes | None:
    """Read the beginning of a regular file; None if it is unreadable or only in the cloud."""
    try:
        within = folders.open(folder)
        facts = os.stat(name, dir_fd=within, follow_symlinks=False)
        if not stat.S_ISREG(facts.st_mode) or is_placeholder(facts):
            return None
        descriptor = open_file(name, within)
        try:
            return os.read(descriptor, limit)
        finally:
            os.close(descriptor)
    except OSError:
        return None


@dataclass(slots=True)
class _TargetResolver:
    """Resolves written paths, each only once."""

    tops: list[bytes]
    """Paths of the roots in which a target counts."""
    _known: dict[tuple[bytes, int], list[bytes]] = field(default_factory=dict)

    def references(self, folder: bytes, name: bytes, said: MentionedPath) -> Iterator[Reference]:
        """Return what a path in a file leads to and through.

        That includes folders around the file itself.
        """
        source = join(folder, name)
        path = os.path.expanduser(said.path) if said.path.startswith(b"~/") else said.path
        is_absolute = path.startswith(b"/")
        path = os.path.join(folder, path)
        for target in self._targets(path, said.above):
            yield Reference(target, source, said.line, is_absolute, said.is_place)

    def _targets(self, path: bytes, above: int) -> list[bytes]:
        known = self._known.get((path, above))
        if known is None:
            known = []
            if os.path.exists(path):
                needed = path_chain(path)
                if above:
                    whole = path
                    for _ in range(above):
                        whole = os.path.dirname(whole)
                    needed += path_chain(whole)
                known = [each for each in needed if any(is_below(each, top) for top in self.tops)]
            self._known[path, above] = known
        return known
