"""A specification for `mtree -f FILE -p ROOT` (mtree(8) of NetBSD, Debian's mtree-netbsd).

It contains every entry: files with mode, size, time and SHA-256, links with target and time, empty
folders with mode and time; for the folders above them only that they exist. mtree lists missing and
extra paths, but exits with 0 unless something else differs too.
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
    """Return a line per entry, by its full path, each below the lines of its parent folders."""
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
    """Return the parent folders of a path, outermost first."""
    parts = path.split(b"/")[:-1]
    return [b"/".join(parts[: count + 1]) for count in range(len(parts))]


class _MtreeNames:
    """Escapes paths so that each matches only itself.

    mtree takes ``*``, ``?`` and ``[`` in a name for a pattern, even if they were encoded, and
    matches it as fnmatch(3) does, where a backslash escapes them. In a name without any of them a
    backslash is literal. But a name escaped as a pattern also matches a file whose name is that
    very pattern: if there is one, brackets are used instead of the backslash.
    """

    def __init__(self, paths: Iterable[bytes]) -> None:
        self._taken = {each for path in paths for each in (path, *_folders_above(path))}
        self._folders = {b"": b"."}

    def spelled(self, path: bytes) -> bytes:
        """Return a path as written in a specification."""
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
    """Return a pattern that matches one name only; each number of brackets gives another one."""
    spelled = b""
    for byte in name:
        char = bytes([byte])
        if byte in _PATTERN and brackets:
            spelled += b"[%s]" % (char * brackets)
        else:
            spelled += b"\\" + char if byte in _PATTERN + b"\\" else char
    return spelled


def _vis(data: bytes) -> bytes:
    """Encode all but plain bytes as octal (vis(3)); mtree's unvis(3) decodes any byte."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"\\%03o" % byte for byte in data)
