"""Whether it pays to read small files as they are met, or to wait until all sizes are known."""

from __future__ import annotations

from collections.abc import Iterable

_LOOK_AT = 2_000
"""Files; of fewer it is not known yet, and to read them takes a moment."""


class SizeSampler:
    """The sizes of small files that were met, and how often one came up again.

    To come back to a file costs about three times as much as to read it at once; so that pays as
    long as one size in two was met before. Of many sources nearly each was, of measurements or
    scanned pages hardly any.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._files = self._again = 0
        self.repeat = True
        """Whether most of the files met lately have a size that was met before."""

    def note(self, sizes: Iterable[int]) -> None:
        """Take in the sizes of some files, in bytes."""
        met = list(sizes)
        known = len(self._seen)
        self._seen.update(met)
        self._files += len(met)
        self._again += len(met) - (len(self._seen) - known)
        if self._files >= _LOOK_AT:
            self.repeat = 2 * self._again >= self._files
            self._files = self._again = 0
