"""Recognize media that people keep in sets: the pictures of an album, the tracks of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from enum import StrEnum

from gorillacomb.classify.copy_names import is_passing_place
from gorillacomb.classify.names import NOISE


class MediaKind(StrEnum):
    """The kind of a file, judged by its extension."""

    PICTURE = "picture"
    """A photo or a film: an album holds both."""
    MUSIC = "music"
    OTHER = "other"


PHOTOS = (
    "jpg jpeg jpe png gif webp bmp tif tiff heic heif avif jxl dng cr2 cr3 crw nef nrw arw srf sr2"
    " orf rw2 raf raw pef srw gpr x3f 3fr iiq mrw"
)
FILMS = "mov mp4 m4v avi mts m2ts 3gp mpg mpeg mkv webm wmv"
MUSIC = "mp3 flac m4a aac ogg oga opus wav aif aiff wma ape wv alac"
_ENDINGS = {MediaKind.PICTURE: f"{PHOTOS} {FILMS}", MediaKind.MUSIC: MUSIC}
_KINDS = {end.encode(): kind for kind, endings in _ENDINGS.items() for end in endings.split()}


def media_kind(name: bytes) -> MediaKind:
    """Return the kind of a file of this name."""
    stem, dot, ending = name.rpartition(b".")
    return _KINDS.get(ending.lower(), MediaKind.OTHER) if stem and dot else MediaKind.OTHER


_FEWEST = 5
"""The fewest pictures, or tracks, that make an album."""


def is_album(members: int, files: int) -> bool:
    """Return whether this many pictures, or tracks, among a folder's files make it an album."""
    return members >= _FEWEST and members * 2 >= files


def album_members(folder_name: bytes, names: Collection[bytes]) -> list[bytes]:
    """Return the names of the pictures, or tracks, if the folder is an album; else an empty list.

    A folder whose name says that things are only left there, such as ``Downloads``, never is one.
    ``names`` are those of all files in the folder.
    """
    own = [name for name in names if name not in NOISE]
    counts = Counter(map(media_kind, own))
    for kind in (MediaKind.PICTURE, MediaKind.MUSIC):
        if is_album(counts[kind], len(own)):
            alone = is_passing_place(folder_name)
            return [] if alone else [name for name in own if media_kind(name) is kind]
    return []
