"""What the tests of the exports share: odd names, a plain manifest of a tree, outside tools."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from blake3 import blake3

from gorillacomb.manifest.export.result import OmittedEntry
from gorillacomb.manifest.model import Manifest, ManifestEntry
from tests.support.trees import Link, Tree, make_tree

ODD_NAMES = (
    *(b"plain", b"a b", b" leading", b"-dash", b"-", b"--check", b"#hash", b"*star", b"? [a-z] *"),
    *(b"new\nline", b"\nfirst", b"last\n", b"two\n\nlines", b"carriage\rreturn", b"\rfirst"),
    *(b"back\\slash", b"back\\nslash", b"\\", b"\\\\", b"both\\\n", b"tab\tbed", b"quo'te\"d"),
    *(b"$HOME `id` ;&|<>", b"=1+1", b"a,b", b"per%cent", b"per%20cent", b"~", b"~root", b"..."),
    *("caf\u00e9".encode(), "cafe\u0301 apart".encode(), "日本 \U0001f98d".encode(), b"x" * 255),
    *("\u202egnp.exe".encode(), "zero\u200bwidth".encode(), b"\x01\x1b[31m", b"del\x7f"),
)
"""Names that every format with raw names carries, and that are UTF-8."""
NOT_UTF8 = (b"\xff\xfe", b"latin \xe9", b"half \xc3", b"\xed\xa0\x80 surrogate")


def odd_tree(top: Path, names: tuple[bytes, ...] = ODD_NAMES + NOT_UTF8) -> Path:
    """A tree in which each name is that of a file, and of a folder with a file."""
    files: dict[str | bytes, Tree | bytes | str | Link] = {name: b"file " + name for name in names}
    inner: dict[str | bytes, Tree | bytes | str | Link] = {
        name: {b"in it": b"in folder " + name} for name in names
    }
    return make_tree(top, {**files, "folders": inner})


def manifest_of(top: Path, checkpoint: str | None = None) -> Manifest:
    """The manifest of a tree, made in the plainest way there is."""
    root = os.fsencode(top)
    entries = []
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        paths = [os.path.join(folder, name) for name in [*files, *links]]
        if not folders and not files and folder != root:
            paths.append(folder)
        entries += [_entry(path, os.path.relpath(path, root)) for path in paths]
    entries.sort(key=lambda entry: entry.path)
    return Manifest(os.path.basename(root), tuple(entries), 1_700_000_000_000_000_000, checkpoint)


def _entry(path: bytes, relative: bytes) -> ManifestEntry:
    facts = os.lstat(path)
    mode = stat.S_IMODE(facts.st_mode)
    if stat.S_ISLNK(facts.st_mode):
        target = os.readlink(path)
        return ManifestEntry(relative, "link", mode, mtime_ns=facts.st_mtime_ns, target=target)
    if stat.S_ISDIR(facts.st_mode):
        return ManifestEntry(relative, "dir", mode, mtime_ns=facts.st_mtime_ns)
    data = Path(os.fsdecode(path)).read_bytes()
    return ManifestEntry(
        relative,
        "file",
        mode,
        len(data),
        facts.st_mtime_ns,
        blake3=blake3(data).hexdigest(),
        sha256=sha256(data).hexdigest(),
        seq=len(data),
    )


def change_a_byte(path: Path) -> None:
    """Change the last byte of a file and nothing else that a look without reading would show."""
    facts = path.stat()
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def left(left_out: tuple[OmittedEntry, ...]) -> dict[bytes, str]:
    """What was left out: the cause by path."""
    found = {each.path: each.cause for each in left_out}
    assert len(found) == len(left_out)
    return found


def tool(
    *words: str | bytes | Path, package: str, cwd: Path | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool from outside; skips, and says what to install, when it is not there."""
    if shutil.which(os.fsdecode(words[0])) is None:
        pytest.skip(f"MISSING: {os.fsdecode(words[0])}, to check with: apt install {package}")
    return subprocess.run(list(words), cwd=cwd, input=stdin, capture_output=True, timeout=60)
