"""Format what each of two folders contains that the other one lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gorillacomb.api.find.contents import ContentComparison, ContentSide
from gorillacomb.cli.output import render
from gorillacomb.cli.output.rolled_up import rolled_up_lines

_CAUSES = 4
"""Reasons for unknown contents that are named."""


def content_lines(found: ContentComparison, single_files: bool, shown: int | None) -> Iterator[str]:
    """Yield the two folders, what only one of them has, and what is unknown."""
    yield from _side_lines("A", found.a)
    yield from _side_lines("B", found.b)
    yield from _only_lines("A", "B", found.a, single_files, shown)
    yield from _only_lines("B", "A", found.b, single_files, shown)
    yield from _unproven_lines("A", found.a, shown)
    yield from _unproven_lines("B", found.b, shown)
    yield from _note_lines(found)


def _side_lines(letter: str, side: ContentSide) -> Iterator[str]:
    width = render.terminal_width()
    note = render.name_note(side.root.name)
    room = None if width is None else width - len(note) - 3
    yield f"{letter}: {render.short_path(side.path, room)}{note}"
    when = "never" if side.last_scan_ns is None else render.format_time(side.last_scan_ns)
    text = f"scanned to the end {when}" if side.last_scan_ns is None else f"last scan {when}"
    yield (
        f"   {render.format_count(side.files, 'file')}, {render.format_size(side.size)}; {text}"
        + ("" if side.is_online else render.styled(", not connected now", fg="yellow"))
    )


def _only_lines(
    here: str, there: str, side: ContentSide, single_files: bool, shown: int | None
) -> Iterator[str]:
    if not side.only_files:
        yield f"{render.styled(f'Only in {here}', bold=True)}: nothing that {there} lacks"
        return
    text = (
        f"{render.format_count(side.only_files, 'file')}, {render.format_size(side.only_size)}"
        f" of {side.files:,} ({render.format_size(side.size)})"
    )
    if side.only_contents < side.only_files:
        text += (
            f"; {render.format_count(side.only_contents, 'different content')},"
            f" {render.format_size(side.only_content_size)}"
        )
    yield f"{render.styled(f'Only in {here}', bold=True)}: {text}"
    entries = side.only(single_files=single_files)
    yield from rolled_up_lines(entries, side.only_files, shown)


def _unproven_lines(letter: str, side: ContentSide, shown: int | None) -> Iterator[str]:
    if not side.unproven:
        return
    many = render.format_count(side.unproven, "entry", "entries")
    title = render.styled(f"Unproven in {letter}", bold=True)
    if shown is None:
        yield f"{title}: {many} with unknown content"
        for each in side.unknown():
            path = render.printable_path(each.path or b".")
            yield f"  {path}: {render.printable(each.cause)}"
        return
    causes = Counter(each.cause for each in side.unknown())
    parts = [f"{number:,} {cause}" for cause, number in causes.most_common(_CAUSES)]
    parts += ["and others"] if len(causes) > _CAUSES else []
    text = f"{many} with unknown content: {', '.join(parts)} (--all)"
    yield f"{title}: {render.printable(text)}"


def _note_lines(found: ContentComparison) -> Iterator[str]:
    linked = max(found.a.linked_files, found.b.linked_files)
    if linked:
        many = render.format_count(linked, "file is", "files are")
        yield f"{many} in both by hard links: one copy under two names, not two copies."
    empty = found.a.empty_files + found.b.empty_files
    links = found.a.links + found.b.links
    parts = [
        render.format_count(number, *words)
        for number, words in (
            (empty, ("empty file",)),
            (links, ("symbolic link",)),
            (found.a.odd + found.b.odd, ("FIFO, socket or device", "FIFOs, sockets or devices")),
        )
        if number
    ]
    if parts:
        yield f"Not compared, as they have no content: {', '.join(parts)}."
