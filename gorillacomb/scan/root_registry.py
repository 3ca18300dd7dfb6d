"""Map paths named by the user to roots in the index, wherever a drive is mounted today."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gorillacomb.errors import RootVanished, UsageError
from gorillacomb.fs.openat import OpenFolders, os_error_text, to_signed64
from gorillacomb.fs.paths import (
    is_below,
    join,
    join_relative,
    path_parts,
    relative_path,
    spelling_key,
)
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import CLONE, Volume, base_volume, identify_volume, is_there
from gorillacomb.index import roots as table
from gorillacomb.index.database import Index
from gorillacomb.index.paths import child_and_inode, child_folder, find_folder
from gorillacomb.model import Root
from gorillacomb.scan.exclude import compile_patterns, patterns_for_folder, patterns_for_root
from gorillacomb.scan.options import ScanOptions


@dataclass(frozen=True, slots=True)
class MountedFolder:
    """A folder that the user named, and its file system."""

    path: bytes
    """Absolute, with links resolved."""
    volume: Volume
    inode: int


@dataclass(frozen=True, slots=True)
class ScanScope:
    """What is scanned of a root: all of it, or one folder in it."""

    root: Root
    place: MountedFolder
    """The root itself."""
    relative: bytes
    """The folder to scan, relative to the root; empty for the whole root."""
    first: bool
    """Whether the root is new to the index."""


def resolve_roots(paths: Sequence[bytes]) -> list[MountedFolder]:
    """Find folders on their file systems; drop those inside another one of them.

    Raises UsageError for a path that is not a readable folder.
    """
    places: dict[bytes, MountedFolder] = {}
    for path in paths:
        real = real_path(path)
        places[real] = MountedFolder(real, *_look(path, real))
    return [
        place
        for place in places.values()
        if not any(
            is_covered_by(other.path, other.volume, place)
            for other in places.values()
            if other is not place
        )
    ]


def _look(path: bytes, real: bytes) -> tuple[Volume, int]:
    shown = path.decode("utf-8", "backslashreplace")
    if not path:
        raise UsageError("An empty path names no folder.", "Name the folder to comb.")
    try:
        with os.scandir(real):
            pass
        return identify_volume(real), to_signed64(os.stat(real).st_ino)
    except FileNotFoundError:
        raise UsageError(
            f"{shown} does not exist.",
            "Name an existing folder; `gorillacomb roots forget` drops one that no longer exists.",
        ) from None
    except NotADirectoryError:
        raise UsageError(
            f"{shown} is a file, not a folder.",
            "Name the folder it is in, or use --files-from for single files.",
        ) from None
    except OSError as error:
        from gorillacomb.fs.darwin.privacy import privacy_advice

        raise UsageError(
            f"{shown} cannot be read: {os_error_text(error)}.",
            privacy_advice(error) or "Check its permissions, or name another folder.",
        ) from error


def is_covered_by(path: bytes, volume: Volume, place: MountedFolder) -> bool:
    """Return whether a scan of ``path``, on the volume as seen from it, covers ``place``.

    This may be through another mount; of two views of one folder, the first by name covers the
    other.
    """
    if volume.id != place.volume.id or volume.device != place.volume.device:
        return False
    if volume.inner_path == place.volume.inner_path:
        return path < place.path
    return is_below(place.volume.inner_path, volume.inner_path)


def register_root(index: Index, place: MountedFolder, options: ScanOptions) -> ScanScope:
    """Find or add the root of a folder, and apply the options to its settings.

    A known root inside a new one becomes part of it. Call inside `Index.atomic`. Raises
    RootVanished for an empty mount point whose drive is not mounted.
    """
    known = _respelled(index, place)
    _refuse_empty_mount_point(known, place)
    match = _match(known, place)
    if match is not None:
        there = _place_in(match, place)
        match, place = (None, place) if there is None else (match, there)
    if match is None:
        root = _settings(_new_root(place, known), options)
        scope = ScanScope(table.add_root(index.connection, root, place.inode), place, b"", True)
    else:
        relative = relative_path(place.volume.inner_path, match.inner_path)
        top = place.path[: len(place.path) - len(relative) - 1] if relative else place.path
        updated = _settings(_refreshed(match, top or b"/", place.volume), options)
        if updated != match:
            table.update_root(index.connection, updated)
        relative = _as_known(index, updated, relative)
        scope = ScanScope(updated, _top_place(place, top or b"/"), relative, False)
    return _absorb_inner_roots(index, scope, known)


def _respelled(index: Index, place: MountedFolder) -> list[Root]:
    """Return all known roots, updating one on this volume whose folders were respelled.

    Otherwise the same folder, under its present name, would become another root and a copy.
    """
    known = table.all_roots(index.connection)
    taken = {(root.volume, root.inner_path) for root in known}
    for at, root in enumerate(known):
        if base_volume(root.volume) != place.volume.id or not is_there(root):
            continue
        real = real_path(root.path)
        if real == root.path or spelling_key(real) != spelling_key(root.path):
            continue
        renamed = replace(root, path=real, inner_path=identify_volume(real).inner_path)
        if (renamed.volume, renamed.inner_path) not in taken:
            table.update_root(index.connection, renamed)
            known[at] = renamed
    return known


def _as_known(index: Index, root: Root, relative: bytes) -> bytes:
    """Return the path of a scope below its root, or of the nearest parent that is unchanged.

    If a known path holds another folder now, only a listing of its parent shows where the known one
    is now: perhaps in the one that replaced it.
    """
    folders = OpenFolders(root.path)
    try:
        found = known_prefix(index, root, relative, folders)
    finally:
        folders.close()
    return found.path if found.replaced else relative


class IndexedPrefix(NamedTuple):
    """How far the index knows a path correctly."""

    path: bytes
    """The innermost folder on the way that is still the known one, relative to the root."""
    folder: int
    """Its id."""
    replaced: bool
    """Whether the next folder on the way was replaced by another one."""


def known_prefix(index: Index, root: Root, relative: bytes, folders: OpenFolders) -> IndexedPrefix:
    """Follow a path below a root, in the index and on disk, as far as both agree.

    ``folders`` are the open folders of that root.
    """
    at, above = root.folder, b""
    for name in path_parts(relative):
        known = child_and_inode(index.connection, at, name)
        if known is None:
            break
        inner = join_relative(above, name)
        try:
            # Step by step: a path may be longer than the system accepts.
            facts = os.stat(name, dir_fd=folders.open(above), follow_symlinks=False)
        except OSError:
            break  # removed in the meantime, which the walk will report
        if known[1] and known[1] != to_signed64(facts.st_ino) and not root.weak:
            return IndexedPrefix(above, at, True)
        at, above = known[0], inner
    return IndexedPrefix(above, at, False)


def _match(known: Sequence[Root], place: MountedFolder) -> Root | None:
    """Return the known root that is or contains this folder, preferably one seen at this path."""
    found = [
        root
        for root in known
        if base_volume(root.volume) == place.volume.id
        and is_below(place.volume.inner_path, root.inner_path)
        and not _is_clone(root, place)
    ]
    return min(found, key=lambda root: (not is_below(place.path, root.path), root.id), default=None)


def _place_in(root: Root, place: MountedFolder) -> MountedFolder | None:
    """Return a folder under its path inside a known root; None if it is not in that root.

    A folder of a root may be mounted by itself, at a path that does not show the root's.
    """
    relative = relative_path(place.volume.inner_path, root.inner_path)
    if not relative or place.path.endswith(b"/" + relative):
        return place
    path = join(root.path, relative)
    try:
        there = MountedFolder(path, identify_volume(path), to_signed64(os.stat(path).st_ino))
    except OSError:
        return None
    same = (there.volume.id, there.volume.device, there.inode)
    return there if same == (place.volume.id, place.volume.device, place.inode) else None


def _is_clone(root: Root, place: MountedFolder) -> bool:
    """Return whether the root's own volume is mounted elsewhere now, so that this one is a copy."""
    if is_below(place.path, root.path):
        return False
    try:
        there = identify_volume(root.path)
    except OSError:
        return False
    return there.id == base_volume(root.volume) and there.device != place.volume.device


