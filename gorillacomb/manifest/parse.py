"""Parse a manifest file that came from outside."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from hashlib import sha256
from json import JSONDecodeError
from typing import Any

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest.model import MalformedManifest, Manifest, ManifestEntry
from gorillacomb.manifest.paths import MOST_PATH
from gorillacomb.manifest.serialize import END, FILES, entry_json
from gorillacomb.manifest.validate import (
    MOST_MODE,
    TIME_PATTERN,
    validated_entry,
    validated_manifest,
)
from gorillacomb.vaultmesh import jcs

MOST_BYTES = 1 << 30
"""Size limit of a manifest; one of 250,000 files has 80 million bytes."""
_MOST_PARTS = 40_000_000
"""Limit of JSON values in it: each takes up to 60 bytes once parsed."""
_PLAIN_FILE = re.compile(
    r'\{"blake3":"([0-9a-f]{64})","mode":(0|[1-9][0-9]{0,3}),"mtime_ns":"(' + TIME_PATTERN + r')",'
    r'"path":"((?!\.{1,2}[/"])[^"\\\x00-\x1f/]+(?:/(?!\.{1,2}[/"])[^"\\\x00-\x1f/]+)*)",'
    r'"seq":(null|0|[1-9][0-9]{0,14}),"sha256":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,14}),'
    r'"type":"file"\}'
)
"""The line of a file whose path needs no escapes, as in nearly all cases."""


def parse_manifest(data: bytes, what: str = "The manifest") -> Manifest:
    """Parse a manifest that came from outside; ``what`` names it in errors.

    Raises UntrustedInput for anything that `to_json` could not have meant.
    """
    if len(data) > MOST_BYTES:
        raise UntrustedInput(f"{what} is refused: it is larger than {MOST_BYTES >> 20} MiB.")
    if sum(map(data.count, (b",", b"[", b"{"))) > _MOST_PARTS:
        raise UntrustedInput(f"{what} is refused: it has more parts than any manifest.")
    try:
        found = _read_by_lines(data)
        return found or validated_manifest(_no_envelope(parse_json(data, what), what))
    except MalformedManifest as bad:
        raise UntrustedInput(f"{what} is refused: {bad}.") from None


def _no_envelope(value: Any, what: str) -> Any:
    """Return a parsed manifest. Raises UntrustedInput for the envelope of one."""
    if isinstance(value, dict) and value.keys() >= {"payload", "payloadType", "signatures"}:
        raise UntrustedInput(
            f"{what} is refused: it is a DSSE envelope, which holds the signature of a manifest.",
            "Name the manifest itself: gorillacomb verify FILE. Its envelope is read from FILE.dsse"
            " beside it; a manifest from stdin has no signature.",
        )
    return value


def parse_json(data: bytes, what: str) -> Any:
    """Parse like `jcs.parse_strict`, with a friendlier message for what is not JSON."""
    if not data or data.isspace():
        raise UntrustedInput(f"{what} is refused: it is empty.")
    try:
        return jcs.parse_strict(data, what)
    except UntrustedInput as error:
        cause = error.__context__
        if not isinstance(cause, JSONDecodeError):
            raise
    if data.startswith(BOM_UTF8):
        raise UntrustedInput(
            f"{what} is refused: it is not JSON: it begins with a byte order mark."
        )
    place = f"line {cause.lineno:,}, column {cause.colno:,}"
    raise UntrustedInput(f"{what} is refused: it is not JSON (see {place}).")


def _read_by_lines(data: bytes) -> Manifest | None:
    """Parse a manifest in exactly the form of `to_json`, in half the time.

    Returns None for any other form, and for one to be refused: `validated_manifest` says what is
    wrong. Each line is matched, or parsed and serialized again, so that it cannot contain anything
    that the careful parser would not have seen; head and end are parsed as JSON.
    """
    head, mark, rest = data.partition(FILES)
    if not mark or not rest.endswith(END) or len(rest) == len(END):
        return None
    try:
        value = jcs.parse_strict(head + mark + END, "it")
        entries = _entries_of_lines(rest[: -len(END)].decode("utf-8"))
        if value["predicate"]["files"] != []:
            return None
        digest = sha256(b"[")
        digest.update(rest[: -len(END)].replace(b",\n", b","))
        digest.update(b"]")
        return validated_manifest(value, entries, digest.hexdigest())
    except (UntrustedInput, ValueError, KeyError, TypeError):
        return None


def _entries_of_lines(text: str) -> list[ManifestEntry]:
    """Parse lines with a comma between them. Raises ValueError or UntrustedInput for odd ones."""
    entries: list[ManifestEntry] = []
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
            if number > MOST_MODE or len(path) > MOST_PATH // 4:
                raise MalformedManifest("it is out of bounds")
            stamp = None if seq == "null" else int(seq)
            place, length, time = path.encode("utf-8"), int(size), int(mtime)
            entries.append(
                ManifestEntry(place, "file", number, length, time, None, blake3, digest, stamp)
            )
        if stop == end:
            return entries
        at = stop + 2


def _entry_of_odd_line(line: str) -> ManifestEntry:
    """Parse the line of a link, a folder or an odd path, which must be in canonical form."""
    data = line.encode("utf-8")
    entry = validated_entry(jcs.parse_strict(data, "it"))
    if entry_json(entry) != data:
        raise MalformedManifest("it is not in its canonical form")
    return entry
