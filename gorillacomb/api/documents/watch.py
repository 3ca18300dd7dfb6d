"""The lines of `gorillacomb watch --json`: one for each event."""

from __future__ import annotations

from typing import Literal, TypedDict

from gorillacomb.api.documents.paths import PathDocument


class PulseDocument(TypedDict):
    """Whether the watcher is alive."""

    state: Literal["alive", "degraded", "dead"]
    age_seconds: float | None
    """Seconds since the last pulse; null if unknown."""
    sequence: int | None
    """The number of the last pulse; null if none can be read."""
    size: int | None
    """Entries in the trace when the watcher last cosigned it."""
    root: str | None
    """The root hash of the trace at that moment, in hex."""
    causes: list[str]
    """Why it is not simply alive."""
    life: Literal["alive", "degraded", "dead"]
    """The same as ``state``; will be removed after the next release."""
    age_ns: str | None
    """As ``age_seconds``, in ns as decimal text; will be removed after the next release."""
    pulse: dict[str, object] | None
    """The last pulse as it was signed; will be removed after the next release."""


class EventLine(TypedDict):
    """Something that happened."""

    time_ns: str
    """When."""


class ScannedLine(EventLine):
    """A scan that was completed."""

    event: Literal["scanned"]
    folders: int | None
    """How many folders were scanned; null for whole roots."""
    files: int
    new: int
    changed: int
    moved: int
    gone: int
    folders_moved: int
    stamped: int
    restamped: int
    moved_stamps: int
    retired: int
    seconds: float


class DamagedLine(EventLine, PathDocument):
    """A file whose content changed while its size and times did not."""

    event: Literal["damaged", "suspect"]
    """``suspect`` where its ctime or inode changed too, which may be an edit."""
    good: list[PathDocument]
    """Files with the content that was recorded."""


class CauseLine(EventLine):
    """A problem that began or ended."""

    event: Literal["degraded", "recovered"]
    cause: str


class BackLine(EventLine, PathDocument):
    """A root that is available again."""

    event: Literal["back"]


class NewRootDocument(TypedDict, total=False):
    """The folder that is watched from now on. One of the two keys is present."""

    root: str
    root_b64: str


class FollowedLine(EventLine, PathDocument, NewRootDocument):
    """A watched path that leads to another folder now."""

    event: Literal["followed"]


class ManifestBrokenLine(EventLine):
    """A guarded folder that differs from its manifest. The other keys count the differences."""

    event: Literal["manifest-broken"]
    manifest: PathDocument
    root: PathDocument
    changed: int
    damaged: int
    suspect: int
    missing: int
    extra: int
    renamed: int
    mode: int
    unreadable: int


class EndedLine(EventLine):
    """The orderly end of the watcher."""

    event: Literal["ended"]


WatchLine = (
    ScannedLine | DamagedLine | CauseLine | BackLine | FollowedLine | ManifestBrokenLine | EndedLine
)
"""A line, by its event."""
