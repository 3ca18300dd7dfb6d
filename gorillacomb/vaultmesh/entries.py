"""The contents of trace entries: one function per event builds its fields.

The ledger adds ``v``, ``seq``, ``prev`` and ``time_ns``. Paths are relative to their root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from gorillacomb.json_paths import has_path, path_from_json, path_to_json
from gorillacomb.vaultmesh.jcs import MOST, canonical_json_fast

VERSION = 1
EntryBody = dict[str, Any]
"""The fields of an entry."""


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
    """Separate copies on disk at that time, including this one."""
    reasons: tuple[str, ...]
    rules: int
    """The version of the rules that chose it."""


class DamageEntry(NamedTuple):
    """A damaged file as an entry records it."""

    size: int
    """Bytes."""
    mtime_ns: int
    digest: bytes
    """BLAKE3 of the content that it should have, 32 bytes."""
    is_suspect: bool
    """Whether its ctime or inode changed, as when a program sets the times of what it wrote."""


class MarkEntry(NamedTuple):
    """What the user marked, as an entry records it."""

    kind: str
    """``keep``, ``intended`` or ``not-duplicates``."""
    set: str
    """The same for all that was marked together."""
    root: str
    """The id of its root, 32 hex digits."""
    path: bytes
    """Relative to the root."""
    is_folder: bool
    digest: str
    """Of a file's content, BLAKE3; of a folder, see `tree_digest`. In hex; empty if not known."""
    note: str | None
    marked_ns: int


class FirstStamp(NamedTuple):
    """The entry for a content's first canonical file: a first scan writes hardly any others.

    Their keys are always the same, so their order is known and nothing has to be sorted.
    """

    scan: int
    file: StampEntry

    def written(self, prev: str, seq: int, time_ns: str) -> bytes:
        """Return the whole entry in canonical JSON, given what the ledger adds.

        Raises ValueError for integers beyond 2^53 - 1.
        """
        scan, (root, path, size, mtime_ns, digest, copies, reasons, rules) = self
        if max(size, copies, seq) > MOST:
            raise ValueError(f"a number of entry {seq} is beyond the integers of JSON")
        try:
            field = f'"path":{canonical_json_fast(path.decode("utf-8")).decode()}'
        except UnicodeDecodeError:
            field = canonical_json_fast(path_to_json(path)).decode()[1:-1]
        return (
            f'{{"blake3":"{digest.hex()}","copies":{copies},"event":"stamp",'
            f'"mtime_ns":"{mtime_ns}",{field},"prev":"{prev}","reasons":{_json_text(reasons)},'
            f'"root":{_json_text(root)},"rules":{rules},"scan":{scan},"seq":{seq},"size":{size},'
            f'"time_ns":"{time_ns}","v":{VERSION}}}'
        ).encode()


LedgerEntry = EntryBody | FirstStamp
"""What the ledger can append."""


def entry_path(entry: Mapping[str, Any], key: str = "path") -> bytes:
    """Read a path of an entry. Raises ValueError.

    It accepts more than this version writes: what is already signed must stay readable.
    """
    return path_from_json(entry, key, strict=False)


def stamp_entry(scan: int, file: StampEntry) -> FirstStamp:
    """Return the entry for a content's first canonical file."""
    return FirstStamp(scan, file)


@lru_cache(maxsize=4096)
def _json_text(value: str | tuple[str, ...]) -> str:
    """Return a value that many entries have, in canonical JSON."""
    return canonical_json_fast(value).decode()


def restamp_entry(
    scan: int, file: StampEntry, was: bytes | None, origin: tuple[str, bytes] | None
) -> EntryBody:
    """Return the entry for a canonical file with other content, or replaced by another file.

    ``was`` is the content that it had before; ``origin`` root and path of the former file.
    """
    return _changed("restamp", scan, file, was, origin)


def move_entry(scan: int, file: StampEntry, origin: tuple[str, bytes]) -> EntryBody:
    """Return the entry for a canonical file that was moved."""
    return _changed("moved", scan, file, None, origin)


def retire_entry(scan: int, root: str, path: bytes, digest: bytes) -> EntryBody:
    """Return the entry for a content without any copy; its last canonical file was at ``path``."""
    return {
        "event": "retire",
        "scan": scan,
        "root": root,
        **path_to_json(path),
        "blake3": digest.hex(),
    }


