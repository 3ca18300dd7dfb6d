"""A specification for `mtree -f FILE -p ROOT` (mtree(8) of NetBSD, Debian's mtree-netbsd).

It carries every entry: files with mode, size, time and SHA-256, links with their target and time,
empty folders with mode and time; of the folders above them it says only that they are there.
mtree names what is missing and what is extra, but ends with 0 unless something else differs too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from gorillacomb.manifest.export.result import ExportResult
from gorillacomb.manifest.model import Manifest, ManifestEntry

_PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + b"/_-.,:+@%^~="
)
_PATTERN = b"*?["


def specification(manifest: Manifest) -> ExportResult:
    """A line for each entry, by its full path, each below the lines of the folders it is in."""
    names = _MtreeNames(entry.path for entry in manifest.entries)
    lines = [b"#mtree", b". type=dir"]
    named: set[bytes] = set()
    for entry in manifest.entries:
        for folder in _folders_above(entry.path):
            if folder not in named:
                named.add(folder)
                lines.append(names.spelled(folder) + b" type=dir")
        lines.append(b" ".join([names.spelled(entry.path), *_keywords(entry)]))
    return ExportResult(b"\n".join(lines) + b"\n", len(manifest.entries))


def _keywords(entry: ManifestEntry) -> list[bytes]:
    words = [b"type=" + entry.type.encode()]
    if entry.type != "link":  # a link's mode means nothing, and differs between systems
        words.append(b"mode=%04o" % entry.mode)
    if entry.type == "file":
        words.append(b"size=%d" % entry.size)
    words.append(b"time=%d.%09d" % divmod(entry.mtime_ns, 10**9))
    if entry.target is not None:
        words.append(b"link=" + _vis(entry.target))
    if entry.sha256 is not None:
        words.append(b"sha256=" + entry.sha256.encode())
    return words


def _folders_above(path: bytes) -> list[bytes]:
    """The folders on the way to a path, the outermost first."""
    parts = path.split(b"/")[:-1]
    return [b"/".join(parts[: count + 1]) for count in range(len(parts))]


class _MtreeNames:
    """Spells paths so that mtree takes each for itself alone.

    mtree takes ``*``, ``?`` and ``[`` in a name for a pattern, even when they came encoded, and
    matches it as fnmatch(3) does, where a backslash takes their meaning away. In a name without
    any of them a backslash is a backslash. But a name that is spelled as a pattern also stands for
    a file that is called just so: if there is one, brackets take the place of the backslash.
    """

    def __init__(self, paths: Iterable[bytes]) -> None:
        self._taken = {each for path in paths for each in (path, *_folders_above(path))}
        self._folders = {b"": b"."}

    def spelled(self, path: bytes) -> bytes:
        """A path as it stands in a specification."""
        folder, slash, name = path.rpartition(b"/")
        if folder not in self._folders:
            self._folders[folder] = self.spelled(folder)
        return b"%s/%s" % (self._folders[folder], _vis(self._literal(folder + slash, name)))

    def _literal(self, above: bytes, name: bytes) -> bytes:
        if not any(byte in name for byte in _PATTERN):
            return name
        spellings = (_as_pattern(name, brackets) for brackets in itertools.count())
        return next(each for each in spellings if above + each not in self._taken)


def _as_pattern(name: bytes, brackets: int) -> bytes:
    """A pattern for a name alone; each number of brackets gives another one."""
    spelled = b""
    for byte in name:
        char = bytes([byte])
        if byte in _PATTERN and brackets:
            spelled += b"[%s]" % (char * brackets)
        else:
            spelled += b"\\" + char if byte in _PATTERN + b"\\" else char
    return spelled


def _vis(data: bytes) -> bytes:
    """The octal form of vis(3) for all but plain bytes; mtree's unvis(3) reads any byte from it."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"\\%03o" % byte for byte in data)