def _refuse_empty_mount_point(known: Sequence[Root], place: MountedFolder) -> None:
    for root in known:
        if not is_below(root.path, place.path):
            continue
        # After a bind mount is unmounted, the volume may be the same and the folder another.
        here = join(place.volume.inner_path, relative_path(root.path, place.path))
        there = (base_volume(root.volume), root.inner_path)
        if there != (place.volume.id, here) and not os.listdir(place.path):
            raise RootVanished(
                f"{os.fsdecode(place.path)} is empty: the drive that was there is not mounted.",
                "Plug it in and scan again; what is known of it is kept.",
            )


def _new_root(place: MountedFolder, known: Sequence[Root]) -> Root:
    volume, uid = place.volume, secrets.token_hex(16)
    same = [root for root in known if base_volume(root.volume) == volume.id]
    clone = any(_is_clone(root, place) for root in same)
    return Root(
        id=0,
        uid=uid,
        folder=0,
        path=place.path,
        # Inode numbers of a clone say nothing about the original's files.
        volume=f"{volume.id}{CLONE}{uid[:8]}" if clone else volume.id,
        volume_type=volume.type,
        weak=volume.weak,
        inner_path=volume.inner_path,
    )


def _refreshed(root: Root, path: bytes, volume: Volume) -> Root:
    return replace(root, path=path, volume_type=volume.type, weak=volume.weak)


def _settings(root: Root, options: ScanOptions) -> Root:
    standing = () if options.clear_excludes else root.exclude
    exclude = tuple(dict.fromkeys((*standing, *patterns_for_root(options.exclude, root.path))))
    if exclude:
        compile_patterns(exclude)  # reject a bad pattern before it is remembered
    size = root.min_size if options.min_size is None else options.min_size
    return replace(root, exclude=exclude, min_size=size)


def _top_place(place: MountedFolder, top: bytes) -> MountedFolder:
    if top == place.path:
        return place
    return MountedFolder(top, identify_volume(top), to_signed64(os.stat(top).st_ino))


def _absorb_inner_roots(index: Index, scope: ScanScope, known: Sequence[Root]) -> ScanScope:
    """Turn known roots inside this one into its folders; their patterns still apply there."""
    root = scope.root
    for inner in known:
        inside = is_below(inner.inner_path, root.inner_path) and inner.id != root.id
        if inner.volume != root.volume or not inside:
            continue
        relative = relative_path(inner.inner_path, root.inner_path)
        parent, _, name = relative.rpartition(b"/")
        at = ensure_folder(index, root, parent)
        if find_folder(index.connection, root, relative) is None:
            table.merge_root(index.connection, inner, root.id, at, name)
            patterns = patterns_for_folder(inner.exclude, os.fsdecode(relative))
            exclude = tuple(dict.fromkeys((*root.exclude, *patterns)))
            root = replace(root, exclude=exclude)
            table.update_root(index.connection, root)
            scope = replace(scope, root=root, first=False)
    return scope


def ensure_folder(index: Index, root: Root, relative: bytes) -> int:
    """Return the id of a folder below a root; add it and its parents when missing."""
    at = root.folder
    for name in path_parts(relative):
        known = child_folder(index.connection, at, name)
        at = table.add_folder(index.connection, root.id, at, name) if known is None else known
    return at
