"""Serialize a manifest: an in-toto Statement (v1) in JSON, one line per file.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any

from gorillacomb import __version__
from gorillacomb.json_paths import path_to_json
from gorillacomb.manifest.model import Manifest, ManifestEntry, OmittedPath
from gorillacomb.manifest.paths import check_order
from gorillacomb.vaultmesh import jcs

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:gorillacomb:manifest:v1"

FILES = b'"files": [\n'
END = b"\n]}}\n"


def to_json(manifest: Manifest) -> bytes:
    """Return the bytes of manifest.json, always the same for the same manifest.

    Each entry is on a line of its own in canonical form (RFC 8785), so that those lines, without
    the line ends, are the bytes whose SHA-256 is in the subject. Raises ValueError for entries that
    are not sorted, or that JSON cannot represent.
    """
    lines = [entry_json(entry) for entry in manifest.entries]
    check_order([entry.path for entry in manifest.entries])
    # Unlike a path, a subject always has a text name: in-toto requires one.
    name = manifest.name.decode("utf-8", "backslashreplace")
    name_b64 = path_to_json(manifest.name, "name").get("name_b64")
    subject = [{"digest": {"sha256": _digest_of(lines)}, "name": name}]
    fields: list[tuple[str, Any]] = [
        ("checkpoint", manifest.checkpoint),
        ("counts", entry_counts(manifest.entries)),
        ("created_ns", str(manifest.created_ns)),
        ("left_out", [_left_out_object(each) for each in manifest.left_out]),
        *([("name_b64", name_b64)] if name_b64 else []),
        ("tool", {"name": "gorillacomb", "version": __version__}),
        ("whole", manifest.whole),
    ]
    head = [
        b'{\n"_type": %b,' % _json(STATEMENT),
        b'"subject": %b,' % _json(subject),
        b'"predicateType": %b,' % _json(PREDICATE),
        b'"predicate": {',
        *(b"%b: %b," % (_json(key), _json(value)) for key, value in fields),
        FILES,
    ]
    return b"\n".join(head) + b",\n".join(lines) + END


def files_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return the digest of a manifest's subject: SHA-256, in hex, of the JCS bytes of its files."""
    return _digest_of(map(entry_json, entries))


def _digest_of(lines: Iterable[bytes]) -> str:
    digest = sha256(b"[")
    digest.update(b",".join(lines))
    digest.update(b"]")
    return digest.hexdigest()


def _json(value: Any) -> bytes:
    return jcs.canonical_json(value)


def entry_counts(entries: Iterable[ManifestEntry]) -> dict[str, int]:
    """Return the numbers of files, links and empty folders, and the files' bytes."""
    entries = list(entries)
    kinds = [entry.type for entry in entries]
    return {
        "files": kinds.count("file"),
        "links": kinds.count("link"),
        "dirs": kinds.count("dir"),
        "bytes": sum(entry.size for entry in entries),
    }


def entry_json(entry: ManifestEntry) -> bytes:
    """Return an entry in canonical JSON; formatted by hand, since there may be 250,000."""
    path = _path_field("path", entry.path)
    if entry.type == "file":
        seq = "null" if entry.seq is None else entry.seq
        text = (
            f'{{"blake3":"{entry.blake3}","mode":{entry.mode},"mtime_ns":"{entry.mtime_ns}",'
            f'{path},"seq":{seq},"sha256":"{entry.sha256}","size":{entry.size},"type":"file"}}'
        )
    elif entry.type == "link":
        assert entry.target is not None
        target = _path_field("target", entry.target)
        text = (
            f'{{"mode":{entry.mode},"mtime_ns":"{entry.mtime_ns}",{path},{target},"type":"link"}}'
        )
    else:
        text = f'{{"mode":{entry.mode},"mtime_ns":"{entry.mtime_ns}",{path},"type":"dir"}}'
    return text.encode("utf-8")


def _path_field(key: str, path: bytes) -> str:
    [(key, text)] = path_to_json(path, key).items()
    return f'"{key}":{quoted(text)}'


def _left_out_object(each: OmittedPath) -> dict[str, str]:
    return {**path_to_json(each.path), "kind": each.kind, "cause": each.cause}
