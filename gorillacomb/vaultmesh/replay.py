"""Replay the trace's entries from first to last, to find the current state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gorillacomb.fs.paths import join_relative, path_parts
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import entry_path, tree_digest


@dataclass(slots=True)
class _ReplayFolder:
    parent: _ReplayFolder | None
    name: bytes
    folders: dict[bytes, _ReplayFolder] = field(default_factory=dict)
    files: dict[bytes, bytes] = field(default_factory=dict)
    """BLAKE3 digests by name."""

    def path(self) -> bytes:
        parts, at = [], self
        while at.parent is not None:
            parts.append(at.name)
            at = at.parent
        return b"/".join(reversed(parts))

    def below(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield all canonical files in it: path relative to it, digest."""
        stack = [(self, prefix)]
        while stack:
            folder, path = stack.pop()
            for name, digest in folder.files.items():
                yield path + name, digest
            stack += [(each, path + name + b"/") for name, each in folder.folders.items()]


@dataclass(frozen=True, slots=True)
class StampedFile:
    """The place of a content's canonical file."""

    root: str
    path: bytes
    seq: int
    rules: int
    """The version of the rules that chose it; 0 if the entry names none."""


class TraceState:
    """The canonical files and roots after the entries replayed so far."""

    def __init__(self) -> None:
        self.roots: dict[str, dict[str, Any]] = {}
        """The last ``root`` entry of each root."""
        self._tops: dict[str, _ReplayFolder] = {}
        self._at: dict[bytes, tuple[str, _ReplayFolder, bytes, int, int]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._at)

    def place(self, digest: bytes) -> StampedFile | None:
        """Return the place of a content's canonical file; None if it has none."""
        found = self._at.get(digest)
        if found is None:
            return None
        root, folder, name, seq, rules = found
        above = folder.path()
        return StampedFile(root, join_relative(above, name), seq, rules)

    def replay(self, entries: Iterable[tuple[int, bytes]]) -> None:
        """Apply entries in order. Raises ValueError for one that does not fit."""
        for seq, entry in entries:
            try:
                self._apply(seq, jcs.parse_own(entry))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"entry {seq} of the trace lacks {error}") from error

    def _apply(self, seq: int, fields: Mapping[str, Any]) -> None:
        event = fields["event"]
        if event == "root":
            self.roots[fields["root"]] = dict(fields)
        elif event in ("stamp", "restamp") or (event == "moved" and "blake3" in fields):
            self._put(seq, fields)
        elif event == "moved":
            self._move_folder(seq, fields)
        elif event == "retire" and "blake3" in fields:
            self._drop(bytes.fromhex(fields["blake3"]))
        elif event == "retire":
            self._drop_folder(seq, fields)

    def _put(self, seq: int, fields: Mapping[str, Any]) -> None:
        digest = bytes.fromhex(fields["blake3"])
        self._drop(digest)
        above, _, name = entry_path(fields).rpartition(b"/")
        folder = self._folder(fields["root"], above)
        former = folder.files.get(name)
        if former is not None:  # as `was` says: the former content is no longer there
            del self._at[former]
        folder.files[name] = digest
        self._at[digest] = (fields["root"], folder, name, seq, int(fields.get("rules", 0)))

    def _drop(self, digest: bytes) -> None:
        found = self._at.pop(digest, None)
        if found is not None:
            _, folder, name, *_ = found
            if folder.files.get(name) == digest:
                del folder.files[name]

    def _move_folder(self, seq: int, fields: Mapping[str, Any]) -> None:
        named = fields.get("from_root", fields["root"])
        former, old = self._told_folder(seq, named, entry_path(fields, "from"), fields["tree"])
        if old.parent is not None:
            del old.parent.folders[old.name]
        else:
            del self._tops[former]
        above, _, name = entry_path(fields).rpartition(b"/")
        parent = self._folder(fields["root"], above)
        there = parent.folders.get(name)
        if there is not None and next(there.below(), None) is not None:
            raise ValueError(f"entry {seq} of the trace moves a folder onto another one")
        old.parent, old.name = parent, name
        parent.folders[name] = old
        if former != fields["root"]:
            for _, digest in old.below():
                self._at[digest] = (fields["root"], *self._at[digest][1:])

    def _drop_folder(self, seq: int, fields: Mapping[str, Any]) -> None:
        _, folder = self._told_folder(seq, fields["root"], entry_path(fields), fields["tree"])
        for _, digest in list(folder.below()):
            self._drop(digest)

    def _told_folder(
        self, seq: int, root: str, path: bytes, tree: str
    ) -> tuple[str, _ReplayFolder]:
        """Find the folder that an entry is about, and its root. Raises ValueError.

        For a whole forgotten root, older versions recorded the id of the root that was scanned
        next. The entry's tree identifies the right one: a content has one canonical file, so no two
        folders with canonical files have the same tree.
        """
        folder = self._find(root, path)
        if folder is not None and tree_digest(folder.below()) == tree:
            return root, folder
        for other, top in self._tops.items() if not path else ():
            if top is not folder and any(top.below()) and tree_digest(top.below()) == tree:
                return other, top
        raise ValueError(f"entry {seq} of the trace names a folder that is not as it says")

    def _find(self, root: str, path: bytes) -> _ReplayFolder | None:
        at = self._tops.get(root)
        for name in path_parts(path):
            at = None if at is None else at.folders.get(name)
        return at

    def _folder(self, root: str, path: bytes) -> _ReplayFolder:
        at = self._tops.setdefault(root, _ReplayFolder(None, b""))
        for name in path_parts(path):
            if name not in at.folders:
                at.folders[name] = _ReplayFolder(at, name)
            at = at.folders[name]
        return at
