"""Files that belong to a picture: settings beside it, the film of a Live Photo, RAW beside JPEG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

_SETTINGS = (b".xmp", b".aae", b".pp3", b".dop", b".thm", b".on1", b".cos", b".rwl", b".arp")
_PICTURES = (
    b".jpg .jpeg .heic .heif .avif .tif .tiff .dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf"
    b" .rw2 .raf .pef .srw .gpr .x3f .3fr .iiq .mrw .mov .mp4 .m4v"
).split()


def companion_stem(name: bytes) -> bytes | None:
    """The name that a file shares with those that belong to it; None for no such file.

    ``IMG_1.xmp``, ``IMG_1.NEF.xmp`` and ``IMG_1.JPG`` share ``img_1``.
    """
    lower = name.lower()
    for end in _SETTINGS:
        if lower.endswith(end):
            return _without(lower.removesuffix(end)) or lower.removesuffix(end)
    return _without(lower)


def _without(lower: bytes) -> bytes | None:
    return next((lower.removesuffix(end) for end in _PICTURES if lower.endswith(end)), None)


class Companions:
    """The files of a folder by what they belong to."""

    def __init__(self, names: Iterable[bytes]) -> None:
        self._by_stem: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for name in names:
            stem = companion_stem(name)
            if stem is not None:
                self._by_stem[stem].append(name)

    def of(self, name: bytes) -> list[bytes]:
        """The other files that belong to one of them, by name."""
        stem = companion_stem(name)
        found = [] if stem is None else self._by_stem.get(stem, [])
        return sorted(each for each in found if each != name)
