"""The history of one file in the trace, also where it stood under other names before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gorillacomb.fs.paths import is_below
from gorillacomb.json_paths import has_path
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.ledger import Ledger

_FOLDER = b'"tree":'
_ENCODED = b'_b64":'


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


def _concerns(fields: Mapping[str, Any], trail: _PathTrail) -> bool:
    if fields.get("root") is None or not has_path(fields):
        return False
    places = [(fields["root"], entry_path(fields))]
    if has_path(fields, "from"):
        places.append((fields.get("from_root", fields["root"]), entry_path(fields, "from")))
    if "tree" in fields:
        return any(root == trail.root and _holds(at, trail.path) for root, at in places)
    return (trail.root, trail.path) in places


def _holds(folder: bytes, path: bytes) -> bool:
    return not folder or is_below(path, folder)


def _go_back(fields: Mapping[str, Any], trail: _PathTrail) -> None:
    """Before an entry that tells of a move it stood at the place that it came from."""
    if not has_path(fields, "from"):
        return
    now, before = entry_path(fields), entry_path(fields, "from")
    if fields["root"] != trail.root or not _holds(now, trail.path):
        return
    rest = trail.path[len(now) :].removeprefix(b"/")
    trail.path = b"/".join(part for part in (before, rest) if part)
    trail.root = fields.get("from_root", fields["root"])
