"""Check the parts of a repository that git only looks at when it needs them."""

from __future__ import annotations

import hashlib
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from gorillacomb.dedupe.repositories.git_program import GitFailed, GitProgram
from gorillacomb.dedupe.repositories.layout import PARTIAL, GitFolder, RepositoryStays
from gorillacomb.fs.bounded_read import open_regular, read_bounded
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, path_text

_LARGEST_INDEX = 4 << 30
"""Bytes, of the index of a pack."""
_PACK_INDEX = b"\xfftOc\0\0\0\2"
"""How version 2 begins, the only one since 2007; gitformat-pack(5)."""
_FANOUT = slice(8 + 255 * 4, 8 + 256 * 4)
"""Where it has the number of objects."""
_DIGEST = 20
_SPARSE = b"sdir\0\0\0\0"
"""The extension of an index that has folders instead of what is in them; gitformat-index(5)."""
_PIECE = 1 << 20
_PROMISOR = re.compile(rb"remote\..*\.(promisor|partialclonefilter)", re.DOTALL)
_FORMATS = {b"extensions.worktreeconfig", b"extensions.noop"}
"""Extensions that change nothing about objects and refs."""
_KINDS = {
    b"extensions.objectformat": ("uses SHA-256, which is not supported", ""),
    b"extensions.refstorage": ("keeps its refs in a reftable, which is not supported", ""),
    b"extensions.partialclone": PARTIAL,
    b"extensions.preciousobjects": ("may lend its objects to others (preciousObjects)", ""),
    b"core.worktree": ("belongs to a folder elsewhere (core.worktree)", ""),
}
_TRUE = (b"true", b"yes", b"on", b"1", None)
"""Values of a configuration that are true; None is a name without a value."""
_PLAIN = {b"extensions.objectformat": b"sha1", b"extensions.refstorage": b"files"}


@contextmanager
def reading(folder: GitFolder) -> Iterator[None]:
    """Name the repository if git cannot read something in it. Raises RepositoryStays."""
    try:
        yield
    except GitFailed as failed:
        raise folder.stays(f"cannot be read: {failed.cause}") from failed


def refuse_configured(program: GitProgram, folder: GitFolder) -> None:
    """Refuse a repository of a kind that only its configuration tells.

    No message contains anything of the configuration. Raises RepositoryStays, GitFailed.
    """
    for name in (b"config", b"config.worktree"):
        if name not in folder.entries:
            continue
        words = ["config", "--no-includes", "--null", "--list", "--file"]
        try:
            with program.run([*words, join(folder.path, name)]) as stream:
                records = list(stream.records(b"\0"))
        except GitFailed:
            raise folder.stays(f"has a {path_text(name)} that git cannot read") from None
        for record in records:
            key, line_end, value = record.partition(b"\n")
            _refuse_setting(folder, key.lower(), value.lower() if line_end else None)


def _refuse_setting(folder: GitFolder, key: bytes, value: bytes | None) -> None:
    if _PROMISOR.fullmatch(key):
        raise folder.stays(*PARTIAL)
    if key == b"core.bare" and value in _TRUE:
        raise folder.stays("is a bare repository")
    if key == b"core.repositoryformatversion" and value not in (b"0", b"1"):
        raise folder.stays("has an unknown format")
    if key in _KINDS and value != _PLAIN.get(key, b""):
        raise folder.stays(*_KINDS[key])
    if key.startswith(b"extensions.") and key not in _FORMATS | _KINDS.keys():
        raise folder.stays("has an unknown format")


def refuse_damaged(folder: GitFolder) -> None:
    """Refuse a repository with a pack that git may see only in part. Raises RepositoryStays.

    Git takes the objects of a pack from its index.
    """
    for path in folder.packs():
        try:
            index = read_bounded(path + b".idx", _LARGEST_INDEX)
            count, digest = _pack(path + b".pack")
        except OSError as error:
            raise _damaged(folder, path + b".pack", os_error_text(error)) from error
        is_whole = (
            index.startswith(_PACK_INDEX)
            and index[-_DIGEST:] == hashlib.sha1(index[:-_DIGEST], usedforsecurity=False).digest()
            and index[_FANOUT] == count
            and index[-2 * _DIGEST : -_DIGEST] == digest
        )
        if not is_whole:
            raise _damaged(folder, path + b".pack", "its index is of another pack, or damaged")


def refuse_unusual_index(folder: GitFolder) -> None:
    """Refuse an index that is not as git wrote it, in several files, or sparse.

    Git does not check the first, would look for the other files in our repository, and fills in a
    sparse one, for which it touches objects. Raises RepositoryStays.
    """
    content = folder.text(b"index")
    digest = hashlib.sha1(content[:-_DIGEST], usedforsecurity=False).digest()
    if content[-_DIGEST:] not in (digest, bytes(_DIGEST)):  # zeros: index.skipHash
        raise _damaged(folder, join(folder.path, b"index"), "its digest is wrong")
    if _SPARSE in content:
        advice = "run `git sparse-checkout reapply --no-sparse-index` there"
        raise folder.stays("has a sparse index", advice)
    for found in re.finditer(rb"link(.{4})", content, re.DOTALL):
        size = int.from_bytes(found[1], "big")
        after, end = found.end() + size, len(content) - _DIGEST
        is_extension = after == end or (after < end and content[after : after + 4].isalpha())
        if size >= _DIGEST and is_extension:
            advice = "run `git update-index --no-split-index` there"
            raise folder.stays("has an index in several files", advice)


def _pack(path: bytes) -> tuple[bytes, bytes]:
    """Return the number of objects in a pack, as it is written there, and the pack's digest."""
    file = open_regular(path)
    try:
        size = os.fstat(file).st_size
        return os.pread(file, 4, 8), os.pread(file, _DIGEST, max(size - _DIGEST, 0))
    finally:
        os.close(file)


def refuse_false_objects(folder: GitFolder, deadline: float) -> None:
    """Refuse a repository in which an object has another content than its name says.

    Git may read the same object from a pack, so that it would not see that. Raises
    RepositoryStays.
    """
    for path, oid in folder.loose_objects():
        if time.monotonic() > deadline:
            raise folder.stays("took too long to read")
        try:
            if _digest_of_loose(path) != oid:
                raise _damaged(folder, path, "it is not the object that its name says")
        except OSError as error:
            raise _damaged(folder, path, os_error_text(error)) from error
        except zlib.error:
            raise _damaged(folder, path, "it cannot be unpacked") from None


def _digest_of_loose(path: bytes) -> bytes:
    unpacked, digest = zlib.decompressobj(), hashlib.sha1(usedforsecurity=False)
    with os.fdopen(open_regular(path), "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(unpacked.decompress(piece))
    is_whole = unpacked.eof and not unpacked.unused_data
    return digest.hexdigest().encode() if is_whole else b""


def _damaged(folder: GitFolder, path: bytes, cause: str) -> RepositoryStays:
    inner = path[len(folder.path) + 1 :]
    return folder.stays(f"is damaged: {path_text(inner)}: {cause}", "`git fsck` there says more")
