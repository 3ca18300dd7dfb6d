"""What an entry of the trace says: one function for each event makes its fields.

The ledger adds ``v``, ``seq``, ``prev`` and ``time_ns``. Paths are relative to their root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from gorillacomb.json_paths import path_from_json, path_to_json
from gorillacomb.vaultmesh.jcs import canonical_json_fast

VERSION = 1
EntryBody = dict[str, Any]


class StampEntry(NamedTuple):
    """A canonical file as a stamp records it."""

    root: str
    """The id of its root, 32 hex digits."""
    path: bytes
    """Relative to the root."""
    size: int
    """Bytes."""
    mtime_ns: int
    digest: bytes
    """BLAKE3, 32 bytes."""
    copies: int
    """How many separate copies of it there were on disk, itself among them."""
    reasons: tuple[str, ...]
    rules: int
    """The version of the rules by which it was chosen."""


@dataclass(frozen=True, slots=True)
class DamageEntry:
    """A damaged file as an entry records it."""

    size: int
    """Bytes."""
    mtime_ns: int
    digest: bytes
    """BLAKE3 of the content that it should have, 32 bytes."""
    is_suspect: bool
    """Whether its ctime or inode moved, as a program does that sets the times of what it wrote."""


def entry_path(entry: Mapping[str, Any], key: str = "path") -> bytes:
    """Read a path of an entry. Raises ValueError.

    It takes more than this version writes: what is signed already must stay readable.
    """
    return path_from_json(entry, key, strict=False)


def stamp_entry(scan: int, file: StampEntry) -> EntryBody:
    """A content that has a canonical file for the first time."""
    return _file("stamp", scan, file)


def restamp_entry(
    scan: int, file: StampEntry, was: bytes | None, origin: tuple[str, bytes] | None
) -> EntryBody:
    """A canonical file that has other content now, or that another file took over from.

    ``was`` is the content that stood there before; ``origin`` root and path of the former file.
    """
    return _changed("restamp", scan, file, was, origin)


def move_entry(scan: int, file: StampEntry, origin: tuple[str, bytes]) -> EntryBody:
    """A canonical file that left its place and was found elsewhere."""
    return _changed("moved", scan, file, None, origin)


def retire_entry(scan: int, root: str, path: bytes, digest: bytes) -> EntryBody:
    """A content that stands nowhere any more; its last canonical file was at ``path``."""
    return {
        "event": "retire",
        "scan": scan,
        "root": root,
        **path_to_json(path),
        "blake3": digest.hex(),
    }


def damage_entry(scan: int, root: str, path: bytes, file: DamageEntry) -> EntryBody:
    """A file whose content changed while size and time did not."""
    return {
        "event": "damaged",
        "scan": scan,
        "root": root,
        **path_to_json(path),
        "size": file.size,
        "mtime_ns": str(file.mtime_ns),
        "blake3": file.digest.hex(),
        "suspect": file.is_suspect,
    }


def move_folder_entry(
    scan: int, root: str, path: bytes, origin: tuple[str, bytes], tree: str, files: int
) -> EntryBody:
    """A folder that moved as a whole, with all the canonical files in it."""
    from_root, from_path = origin
    body = {
        "event": "moved",
        "scan": scan,
        "root": root,
        **path_to_json(path),
        **path_to_json(from_path, "from"),
        "tree": tree,
        "files": files,
    }
    if from_root != root:
        body["from_root"] = from_root
    return body


def retire_folder_entry(
    scan: int, root: str, path: bytes, tree: str, files: int, forgotten: bool
) -> EntryBody:
    """A folder that is gone as a whole, with all canonical files in it.

    ``forgotten``: it may stand still, but its root is no longer one of the vault's.
    """
    return {
        **({"cause": "forgotten"} if forgotten else {}),
        "event": "retire",
        "scan": scan,
        "root": root,
        **path_to_json(path),
        "tree": tree,
        "files": files,
    }


def root_entry(
    scan: int, uid: str, path: bytes, volume: str, volume_type: str, weak: bool, inner_path: bytes
) -> EntryBody:
    """A root that is new, or that stands elsewhere now."""
    return {
        "event": "root",
        "scan": scan,
        "root": uid,
        **path_to_json(path),
        "volume": volume,
        "volume_type": volume_type,
        "weak": weak,
        **path_to_json(inner_path, "inner_path"),
    }


def tree_digest(files: Iterable[tuple[bytes, bytes]]) -> str:
    """The digest of a folder's canonical files: (path relative to it, BLAKE3 digest).

    SHA-256 of the JCS array of [path or {"path_b64": ...}, hex digest], sorted by path bytes; so
    anybody can compute it from the entries before. Returns hex.
    """
    rows: list[list[object]] = [
        [fields.get("path", fields), digest.hex()]
        for fields, digest in ((path_to_json(path), digest) for path, digest in sorted(files))
    ]
    return sha256(canonical_json_fast(rows)).hexdigest()


def _file(event: str, scan: int, file: StampEntry) -> EntryBody:
    return {
        "event": event,
        "scan": scan,
        "root": file.root,
        **path_to_json(file.path),
        "size": file.size,
        "mtime_ns": str(file.mtime_ns),
        "blake3": file.digest.hex(),
        "copies": file.copies,
        "reasons": file.reasons,
        "rules": file.rules,
    }


def _changed(
    event: str, scan: int, file: StampEntry, was: bytes | None, origin: tuple[str, bytes] | None
) -> EntryBody:
    body = _file(event, scan, file)
    if was is not None:
        body["was"] = was.hex()
    if origin is not None:
        body |= path_to_json(origin[1], "from")
        if origin[0] != file.root:
            body["from_root"] = origin[0]
    return body


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What a run of dedupe came to, as an entry records it."""

    run: str
    action: str
    bases: tuple[bytes, ...]
    """Where its quarantines are: absolute paths of the folders that hold ``.gorillacomb``."""
    steps: int
    files: int
    bytes_set_aside: int
    bytes_freed: int
    skipped: tuple[tuple[bytes, str], ...]
    """Absolute path and cause of what was not done since it was not as planned."""
    failed: tuple[tuple[bytes, str], ...]
    """The same of what the system would not do."""
    repaired: tuple[tuple[str, bytes], ...] = ()
    """Of files that got their good content back: the id of the root, and the path below it."""


_MOST_TROUBLES = 100


def run_entry(event: str, facts: RunEntry, plan: str | None = None) -> EntryBody:
    """A run that ended: ``applied``, ``repaired``, ``undone`` or ``purged``.

    At most a hundred paths that were skipped, and as many that failed or were repaired, are named;
    all are counted.
    """
    body: EntryBody = {
        "event": event,
        "run": facts.run,
        "action": facts.action,
        "bases": [path_to_json(each) for each in facts.bases],
        "steps": facts.steps,
        "files": facts.files,
        "bytes_set_aside": str(facts.bytes_set_aside),
        "bytes_freed": str(facts.bytes_freed),
    }
    if plan is not None:
        body["plan"] = plan
    if facts.repaired:
        named = [{"root": root, **path_to_json(path)} for root, path in facts.repaired]
        body |= {"repaired": named[:_MOST_TROUBLES], **(named[0] if len(named) == 1 else {})}
    for name, troubles in (("skipped", facts.skipped), ("failed", facts.failed)):
        body[f"{name}_count"] = len(troubles)
        body[name] = [
            {**path_to_json(path), "cause": cause} for path, cause in troubles[:_MOST_TROUBLES]
        ]
    return body
