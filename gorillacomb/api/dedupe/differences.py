"""Say how two copies differ: what is lost although the content is kept, and folders on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from gorillacomb.api.dedupe.pairs import FolderPair
from gorillacomb.dedupe.model import KEPT_IS_MISSING, PlanStep, StepProblem
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.comparison import contents_equal
from gorillacomb.fs.openat import lstat_of_any_length
from gorillacomb.fs.paths import is_below, join, printable_path, relative_path

__all__ = [
    "FolderDifferences",
    "FolderEntry",
    "Losses",
    "change_since_plan",
    "differing_caches",
    "entries_of",
    "find_inside",
    "folder_differences",
    "losses",
]


_MOST_COMPARED = 32 << 20
"""Bytes of a file that is compared for a page."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What is lost with copies whose content is kept: their names, and their dates."""

    names: tuple[tuple[bytes, bytes], ...]
    """Names of single files that are kept under another one, with that."""
    earlier: int
    """Files whose date is earlier than that of the copy that is kept."""


def losses(unit: FolderPair) -> Losses:
    """Return what is lost with the files of a unit although their contents are kept."""
    names, earlier = [], 0
    for step in unit.steps:
        if step.kind == "folder":
            kept_files = _listing(step.keep)
            earlier += sum(
                name in kept_files and facts.st_mtime_ns < kept_files[name].st_mtime_ns
                for name, facts in _listing(step.path).items()
            )
        for pair in step.pairs if step.kind == "file" else ():
            name, kept = map(os.path.basename, (pair.path, pair.keep))
            if name != kept:
                names.append((name, kept))
            with suppress(OSError):  # one of them disappeared since
                earlier += os.lstat(pair.path).st_mtime_ns < os.lstat(pair.keep).st_mtime_ns
    return Losses(tuple(names), earlier)


def differing_caches(unit: FolderPair) -> tuple[bytes, ...]:
    """Return the indexes of git in a unit's folders that differ from their kept copies in bytes.

    Those leave nevertheless if both have the same entries. Paths relative to the unit's folder.
    """
    return tuple(
        relative_path(path, unit.path) or path
        for step in unit.steps
        if step.kind == "folder"
        for path in _caches_below(step.path)
        if not _are_equal(path, _kept_for(step, path))
    )


def _caches_below(top: bytes) -> Iterator[bytes]:
    for folder, _, names in os.walk(top):
        if b"index" in names and os.path.basename(folder) == b".git":
            yield join(folder, b"index")


def _kept_for(step: PlanStep, path: bytes) -> bytes:
    """Return where the kept copy of something in a step's folder is."""
    pairs = ((step.path, step.keep), *((pair.path, pair.keep) for pair in step.nested))
    around = [(top, keep) for top, keep in pairs if is_below(path, top)]
    top, keep = max(around, key=lambda pair: len(pair[0]))
    return join(keep, relative_path(path, top))


def _are_equal(path: bytes, other: bytes) -> bool:
    """Return whether two files have the same bytes; True also if that is not known.

    That is so if either cannot be read, or to read them takes too long.
    """
    files: list[int] = []
    with suppress(OSError), ExitStack() as opened:
        for each in (path, other):
            files.append(open_regular(each))
            opened.callback(os.close, files[-1])
        ours, theirs = files
        size = os.fstat(ours).st_size
        if size != os.fstat(theirs).st_size:
            return False
        return size > _MOST_COMPARED or contents_equal(ours, theirs, size, lambda _: None)
    return True


@dataclass(frozen=True, slots=True)
class FolderDifferences:
    """How the files of two folders differ on disk: names relative to each, sorted."""

    only_removed: tuple[bytes, ...]
    """Only in the folder that is removed."""
    only_kept: tuple[bytes, ...]
    resized: tuple[bytes, ...]
    """In both, with different sizes."""


