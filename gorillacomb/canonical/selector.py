"""Choose the canonical copies of many contents, computing what depends on folders only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gorillacomb.canonical.folder_traits import FolderTraits
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.keep_criteria import RULES, choose_canonical
from gorillacomb.canonical.rule_engine import rank
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import MediaKind, media_kind
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import ContentFile, ContentHolders, Stamp

_ONLY = ("the only copy",)
_BY_FILE = ("plain", "folder", "older", "name")
"""The rules that look at the file itself; the others look at its folder, kind and name."""
_RULES_OF_FOLDER = tuple(rule for rule in RULES if rule.name not in _BY_FILE)


class CanonicalFile(NamedTuple):
    """The canonical copy of a content, and why."""

    folder: int
    name: bytes
    mtime_ns: int
    reasons: tuple[str, ...]


class _AnyFileIn:
    """Any file of a kind in a folder, as a `Place` with attributes computed on demand."""

    is_folder = preferred = False
    own_project = contents = standing = known_since = mtime_ns = 0
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
    """Chooses as `choose_canonical` does, from what `stamps.contents_to_stamp` returns.

    ``prefers`` says whether the user prefers some paths.
    """

    def __init__(self, index: Index, groups: GroupReader, prefers: bool) -> None:
        self._index = index
        self._groups = groups
        self._prefers = prefers
        self._chosen: dict[tuple[str, MediaKind], tuple[list[int], list[int], tuple[str, ...]]] = {}
        """By the folders with a content, and its kind: those that the folder rules keep, by
        position, and why."""

    def choose(self, held: ContentHolders) -> CanonicalFile:
        """Return which of the files with a content is canonical, regardless of earlier choices."""
        name = held.name
        if held.files == 1 and name is not None:
            return CanonicalFile(int(held.folders), name, int(held.times), _ONLY)
        if self._prefers or name is None or looks_like_copy(name):
            return self._choose_by_all_rules(stamps.holders_of(self._index.connection, held.digest))
        key = held.folders, media_kind(name)
        if key not in self._chosen:
            folders = list(map(int, held.folders.split(",")))
            places = [_AnyFileIn(self._groups, folder, key[1]) for folder in folders]
            left, reasons = rank(places, _RULES_OF_FOLDER)
            self._chosen[key] = folders, left, reasons
        folders, left, reasons = self._chosen[key]
        times = held.times.split(",")
        if len(left) == 1:
            at = left[0]
            return CanonicalFile(folders[at], name, int(times[at]), reasons)
        files = [(folders[at], name, int(times[at])) for at in left]
        chosen = self._choose_by_all_rules(files)
        return chosen._replace(reasons=(*reasons, *chosen.reasons))

    def is_overruled(self, held: ContentHolders, standing: Stamp) -> bool:
        """Return whether a rule that precedes the one for earlier choices prefers another file."""
        if held.files == 1:
            return False
        files = stamps.holders_of(self._index.connection, held.digest)
        ranks = {each[:2]: self._overruling_rank(*each[:2]) for each in files}
        own = ranks.get((standing.folder, standing.name))
        return own is not None and min(ranks.values()) < own

    def _overruling_rank(self, folder: int, name: bytes) -> tuple[bool, bool, int]:
        """Rank a file by the rules before `STANDING` that look at files."""
        traits = self._groups.traits.of(folder)
        preferred = False
        if self._prefers:
            preferred = self._groups.copy_in(folder, name, 0).preferred
        return not preferred, traits.made, traits.copy_names + looks_like_copy(name)

    def _choose_by_all_rules(self, files: Sequence[ContentFile]) -> CanonicalFile:
        copies = [self._groups.copy_in(*file) for file in files]
        choice = choose_canonical(copies)
        return CanonicalFile(*files[choice.winner], choice.reasons)
