"""The journal of a run, in the quarantine itself: what it is about to do and what became of it.

JSON Lines in ``journal.jsonl``; each line is on disk before what it announces is done. A header,
then for each step an ``intent`` and an outcome: ``done``, ``taken back`` or ``stuck``; later
perhaps ``undone``, or ``purging`` and ``purged``. One file of a quarantined folder may be put back
alone: before and after that, the line of its step is written once more, with ``back``. The journal
suffices to take a run back, without any database: all paths in it are relative to the *base*, the
folder that contains ``.gorillacomb``, or say that they are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.model import KeptPlace
from gorillacomb.dedupe.proof import MemberProof
from gorillacomb.fs.paths import is_below, join, relative_path

INTENT, DONE, TAKEN_BACK, STUCK = "intent", "done", "taken back", "stuck"
UNDONE, PURGING, PURGED = "undone", "purging", "purged"
COPIED, UNDOING = "copied", "undoing"
"""States of a copy: complete, but not at its place yet; being taken back."""
OMNIDROP = b"Omnidrop"
"""The folder in which folders are made for drops; nothing else in a root is taken for one."""
COPY_SLOT = b".copy-"
"""How the names of slots begin in which copies are made; nothing else is in them."""
REPAIR = "repair"
"""The action of a run that replaces damaged files with good copies."""
EMPTIED = "+"
"""How the names of steps begin that no plan has: for folders that the others left empty."""
HELD = (DONE, STUCK, PURGING)
"""States in which something of a step is in the quarantine."""


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """Where the kept copy is: relative to the base, or else absolute."""

    path: bytes
    inside: bool

    @classmethod
    def of(cls, path: bytes, base: bytes) -> KeptCopy:
        if is_below(path, base) and path != base:
            return cls(relative_path(path, base), True)
        return cls(path, False)

    def at(self, base: bytes) -> bytes:
        """Return its absolute path, given where the base is now."""
        return join(base, self.path) if self.inside else self.path

    def now(self, base: bytes, bases: Mapping[bytes, bytes]) -> bytes:
        """Return its absolute path, although its drive may be mounted elsewhere by now.

        ``bases`` has the bases of the run: where each was when the run began, and where it is.
        """
        path = self.at(base)
        around = [then for then in bases if is_below(path, then)]
        if self.inside or not around:
            return path
        then = max(around, key=len)
        return join(bases[then], relative_path(path, then))


@dataclass(frozen=True, slots=True)
class RepairContents:
    """What a repaired file is to contain, and what it contained."""

    good: bytes
    """BLAKE3, 32 bytes; so is the other one."""
    damaged: bytes
    size: int
    """Bytes, of both."""


@dataclass(frozen=True, slots=True)
class MovedItem:
    """Something that was moved into the quarantine."""

    path: bytes
    """Where it was, relative to the base."""
    slot: bytes
    """Its name in the run's folder."""
    keep: KeptCopy
    inode: int
    mtime_ns: int
    parent_mtime_ns: int | None = None
    """The mtime of its folder before anything of the step was moved; None if unknown, and in the
    intents of old versions.
    """
    parent_after_ns: int | None = None
    """The same after the step; None in an intent."""
    put: str | None = None
    """What was put in its place: ``hardlink`` or ``symlink``, or ``repair`` for a good copy."""
    put_inode: int = 0
    """The inode of the file that the hard link in its place refers to."""
    put_text: bytes = b""
    """The text of the symbolic link in its place."""
    contents: RepairContents | None = None
    """Set for a repair, which only quarantines a file whose good copy is ready."""


