"""Values in the lines of a journal: times, relative paths, kept copies."""

from __future__ import annotations

from typing import Any

from gorillacomb.dedupe.quarantine.journal_entries import KeptCopy
from gorillacomb.fs.openat import INT64
from gorillacomb.json_paths import path_from_json, path_to_json
from gorillacomb.model import SECOND


def time_document(name: str, time_ns: int | None) -> dict[str, str]:
    """Return the key of a time, ns; none if it is unknown."""
    return {} if time_ns is None else {name: str(time_ns)}


def kept_document(keep: KeptCopy, name: str = "keep") -> dict[str, Any]:
    """Return the keys of a copy that is kept, or of the original of one."""
    return {**path_to_json(keep.path, name), f"{name}_inside": keep.inside}


def time_in(value: Any) -> int:
    """Parse a time in ns that a file system may have reported: seconds in 64 bits."""
    found = int(value)
    if abs(found) >= INT64 * SECOND:
        raise ValueError(f"{found} is not a time in ns")
    return found


def time_if_known(document: dict[str, Any], name: str) -> int | None:
    """Parse a time, ns; None if it is missing."""
    value = document.get(name)
    return None if value is None else time_in(value)


def relative_path_in(document: dict[str, Any], name: str = "path") -> bytes:
    """Parse a path that stays below what it is relative to."""
    path = path_from_json(document, name)
    parts = path.split(b"/")
    if b"\0" in path or any(part in (b"", b".", b"..") for part in parts):
        raise ValueError(f"{path!r} is not a plain relative path")
    return path


def kept_copy_in(document: dict[str, Any], name: str = "keep") -> KeptCopy:
    """Parse the keys of a copy that is kept, or of the original of one."""
    path = path_from_json(document, name)
    inside = bool(document[f"{name}_inside"])
    parts = path.split(b"/") if inside else path.split(b"/")[1:]
    if not inside and path == b"/":
        return KeptCopy(path, inside)  # for emptied folders, by versions up to 0.1.0
    if (
        b"\0" in path
        or path.startswith(b"/") == inside
        or any(part in (b"", b".", b"..") for part in parts)
    ):
        raise ValueError(f"{path!r} is not a plain path")
    return KeptCopy(path, inside)