def damage_entry(scan: int, root: str, path: bytes, file: DamageEntry) -> EntryBody:
    """Return the entry for a file whose content changed while size and time did not."""
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
    """Return the entry for a folder that moved as a whole, with all its canonical files."""
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
    """Return the entry for a folder that is missing as a whole, with all its canonical files.

    ``forgotten``: it may still exist, but its root no longer belongs to the vault.
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
    """Return the entry for a root that is new, or is at another place now."""
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


def mark_entry(
    mark: MarkEntry, replaces: int | None = None, root: str = "", path: bytes = b""
) -> EntryBody:
    """Return the entry for a mark of the user.

    If what it is about has moved, ``replaces`` is the former entry, ``root`` and ``path`` are where
    it was.
    """
    body: EntryBody = {
        "event": "mark",
        "mark": mark.kind,
        "set": mark.set,
        "root": mark.root,
        **path_to_json(mark.path),
        "kind": "folder" if mark.is_folder else "file",
        "marked_ns": str(mark.marked_ns),
    }
    if mark.digest:
        body["folder_digest" if mark.is_folder else "blake3"] = mark.digest
    if mark.note is not None:
        body["note"] = mark.note
    if replaces is not None:
        body |= {"replaces": replaces, **path_to_json(path, "former")}
        if root != mark.root:
            body["former_root"] = root
    return body


def unmark_entry(mark: MarkEntry, replaces: int) -> EntryBody:
    """Return the entry that takes back a mark, given by its entry."""
    return {
        "event": "unmark",
        "mark": mark.kind,
        "replaces": replaces,
        "set": mark.set,
        "root": mark.root,
        **path_to_json(mark.path),
    }


def key_entry(use: str, step: str, key_id: str, public: Mapping[str, object]) -> EntryBody:
    """Return the entry for a step in the life of a key that does not sign the trace itself.

    ``use`` says what the key signs, ``step`` what it is from here on, ``key_id`` names its public
    key, and ``public`` are the fields by which anyone can check that name.
    """
    return {"event": "key", "use": use, "step": step, "key_id": key_id, **public}


def tree_digest(files: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the digest of files in a folder: (path relative to it, BLAKE3 digest).

    SHA-256, in hex, of the JCS array of [path or {"path_b64": ...}, hex digest], sorted by path
    bytes, so that anyone can compute it from the earlier entries.
    """
    rows: list[list[object]] = [
        [fields.get("path", fields), digest.hex()]
        for fields, digest in ((path_to_json(path), digest) for path, digest in sorted(files))
    ]
    return sha256(canonical_json_fast(rows)).hexdigest()


def _file(event: str, scan: int, file: StampEntry) -> EntryBody:
    root, path, size, mtime_ns, digest, copies, reasons, rules = file
    return {
        "event": event,
        "scan": scan,
        "root": root,
        **path_to_json(path),
        "size": size,
        "mtime_ns": str(mtime_ns),
        "blake3": digest.hex(),
        "copies": copies,
        "reasons": reasons,
        "rules": rules,
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


class RunEntry(NamedTuple):
    """The outcome of a dedupe run as an entry records it."""

    run: str
    action: str
    bases: tuple[bytes, ...]
    """Absolute paths of the folders whose ``.gorillacomb`` holds its quarantines."""
    steps: int
    files: int
    bytes_set_aside: int
    bytes_freed: int
    skipped: tuple[tuple[bytes, str], ...]
    """Absolute path and cause of each step skipped because something was not as planned."""
    failed: tuple[tuple[bytes, str], ...]
    """Likewise, of each step that the system refused."""
    repaired: tuple[tuple[str, bytes], ...] = ()
    """Root id and path below it of each repaired file."""
    dropped: tuple[str, bytes] | None = None
    """Of a drop: root id and path below it of the folder that was made."""
    bytes_dropped: int | None = None
    """Of a drop: bytes of the files that were kept."""


_MOST_TROUBLES = 100


def run_entry(event: str, facts: RunEntry, plan: str | None = None) -> EntryBody:
    """Return the entry for a run that ended.

    That is ``applied``, ``repaired``, ``dropped``, ``undone`` or ``purged``.

    At most a hundred skipped, failed and repaired paths each are named; all are counted.
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
    if facts.dropped is not None:
        body |= {"root": facts.dropped[0], **path_to_json(facts.dropped[1])}
    if facts.bytes_dropped is not None:
        body["bytes"] = str(facts.bytes_dropped)
    for name, troubles in (("skipped", facts.skipped), ("failed", facts.failed)):
        body[f"{name}_count"] = len(troubles)
        body[name] = [
            {**path_to_json(path), "cause": cause} for path, cause in troubles[:_MOST_TROUBLES]
        ]
    return body


def checked_entry(entry: dict[str, Any]) -> dict[str, object]:
    """Return an entry that has what all of them have. Raises ValueError for a forged one."""
    if not isinstance(entry.get("event"), str) or not isinstance(entry.get("seq"), int):
        raise ValueError("an entry lacks its event or its number")
    int(entry["time_ns"])
    for name in ("path", "from"):
        if has_path(entry, name):
            entry_path(entry, name)
    return entry
