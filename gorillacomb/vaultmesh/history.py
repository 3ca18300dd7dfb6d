"""The history of one file in the trace, also where it stood under other names before."""

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

_IS_RUN = re.compile(rb'"event":"(?:applied|repaired|undone|purged)"')
"""In RFC 8785's form no text holds a bare quotation mark, so this is nothing but the event."""
_FOLDER = b'"tree":'
_ENCODED = b'_b64":'
_MOST_MOVES = 100


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
    """Every entry about a run of dedupe or of a repair, the last one first."""
    for _, entry in ledger.entries_backward():
        if _IS_RUN.search(entry):  # nearly all are stamps, and cost to be read
            yield jcs.parse_own(entry)


def path_history(ledger: Ledger, root: str, path: bytes) -> list[dict[str, Any]]:
    """Every entry about a file or a folder that it stood in, oldest first.

    ``root`` is the id of its root, ``path`` its path below that now, or where it stood last.
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

    Of a folder that moved or went the trace does not say what was in it, but for what it stamped.
    """
    trail = _PathTrail(root, path)
    for _, entry in ledger.entries_backward():
        if trail.name not in entry and _FOLDER not in entry:
            continue
        fields = jcs.parse_own(entry)
        if any(at == trail.root and _holds(trail.path, each) for at, each in _places(fields)):
            return True
        _go_back(fields, trail)
    return False


def former_places(
    entries: Sequence[Mapping[str, Any]], root: str, path: bytes
) -> set[tuple[str, bytes]]:
    """Return all places of a file by its `path_history`: ids of roots, and paths below them."""
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
    """The places that an entry about a file or folder names: ids of roots, and paths below them."""
    if fields.get("root") is None or not has_path(fields):
        return []
    places = [(fields["root"], entry_path(fields))]
    if has_path(fields, "from"):
        places.append((fields.get("from_root", fields["root"]), entry_path(fields, "from")))
    return places


def _repaired(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files that a run of repairs gave their good content back."""
    return list(fields.get("repaired", ()))


def _holds(folder: bytes, path: bytes) -> bool:
    return not folder or is_below(path, folder)


def _go_back(fields: Mapping[str, Any], trail: _PathTrail) -> None:
    """Before an entry that tells of a move it stood at the place that it came from."""
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
    """How what was at a path left it, as the trace has it."""

    entry: Mapping[str, Any]
    """The last entry that tells of it."""
    place: tuple[str, bytes] | None
    """Id of the root and path below it of where it is now, or where its content is; None: gone."""
    is_move: bool
    """Whether it is the thing itself that is there, not only a copy of its content."""
    digest: bytes | None = None
    """Of its content when it left; None for a folder, and where the trace did not know it."""


def departure_from(
    ledger: Ledger, root: str, path: bytes, entries: Sequence[Mapping[str, Any]]
) -> Departure | None:
    """Follow what was last at a path, through all moves; None where no entry says that it left.

    ``root`` is the id of its root, ``path`` its path below that, ``entries`` are its
    `path_history`.
    """
    at, seq, found = (root, path), -1, None
    for each in reversed(entries):
        if (each["root"], entry_path(each)) == at and each["event"] != "retire":
            seq = each["seq"]  # what was there before is another file's story
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
    """The first entry after one that says that what was at a place is there no more.

    Where a whole folder went, what else the same scan says of a file in it is more precise.
    """
    left = [each for each in entries if each["seq"] > seq and _left(each, at)]
    if left and left[0]["event"] == "retire" and "tree" in left[0]:
        same = (each for each in left[1:] if each["scan"] == left[0]["scan"])
        return next((each for each in same if "tree" not in each), left[0])
    return left[0] if left else None


def _digest_until(entries: Sequence[Mapping[str, Any]], seq: int) -> bytes | None:
    """The content that a file had when an entry of its history was written."""
    known = [each["blake3"] for each in entries if each["seq"] <= seq and "blake3" in each]
    return bytes.fromhex(known[-1]) if known else None


def _left(entry: Mapping[str, Any], at: tuple[str, bytes]) -> bool:
    """Whether an entry says that what was at a place is there no more."""
    if entry["event"] == "retire":
        if "cause" in entry:
            return False  # its root was forgotten, and the file may be there still
        place = entry["root"], entry_path(entry)
    elif has_path(entry, "from"):
        place = entry.get("from_root", entry["root"]), entry_path(entry, "from")
    else:
        return False
    inside = "tree" in entry and _holds(place[1], at[1])
    return place[0] == at[0] and (place[1] == at[1] or inside)
