"""Validate a manifest that came from outside: a Statement in parsed JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gorillacomb.json_paths import path_from_json
from gorillacomb.manifest.model import (
    LACKS,
    ODDITIES,
    MalformedManifest,
    Manifest,
    ManifestEntry,
    OmittedPath,
    raise_malformed,
)
from gorillacomb.manifest.paths import MOST_PATH, check_order, validated_path
from gorillacomb.manifest.serialize import PREDICATE, STATEMENT, entry_counts, files_digest

_ANY_PREDICATE = "urn:gorillacomb:manifest:"
_KEYS = {
    "file": frozenset({"blake3", "mode", "mtime_ns", "seq", "sha256", "size", "type"}),
    "link": frozenset({"mode", "mtime_ns", "type"}),
    "dir": frozenset({"mode", "mtime_ns", "type"}),
}
_DIGEST = re.compile("[0-9a-f]{64}")
TIME_PATTERN = "(?:0|-?[1-9][0-9]{0,27})"
"""A time in ns: file systems store seconds in up to 63 bits, absurd times on disks use that range,
and it takes 28 digits in ns."""
_TIME = re.compile(TIME_PATTERN)
MOST_MODE = 0o7777


def validated_manifest(
    value: Any, read: list[ManifestEntry] | None = None, digest: str | None = None
) -> Manifest:
    """Return the manifest in a Statement. Raises MalformedManifest.

    Its files, and the SHA-256 of their JCS bytes, may be passed if already known.
    """
    if not isinstance(value, dict):
        raise_malformed("it is not a JSON object")
    if value.get("_type") != STATEMENT:
        raise_malformed("it is not an in-toto Statement of version 1")
    kind = value.get("predicateType")
    if kind != PREDICATE:
        ours = isinstance(kind, str) and kind.startswith(_ANY_PREDICATE)
        raise_malformed(
            "it is of a later version than v1; a newer Gorilla Comb may read it"
            if ours
            else "its predicate is not a manifest of Gorilla Comb"
        )
    _has_keys(value, {"_type", "subject", "predicateType", "predicate"}, "it")
    predicate = _object(value["predicate"], "its predicate")
    keys = {"checkpoint", "counts", "created_ns", "files", "left_out", "tool", "whole"}
    _has_keys(predicate, keys, "its predicate", {"name_b64"})
    if not isinstance(predicate["files"], list):
        raise_malformed("its files are not a list")
    if read is None:
        read = [_entry(number, each) for number, each in enumerate(predicate["files"], 1)]
    entries = tuple(read)
    check_order([entry.path for entry in entries])
    if digest is None:
        digest = files_digest(entries)
    name = _subject(value["subject"], predicate.get("name_b64"), digest)
    if _object(predicate["counts"], "its counts") != entry_counts(entries):
        raise_malformed("its counts do not match its files")
    _tool(predicate["tool"])
    checkpoint = predicate["checkpoint"]
    if checkpoint is not None and not isinstance(checkpoint, str):
        raise_malformed("its checkpoint is not a string")
    if not isinstance(predicate["whole"], bool):
        raise_malformed("its 'whole' is neither true nor false")
    return Manifest(
        name,
        entries,
        _time(predicate["created_ns"], "its created_ns"),
        checkpoint,
        predicate["whole"],
        _left_out(predicate["left_out"], entries),
    )


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise_malformed(f"{what} is not a JSON object")
    return value


def _has_keys(
    value: dict[str, Any], needed: set[str], what: str, optional: Iterable[str] = ()
) -> None:
    lacking = sorted(needed - value.keys())
    if lacking:
        raise_malformed(f"{what} has no {lacking[0]!r}")
    unknown = sorted(value.keys() - needed - set(optional))
    if unknown:
        raise_malformed(f"{what} has an unknown key {unknown[0][:40]!r}")


def _subject(value: Any, name_b64: Any, files_digest: str) -> bytes:
    """Check the one subject against the files' digest; return the folder's name."""
    if not isinstance(value, list) or len(value) != 1:
        raise_malformed("it does not have exactly one subject")
    subject = _object(value[0], "its subject")
    _has_keys(subject, {"name", "digest"}, "its subject")
    digest = _object(subject["digest"], "its subject's digest")
    _has_keys(digest, {"sha256"}, "its subject's digest")
    text = subject["name"]
    if not isinstance(text, str) or not text:
        raise_malformed("its subject has no name")
    if name_b64 is None:
        name = _path(subject, "name")
    else:
        name = _path({"name_b64": name_b64}, "name")
        if name.decode("utf-8", "backslashreplace") != text:
            raise_malformed("its two names differ")
    if b"\0" in name or b"/" in name.rstrip(b"/") or name in (b".", b".."):
        raise_malformed("its subject's name is not the name of a folder")
    if digest["sha256"] != files_digest:
        raise_malformed("its subject's digest is not that of its files: it was edited or damaged")
    return name


def _tool(value: Any) -> None:
    tool = _object(value, "its tool")
    _has_keys(tool, {"name", "version"}, "its tool")
    if not all(isinstance(each, str) for each in tool.values()):
        raise_malformed("its tool has a field that is not a string")


def _entry(number: int, value: Any) -> ManifestEntry:
    try:
        return validated_entry(value)
    except MalformedManifest as bad:
        raise MalformedManifest(f"of its files, number {number}: {bad}") from None


def validated_entry(value: Any) -> ManifestEntry:
    """Return the entry for one of its files. Raises MalformedManifest."""
    if type(value) is not dict:
        raise_malformed("it is not a JSON object")
    kind = value.get("type")
    if type(kind) is not str or kind not in _KEYS:
        raise_malformed("its type is none of file, link, dir")
    path = validated_path(_path(value, "path"))
    rest = value.keys() - {"path", "path_b64"}
    target = None
    if kind == "link":
        target = _path(value, "target")
        rest -= {"target", "target_b64"}
        if not target or b"\0" in target or len(target) > MOST_PATH:
            raise_malformed("its target is not one that a link can have")
    if rest != _KEYS[kind]:
        _has_keys(dict.fromkeys(rest), set(_KEYS[kind]), "it")
    mode = _number(value["mode"], "its mode")
    if mode > MOST_MODE:
        raise_malformed("its mode is not one of permission bits")
    mtime = _time(value["mtime_ns"], "its mtime_ns")
    if kind != "file":
        return ManifestEntry(path, "link" if kind == "link" else "dir", mode, 0, mtime, target)
    seq = value["seq"]
    return ManifestEntry(
        path,
        "file",
        mode,
        _number(value["size"], "its size"),
        mtime,
        None,
        _hex(value["blake3"], "its blake3"),
        _hex(value["sha256"], "its sha256"),
        None if seq is None else _number(seq, "its seq"),
    )


def _number(value: Any, what: str) -> int:
    if type(value) is not int or value < 0:
        raise_malformed(f"{what} is not a number, or is negative")
    return value


def _hex(value: Any, what: str) -> str:
    if type(value) is not str or _DIGEST.fullmatch(value) is None:
        raise_malformed(f"{what} is not 64 hex digits")
    return value


def _time(value: Any, what: str) -> int:
    if type(value) is not str or _TIME.fullmatch(value) is None:
        raise_malformed(f"{what} is not an integer in a string")
    return int(value)


def _path(value: dict[str, Any], key: str) -> bytes:
    try:
        return path_from_json(value, key)
    except ValueError as error:
        raise MalformedManifest(str(error)) from None


def _left_out(value: Any, entries: Sequence[ManifestEntry]) -> tuple[OmittedPath, ...]:
    if not isinstance(value, list):
        raise_malformed("its left_out is not a list")
    found = []
    for each in value:
        fields = _object(each, "an entry of its left_out")
        path = validated_path(_path(fields, "path"))
        rest = {key: each for key, each in fields.items() if key not in ("path", "path_b64")}
        _has_keys(rest, {"kind", "cause"}, "an entry of its left_out")
        kind, cause = rest["kind"], rest["cause"]
        if kind not in (*LACKS, *ODDITIES) or not isinstance(cause, str):
            raise_malformed("an entry of its left_out is of an unknown kind")
        found.append(OmittedPath(path, kind, cause))
    paths = [each.path for each in found]
    if paths != sorted(set(paths)):
        raise_malformed("its left_out is not sorted, or lists a path twice")
    if paths and not {entry.path for entry in entries}.isdisjoint(paths):
        raise_malformed("its left_out lists a path that has an entry")
    return tuple(found)
