"""The values of a dedupe plan: its steps, what was left alone, and the outcome of applying it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gorillacomb.dedupe.not_brought import NotBrought
from gorillacomb.dedupe.proof import MemberProof
from gorillacomb.fs.paths import is_below, path_text


class DedupeAction(StrEnum):
    """What is done with a copy that is not kept."""

    QUARANTINE = "quarantine"
    """Moved into the quarantine; frees nothing until the quarantine is emptied."""
    REFLINK = "reflink"
    """The kernel makes it share the blocks of the copy that is kept."""
    HARDLINK = "hardlink"
    """Quarantined; a second name of the copy that is kept takes its place."""
    SYMLINK = "symlink"
    """Quarantined; a symbolic link to the copy that is kept takes its place."""
    DELETE = "delete"
    """Quarantined, then deleted at once after another comparison with the copy that is kept."""

    @property
    def takes_file_away(self) -> bool:
        """Whether the path no longer leads to a file of its own: its companions would miss it.

        A reflink leaves the file where it is, with the same bytes.
        """
        return self is not DedupeAction.REFLINK

    @property
    def empties_path(self) -> bool:
        """Whether nothing that leads to the same bytes takes the place of the file."""
        return self in (DedupeAction.QUARANTINE, DedupeAction.DELETE)

    @property
    def frees_at_once(self) -> bool:
        """Whether space is free as soon as it is done; otherwise when the quarantine is emptied."""
        return self in (DedupeAction.DELETE, DedupeAction.REFLINK)


EMPTY = "empty"
"""The kind of a step that removes an empty folder."""
KEPT_IS_MISSING = "was to stay, and is not there any more"
"""Why a step is not done, said of its kept copy; recorded in journals."""
LEAVE = "leave"
"""How a plan calls the step for a copy of a tree that leaves whole; it is a step for a folder."""
SHELVE, BRING, DROP = "shelve", "bring", "drop"
"""The kind of the lines, in a plan and in a journal, about what is copied before that; and of those
in the journal of a drop."""


class SafetyRule(StrEnum):
    """Why something that has a copy is left alone."""

    PROJECT = "project"
    STRUCTURAL = "structural"
    REPOSITORY = "repository"
    BUNDLE = "bundle"
    PROTECTED = "protected"
    OTHER_VOLUME = "other volume"
    OFFLINE = "offline"
    PLACEHOLDER = "placeholder"
    UNSTABLE = "unstable"
    INCOMPLETE = "incomplete"
    LINKED = "linked"
    SIDECAR = "sidecar"
    NAME = "name"
    """A file whose name matters, and that has no copy under that name."""
    ALBUM = "album"
    POINTER = "pointer"
    TRASH = "trash"
    OWN = "own"
    ATTRIBUTES = "attributes"
    """Two copies with different attributes or permissions."""
    LOCKED = "locked"
    """What cannot be moved: immutable, or in someone else's folder."""
    UNSUPPORTED = "unsupported"
    """What a file system does not support: sharing blocks, links."""
    ONE_COPY = "one copy"
    """Two names of one file, or two files on the same blocks."""
    MARKED = "marked"
    """What the user marked to be kept, as intended, or as no duplicate."""
    UNIQUE = "unique"
    """A copy of a tree that contains something of its own."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path may not be a step."""

    rule: SafetyRule
    cause: str
    place: bytes | None = None
    """The path that the cause is about, if that is not the folder around it."""


class Reference(NamedTuple):
    """Something that is needed where it is, because something else refers to it by its path."""

    target: bytes
    """Absolute, without links in its folders."""
    source: bytes
    """The path of a symbolic link, or of a file that names the target in its text."""
    line: int = 0
    """The line of that file, from 1; 0 for a link."""
    is_absolute: bool = False
    """Whether that text is an absolute path, so that it names the target from anywhere."""
    is_place: bool = False
    """Whether the target must be there, but may lose parts of what it contains."""

    @property
    def shown(self) -> str:
        """The source in words."""
        return path_text(self.source) + (f" line {self.line}" if self.line else "")


