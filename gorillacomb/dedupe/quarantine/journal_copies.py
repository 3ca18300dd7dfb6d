"""The lines of a journal about what was copied to a shelf, brought or dropped."""

from __future__ import annotations

from typing import Any

from gorillacomb.dedupe.model import BRING, DROP, SHELVE
from gorillacomb.dedupe.quarantine.journal_entries import COPY_SLOT, OMNIDROP, CopyRecord, KeptCopy
from gorillacomb.dedupe.quarantine.journal_values import (
    kept_copy_in,
    kept_document,
    relative_path_in,
    time_document,
    time_if_known,
)
from gorillacomb.fs.paths import is_below
from gorillacomb.json_paths import path_to_json

_DIGEST_BYTES = 32


def copy_document(copy: CopyRecord) -> dict[str, Any]:
    """Return the line about a copy."""
    if copy.is_dropped:
        return _dropped_document(copy)
    return {
        "step": copy.step,
        "event": copy.state,
        "kind": BRING if copy.is_brought else SHELVE,
        "time_ns": str(copy.when_ns),
        **({} if copy.cause is None else {"cause": copy.cause}),
        **path_to_json(copy.path),
        **kept_document(copy.source, "source"),
        "slot": copy.slot.decode(),
        **({} if copy.is_brought else {"items": [path_to_json(each) for each in copy.items]}),
        "files": copy.files,
        "bytes": copy.size,
        "inode": copy.inode,
        "made_parent": copy.made_parent,
        **time_document("parent_mtime_ns", copy.parent_mtime_ns),
        **time_document("parent_after_ns", copy.parent_after_ns),
    }


def _dropped_document(copy: CopyRecord) -> dict[str, Any]:
    return {
        "step": copy.step,
        "event": copy.state,
        "kind": DROP,
        "time_ns": str(copy.when_ns),
        **({} if copy.cause is None else {"cause": copy.cause}),
        **path_to_json(copy.path),
        **path_to_json(copy.top, "top"),
        "slot": copy.slot.decode(),
        "bytes": copy.size,
        "blake3": copy.digest.hex(),
    }


def _parse_dropped(document: dict[str, Any], slot: bytes) -> CopyRecord:
    path, top = relative_path_in(document), relative_path_in(document, "top")
    digest = bytes.fromhex(document["blake3"])
    is_ours = top.split(b"/")[-2:-1] == [OMNIDROP] and path != top and is_below(path, top)
    if len(digest) != _DIGEST_BYTES or not is_ours:
        raise ValueError(f"the line about {path!r} is not about a dropped file")
    return CopyRecord(
        str(document["step"]),
        str(document["event"]),
        KeptCopy(b"/", False),
        path,
        slot,
        (),
        1,
        int(document["bytes"]),
        when_ns=int(document["time_ns"]),
        cause=document.get("cause"),
        digest=digest,
        top=top,
    )


def parse_copy(document: dict[str, Any]) -> CopyRecord:
    """Parse the line about a copy. Raises ValueError, KeyError, TypeError."""
    slot = str(document["slot"]).encode()
    if not slot.startswith(COPY_SLOT) or {47, 0} & set(slot):
        raise ValueError(f"{slot!r} is not the name of a slot for copies")
    if document["kind"] == DROP:
        return _parse_dropped(document, slot)
    return CopyRecord(
        str(document["step"]),
        str(document["event"]),
        kept_copy_in(document, "source"),
        relative_path_in(document),
        slot,
        tuple(map(relative_path_in, [] if document["kind"] == BRING else document["items"])),
        int(document["files"]),
        int(document["bytes"]),
        int(document["inode"]),
        bool(document["made_parent"]),
        time_if_known(document, "parent_mtime_ns"),
        time_if_known(document, "parent_after_ns"),
        int(document["time_ns"]),
        document.get("cause"),
    )
