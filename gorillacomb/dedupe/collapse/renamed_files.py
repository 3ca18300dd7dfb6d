"""Find files of a copy that the kept tree has under another name, if there is no mistaking them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gorillacomb.classify.media import MediaKind, media_kind
from gorillacomb.classify.secrets import is_secret
from gorillacomb.dedupe.collapse.own_items import OwnItem
from gorillacomb.folders.tree import EXECUTABLE

LEAST_RENAMED = 1024
"""Bytes: a smaller file under another name is another file."""
_Files = Iterable[tuple[bytes, int, int, bytes]]
"""Relative paths of files, with their modes, sizes and digests."""


def may_be_renamed(item: OwnItem) -> bool:
    """Return whether an item is a file that may be kept under another name."""
    is_file = item.key is not None and not item.is_folder
    return is_file and item.size >= LEAST_RENAMED and not is_secret(os.path.basename(item.path))


def renamed_files(
    own: Sequence[OwnItem], ours: _Files, theirs: _Files
) -> Iterator[tuple[bytes, bytes]]:
    """Yield what only a copy has at its path, with the only place of the same content.

    ``ours`` are the files of the copy, ``theirs`` those of the kept tree. No content that either
    has twice counts.
    """
    here = Counter(digest for *_, digest in ours)
    kept: dict[bytes, list[tuple[bytes, int]]] = {}
    for path, mode, _, digest in theirs:
        kept.setdefault(digest, []).append((path, mode))
    for each in filter(may_be_renamed, own):
        assert each.key is not None, "chosen by that"
        digest, executable = each.key
        places = kept.get(digest, [])
        if here[digest] != 1 or len(places) != 1:
            continue
        [(place, mode)] = places
        is_same = bool(mode & EXECUTABLE) == executable
        if is_same and not leaves_its_album(each.path, place):
            yield each.path, place


def leaves_its_album(path: bytes, place: bytes) -> bool:
    """Return whether a picture, or a track, is kept in another folder only."""
    is_medium = media_kind(os.path.basename(path)) is not MediaKind.OTHER
    return is_medium and os.path.dirname(path) != os.path.dirname(place)
