"""A manifest as a file: an in-toto Statement (v1) in JSON, one line for each file.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import base64
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from json import JSONDecodeError
from json.encoder import encode_basestring as quoted
from typing import Any, NoReturn

from gorillacomb import __version__
from gorillacomb.errors import Untrusted
from gorillacomb.manifest.document import LACKS, ODDITIES, Entry, LeftOut, Manifest
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.note import decoded

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:gorillacomb:manifest:v1"
_ANY_PREDICATE = "urn:gorillacomb:manifest:"

MOST_BYTES = 1 << 30
"""Of a manifest; one of 250,000 files has 80 million."""
_MOST_PARTS = 40_000_000
"""Values in it: each takes up to 60 bytes once it is read."""

_KEYS = {
    "file": frozenset({"blake3", "mode", "mtime_ns", "seq", "sha256", "size", "type"}),
    "link": frozenset({"mode", "mtime_ns", "type"}),
    "dir": frozenset({"mode", "mtime_ns", "type"}),
}
_DIGEST = re.compile("[0-9a-f]{64}")
_TIME = re.compile("0|-?[1-9][0-9]{0,24}")
_PLAIN_FILE = re.compile(
    r'\{"blake3":"([0-9a-f]{64})","mode":(0|[1-9][0-9]{0,3}),"mtime_ns":"(0|-?[1-9][0-9]{0,24})",'
    r'"path":"((?!\.{1,2}[/"])[^"\\\x00-\x1f/]+(?:/(?!\.{1,2}[/"])[^"\\\x00-\x1f/]+)*)",'
    r'"seq":(null|0|[1-9][0-9]{0,14}),"sha256":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,14}),'
    r'"type":"file"\}'
)
"""The line of a file whose path needs no escapes, as nearly all are."""
_FILES = b'"files": [\n'
_END = b"\n]}}\n"
_BAD_PART = re.compile(rb"(?:\A|/)\.{0,2}(?:/|\Z)")
_MOST_MODE = 0o7777
MOST_PATH = 1 << 16
"""Bytes of a path; systems open paths of 4096 at once."""


def to_json(manifest: Manifest) -> bytes:
    """The bytes of manifest.json, always the same for the same manifest.

    Each entry stands on a line of its own in its canonical form (RFC 8785), so that those lines,
    without the line ends, are the bytes whose SHA-256 the subject carries. Raises ValueError for
    entries that are not sorted, or that JSON cannot carry.
    """
    lines = [entry_line(entry) for entry in manifest.entries]
    _check_order([entry.path for entry in manifest.entries])
    digest = sha256(b"[")
    digest.update(b",".join(lines))
    digest.update(b"]")
    try:
        name, name_b64 = manifest.name.decode("utf-8"), None
    except UnicodeDecodeError:
        name = manifest.name.decode("utf-8", "backslashreplace")
        name_b64 = base64.b64encode(manifest.name).decode("ascii")
    subject = [{"digest": {"sha256": digest.hexdigest()}, "name": name}]
    fields: list[tuple[str, Any]] = [
        ("checkpoint", manifest.checkpoint),
        ("counts", counts(manifest.entries)),
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
        _FILES,
    ]
    return b"\n".join(head) + b",\n".join(lines) + _END


def _json(value: Any) -> bytes:
    return jcs.canonical(value)


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """How many files, links and empty folders there are, and the files' bytes."""
    entries = list(entries)
    kinds = [entry.type for entry in entries]
    return {
        "files": kinds.count("file"),
        "links": kinds.count("link"),
        "dirs": kinds.count("dir"),
        "bytes": sum(entry.size for entry in entries),
    }


def entry_line(entry: Entry) -> bytes:
    """An entry in canonical JSON; written by hand, since there are 250,000 of them."""
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
    try:
        return f'"{key}":{quoted(path.decode("utf-8"))}'
    except UnicodeDecodeError:
        return f'"{key}_b64":"{base64.b64encode(path).decode("ascii")}"'


def _left_out_object(each: LeftOut) -> dict[str, str]:
    try:
        path = {"path": each.path.decode("utf-8")}
    except UnicodeDecodeError:
        path = {"path_b64": base64.b64encode(each.path).decode("ascii")}
    return {**path, "kind": each.kind, "cause": each.cause}


