"""Choose the canonical copies of many contents, computing what depends on folders only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from gorillacomb.canonical.groups import GroupReader, number_copies
from gorillacomb.canonical.keep_criteria import NEW_FILES, NEW_FILES_OF_ONE_NAME
from gorillacomb.canonical.rule_engine import order_with_reasons
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import MediaKind, media_kind
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import pack_folder, pack_order_of_folders
from gorillacomb.index.paths import FileKey
from gorillacomb.index.stamps import ContentFile, ContentHolders, Stamp

_ONLY = ("the only copy",)
_MOST_ORDERS = 50_000
"""Orders remembered at once."""


class CanonicalFile(NamedTuple):
    """The canonical copy of a content, and why."""

    folder: int
    name: bytes
    mtime_ns: int
    reasons: tuple[str, ...]


def only_copy(held: ContentHolders) -> CanonicalFile:
    """Return the only file with a content."""
    assert held.name is not None, "a single file has one name"
    return CanonicalFile(int(held.folders), held.name, int(held.times), _ONLY)


def standing_first(known: Sequence[FileKey], standing: Stamp | None) -> list[FileKey]:
    """Return an order of copies with the canonical one, if any, in the first place."""
    if standing is None:
        return list(known)
    first = standing.folder, standing.name
    return [first, *(copy for copy in known if copy != first)]


class RankedCopies(NamedTuple):
    """All files with a content, first place first."""

    order: list[FileKey]
    choose: Callable[[], CanonicalFile]
    """Returns the first of them, and why it is; computed when asked."""
    packed: bytes | None = None
    """The order as the index stores it, if it is at hand."""


class _AnyFileIn:
    """Any file of a kind in a folder, as a `Place`; what needs queries is computed on demand.

    Of files with one name, no two are in one folder: the rules decide before they look at the name
    or the time.
    """

    __slots__ = ("_folder", "_groups", "_kind", "_path", "_project", "copy_names", "made", "nested")
    is_folder = False
    preferred = own_project = contents = standing = known_since = mtime_ns = worked_on_ns = 0
    root = None
    inner_project = 2

    def __init__(self, groups: GroupReader, folder: int, kind: MediaKind) -> None:
        self._groups = groups
        self._folder = folder
        self._kind = kind
        self._path = b""
        self._project, self.nested, self.made, self.copy_names, _ = groups.traits.of(folder)

    @property
    def project(self) -> bytes | None:
        return None if self._project is None else self._project.path

    @property
    def marker(self) -> str | None:
        return None if self._project is None else self._project.marker

    @property
    def repository(self) -> bool:
        return self._project is not None and self._project.repository

    @property
    def path(self) -> bytes:
        if not self._path:
            place = self._groups.paths.place(self._folder)
            assert place is not None, "no scan leaves a folder detached"
            self._path = place[1].rstrip(b"/") + b"/"
        return self._path

    @property
    def company(self) -> int:
        return self._groups.traits.company(self._folder, self._kind)

    @property
    def touched(self) -> int:
        return self._groups.traits.touched(self._folder)


class _FolderOrder(NamedTuple):
    """The order of files that depends on their folders alone."""

    folders: list[int]
    """Their folders in that order."""
    packed: list[bytes]
    """The same as the beginnings of the files in a stored order."""
    first: int
    """The position of the first of them among the files as they were."""
    reasons: tuple[str, ...]
    """Why it is."""


class CanonicalSelector:
    """Orders and chooses as the rules do, from what `stamps.contents_to_stamp` returns.

    ``prefers`` says whether the user prefers some paths. Without that and without rules of the
    user's own, most contents are ordered by their folders alone.
    """

    def __init__(self, index: Index, groups: GroupReader, prefers: bool) -> None:
        self._index = index
        self._groups = groups
        self._criteria = groups.criteria
        self._prefers = prefers or bool(groups.criteria.own)
        """Whether the user has any wish: then all rules are asked."""
        self._by_folder: dict[tuple[str, MediaKind], _FolderOrder] = {}
        """By the folders of files with one content and one name, and their kind."""

    @property
    def knows_orders(self) -> bool:
        """Whether the order of the copies of any content is known from an earlier scan."""
        return self._groups.knows_orders

    def known_order(self, digest: bytes) -> list[FileKey]:
        """Return the copies of a content in their order after the last scan; empty if not known."""
        return self._groups.known_order(digest)

    def rank(self, held: ContentHolders, known: Sequence[FileKey]) -> RankedCopies:
        """Return all files with a content in the order of places.

        Those ``known`` stay in their order, before others, unless a rule that precedes the one for
        earlier choices says otherwise. So no third file reverses the order of two others, even
        after what they were ordered by has changed.
        """
        if held.files == 1:
            only = only_copy(held)
            return RankedCopies([only[:2]], lambda: only)
        name = held.name
        if name is not None and not known and not self._prefers and not looks_like_copy(name):
            return self._rank_by_folder(held, name)
        files = self._files(held)
        if not known:
            return self._rank_new(files)
        return RankedCopies(
            self._order_after(files, number_copies(known)),
            partial(self._choose_after, files, number_copies(known)),
        )

    def _rank_new(self, files: Sequence[ContentFile]) -> RankedCopies:
        copies = [self._groups.copy_in(*file) for file in files]
        if self._prefers:
            positions, reasons = self._criteria.order_new(copies)
        else:
            positions, reasons = order_with_reasons(copies, NEW_FILES)
        chosen = CanonicalFile(*files[positions[0]], reasons)
        return RankedCopies([files[at][:2] for at in positions], lambda: chosen)

    def _rank_by_folder(self, held: ContentHolders, name: bytes) -> RankedCopies:
        """Rank files of a name about which no rule but those on folders has anything to say."""
        key = held.folders, media_kind(name)
        found = self._by_folder.get(key)
        if found is None:
            if len(self._by_folder) >= _MOST_ORDERS:
                self._by_folder.clear()
            found = self._by_folder[key] = self._order_of_folders(*key)
        folders, packed, first, reasons = found
        time = int(held.times.split(",", first + 1)[first])
        chosen = CanonicalFile(folders[0], name, time, reasons)
        return RankedCopies(
            [(folder, name) for folder in folders],
            lambda: chosen,
            pack_order_of_folders(packed, name),
        )

    def _order_of_folders(self, listed: str, kind: MediaKind) -> _FolderOrder:
        folders = [int(folder) for folder in listed.split(",")]
        files = [_AnyFileIn(self._groups, folder, kind) for folder in folders]
        positions, reasons = order_with_reasons(files, NEW_FILES_OF_ONE_NAME)
        ordered = [folders[at] for at in positions]
        return _FolderOrder(ordered, [*map(pack_folder, ordered)], positions[0], reasons)

    def _order_after(
        self, files: Sequence[ContentFile], numbers: Mapping[FileKey, int]
    ) -> list[FileKey]:
        """Order files, those in a known order by their numbers in it."""
        new = [file for file in files if file[:2] not in numbers]
        ordered = new
        if len(new) > 1:
            copies = [self._groups.copy_in(*file) for file in new]
            ordered = [new[at] for at in self._criteria.order(copies)]
        ranks = {file[:2]: self._overruling_rank(*file) for file in files}
        after = {file[:2]: len(numbers) + at for at, file in enumerate(ordered)}
        return sorted(
            (file[:2] for file in files),
            key=lambda file: (*ranks[file], numbers.get(file, after.get(file, 0))),
        )

    def _files(self, held: ContentHolders) -> list[ContentFile]:
        """Return the files with a content."""
        name = held.name
        if name is None:
            return stamps.holders_of(self._index.connection, held.digest)
        folders, times = held.folders.split(","), held.times.split(",")
        return [(int(at), name, int(time)) for at, time in zip(folders, times, strict=True)]

    def _overruling_rank(self, folder: int, name: bytes, mtime_ns: int) -> tuple[int | bytes, ...]:
        """Rank a file by the rules before `STANDING` that look at files."""
        if self._prefers:
            return self._criteria.overruling_rank(self._groups.copy_in(folder, name, mtime_ns))
        traits = self._groups.traits.of(folder)
        return traits.made, len(traits.copy_names) + looks_like_copy(name)

    def _choose_after(
        self, files: Sequence[ContentFile], numbers: Mapping[FileKey, int]
    ) -> CanonicalFile:
        copies = [
            self._groups.copy_in(*file, numbers.get(file[:2], len(numbers))) for file in files
        ]
        choice = self._criteria.choose_canonical(copies)
        return CanonicalFile(*files[choice.winner], choice.reasons)