@dataclass(frozen=True, slots=True)
class SkippedCopy:
    """Something that has a copy and is kept nevertheless."""

    path: bytes
    """Absolute; a file, a folder, or the project that protects what is in it."""
    rule: SafetyRule
    cause: str
    files: int
    """Surplus copies in it that stay because of that; of each content, one copy is not surplus."""
    size: int
    """Bytes on disk of those."""


class RemovalPair(NamedTuple):
    """A copy that is removed, and the one that is kept for it; absolute paths."""

    path: bytes
    keep: bytes


class KeptPlace(NamedTuple):
    """A folder that keeps files of a folder that is removed, at the same relative paths."""

    path: bytes
    files: int


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One file or folder that is removed, as a whole or not at all."""

    id: str
    kind: str
    """``file``, ``folder``, or ``empty``: a folder that holds no file at any depth."""
    path: bytes
    """Absolute."""
    keep: bytes
    """The copy that is kept: the same content, or a folder that contains all of it by name. Empty
    for an empty folder: nothing is kept for it."""
    files: int
    size: int
    """Bytes on disk that are quarantined, as du(1) counts them, or that are free at once."""
    reasons: tuple[str, ...] = ()
    """Why that copy is the one to keep."""
    nested: tuple[RemovalPair, ...] = ()
    """Folders inside it that have another copy to keep than the folder around them."""
    sidecars: tuple[RemovalPair, ...] = ()
    """Files removed with it: for a picture its ``.xmp``, for an album all other pictures."""
    unknown: tuple[str, ...] = ()
    """Why more than ``size`` may be freed, by an unknown amount; empty if that is all."""
    kept_in: tuple[KeptPlace, ...] = ()
    """Where the files of a folder are kept, most files first; empty if that is ``keep`` alone."""
    folders: int = 0
    """Of an empty folder: how many folders that is, itself included."""
    is_member: bool = False
    """Whether it is a folder that leaves whole because one tree is made of several copies: its own
    files were copied to a shelf, which ``nested`` names."""
    regenerable: tuple[bytes, ...] = ()
    """Folders in such a copy that a program makes again from a lock file beside them, which is the
    same in ``keep``: they are not compared. Paths relative to ``path``."""
    repositories: tuple[bytes, ...] = ()
    """Its `.git`, if that differs from the one of the copy to keep, which has all of its objects
    and refs. Paths relative to ``path``."""
    in_history: tuple[tuple[bytes, bytes], ...] = ()
    """Files in such a copy that the history of the copy to keep contains: paths relative to
    ``path``, and the ids of git objects in hex digits."""
    later: tuple[bytes, ...] = field(default=(), compare=False)
    """In a dry run: what a copy will be made of, relative to ``path``."""
    turn: int = field(default=0, compare=False)
    """0 if it is possible by itself; else those with a lower number make it possible. A plan's file
    lacks it."""

    @property
    def pairs(self) -> tuple[RemovalPair, ...]:
        """The step's own pair and its sidecars."""
        return RemovalPair(self.path, self.keep), *self.sidecars

    @property
    def keeps(self) -> Iterator[bytes]:
        """Every path that it relies on."""
        yield from (pair.keep for pair in (*self.pairs, *self.nested) if pair.keep)