def parse_manifest(data: bytes, what: str = "The manifest") -> Manifest:
    """Read a manifest that came from outside; ``what`` names it in errors.

    Raises Untrusted for anything that `to_json` could not have meant: see DESIGN, rule 10.
    """
    if len(data) > MOST_BYTES:
        raise Untrusted(f"{what} is refused: it is larger than {MOST_BYTES >> 20} MiB.")
    if sum(map(data.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise Untrusted(f"{what} is refused: it has more parts than any manifest.")
    try:
        return _read_by_lines(data) or _manifest(parse_json(data, what))
    except _Bad as bad:
        raise Untrusted(f"{what} is refused: {bad}.") from None


def parse_json(data: bytes, what: str) -> Any:
    """As `jcs.parse`, with words for people where Python's own would say what is no JSON."""
    if not data or data.isspace():
        raise Untrusted(f"{what} is refused: it is empty.")
    try:
        return jcs.parse(data, what)
    except Untrusted as error:
        cause = error.__context__
        if not isinstance(cause, JSONDecodeError):
            raise
    if data.startswith(BOM_UTF8):
        raise Untrusted(f"{what} is refused: it is no JSON: a byte order mark stands before it.")
    place = f"line {cause.lineno:,}, column {cause.colno:,}"
    raise Untrusted(f"{what} is refused: it is no JSON (see {place}).")


class _Bad(ValueError):
    """What is wrong, in words."""


def _refuse(what: str) -> NoReturn:
    raise _Bad(what)


def _read_by_lines(data: bytes) -> Manifest | None:
    """Read a manifest that has the very form that `to_json` gives it, in half the time.

    None for any other, and for one that is to be refused: `_manifest` says what is wrong with it.
    Each line is matched, or read and written again, so that nothing can stand in it that the
    careful reading would not have met; the head and the end are read as the JSON that they are.
    """
    head, mark, rest = data.partition(_FILES)
    if not mark or not rest.endswith(_END) or len(rest) == len(_END):
        return None
    try:
        value = jcs.parse(head + mark + _END, "it")
        entries = _entries_of_lines(rest[: -len(_END)].decode("utf-8"))
        if value["predicate"]["files"] != []:
            return None
        digest = sha256(b"[")
        digest.update(rest[: -len(_END)].replace(b",\n", b","))
        digest.update(b"]")
        return _manifest(value, entries, digest.hexdigest())
    except (Untrusted, ValueError, KeyError, TypeError):
        return None


def _entries_of_lines(text: str) -> list[Entry]:
    """Read lines with a comma between them; raises ValueError or Untrusted for odd ones."""
    entries: list[Entry] = []
    at, end = 0, len(text)
    while True:
        match = _PLAIN_FILE.match(text, at)
        stop = -1 if match is None else match.end()
        if match is None or not (stop == end or text.startswith(",\n", stop)):
            stop = text.find(",\n", at)
            stop = end if stop < 0 else stop
            entries.append(_entry_of_odd_line(text[at:stop]))
        else:
            blake3, mode, mtime, path, seq, digest, size = match.groups()
            number = int(mode)
            if number > _MOST_MODE or len(path) > MOST_PATH // 4:
                raise _Bad("it is out of bounds")
            stamp = None if seq == "null" else int(seq)
            place, length, time = path.encode("utf-8"), int(size), int(mtime)
            entries.append(Entry(place, "file", number, length, time, None, blake3, digest, stamp))
        if stop == end:
            return entries
        at = stop + 2


def _entry_of_odd_line(line: str) -> Entry:
    """Read the line of a link, a folder or an odd path, which has to be in its canonical form."""
    data = line.encode("utf-8")
    entry = _checked_entry(jcs.parse(data, "it"))
    if entry_line(entry) != data:
        raise _Bad("it is not in its canonical form")
    return entry


def _manifest(value: Any, read: list[Entry] | None = None, digest: str | None = None) -> Manifest:
    """Check a Statement; its files, and the SHA-256 of their JCS bytes, may be known before."""
    if not isinstance(value, dict):
        _refuse("it is no JSON object")
    if value.get("_type") != STATEMENT:
        _refuse("it is no in-toto Statement of version 1")
    kind = value.get("predicateType")
    if kind != PREDICATE:
        ours = isinstance(kind, str) and kind.startswith(_ANY_PREDICATE)
        _refuse(
            "it is of another version than v1; a newer Gorilla Comb reads it"
            if ours
            else "its predicate is no manifest of ours"
        )
    _has_keys(value, {"_type", "subject", "predicateType", "predicate"}, "it")
    predicate = _object(value["predicate"], "its predicate")
    keys = {"checkpoint", "counts", "created_ns", "files", "left_out", "tool", "whole"}
    _has_keys(predicate, keys, "its predicate", {"name_b64"})
    if not isinstance(predicate["files"], list):
        _refuse("its files are no list")
    if read is None:
        read = [_entry(number, each) for number, each in enumerate(predicate["files"], 1)]
    entries = tuple(read)
    _check_order([entry.path for entry in entries])
    if digest is None:
        digest = sha256(b"[" + b",".join(map(entry_line, entries)) + b"]").hexdigest()
    name = _subject(value["subject"], predicate.get("name_b64"), digest)
    if _object(predicate["counts"], "its counts") != counts(entries):
        _refuse("its counts are not those of its files")
    _tool(predicate["tool"])
    checkpoint = predicate["checkpoint"]
    if checkpoint is not None and not isinstance(checkpoint, str):
        _refuse("its checkpoint is no text")
    if not isinstance(predicate["whole"], bool):
        _refuse("its 'whole' is neither true nor false")
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
        _refuse(f"{what} is no JSON object")
    return value


def _has_keys(
    value: dict[str, Any], needed: set[str], what: str, optional: Iterable[str] = ()
) -> None:
    lacking = sorted(needed - value.keys())
    if lacking:
        _refuse(f"{what} has no {lacking[0]!r}")
    unknown = sorted(value.keys() - needed - set(optional))
    if unknown:
        _refuse(f"{what} has an unknown key {unknown[0][:40]!r}")


def _subject(value: Any, name_b64: Any, files_digest: str) -> bytes:
    """Check the one subject against the files' digest; returns the folder's name."""
    if not isinstance(value, list) or len(value) != 1:
        _refuse("it has not exactly one subject")
    subject = _object(value[0], "its subject")
    _has_keys(subject, {"name", "digest"}, "its subject")
    digest = _object(subject["digest"], "its subject's digest")
    _has_keys(digest, {"sha256"}, "its subject's digest")
    text = subject["name"]
    if not isinstance(text, str) or not text:
        _refuse("its subject has no name")
    name = _bytes(text, "its subject's name")
    if name_b64 is not None:
        if not isinstance(name_b64, str):
            _refuse("its name_b64 is no text")
        name = _decoded(name_b64)
        if _is_utf_8(name) or name.decode("utf-8", "backslashreplace") != text:
            _refuse("its two names are not one")
    if b"\0" in name or b"/" in name.rstrip(b"/") or name in (b".", b".."):
        _refuse("its subject's name is no name of a folder")
    if digest["sha256"] != files_digest:
        _refuse("its subject's digest is not that of its files: it was edited or damaged")
    return name


def _tool(value: Any) -> None:
    tool = _object(value, "its tool")
    _has_keys(tool, {"name", "version"}, "its tool")
    if not all(isinstance(each, str) for each in tool.values()):
        _refuse("its tool is no text")


def _entry(number: int, value: Any) -> Entry:
    try:
        return _checked_entry(value)
    except _Bad as bad:
        raise _Bad(f"of its files, number {number}: {bad}") from None


def _checked_entry(value: Any) -> Entry:
    if type(value) is not dict:
        _refuse("it is no JSON object")
    kind = value.get("type")
    if type(kind) is not str or kind not in _KEYS:
        _refuse("its type is none of file, link, dir")
    path = checked_path(_either(value, "path"))
    rest = value.keys() - {"path", "path_b64"}
    target = None
    if kind == "link":
        target = _either(value, "target")
        rest -= {"target", "target_b64"}
        if not target or b"\0" in target or len(target) > MOST_PATH:
            _refuse("its target is not one that a link can have")
    if rest != _KEYS[kind]:
        _has_keys(dict.fromkeys(rest), set(_KEYS[kind]), "it")
    mode = _number(value["mode"], "its mode")
    if mode > _MOST_MODE:
        _refuse("its mode is not one of permission bits")
    mtime = _time(value["mtime_ns"], "its mtime_ns")
    if kind != "file":
        return Entry(path, "link" if kind == "link" else "dir", mode, 0, mtime, target)
    seq = value["seq"]
    return Entry(
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
        _refuse(f"{what} is no number, or below 0")
    return value


def _hex(value: Any, what: str) -> str:
    if type(value) is not str or _DIGEST.fullmatch(value) is None:
        _refuse(f"{what} is not 64 hex digits")
    return value


def _time(value: Any, what: str) -> int:
    if type(value) is not str or _TIME.fullmatch(value) is None:
        _refuse(f"{what} is no number in a string")
    return int(value)


def _either(value: dict[str, Any], key: str) -> bytes:
    """The bytes of a path: from ``key`` or from ``key_b64``, of which exactly one is there."""
    text, encoded = value.get(key), value.get(f"{key}_b64")
    if (key in value) == (f"{key}_b64" in value):
        _refuse(f"it has not exactly one of {key} and {key}_b64")
    if type(text) is str:
        return _bytes(text, f"its {key}")
    if type(encoded) is not str:
        _refuse(f"its {key} is no text")
    found = _decoded(encoded)
    if _is_utf_8(found):
        _refuse(f"its {key}_b64 is UTF-8, and has to stand as {key}")
    return found


def _decoded(text: str) -> bytes:
    try:
        return decoded(text, "it")
    except Untrusted:
        _refuse("it has bad base64 in it")


def _bytes(text: str, what: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        _refuse(f"{what} has half a character in it")


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def checked_path(path: bytes) -> bytes:
    """A path that stays below the folder that it is relative to; raises ValueError for others."""
    if path.startswith(b"/"):
        _refuse("its path is absolute")
    if len(path) > MOST_PATH:
        _refuse("its path is longer than any that can be opened")
    if b"\0" in path:
        _refuse("its path has a NUL in it")
    if _BAD_PART.search(path) is not None:
        _refuse("its path has an empty part, or one that is '.' or '..'")
    return path


def _check_order(paths: list[bytes]) -> None:
    """Raise ValueError unless paths are sorted, each is there once, and none is below another."""
    for before, after in pairwise(paths):
        if before >= after:
            how = "stands in it twice" if before == after else "is not sorted by its bytes"
            shown = after[:200].decode("utf-8", "backslashreplace")
            _refuse(f"the path {shown} {how}")
    # With NUL for the slash, what is below a path comes right after it.
    places = sorted(path.replace(b"/", b"\0") for path in paths)
    for above, place in pairwise(places):
        if place.startswith(above) and place[len(above)] == 0:
            shown = above[:200].replace(b"\0", b"/").decode("utf-8", "backslashreplace")
            _refuse(f"it has an entry below {shown}, which is no folder with something in it")


def _left_out(value: Any, entries: Sequence[Entry]) -> tuple[LeftOut, ...]:
    if not isinstance(value, list):
        _refuse("its left_out is no list")
    found = []
    for each in value:
        fields = _object(each, "of what it left out, one")
        path = checked_path(_either(fields, "path"))
        rest = {key: each for key, each in fields.items() if key not in ("path", "path_b64")}
        _has_keys(rest, {"kind", "cause"}, "of what it left out, one")
        kind, cause = rest["kind"], rest["cause"]
        if kind not in (*LACKS, *ODDITIES) or not isinstance(cause, str):
            _refuse("of what it left out, one is of an unknown kind")
        found.append(LeftOut(path, kind, cause))
    paths = [each.path for each in found]
    if paths != sorted(set(paths)):
        _refuse("what it left out is not sorted, or stands there twice")
    if paths and not {entry.path for entry in entries}.isdisjoint(paths):
        _refuse("it left out what it has")
    return tuple(found)
