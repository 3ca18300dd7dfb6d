"""Find what the kept tree has under another name, so that nothing is put into it twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gorillacomb.dedupe.collapse.difference import TreeDifference
from gorillacomb.dedupe.collapse.own_items import OwnItem
from gorillacomb.dedupe.collapse.renamed_files import LEAST_RENAMED, leaves_its_album
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.paths import join


@dataclass(slots=True)
class KeptContents:
    """The contents of a kept tree, compared with one copy of it by the index."""

    difference: TreeDifference
    _places: dict[bytes, bytes] = field(default_factory=dict)
    """By digest: the relative path of a file with it in the kept tree."""

    def place_of(self, item: OwnItem) -> bytes | None:
        """Return where the kept tree has the content of an item under another name.

        Of a folder it must have all. None if it lacks any of it, if that is not known, and for
        what consists of small files only, or has a picture or track that is in another folder
        there: what matters of those is where they are.
        """
        found = list(self._read(item))
        if item.key is None or len(found) != item.files:
            return None
        if not self._places:
            difference = self.difference
            kept = difference.read_files(difference.keep, difference.kept_top, difference.others)
            self._places = {digest: path for path, _, _, digest in kept}
        large = None
        for path, size, digest in found:
            place = self._places.get(digest) if size else path
            if place is None or leaves_its_album(path, place):
                return None
            if size >= LEAST_RENAMED:
                large = large or place
        return large

    def _read(self, item: OwnItem) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield the relative path of each file in an item, its size in bytes, and its digest."""
        if not item.is_folder:
            if item.key is not None:
                yield item.path, item.size, item.key[0]
            return
        folder: TreeFolder | None = self.difference.member
        for name in item.path.split(b"/"):
            children = folder.children if folder is not None else ()
            folder = next((each for each in children if each.name == name), None)
        if folder is not None:
            path = join(self.difference.top, item.path)
            for inner, _, size, digest in self.difference.read_files(folder, path, ()):
                yield join(item.path, inner), size, digest
