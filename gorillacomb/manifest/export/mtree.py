"""A specification for `mtree -f FILE -p ROOT` (mtree(8) of NetBSD, Debian's mtree-netbsd).

It carries every entry: files with mode, size, time and SHA-256, links with their target and time,
empty folders with mode and time; of the folders above them it says only that they are there.
"""

from __future__ import annotations

from gorillacomb.manifest.document import Entry, Manifest
from gorillacomb.manifest.export.exported import Exported

_PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + b"/_-.,:+@%^~="
)
_PATTERN = b"*?["


def specification(manifest: Manifest) -> Exported:
    """A line for each entry, by its full path, each below the lines of the folders it is in."""
    lines = [b"#mtree", b". type=dir"]
    named: set[bytes] = set()
    for entry in manifest.entries:
        for folder in _folders_above(entry.path):
            if folder not in named:
                named.add(folder)
                lines.append(b"./%s type=dir" % _name(folder))
        lines.append(_line(entry))
    return Exported(b"\n".join(lines) + b"\n", len(manifest.entries))


def _line(entry: Entry) -> bytes:
    words = [b"./" + _name(entry.path), b"type=" + entry.type.encode()]
    if entry.type != "link":  # a link's mode means nothing, and differs between systems
        words.append(b"mode=%04o" % entry.mode)
    if entry.type == "file":
        words.append(b"size=%d" % entry.size)
    words.append(b"time=%d.%09d" % divmod(entry.mtime_ns, 10**9))
    if entry.target is not None:
        words.append(b"link=" + _vis(entry.target))
    if entry.sha256 is not None:
        words.append(b"sha256=" + entry.sha256.encode())
    return b" ".join(words)


def _folders_above(path: bytes) -> list[bytes]:
    """The folders on the way to a path, the outermost first."""
    parts = path.split(b"/")[:-1]
    return [b"/".join(parts[: count + 1]) for count in range(len(parts))]


def _name(path: bytes) -> bytes:
    """A path that mtree takes literally.

    mtree takes ``*``, ``?`` and ``[`` in a name for a pattern, even when they came encoded, and
    then matches as fnmatch(3) does, where a backslash takes their meaning away. In a name without
    any of them a backslash is a backslash.
    """
    return b"/".join(
        _vis(_literal(part) if any(byte in part for byte in _PATTERN) else part)
        for part in path.split(b"/")
    )


def _literal(name: bytes) -> bytes:
    return b"".join(
        b"\\" + bytes([byte]) if byte in _PATTERN + b"\\" else bytes([byte]) for byte in name
    )


def _vis(data: bytes) -> bytes:
    """The octal form of vis(3) for all but plain bytes; mtree's unvis(3) reads any byte from it."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"\\%03o" % byte for byte in data)
