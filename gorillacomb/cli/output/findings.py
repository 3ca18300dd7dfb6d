"""The findings of a scan in at most 15 lines: what a person can act on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.cli.output import render
from gorillacomb.fs.paths import common_suffix_parts, join
from gorillacomb.index import content_queries, folder_queries, stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.model import EntryState, FolderState, GroupSummary, RootReport, ScanReport

_SHOWN = 3
"""Groups that are named; the rest is counted."""


def summary_lines(index: Index, report: ScanReport) -> list[str]:
    """The findings of a scan in at most 15 lines."""
    named = report.roots if len(report.roots) <= 2 else report.roots[:1]
    lines = [_headline(root) for root in named]
    if len(report.roots) > len(named):
        lines.append(f"  and {render.format_count(len(report.roots) - len(named), 'more root')}")
    lines.append(_work(report))
    lines += _redundancy(index, report)
    lines += _gaps(index)
    lines += _left(index)
    if report.other_file_systems:
        first = render.short_path(report.other_file_systems[0], 26)
        more = len(report.other_file_systems) - 1
        also = f" and {more} more" if more else ""
        lines.append(f"Not entered: {first}{also} (other drives; --cross-file-systems)")
    lines += _next_steps(index)
    return lines


def _headline(root: RootReport) -> str:
    more = f" and {len(root.scopes) - 1} more in it" if len(root.scopes) > 1 else ""
    tail = (
        f"{more}: {render.format_count(root.files, 'file')}, {render.format_size(root.size)},"
        f" {render.format_count(root.folders, 'folder')}"
    )
    width = render.terminal_width()
    room = None if width is None else width - len("Combed ") - len(tail)
    return f"{render.styled('Combed', bold=True)} {render.short_path(root.scopes[0], room)}{tail}"


def _work(report: ScanReport) -> str:
    read = (
        f"read {render.format_count(report.hashed_files, 'file')} "
        f"({render.format_size(report.hashed_bytes)})"
    )
    text = f"in {report.seconds:.1f} s, {read}"
    changes = report.changes
    if any(root.first for root in report.roots):
        return f"  {text}"
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (changes.new, "new"),
            (changes.changed, "changed"),
            (changes.moved, "moved"),
            (changes.gone, "gone"),
        )
        if number
    ]
    if changes.folders_moved:
        parts.append(f"{render.format_count(changes.folders_moved, 'folder')} moved")
    missing = any(root.suspect is not None for root in report.roots)
    same = "no change is noted" if missing else "nothing changed since the last scan"
    text = f"{text}; " + (", ".join(parts) or same)
    return "\n".join(render.wrapped_paragraph(text, "  "))


def _redundancy(index: Index, report: ScanReport) -> list[str]:
    groups, copies, wasted = content_queries.content_totals(index.connection)
    empty = content_queries.empty_files(index.connection)
    if not groups:
        lines = ["No two files are the same."]
    else:
        summary = (
            f"{render.format_count(copies, 'copy', 'copies')} too many in"
            f" {render.format_count(groups, 'group')} take {render.format_size(wasted)} on disk"
        )
        roots = {root.id: root for root in all_roots(index.connection)}
        where = f" in all {len(roots)} roots" if len(roots) > len(report.roots) else ""
        lines = [render.styled(f"Duplicates{where}: ", bold=True) + summary]
        paths = FolderPaths(index.connection, roots)
        for group in content_queries.groups(index.connection, _SHOWN):
            lines.append(_group_line(index, paths, group))
    if empty:
        lines.append(f"Empty files: {empty:,} (not counted as duplicates)")
    return lines


def _next_steps(index: Index) -> list[str]:
    if not content_queries.content_totals(index.connection)[0]:
        return []
    return [
        "Next: gorillacomb folders       which folders are copies, and which one to keep",
        "      gorillacomb dupes         every group, the most wasteful first",
        "      gorillacomb explain PATH  one file or folder, and why that copy",
    ]


def _group_line(index: Index, paths: FolderPaths, summary: GroupSummary) -> str:
    """A group by the name that its copies share, without a place.

    Which one to keep hangs on how the folders relate, and that is not known before all is read.
    """
    label = (
        f"  {render.format_size(summary.reclaimable):>9} in"
        f" {render.format_count(summary.copies, 'copy', 'copies')} of "
    )
    found = list(_paths(index, paths, summary.digest))
    named = common_suffix_parts(found)
    note = "" if named else ", and under other names"
    named = named or _most_common(map(os.path.basename, found))
    width = render.terminal_width()
    room = None if width is None else width - render.display_width(label) - len(note)
    return label + render.shorten_path(render.printable_path(named), room) + note


def _paths(index: Index, paths: FolderPaths, digest: bytes) -> Iterator[bytes]:
    """Those of all files that hold a content."""
    for folder, name, _ in stamps.holders_of(index.connection, digest):
        place = paths.place(folder)
        if place is not None:
            yield join(place[1], name)


def _most_common(names: Iterable[bytes]) -> bytes:
    numbers = Counter(names)
    return min(numbers, key=lambda name: (-numbers[name], name), default=b"")


def _gaps(index: Index) -> list[str]:
    """What was not looked at, and why, in two lines at most."""
    states = content_queries.counts_by_state(index.connection)
    folders = folder_queries.count_folders_by_state(index.connection)
    parts = []
    if EntryState.PLACEHOLDER in states:
        files, size = states[EntryState.PLACEHOLDER]
        parts.append(
            f"{render.format_count(files, 'file')}, {render.format_size(size)} "
            f"{FILE_CAUSES[EntryState.PLACEHOLDER]}"
        )
    for state in (
        EntryState.UNREADABLE,
        EntryState.UNSTABLE,
        EntryState.EXCLUDED,
        EntryState.TOO_SMALL,
    ):
        if state in states:
            parts.append(f"{render.format_count(states[state][0], 'file')} {FILE_CAUSES[state]}")
    for folder_state in (FolderState.UNREADABLE, FolderState.EXCLUDED):
        if folder_state in folders:
            number = render.format_count(folders[folder_state], "folder")
            parts.append(f"{number} {FOLDER_CAUSES[folder_state]}")
    if not parts:
        return []
    text = "Not looked at: " + "; ".join(parts)
    width = render.terminal_width()
    return [render.shorten_path(text, width)]


def _left(index: Index) -> list[str]:
    """What is still unread when the duplicates are known."""
    files, size = content_queries.counts_by_state(index.connection).get(EntryState.PENDING, (0, 0))
    if not files:
        return []
    return [
        f"Without a copy, and not read yet: {render.format_count(files, 'file')}, "
        f"{render.format_size(size)}"
    ]
