"""Decide whether to read small files at once, or to wait until all sizes are known."""

from __future__ import annotations

from collections.abc import Iterable

_LOOK_AT = 2_000
"""Files; with fewer, the outcome is not known yet, and reading them takes a moment."""


class SizeSampler:
    """Counts how often sizes of small files repeat.

    Coming back to a file costs about three times as much as reading it at once, so reading at once
    pays if at least half of the sizes were seen before. Nearly all are in source trees, hardly any
    among measurements or scanned pages.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._files = self._again = 0
        self.repeat = True
        """Whether most of the latest files have a size that was seen before."""

    def note(self, sizes: Iterable[int]) -> None:
        """Add the sizes of some files, in bytes."""
        met = list(sizes)
        known = len(self._seen)
        self._seen.update(met)
        self._files += len(met)
        self._again += len(met) - (len(self._seen) - known)
        if self._files >= _LOOK_AT:
            self.repeat = 2 * self._again >= self._files
            self._files = self._again = 0
