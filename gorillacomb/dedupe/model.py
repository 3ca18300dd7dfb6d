"""The values of a dedupe plan: its steps, what was left alone, and what carrying it out came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gorillacomb.fs.paths import is_below, path_text


class DedupeAction(StrEnum):
    """What is done with a copy that is not kept."""

    QUARANTINE = "quarantine"
    """Set aside by a rename; frees nothing until the quarantine is emptied."""
    REFLINK = "reflink"
    """Its blocks are shared with those of the copy that is kept, by the kernel."""
    HARDLINK = "hardlink"
    """Set aside; a second name of the copy that is kept takes its place."""
    SYMLINK = "symlink"
    """Set aside; a symbolic link to the copy that is kept takes its place."""
    DELETE = "delete"
    """Set aside and, after the copy that is kept was compared once more, removed at once."""

    @property
    def takes_file_away(self) -> bool:
        """Whether the path no longer leads to a file of its own: what belongs to it would miss it.

        A reflink leaves the file where it is, with the same bytes.
        """
        return self is not DedupeAction.REFLINK

    @property
    def empties_path(self) -> bool:
        """Whether nothing that leads to the same bytes is put in the place of a file."""
        return self in (DedupeAction.QUARANTINE, DedupeAction.DELETE)

    @property
    def frees_at_once(self) -> bool:
        """Whether bytes are free when it is done; otherwise when the quarantine is emptied."""
        return self in (DedupeAction.DELETE, DedupeAction.REFLINK)


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
    """A file that is what its name says, and has no copy under that name."""
    ALBUM = "album"
    POINTER = "pointer"
    TRASH = "trash"
    OWN = "own"
    ATTRIBUTES = "attributes"
    """Two copies of which one has attributes or rights of its own."""
    LOCKED = "locked"
    """What cannot be moved: immutable, or in a folder of somebody else's."""
    UNSUPPORTED = "unsupported"
    """What a file system has no means for: sharing blocks, links."""
    ONE_COPY = "one copy"
    """Two names of one file, or two files on the same blocks."""
    UNIQUE = "unique"
    """A copy of a tree that holds something of its own besides."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path may be no step."""

    rule: SafetyRule
    cause: str
    place: bytes | None = None
    """The path that the cause is said of, where that is not what stands around."""


class Reference(NamedTuple):
    """Something that is needed where it is, since something else leads to it by its path."""

    target: bytes
    """Absolute, without links in its folders."""
    source: bytes
    """The path of a symbolic link, or of a file that names the target in its text."""
    line: int = 0
    """The line of that file, from 1; 0 for a link."""

    @property
    def shown(self) -> str:
        """The source in words."""
        return path_text(self.source) + (f" line {self.line}" if self.line else "")


@dataclass(frozen=True, slots=True)
class SkippedCopy:
    """What has a copy and stays nevertheless."""

    path: bytes
    """Absolute; a file, a folder, or the project that protects what is in it."""
    rule: SafetyRule
    cause: str
    files: int
    """Files in it that have a copy to keep elsewhere."""
    size: int
    """Bytes on disk of those."""


@dataclass(frozen=True, slots=True)
class RemovalPair:
    """A copy that goes, and the one that is kept for it; absolute paths."""

    path: bytes
    keep: bytes


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One file or folder that goes, as a whole or not at all."""

    id: str
    kind: str
    """``file`` or ``folder``."""
    path: bytes
    """Absolute."""
    keep: bytes
    """The copy that stays: the same content, or a folder that holds all of it under its names."""
    files: int
    size: int
    """Bytes on disk that are set aside, as du(1) counts them, or that are free at once."""
    reasons: tuple[str, ...] = ()
    """Why that copy is the one to keep."""
    nested: tuple[RemovalPair, ...] = ()
    """Folders inside of it that have another copy to keep than what stands around them."""
    sidecars: tuple[RemovalPair, ...] = ()
    """Files that go with it: of a picture its ``.xmp``, of an album all other pictures."""
    unknown: tuple[str, ...] = ()
    """Why more may be free than ``size``, which nobody can tell; empty where that is all."""

    @property
    def pairs(self) -> Iterator[RemovalPair]:
        """It and its sidecars."""
        yield RemovalPair(self.path, self.keep)
        yield from self.sidecars

    @property
    def keeps(self) -> Iterator[bytes]:
        """Every path that is counted on."""
        yield from (pair.keep for pair in (*self.pairs, *self.nested))


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user asked for; a plan carries it, since carrying it out obeys the same rules."""

    action: DedupeAction = DedupeAction.QUARANTINE
    protect: tuple[str, ...] = ()
    """Paths or globs that no step touches."""
    retire: tuple[bytes, ...] = ()
    """Folders out of which everything goes that stands elsewhere, even inside a project."""
    not_a_project: tuple[bytes, ...] = ()
    across_volumes: bool = False

    def retires(self, path: bytes) -> bool:
        """Whether a path is, or is in, a folder that is retired: its place means nothing more."""
        return any(is_below(path, each) for each in self.retire)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, not yet done."""

    uid: str
    """Random, 32 hex digits: by it a run knows what of the plan was done before."""
    made_ns: int
    options: PlanOptions
    steps: tuple[PlanStep, ...] = ()
    left_alone: tuple[SkippedCopy, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know beforehand: that a change reaches the cloud, for one."""

    @property
    def bytes_set_aside(self) -> int:
        """Bytes that wait in quarantine afterwards."""
        return 0 if self.options.action.frees_at_once else self._bytes

    @property
    def bytes_freed(self) -> int:
        """Bytes that are free at once; at least, where some of it is unknown."""
        return self._bytes - self.bytes_set_aside

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why it cannot be told how many bytes are free at once; empty where it can."""
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
    """What carrying out a plan, or taking it back, came to."""

    run: str
    done: list[PlanStep] = field(default_factory=list)
    before: int = 0
    """Steps that an earlier run of the same plan had done."""
    bytes_set_aside: int = 0
    bytes_freed: int = 0
    skipped: list[StepProblem] = field(default_factory=list)
    """Not done since something is not as planned; nothing is wrong."""
    failed: list[StepProblem] = field(default_factory=list)
    """Not done since the system would not."""
    unknown: list[str] = field(default_factory=list)
    """Why more was freed than ``bytes_freed``, which nobody can tell; empty where that is all."""
    unknown_use: int = 0
    """Files of which nobody can tell whether a program has them open for writing."""
    emptied: int = 0
    """Folders in which nothing is left, since all that they held was set aside."""
    folders: int = 0
    """Folders that the run emptied and that went, or came back, with what they had held."""
    recovered: list[StepProblem] = field(default_factory=list)
    """What an earlier run, cut short, had left half done, and what became of it."""

    def take_for_journal(self, size: int) -> None:
        """Count bytes that the run's own journal took of what it freed."""
        self.bytes_freed = max(self.bytes_freed - size, 0)

    def add_freed(self, size: int, unknown: Iterable[str]) -> None:
        """Count bytes that are free now, and why there may be more."""
        self.bytes_freed += size
        self.unknown += [cause for cause in unknown if cause not in self.unknown]