@dataclass(frozen=True, slots=True)
class ReturnedItem:
    """Something that was put back before the rest of its step."""

    path: bytes
    """Where it is, relative to the base."""
    when_ns: int | None = None
    """None while it is about to be done."""
    made: int = 0
    """How many of the innermost folders around it were created for it."""
    cause: str | None = None
    """Why it was not put back."""
    keep: KeptCopy | None = None
    """For a whole move, the copy that is kept for it; None for something inside one."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as recorded in the journal."""

    step: str
    state: str
    kind: str
    files: int
    size: int
    """Bytes on disk."""
    moves: tuple[MovedItem, ...]
    nested: tuple[tuple[bytes, KeptCopy], ...] = ()
    """Paths relative to the first move, with the copy that is kept for what is there."""
    cause: str | None = None
    when_ns: int = 0
    back: tuple[ReturnedItem, ...] = ()
    """In a line to be written, what it reports; in a record, all of it so far."""
    set_aside_ns: int = 0
    """When the step was done, whatever became of it since."""
    files_set_aside: int = 0
    """How many files it quarantined then; ``files`` counts those that are left."""
    size_set_aside: int = 0
    """Bytes on disk of those."""
    emptied: bool = False
    """Whether it is a folder that the run's other steps left empty, or an empty folder that is a
    step of the plan."""
    kept_in: tuple[tuple[KeptCopy, int], ...] = ()
    """Where the files of a folder are kept, and how many, if not all in its kept copy."""
    system_files: int = 0
    """How many of the files that it quarantined are system files such as .DS_Store, which are not
    counted as copies."""
    is_member: bool = False
    """Whether it is a copy of a tree that left whole: links that were copied need not resolve."""
    left: tuple[bytes, ...] = ()
    """Other such copies that had been in it and left before, by paths relative to it."""
    regenerable: tuple[bytes, ...] = ()
    """Folders in it that a program makes again from a lock file, by paths relative to it."""
    repositories: tuple[bytes, ...] = ()
    """Its `.git`, if the kept one has all of its objects and refs, by its path relative to it."""
    in_history: tuple[tuple[bytes, bytes], ...] = ()
    """Files in it that the history of the kept copy contains: relative paths, and object ids."""
    proof: tuple[tuple[str, int], ...] = ()
    """Of a copy of a tree that left: how many files and links are kept by what, by the values of
    `Holder`, as was compared; empty in the journals of earlier versions."""

    @property
    def is_empty_folder(self) -> bool:
        """Whether it is a step of the plan for an empty folder."""
        return self.emptied and not self.step.startswith(EMPTIED)

    def kept_places(self, base: bytes) -> tuple[KeptPlace, ...]:
        """Return where its files are kept, most files first; empty if its kept copy has them all.

        ``base`` is where the base is now.
        """
        return tuple(KeptPlace(keep.at(base), files) for keep, files in self.kept_in)

    def member_proof(self, base: bytes) -> MemberProof | None:
        """Return where the files of a copy of a tree are kept; None if that was not recorded.

        ``base`` is where the base is now.
        """
        if not (self.proof and self.moves):
            return None
        move = self.moves[0]
        return MemberProof(join(base, move.path), move.keep.at(base), dict(self.proof))

    def after(self, old: StepRecord | None) -> StepRecord:
        """Return this record combined with what an earlier one of its step reported."""
        if old is None or self.state == INTENT:
            return self._set_aside_now()
        slots = {move.slot for move in self.moves}
        gone = (each for each in old.moves if each.slot not in slots)
        left = (ReturnedItem(each.path, self.when_ns, keep=each.keep) for each in gone)
        back = {each.path: each for each in (*old.back, *left, *self.back)}
        kept = tuple(each for each in back.values() if each.cause is None)
        if old.state == INTENT:
            return replace(self, back=kept)._set_aside_now()
        return replace(
            self,
            back=kept,
            set_aside_ns=old.set_aside_ns,
            files_set_aside=old.files_set_aside,
            size_set_aside=old.size_set_aside,
        )

    def _set_aside_now(self) -> StepRecord:
        return replace(
            self,
            set_aside_ns=self.when_ns,
            files_set_aside=self.files,
            size_set_aside=self.size,
        )


