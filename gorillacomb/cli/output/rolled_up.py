"""Format what exists in one place only, rolled up by folder, the largest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from gorillacomb.api.unique import RolledUpEntry
from gorillacomb.cli.output import render


def rolled_up_lines(
    entries: Iterable[RolledUpEntry], files: int, shown: int | None
) -> Iterator[str]:
    """Yield a line for each entry; beyond those ``shown``, count the rest of all ``files``."""
    told = 0
    for entry in islice(entries, shown):
        told += entry.files
        yield rolled_up_line(entry)
    if told < files:
        more = render.format_count(files - told, "more file")
        yield f"  and {more}; --all names everything"


def rolled_up_line(entry: RolledUpEntry) -> str:
    """Format one entry: its size, its path, and for a folder the number of files."""
    width = render.terminal_width()
    label = f"  {render.format_size(entry.size):>9}  "
    if entry.kind == "file":
        return label + render.shorten_path(
            render.printable_path(entry.path), width and width - len(label)
        )
    note = f"  ({render.format_count(entry.files, 'file')}"
    note += "" if entry.is_whole else ", the rest exists elsewhere"
    note += f", {entry.unproven:,} unproven)" if entry.unproven else ")"
    path = render.printable_path(entry.path or b".") + "/"
    return label + render.shorten_path(path, width and width - len(label) - len(note)) + note
