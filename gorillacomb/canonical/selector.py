"""Choose the canonical copies of many contents, computing what depends on folders only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gorillacomb.canonical.folder_traits import FolderTraits
from gorillacomb.canonical.groups import GroupReader, number_copies
from gorillacomb.canonical.keep_criteria import choose_canonical, choose_place, order_places
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import MediaKind, media_kind
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FileKey
from gorillacomb.index.stamps import ContentFile, ContentHolders, Stamp

_ONLY = ("the only copy",)


class CanonicalFile(NamedTuple):
    """The canonical copy of a content, and why."""

    folder: int
    name: bytes
    mtime_ns: int
    reasons: tuple[str, ...]


def standing_first(known: Sequence[FileKey], standing: Stamp | None) -> list[FileKey]:
    """Return an order of copies with the canonical one, if any, in the first place."""
    if standing is None:
        return list(known)
    first = standing.folder, standing.name
    return [first, *(copy for copy in known if copy != first)]


class _AnyFileIn:
    """Any file of a kind in a folder, as a `Place` with attributes computed on demand.

    Of files with one name, no two are in one folder: the rules decide before they look at the name
    or the time.
    """

    is_folder = False
    preferred = own_project = contents = standing = known_since = mtime_ns = 0
    inner_project = 2

    def __init__(self, groups: GroupReader, folder: int, kind: MediaKind) -> None:
        self._groups = groups
        self._folder = folder
        self._kind = kind

    @property
    def _traits(self) -> FolderTraits:
        return self._groups.traits.of(self._folder)

    @property
    def path(self) -> bytes:
        place = self._groups.paths.place(self._folder)
        assert place is not None, "no scan leaves a folder detached"
        return place[1].rstrip(b"/") + b"/"

    @property
    def made(self) -> bool:
        return self._traits.made

    @property
    def nested(self) -> bool:
        return self._traits.nested

    @property
    def project(self) -> bytes | None:
        project = self._traits.project
        return None if project is None else project.path

    @property
    def marker(self) -> str | None:
        project = self._traits.project
        return None if project is None else project.marker

    @property
    def repository(self) -> bool:
        project = self._traits.project
        return project is not None and project.repository

    @property
    def company(self) -> int:
        return self._groups.traits.company(self._folder, self._kind)

    @property
    def touched(self) -> int:
        return self._groups.traits.touched(self._folder)


class CanonicalSelector:
    """Orders and chooses as the rules do, from what `stamps.contents_to_stamp` returns.

    ``prefers`` says whether the user prefers some paths.
    """

    def __init__(self, index: Index, groups: GroupReader, prefers: bool) -> None:
        self._index = index
        self._groups = groups
        self._prefers = prefers
        self._chosen: dict[tuple[str, MediaKind], tuple[int, tuple[str, ...]]] = {}
        """By the folders with a content under one name, and its kind: the position of the chosen
        one, and why."""
        self._orders: dict[tuple[tuple[int, ...], MediaKind], list[int]] = {}
        """By the same: the positions of the folders in the order of places."""

    def known_order(self, digest: bytes) -> list[FileKey]:
        """Return the copies of a content in their order after the last scan; empty if not known."""
        return self._groups.known_order(digest)

    def order(self, held: ContentHolders, known: Sequence[FileKey]) -> list[FileKey]:
        """Return all files with a content in the order of places.

        Those ``known`` stay in their order, before others, unless a rule that precedes the one for
        earlier choices says otherwise. So no third file reverses the order of two others, even
        after what they were ordered by has changed.
        """
        if held.files == 1 and held.name is not None:
            return [(int(held.folders), held.name)]
        files = self._files(held)
        numbers = number_copies(known)
        new = [file for file in files if file[:2] not in numbers]
        ordered = [new[at][:2] for at in self._order_new(new, held.name)]
        if len(ordered) == len(files):
            return ordered
        after = {file: len(numbers) + at for at, file in enumerate(ordered)}
        return sorted(
            (file[:2] for file in files),
            key=lambda file: (*self._overruling_rank(*file), numbers.get(file, after.get(file, 0))),
        )

    def _order_new(self, files: Sequence[ContentFile], name: bytes | None) -> list[int]:
        """Return the positions of files with one content in the order of places.

        ``name`` is the name of them all; None if they differ.
        """
        if len(files) < 2:
            return list(range(len(files)))
        if self._prefers or name is None or looks_like_copy(name):
            return order_places([self._groups.copy_in(*file) for file in files])
        key = tuple(folder for folder, _, _ in files), media_kind(name)
        if key not in self._orders:
            places = [_AnyFileIn(self._groups, folder, key[1]) for folder in key[0]]
            self._orders[key] = order_places(places)
        return self._orders[key]

    def choose(self, held: ContentHolders, known: Sequence[FileKey] = ()) -> CanonicalFile:
        """Return which of the files with a content is the first in `order`, and why."""
        name = held.name
        if held.files == 1 and name is not None:
            return CanonicalFile(int(held.folders), name, int(held.times), _ONLY)
        if known or self._prefers or name is None or looks_like_copy(name):
            return self._choose_by_all_rules(self._files(held), known)
        key = held.folders, media_kind(name)
        files = self._files(held)
        if key not in self._chosen:
            places = [_AnyFileIn(self._groups, folder, key[1]) for folder, _, _ in files]
            self._chosen[key] = choose_place(places)
        at, reasons = self._chosen[key]
        return CanonicalFile(*files[at], reasons)

    def _files(self, held: ContentHolders) -> list[ContentFile]:
        """Return the files with a content."""
        name = held.name
        if name is None:
            return stamps.holders_of(self._index.connection, held.digest)
        folders, times = held.folders.split(","), held.times.split(",")
        return [(int(at), name, int(time)) for at, time in zip(folders, times, strict=True)]

    def _overruling_rank(self, folder: int, name: bytes) -> tuple[int, bool, int]:
        """Rank a file by the rules before `STANDING` that look at files."""
        traits = self._groups.traits.of(folder)
        preferred = 0
        if self._prefers:
            preferred = self._groups.copy_in(folder, name, 0).preferred
        return -preferred, traits.made, traits.copy_names + looks_like_copy(name)

    def _choose_by_all_rules(
        self, files: Sequence[ContentFile], known: Sequence[FileKey] = ()
    ) -> CanonicalFile:
        numbers = number_copies(known)
        copies = [
            self._groups.copy_in(*file, numbers.get(file[:2], len(numbers))) for file in files
        ]
        choice = choose_canonical(copies)
        return CanonicalFile(*files[choice.winner], choice.reasons)