@dataclass(frozen=True, slots=True)
class CopyStep:
    """What is copied before a copy of a tree leaves: to a shelf, or into the kept tree."""

    id: str
    source: bytes
    """Absolute; the copy of the tree, or the file or folder in it that is brought."""
    target: bytes
    """Absolute; the new folder in which ``items`` get the same relative paths, or the new place of
    what is brought."""
    items: tuple[bytes, ...]
    """What is copied to a shelf: paths relative to both, of files, links, and folders with all in
    them. Empty for what is brought."""
    files: int
    size: int
    """Bytes of their content."""
    not_brought: tuple[NotBrought, ...] = ()
    """Why each of ``items`` is on the shelf, if things were to be brought; else empty, and so for
    what a run took back."""

    @property
    def is_brought(self) -> bool:
        """Whether it is put into the kept tree, where that has nothing."""
        return not self.items


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user asked for; a plan includes it, because applying it obeys the same rules."""

    action: DedupeAction = DedupeAction.QUARANTINE
    protect: tuple[str, ...] = ()
    """Paths or globs that no step touches."""
    retire: tuple[bytes, ...] = ()
    """Folders from which everything is removed that also exists elsewhere, even in a project."""
    not_a_project: tuple[bytes, ...] = ()
    across_volumes: bool = False

    def retires(self, path: bytes) -> bool:
        """Return whether a path is, or is in, a retired folder: its place no longer protects it."""
        return any(is_below(path, each) for each in self.retire)


@dataclass(frozen=True, slots=True)
class FreeGoal:
    """How much space a plan was to free, and what it omits because its steps are enough."""

    wanted: int
    """Bytes."""
    freed: int
    """Bytes that its steps free, at least, once all of them are done and deleted."""
    omitted_steps: int
    """Steps that are possible, too."""
    omitted_size: int
    """Bytes on disk of those."""

    @property
    def is_reached(self) -> bool:
        """Whether the steps free what was wanted."""
        return self.freed >= self.wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, not yet done."""

    uid: str
    """Random, 32 hex digits: it tells a run which steps of the plan were done before."""
    made_ns: int
    options: PlanOptions
    steps: tuple[PlanStep, ...] = ()
    left_alone: tuple[SkippedCopy, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know beforehand, for example that a change reaches the cloud."""
    free: FreeGoal | None = None
    """None if it was not to free a certain amount, and for a plan that was read from a file."""
    copies: tuple[CopyStep, ...] = ()
    """What is copied before anything is removed."""

    @property
    def bytes_set_aside(self) -> int:
        """Bytes that are in quarantine afterwards."""
        return 0 if self.options.action.frees_at_once else self._bytes

    @property
    def bytes_freed(self) -> int:
        """Bytes that are free at once; a lower bound if some of it is unknown."""
        return self._bytes - self.bytes_set_aside

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the number of bytes freed at once is unknown; empty if it is known."""
        return tuple(dict.fromkeys(cause for step in self.steps for cause in step.unknown))

    @property
    def _bytes(self) -> int:
        return sum(step.size for step in self.steps)


@dataclass(frozen=True, slots=True)
class StepProblem:
    """A step, or part of one, that was not done, and why."""

    path: bytes
    cause: str


@dataclass(slots=True)
class RunOutcome:
    """The outcome of applying a plan, or of taking it back."""

    run: str
    done: list[PlanStep] = field(default_factory=list)
    copied: list[CopyStep] = field(default_factory=list)
    """What was copied to a shelf, or removed from it again by an undo."""
    dropped: list[bytes] = field(default_factory=list)
    """The paths of dropped files that an undo removed."""
    before: int = 0
    """Steps that an earlier run of the same plan had done."""
    bytes_set_aside: int = 0
    bytes_freed: int = 0
    skipped: list[StepProblem] = field(default_factory=list)
    """Not done because something is not as planned; nothing is wrong."""
    failed: list[StepProblem] = field(default_factory=list)
    """Not done because of a system error."""
    unknown: list[str] = field(default_factory=list)
    """Why more than ``bytes_freed`` was freed, by an unknown amount; empty if that is all."""
    unknown_use: int = 0
    """Files that a program may have open for writing: this is unknown."""
    emptied: list[StepProblem] = field(default_factory=list)
    """Folders that are empty, because everything in them was quarantined, and why they stay."""
    folders: int = 0
    """Folders that the run emptied and that were removed, or put back, with their content."""
    recovered: list[StepProblem] = field(default_factory=list)
    """What an earlier, interrupted run had left half done, and what became of it."""
    unique: int = 0
    """Files and links that stay in the quarantine because they are kept nowhere else."""
    proofs: list[MemberProof] = field(default_factory=list)
    """Where the files of copies of trees that left, or were deleted, are kept."""

    def take_for_journal(self, size: int) -> None:
        """Subtract the bytes that the run's own journal took from what it freed."""
        self.bytes_freed = max(self.bytes_freed - size, 0)

    def add_freed(self, size: int, unknown: Iterable[str]) -> None:
        """Add bytes that are free now, and why there may be more."""
        self.bytes_freed += size
        self.unknown += [cause for cause in unknown if cause not in self.unknown]
