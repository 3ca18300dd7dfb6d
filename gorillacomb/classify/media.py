"""Media of which people keep sets: the pictures of an album, the tracks of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from enum import StrEnum


class MediaKind(StrEnum):
    """What a file is, judged by the ending of its name."""

    PICTURE = "picture"
    """A photo or a film: an album holds both."""
    MUSIC = "music"
    OTHER = "other"


_ENDINGS = {
    MediaKind.PICTURE: (
        b"jpg jpeg jpe png gif webp bmp tif tiff heic heif avif jxl dng cr2 cr3 crw nef nrw arw srf"
        b" sr2 orf rw2 raf raw pef srw gpr x3f 3fr iiq mrw mov mp4 m4v avi mts m2ts 3gp mpg mpeg"
        b" mkv webm wmv"
    ),
    MediaKind.MUSIC: b"mp3 flac m4a aac ogg oga opus wav aif aiff wma ape wv alac",
}
_KINDS = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


def media_kind(name: bytes) -> MediaKind:
    """Return the kind of a file of this name."""
    stem, dot, ending = name.rpartition(b".")
    return _KINDS.get(ending.lower(), MediaKind.OTHER) if stem and dot else MediaKind.OTHER


_FEWEST = 5
"""Pictures, or tracks, that make an album."""


def is_album(members: int, files: int) -> bool:
    """Whether so many pictures, or tracks, of so many files in a folder make it an album."""
    return members >= _FEWEST and members * 2 >= files


def album_kind(names: Collection[bytes]) -> MediaKind | None:
    """Return of what the files in a folder are an album, by their names; None if of nothing."""
    counts = Counter(map(media_kind, names))
    for kind in (MediaKind.PICTURE, MediaKind.MUSIC):
        if is_album(counts[kind], len(names)):
            return kind
    return None
