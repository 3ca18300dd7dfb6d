"""Say what of a repository another one lacks, and the command that brings it over."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gorillacomb.dedupe.repositories.git_refs import FROM_COPY, STASH, GitReflogs, GitRefs
from gorillacomb.dedupe.repositories.object_store import ObjectStore
from gorillacomb.fs.paths import path_text

_MOST_NAMED = 3
_MOST_FETCHED = 8
"""Objects that a command names one by one."""
_MOST_PARSED = 20_000
"""With more objects, it is not determined which of them lead to the others."""
_TREE_ENTRY = re.compile(rb"[0-7]+ [^\0]+\0(.{20})", re.DOTALL)
_NO_LABEL = re.compile(r"[^A-Za-z0-9]+")


@dataclass(slots=True)
class LackingParts:
    """What only the lesser of two repositories has."""

    refs: Sequence[bytes]
    """Names of refs that the other one has not, or with another value."""
    objects: Mapping[bytes, bytes]
    """The kinds of objects that no ref of the other one leads to, by id."""
    staged: Collection[bytes]
    """Ids of all that is in the index."""
    own: GitRefs
    logs: GitReflogs
    _beyond: set[bytes] = field(default_factory=set)
    """Those of the objects that no ref of the lesser one leads to, either."""
    _tips: list[bytes] = field(default_factory=list)
    """Those of them that lead to all the others."""

    def __bool__(self) -> bool:
        return bool(self.refs or self.objects)

    def find_tips(self, store: ObjectStore) -> None:
        """Determine which objects have to be fetched by id. Raises GitFailed."""
        if self.objects:
            self._beyond = self.objects.keys() - store.reachable(self.own.values.values())
        if len(self._beyond) <= _MOST_PARSED:
            below: set[bytes] = set()
            parents = sorted(oid for oid in self._beyond if self.objects[oid] != b"blob")
            for _, kind, content in store.contents(parents):
                below.update(_leads_to(kind, content))
            self._tips = sorted(self._beyond - below)

    def in_words(self) -> str:
        """Return what it is, for a person."""
        parts = []
        if self.refs:
            names = ", ".join(map(_ref_text, self.refs[:_MOST_NAMED]))
            more = len(self.refs) - _MOST_NAMED
            parts.append(names + (f" and {more:,} more refs" if more > 0 else ""))
        left = set(self.objects)
        stashes = left.intersection(self.logs.stashes)
        commits = {oid for oid, kind in self.objects.items() if kind == b"commit"}
        staged = left.intersection(self.staged) & self._beyond
        logged = left.intersection(self.logs.now | self.logs.before) & self._beyond - stashes
        lost = len((self._beyond & commits) - logged - stashes)
        counts = {
            "new commit": len(commits - self._beyond),
            "stash entry": len(stashes & self._beyond),
            "commit that only its reflog has": len(logged),
            "commit that nothing refers to": lost,
            "file that is staged only": len(staged),
        }
        parts += [_counted(count, what) for what, count in counts.items() if count]
        if not parts or not any(counts.values()):
            kinds = Counter(kind.decode() for kind in self.objects.values())
            parts += [_counted(count, kind) for kind, count in sorted(kinds.items())]
        return ", ".join(parts)

    def advice(self, member: bytes, keep: bytes) -> str:
        """Return what brings it over; paths of the two folders around the repositories."""
        if not all(path_text(each).isprintable() for each in (member, keep)):
            return "fetch it into the kept repository"
        own, kept = shlex.quote(path_text(member)), shlex.quote(path_text(keep))
        label = (FROM_COPY + label_of(member)).decode()
        words = [f"git -C {kept} fetch --no-tags {own} 'refs/*:{label}/*'"]
        if len(self._beyond) > _MOST_PARSED or len(self._tips) > _MOST_FETCHED:
            if self._beyond.intersection(self.staged):
                return f"commit or unstage in {own} what is staged, then plan again"
            line = f"s,^dangling [a-z]* \\(.*\\),\\1:{label}/objects/\\1,p"
            words.append(f"$(git -C {own} fsck --no-reflogs --no-progress | sed -n '{line}')")
        else:
            words += [f"{tip.decode()}:{label}/objects/{tip.decode()}" for tip in self._tips]
        return f"run `{' '.join(words)}`, then plan again"


def label_of(member: bytes) -> bytes:
    """Return a name for refs from a copy, which differs from those of the other copies."""
    name = _NO_LABEL.sub("-", path_text(os.path.basename(member))).strip("-")[:40]
    return f"{name or 'copy'}-{hashlib.blake2b(member, digest_size=4).hexdigest()}".encode()


def _leads_to(kind: bytes, content: bytes) -> Iterator[bytes]:
    """Yield the ids in an object."""
    if kind == b"tree":
        yield from (each[1].hex().encode() for each in _TREE_ENTRY.finditer(content))
    elif kind in (b"commit", b"tag"):
        for line in content.partition(b"\n\n")[0].split(b"\n"):
            name, _, oid = line.partition(b" ")
            if name in (b"tree", b"parent", b"object"):
                yield oid


def _ref_text(name: bytes) -> str:
    if name == STASH:
        return "the stash"
    for prefix, what in ((b"refs/heads/", "branch"), (b"refs/tags/", "tag")):
        if name.startswith(prefix):
            return f"{what} {path_text(name.removeprefix(prefix))}"
    return path_text(name)


def _counted(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what}"
    first, space, rest = what.partition(" that ")
    first = "stash entries" if first == "stash entry" else first + "s"
    rest = rest.replace("is ", "are ", 1) if rest.startswith("is ") else rest
    return f"{count:,} {first}{space}{rest}"
