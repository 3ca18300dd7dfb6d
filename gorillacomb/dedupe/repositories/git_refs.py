"""Read the refs and reflogs of a repository from its files, as git's own commands would.

Git itself is not asked, since it would obey the configuration of the repository.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from gorillacomb.classify.names import NOISE
from gorillacomb.dedupe.repositories.layout import GitFolder
from gorillacomb.fs.paths import path_text

FROM_COPY = b"refs/from-copy/"
"""Where the refs of another copy are brought to."""
STASH = b"refs/stash"
_NULL = b"0" * 40
_OID = re.compile(rb"[0-9a-f]{40}")
_DEEPEST = 5
"""As many symbolic refs may lead to each other in git, too."""
_BAD_NAME = re.compile(rb"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|/\.|\.lock(/|$)|\.$")
"""git-check-ref-format(1)."""
_OF_A_WORKTREE = (b"refs/bisect/", b"refs/worktree/", b"refs/rewritten/")
"""Refs that belong to what someone is doing, and vanish with it."""


@dataclass(slots=True)
class GitRefs:
    """The refs of a repository: names and the ids of the objects that they lead to."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    head: bytes | None = None
    """What is checked out; None if nothing was committed yet."""
    is_detached: bool = False
    files: set[bytes] = field(default_factory=set)
    """Relative paths of the files of these refs; those of symbolic refs that lead nowhere are not
    among them."""

    @classmethod
    def read(cls, folder: GitFolder) -> Self:
        """Read all refs. Raises RepositoryStays if they are damaged."""
        found = cls()
        raw: dict[bytes, bytes] = {}
        if b"packed-refs" in folder.entries:
            raw |= _packed(folder)
        for inner, facts in folder.files():
            name = os.path.basename(inner)
            if inner.startswith(b"refs/") and stat.S_ISREG(facts.st_mode) and name not in NOISE:
                if _BAD_NAME.search(inner):
                    continue  # git ignores it; it is compared as a file
                raw[inner] = _content(folder, inner)
        head = _content(folder, b"HEAD")
        found.is_detached = not head.startswith(b"ref:")
        for name in raw:
            value = _resolved(raw, raw[name])
            if name.startswith(b"refs/replace/"):
                raise folder.stays("replaces objects (refs/replace)")
            if value is not None:
                found.values[name] = value
                found.files.add(name)
        found.head = _resolved(raw, head)
        return found

    @property
    def lasting(self) -> set[bytes]:
        """The ids that refs lead to which stay until someone removes them."""
        return {oid for name, oid in self.values.items() if not name.startswith(_OF_A_WORKTREE)}

    def named(self, name: bytes) -> Iterator[bytes]:
        """Yield the values of a ref of this name, also of those brought over from a copy."""
        if name in self.values and not name.startswith(_OF_A_WORKTREE):
            yield self.values[name]
        inner = name.removeprefix(b"refs/")
        for each, value in self.values.items():
            if each.startswith(FROM_COPY):
                _, _, other = each.removeprefix(FROM_COPY).partition(b"/")
                if other == inner:
                    yield value


def _content(folder: GitFolder, inner: bytes) -> bytes:
    text = folder.text(inner).rstrip()
    if not text.startswith(b"ref:") and not _OID.fullmatch(text):
        raise folder.stays(f"is damaged, or of an unknown kind: {path_text(inner)}")
    return text


def _resolved(raw: dict[bytes, bytes], text: bytes) -> bytes | None:
    """Return the id that a ref leads to, None if nowhere."""
    for _ in range(_DEEPEST):
        if not text.startswith(b"ref:"):
            return text
        text = raw.get(text.removeprefix(b"ref:").strip(), b"ref:")
    return None


def _packed(folder: GitFolder) -> dict[bytes, bytes]:
    found = {}
    for line in folder.text(b"packed-refs").splitlines():
        oid, _, name = line.partition(b" ")
        if line.startswith((b"#", b"^")):
            continue
        if not _OID.fullmatch(oid) or not name.startswith(b"refs/"):
            raise folder.stays("is damaged, or of an unknown kind: packed-refs")
        found[name] = oid
    return found


@dataclass(slots=True)
class GitReflogs:
    """What the refs of a repository were, by its logs."""

    now: set[bytes] = field(default_factory=set)
    """Ids to which some entry set a ref."""
    before: set[bytes] = field(default_factory=set)
    """Ids that it replaced, which may be lost already."""
    stashes: list[bytes] = field(default_factory=list)
    """Entries of the stash, the newest first."""
    of_head: list[bytes] = field(default_factory=list)
    """Ids that were checked out, the newest first."""
    files: set[bytes] = field(default_factory=set)

    @classmethod
    def read(cls, folder: GitFolder) -> Self:
        """Read all logs. Raises RepositoryStays if they are damaged."""
        found = cls()
        for inner, facts in folder.files():
            is_log = inner.startswith(b"logs/") and stat.S_ISREG(facts.st_mode)
            if not is_log or os.path.basename(inner) in NOISE:
                continue
            entries = []
            for line in folder.text(inner).split(b"\n"):
                if not line:
                    continue
                before, now = line[:40], line[41:81]
                if not _OID.fullmatch(before) or not _OID.fullmatch(now):
                    raise folder.stays(f"is damaged, or of an unknown kind: {path_text(inner)}")
                entries.append(now)
                found.before.add(before)
                found.now.add(now)
            found.files.add(inner)
            if inner == b"logs/" + STASH:
                found.stashes = entries[::-1]
            elif inner == b"logs/HEAD":
                found.of_head = entries[::-1]
        found.now.discard(_NULL)
        found.before.discard(_NULL)
        return found
