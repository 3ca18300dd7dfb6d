"""The journal of a run: what it is about to do and what became of it, in the quarantine itself.

JSON Lines in ``journal.jsonl``, each line on the disk before what it speaks of is done. A header,
then for each step an ``intent`` and an outcome: ``done``, ``taken back`` or ``stuck``; later
perhaps ``undone``, or ``purging`` and ``purged``. One file of a folder that was set aside may be
put back alone: before and after that the line of its step is written once more, with ``back``. It
is enough to take a run back, without any database: all paths in it are relative to the *base*, the
folder in which ``.gorillacomb`` stands, or say that they are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gorillacomb.fs.paths import is_below, join, relative_path

INTENT, DONE, TAKEN_BACK, STUCK = "intent", "done", "taken back", "stuck"
UNDONE, PURGING, PURGED = "undone", "purging", "purged"
REPAIR = "repair"
"""The action of a run that puts good copies in the place of damaged files."""
HELD = (DONE, STUCK, PURGING)
"""States in which something of a step is in the quarantine."""


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """Where the copy stands that is kept: relative to the base, or else absolute."""

    path: bytes
    inside: bool

    @classmethod
    def of(cls, path: bytes, base: bytes) -> KeptCopy:
        if is_below(path, base) and path != base:
            return cls(relative_path(path, base), True)
        return cls(path, False)

    def at(self, base: bytes) -> bytes:
        """Its absolute path, where the base stands now."""
        return join(base, self.path) if self.inside else self.path


@dataclass(frozen=True, slots=True)
class RepairContents:
    """Of a file that is repaired: what it is to hold, and what it held."""

    good: bytes
    """BLAKE3, 32 bytes; so is the other one."""
    damaged: bytes
    size: int
    """Bytes, of both."""


@dataclass(frozen=True, slots=True)
class MovedItem:
    """Something that went into the quarantine."""

    path: bytes
    """Where it stood, relative to the base."""
    slot: bytes
    """Its name in the run's folder."""
    keep: KeptCopy
    inode: int
    mtime_ns: int
    parent_mtime_ns: int | None = None
    """Of the folder that it stood in, before anything of the step went; None where that could not
    be told, and in the intents of old versions."""
    parent_after_ns: int | None = None
    """And after the step; None in an intent."""
    put: str | None = None
    """What was put in its place: ``hardlink`` or ``symlink``, or ``repair`` for a good copy."""
    put_inode: int = 0
    """Of the file to which a hard link was put."""
    put_text: bytes = b""
    """What the symbolic link says that was put."""
    contents: RepairContents | None = None
    """Of a repair, which sets aside only what has a good copy ready for its place."""


@dataclass(frozen=True, slots=True)
class ReturnedItem:
    """Something that was put back before the rest of its step was."""

    path: bytes
    """Where it is, relative to the base."""
    when_ns: int | None = None
    """None while that is about to be done."""
    made: int = 0
    """How many of the innermost folders around it were made for it."""
    cause: str | None = None
    """Why it was not put back."""
    keep: KeptCopy | None = None
    """Of a whole move, the copy that is kept for it; of what was inside of one, None."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as the journal has it."""

    step: str
    state: str
    kind: str
    files: int
    size: int
    """Bytes on disk."""
    moves: tuple[MovedItem, ...]
    nested: tuple[tuple[bytes, KeptCopy], ...] = ()
    """Paths relative to the first move, with the copy that is kept for what stands there."""
    cause: str | None = None
    when_ns: int = 0
    back: tuple[ReturnedItem, ...] = ()
    """In a line that is written, what it tells of; in a record, all of it so far."""
    set_aside_ns: int = 0
    """When the step was done, whatever became of it since."""
    files_set_aside: int = 0
    """How many that were then; ``files`` are those that are left of them."""
    size_set_aside: int = 0
    """Bytes on disk of those."""
    emptied: bool = False
    """Whether it is a folder that the run's other steps left with nothing in it."""

    def after(self, old: StepRecord | None) -> StepRecord:
        """Return this record with what an earlier one of its step told besides."""
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


@dataclass(slots=True)
class JournalContents:
    """What a journal says."""

    run: str
    plan: str
    action: str
    base: bytes
    """Where the base stood when it was written."""
    started_ns: int
    noise: frozenset[bytes] = frozenset()
    boot: str = ""
    """`boot_id` when it was begun; empty in a journal of 0.1.0."""
    uptime_ns: int = 0
    """`since_boot_ns` then."""
    steps: dict[str, StepRecord] = field(default_factory=dict)
    """In the order in which they were done last."""
    opened: set[bytes] = field(default_factory=set)
    """Slots with a folder out of which something was put back, or was about to be."""
    starts: dict[bytes, dict[int, int]] = field(default_factory=dict)
    """By folders relative to the base, for each mtime that the run met or left there the one from
    before the run, ns: where somebody else wrote there meanwhile, from after that."""
    torn: bool = False
    """Whether the last line is not whole: it was being written when the machine stopped."""

    def add(self, record: StepRecord) -> None:
        """Take a line of the journal in: what is begun anew comes last."""
        old = self.steps.get(record.step)
        if record.state == INTENT:
            self.steps.pop(record.step, None)
        self.steps[record.step] = record = record.after(old)
        for move in record.moves:
            if move.parent_mtime_ns is not None and move.parent_after_ns is not None:
                known = self.starts.setdefault(move.path.rpartition(b"/")[0], {})
                start = known.setdefault(move.parent_mtime_ns, move.parent_mtime_ns)
                known[move.parent_after_ns] = start
        for back in record.back:
            self.opened |= {
                move.slot
                for move in record.moves
                if back.path != move.path and is_below(back.path, move.path)
            }

    def half_done(self) -> list[StepRecord]:
        """Steps of a run that was cut short, of which something may be in the quarantine."""
        return [each for each in self.steps.values() if each.state == INTENT and each.moves]

    def held(self) -> list[StepRecord]:
        """Steps of which something is in the quarantine."""
        return [each for each in self.steps.values() if each.state in HELD and each.moves]
