"""Recognize by name that one folder is a copy of another: HealthTrack, HealthTrack (1)."""

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
    """Return the original's name that a copy's name implies, in lower case; empty if none.

    ``Copy of HealthTrack (1)`` has the stem ``healthtrack``, ``New Folder With Items`` none.
    """
    rest = without_copy_marks(name)
    return b"" if len(rest) < _SHORTEST or rest in _EVERYWHERE or looks_like_copy(rest) else rest


def names_match(a: bytes, b: bytes) -> bool:
    """Return whether names have equal stems, or one stem begins with the other, in whole words."""
    shorter, longer = sorted((copy_stem(a), copy_stem(b)), key=len)
    if not shorter:
        return False
    return longer == shorter or (longer.startswith(shorter) and longer[len(shorter)] in _SEPARATORS)
