"""Whether two folders' names say that one is a copy of the other: HealthTrack, HealthTrack (1)."""

from __future__ import annotations

from functools import lru_cache

from gorillacomb.classify.copy_names import looks_like_copy, without_copy_marks

_SEPARATORS = b" _-.("
_SHORTEST = 4
_EVERYWHERE = frozenset(
    b"assets bin client code common components config css data docs documents examples files fonts"
    b" hooks icons images include index info internal lang lib libs locale locales main media misc"
    b" models modules pages photos pictures private public resources scripts server services shared"
    b" source spec static styles templates test tests tools types utils vendor video videos views"
    b" work www".split()
)


@lru_cache(maxsize=65536)
def copy_stem(name: bytes) -> bytes:
    """What a name is a copy's name of, in lower case; empty for one that says nothing.

    ``Copy of HealthTrack (1)`` has the stem ``healthtrack``, ``New Folder With Items`` none.
    """
    rest = without_copy_marks(name)
    return b"" if len(rest) < _SHORTEST or rest in _EVERYWHERE or looks_like_copy(rest) else rest


def names_match(a: bytes, b: bytes) -> bool:
    """Whether the names have one stem, or that of one begins that of the other as whole words."""
    shorter, longer = sorted((copy_stem(a), copy_stem(b)), key=len)
    if not shorter:
        return False
    return longer == shorter or (longer.startswith(shorter) and longer[len(shorter)] in _SEPARATORS)
