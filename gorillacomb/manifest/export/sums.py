"""Lists of digests: ``SHA256SUMS`` for `sha256sum -c`, ``B3SUMS`` for `b3sum --check`.

A line is the digest, two spaces and the path. A line that begins with a backslash has escapes in
its path: ``\\\\`` for a backslash, ``\\n`` for a newline. A file whose whole path is ``-`` is
written as ``./-``, since both tools take the bare name for their standard input.
"""

from __future__ import annotations

from gorillacomb.manifest.export.result import (
    ExportResult,
    no_readable_file,
    split_by_rule,
    utf8_or_none,
)
from gorillacomb.manifest.model import Manifest, ManifestEntry


def sha256sum(manifest: Manifest) -> ExportResult:
    """Return the SHA-256 of every file, as GNU coreutils write and read it; names are raw bytes."""
    entries, left_out = split_by_rule(manifest.entries, no_readable_file)
    # coreutils since 8.32 drop a carriage return at the end of a line, and since 9.0 escape it.
    escapes = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
    lines = [_line(entry.sha256 or "", entry.path, escapes) for entry in entries]
    return ExportResult(b"".join(lines), len(entries), left_out)


def b3sum(manifest: Manifest) -> ExportResult:
    """Return the BLAKE3 of every file, as b3sum writes and reads it; names are UTF-8."""
    entries, left_out = split_by_rule(manifest.entries, _beyond_b3sum)
    escapes = {b"\\": b"\\\\", b"\n": b"\\n"}
    lines = [_line(entry.blake3 or "", entry.path, escapes) for entry in entries]
    return ExportResult(b"".join(lines), len(entries), left_out)


def _beyond_b3sum(entry: ManifestEntry) -> str | None:
    cause = no_readable_file(entry)
    if cause is not None:
        return cause
    text = utf8_or_none(entry.path)
    if text is None:
        return "a name that is not UTF-8, and b3sum knows no other"
    if "\ufffd" in text:
        return "a name with U+FFFD in it, which b3sum refuses"
    if text.endswith("\r"):
        # 1.2 cannot escape it; later versions drop it if it is unescaped.
        return "a name that ends in a carriage return, which versions of b3sum read differently"
    return None


def _line(digest: str, path: bytes, escapes: dict[bytes, bytes]) -> bytes:
    escaped = path
    for odd, written in escapes.items():  # the backslash must be first
        escaped = escaped.replace(odd, written)
    mark = b"" if escaped == path else b"\\"
    return b"%s%s  %s\n" % (mark, digest.encode(), b"./-" if path == b"-" else escaped)