def folder_differences(step: PlanStep) -> FolderDifferences:
    """List the files of both folders of a step and compare names and sizes."""
    removed, kept = _listing(step.path), _listing(step.keep)
    both = removed.keys() & kept.keys()
    return FolderDifferences(
        tuple(sorted(removed.keys() - both)),
        tuple(sorted(kept.keys() - both)),
        tuple(sorted(name for name in both if removed[name].st_size != kept[name].st_size)),
    )


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A file, or a folder with all in it, as it is on disk."""

    name: bytes
    files: int
    """Regular files, as a plan counts them: 1 for a file."""
    links: int
    """Symbolic links, which a plan does not count as files."""
    size: int
    """Bytes of their content."""
    mtime_ns: int
    """When it was changed, or the latest file in it."""
    is_folder: bool


def entries_of(path: bytes, noise: Container[bytes] = ()) -> tuple[FolderEntry, ...]:
    """Return what is in a folder, those with the most files first; a file is its own only entry.

    Files with a name in ``noise`` do not count in the folders that they are in.
    """
    with suppress(OSError):
        facts = os.lstat(path)
        if not stat.S_ISDIR(facts.st_mode):
            name = os.path.basename(path)
            return (_entry(name, [facts], is_folder=False),)
    inside: dict[bytes, list[os.stat_result]] = {}
    folders = set()
    for name, facts in _listing(path).items():
        first, _, rest = name.partition(b"/")
        seen = inside.setdefault(first, [])
        if rest:
            folders.add(first)
        if not rest or os.path.basename(rest) not in noise:
            seen.append(facts)
    found = [_entry(name, each, is_folder=name in folders) for name, each in inside.items()]
    return tuple(sorted(found, key=lambda entry: (-entry.files, -entry.size, entry.name)))


def _entry(name: bytes, inside: Sequence[os.stat_result], *, is_folder: bool) -> FolderEntry:
    return FolderEntry(
        name,
        sum(stat.S_ISREG(facts.st_mode) for facts in inside),
        sum(stat.S_ISLNK(facts.st_mode) for facts in inside),
        sum(facts.st_size for facts in inside),
        max((facts.st_mtime_ns for facts in inside), default=0),
        is_folder,
    )


def _listing(top: bytes) -> dict[bytes, os.stat_result]:
    """Return the facts of every file below a folder by its relative path."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, top)] = os.lstat(path)
            except OSError:
                continue  # it disappeared since
    return found


def find_inside(unit: FolderPair, text: str) -> bytes | None:
    """Return a path that contains a text in lower case, among all that a unit is about.

    That is what is removed, what is kept for it, and on disk everything in those folders.
    """
    for step in unit.steps:
        paths = [path for pair in (*step.pairs, *step.nested) for path in (pair.path, pair.keep)]
        if step.kind == "folder":
            paths += (join(top, name) for top in (step.path, step.keep) for name in _listing(top))
        for path in paths:
            if text in printable_path(path).casefold():
                return path
    return None


def change_since_plan(step: PlanStep, noise: Container[bytes]) -> StepProblem | None:
    """Return why a step no longer fits what is on disk, without reading any content; else None."""
    sizes = []
    for path, missing in ((step.path, "is missing"), (step.keep, KEPT_IS_MISSING)):
        try:
            facts = lstat_of_any_length(path)
        except OSError:
            return StepProblem(path, missing)
        is_folder = stat.S_ISDIR(facts.st_mode)
        if is_folder != (step.kind == "folder") or not (is_folder or stat.S_ISREG(facts.st_mode)):
            return StepProblem(path, f"is not a {step.kind} now")
        sizes.append(0 if is_folder else facts.st_size)
    if sizes[0] != sizes[1]:
        return StepProblem(step.path, "it and its kept copy differ in size now")
    cause = _changed_inside(step, noise) if step.kind == "folder" else None
    return None if cause is None else StepProblem(step.path, cause)


def _changed_inside(step: PlanStep, noise: Container[bytes]) -> str | None:
    """Return the same for the files in a folder that has one kept copy."""
    if step.nested or step.kept_in:
        return None  # what is kept where is not known by folder: applying compares it
    found = folder_differences(step)
    for names, what in ((found.only_removed, "not"), (found.resized, "of another size")):
        for name in names:
            with suppress(OSError):
                is_file = stat.S_ISREG(os.lstat(join(step.path, name)).st_mode)
                if is_file and os.path.basename(name) not in noise:
                    return f"{printable_path(name)} in it is {what} in its kept copy now"
    return None
