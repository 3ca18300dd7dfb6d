"""The history of one file in the trace, including its former paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gorillacomb.fs.paths import is_below
from gorillacomb.json_paths import has_path
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.ledger import Ledger

_IS_KEY = b'"event":"key"'
_IS_RUN = re.compile(rb'"event":"(?:applied|repaired|undone|purged|dropped)"')
"""In RFC 8785's form no string contains a bare quotation mark, so this can only be the event."""
_FOLDER = b'"tree":'
_ENCODED = b'_b64":'
_MOST_MOVES = 100
_NO_PRESENCE = ("retire", "mark", "unmark")
"""Events about a path that do not mean that a file is there from then on."""


@dataclass(slots=True)
class _PathTrail:
    root: str
    path: bytes

    @property
    def name(self) -> bytes:
        """What entries about it contain, if its name is UTF-8."""
        try:
            text = self.path.rpartition(b"/")[2].decode("utf-8")
        except UnicodeDecodeError:
            return _ENCODED
        return jcs.canonical_json_fast(text)[1:-1]


def run_entries(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Yield every entry about a dedupe or repair run, newest first."""
    for _, entry in ledger.entries_backward():
        if _IS_RUN.search(entry):  # nearly all are stamps, which are expensive to parse
            yield jcs.parse_own(entry)


def path_history(ledger: Ledger, root: str, path: bytes) -> list[dict[str, Any]]:
    """Return every entry about a file or the folders that contained it, oldest first.

    ``root`` is the id of its root, ``path`` its current or last path below that.
    """
    trail = _PathTrail(root, path)
    found = []
    for _, entry in ledger.entries_backward():
        if trail.name not in entry and _FOLDER not in entry:
            continue
        fields = jcs.parse_own(entry)
        if _concerns(fields, trail):
            found.append(fields)
            _go_back(fields, trail)
    return found[::-1]


def is_named(ledger: Ledger, root: str, path: bytes) -> bool:
    """Return whether an entry is about this path itself or something below it.

    For a folder that was moved or removed, the trace only knows the stamped files in it.
    """
    return any(True for _ in named_below(ledger, root, path))


def named_below(ledger: Ledger, root: str, path: bytes) -> Iterator[bytes]:
    """Yield what entries are about at a path or below it, newest first, as paths relative to it.

    A path may come several times, and the path itself is empty. Where the folder was before it was
    moved counts too.
    """
    trail = _PathTrail(root, path)
    for _, entry in ledger.entries_backward():
        if trail.name not in entry and _FOLDER not in entry:
            continue
        fields = jcs.parse_own(entry)
        for at, each in _places(fields):
            if at == trail.root and _holds(trail.path, each):
                yield each[len(trail.path) :].removeprefix(b"/")
        _go_back(fields, trail)


def former_places(
    entries: Sequence[Mapping[str, Any]], root: str, path: bytes
) -> set[tuple[str, bytes]]:
    """Return all places of a file by its `path_history`: root ids, and paths below them."""
    trail = _PathTrail(root, path)
    found = {(root, path)}
    for fields in reversed(entries):
        _go_back(fields, trail)
        found.add((trail.root, trail.path))
    return found


def _concerns(fields: Mapping[str, Any], trail: _PathTrail) -> bool:
    if any(
        (each["root"], entry_path(each)) == (trail.root, trail.path) for each in _repaired(fields)
    ):
        return True
    places = _places(fields)
    if "tree" in fields:
        return any(root == trail.root and _holds(at, trail.path) for root, at in places)
    return (trail.root, trail.path) in places


def _places(fields: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Return the places that an entry about a file or folder names: (root id, path below it)."""
    if fields.get("root") is None or not has_path(fields):
        return []
    places = [(fields["root"], entry_path(fields))]
    if has_path(fields, "from"):
        places.append((fields.get("from_root", fields["root"]), entry_path(fields, "from")))
    return places


def _repaired(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the files that a repair run restored."""
    return list(fields.get("repaired", ()))


def _holds(folder: bytes, path: bytes) -> bool:
    return not folder or is_below(path, folder)


def _go_back(fields: Mapping[str, Any], trail: _PathTrail) -> None:
    """Step back over an entry: before a recorded move, the path was the one moved from."""
    if fields.get("root") is None or not has_path(fields, "from"):
        return
    now, before = entry_path(fields), entry_path(fields, "from")
    if fields["root"] != trail.root or not _holds(now, trail.path):
        return
    rest = trail.path[len(now) :].removeprefix(b"/")
    trail.path = b"/".join(part for part in (before, rest) if part)
    trail.root = fields.get("from_root", fields["root"])


@dataclass(frozen=True, slots=True)
class Departure:
    """How something left a path, as the trace has it."""

    entry: Mapping[str, Any]
    """The last entry about it."""
    place: tuple[str, bytes] | None
    """Root id and path of where it, or its content, is now; None if missing."""
    is_move: bool
    """Whether the thing itself is there, not only a copy of its content."""
    digest: bytes | None = None
    """Of its content when it left; None for a folder, or if the trace did not know it."""


def departure_from(
    ledger: Ledger, root: str, path: bytes, entries: Sequence[Mapping[str, Any]]
) -> Departure | None:
    """Follow what was last at a path through all moves; return None if no entry says that it left.

    ``root`` is the id of its root, ``path`` its path below that, ``entries`` are its
    `path_history`.
    """
    at, seq, found = (root, path), -1, None
    for each in reversed(entries):
        if (each["root"], entry_path(each)) == at and each["event"] not in _NO_PRESENCE:
            seq = each["seq"]  # earlier entries are about another file
            break
    for _ in range(_MOST_MOVES):
        entry = _next_departure(entries, seq, at)
        if entry is None:
            break
        digest = _digest_until(entries, entry["seq"])
        if entry["event"] == "retire":
            return Departure(entry, None, False, digest)
        rest = at[1][len(entry_path(entry, "from")) :]
        seq, at = entry["seq"], (str(entry["root"]), entry_path(entry) + rest)
        found = Departure(entry, at, entry["event"] == "moved", digest)
        entries = path_history(ledger, *at)
    return found


def _next_departure(
    entries: Sequence[Mapping[str, Any]], seq: int, at: tuple[str, bytes]
) -> Mapping[str, Any] | None:
    """Return the first entry after ``seq`` by which something left a place.

    If a whole folder was removed, an entry of the same scan about the file itself is more precise.
    """
    left = [each for each in entries if each["seq"] > seq and _left(each, at)]
    if left and left[0]["event"] == "retire" and "tree" in left[0]:
        same = (each for each in left[1:] if each["scan"] == left[0]["scan"])
        return next((each for each in same if "tree" not in each), left[0])
    return left[0] if left else None


def _digest_until(entries: Sequence[Mapping[str, Any]], seq: int) -> bytes | None:
    """Return the content that a file had when an entry of its history was written."""
    known = [each["blake3"] for each in entries if each["seq"] <= seq and "blake3" in each]
    return bytes.fromhex(known[-1]) if known else None


def _left(entry: Mapping[str, Any], at: tuple[str, bytes]) -> bool:
    """Return whether by this entry something left a place."""
    if entry["event"] == "retire":
        if "cause" in entry:
            return False  # its root was forgotten, and the file may still exist
        place = entry["root"], entry_path(entry)
    elif has_path(entry, "from"):
        place = entry.get("from_root", entry["root"]), entry_path(entry, "from")
    else:
        return False
    inside = "tree" in entry and _holds(place[1], at[1])
    return place[0] == at[0] and (place[1] == at[1] or inside)


def key_steps(ledger: Ledger, use: str, start: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the entries `key` about keys of one use, from a number on, the oldest first."""
    for _, data in ledger.tables.entries_with((_IS_KEY,), start):
        entry = jcs.parse_own(data)
        if entry["event"] == "key" and entry["use"] == use:
            yield entry