@dataclass(frozen=True, slots=True)
class CopyRecord:
    """A copy as recorded in the journal."""

    step: str
    state: str
    source: KeptCopy
    """The folder from which it was copied, or what was brought."""
    path: bytes
    """The new folder, or the place of what was brought, relative to the base."""
    slot: bytes
    items: tuple[bytes, ...]
    """What is copied, relative to both; empty for what is brought."""
    files: int
    size: int
    """Bytes."""
    inode: int = 0
    """Of the new folder; 0 before it is complete."""
    made_parent: bool = False
    """Whether the folder around it was created for it."""
    parent_mtime_ns: int | None = None
    """The mtime of the folder that contains what was created, before that."""
    parent_after_ns: int | None = None
    """The same after that."""
    when_ns: int = 0
    cause: str | None = None
    digest: bytes = b""
    """BLAKE3 of a file that was dropped, 32 bytes; empty for other copies."""
    top: bytes = b""
    """The folder that was made for a drop, relative to the base; empty for other copies."""

    @property
    def is_dropped(self) -> bool:
        """Whether it came from outside the scanned folders: it is compared by its digest."""
        return bool(self.digest)

    @property
    def is_brought(self) -> bool:
        """Whether it was put into a folder that has other things, too: not on a shelf."""
        return not self.items

    @property
    def created(self) -> MovedItem:
        """What was created outside the quarantine, as an item with the times of its folder."""
        path = self.path.rpartition(b"/")[0] if self.made_parent else self.path
        times = self.parent_mtime_ns, self.parent_after_ns
        return MovedItem(path, self.slot, self.source, self.inode, 0, *times)


@dataclass(slots=True)
class JournalContents:
    """What a journal says."""

    run: str
    plan: str
    action: str
    base: bytes
    """Where the base was when it was written."""
    started_ns: int
    noise: frozenset[bytes] = frozenset()
    boot: str = ""
    """`boot_id` when the run began; empty in a journal of 0.1.0."""
    uptime_ns: int = 0
    """`since_boot_ns` at that time."""
    steps: dict[str, StepRecord] = field(default_factory=dict)
    """In the order in which they were last done."""
    copies: dict[str, CopyRecord] = field(default_factory=dict)
    """What was copied to a place outside the quarantine."""
    opened: set[bytes] = field(default_factory=set)
    """Slots with a folder from which something was put back, or was about to be."""
    starts: dict[bytes, dict[int, int]] = field(default_factory=dict)
    """By folders relative to the base: for each mtime that the run met or left there, the one from
    before the run, in ns; or, if someone else wrote there in the meantime, the one after that.
    """
    torn: bool = False
    """Whether the last line is incomplete: it was being written when the machine stopped."""

    def add(self, record: StepRecord) -> None:
        """Add a line of the journal: a step that begins again moves to the end."""
        old = self.steps.get(record.step)
        if record.state == INTENT:
            self.steps.pop(record.step, None)
        self.steps[record.step] = record = record.after(old)
        for move in record.moves:
            self._note_times(move)
        for back in record.back:
            self.opened |= {
                move.slot
                for move in record.moves
                if back.path != move.path and is_below(back.path, move.path)
            }

    def add_copy(self, copy: CopyRecord) -> None:
        """Add a line about a copy."""
        self.copies[copy.step] = copy
        self._note_times(copy.created)

    def _note_times(self, move: MovedItem) -> None:
        if move.parent_mtime_ns is not None and move.parent_after_ns is not None:
            known = self.starts.setdefault(move.path.rpartition(b"/")[0], {})
            start = known.setdefault(move.parent_mtime_ns, move.parent_mtime_ns)
            known[move.parent_after_ns] = start

    def copies_left(self) -> list[CopyRecord]:
        """Return the copies that are at their place, or on the way to or from it."""
        return [each for each in self.copies.values() if each.state not in (UNDONE, TAKEN_BACK)]

    def copies_that_stayed(self) -> list[CopyRecord]:
        """Return the copies that an undo left at their place, as they were not like the original.

        Someone may make them like it again, and undo the run once more.
        """
        return [each for each in self.copies.values() if each.state == UNDONE and each.cause]

    def half_done(self) -> list[StepRecord]:
        """Return the steps of an interrupted run that may have something in the quarantine."""
        return [each for each in self.steps.values() if each.state == INTENT and each.moves]

    def held(self) -> list[StepRecord]:
        """Return the steps that have something in the quarantine."""
        return [each for each in self.steps.values() if each.state in HELD and each.moves]
