"""Format marks."""

from __future__ import annotations

from gorillacomb.api.dedupe.marks import MarkedPath, MarkState
from gorillacomb.cli.output import render

_STATES = {MarkState.CHANGED: " (changed since)", MarkState.MISSING: " (missing)"}


def mark_line(mark: MarkedPath) -> str:
    """Return a mark as one line."""
    return f"{render.printable_path(mark.path)}: {mark_text(mark)}"


def mark_text(mark: MarkedPath) -> str:
    """Return a mark in words, without its path."""
    note = "" if mark.note is None else f": {render.printable(mark.note)}"
    state = _STATES.get(mark.state, "")
    return f"marked {mark.kind}, {render.format_time(mark.marked_ns)}{state}{note}"
