"""Format the findings of a scan in at most 15 lines: what the user can act on."""

from __future__ import annotations

from gorillacomb.api.scan import (
    FILE_CAUSES,
    FOLDER_CAUSES,
    LargestGroup,
    ScanFindings,
    ScanReport,
)
from gorillacomb.cli.output import render
from gorillacomb.model import EntryState, FolderState, RootReport


def summary_lines(findings: ScanFindings) -> list[str]:
    """Format the findings of a scan in at most 15 lines."""
    report = findings.report
    named = report.roots if len(report.roots) <= 2 else report.roots[:1]
    lines = [_headline(root) for root in named]
    if len(report.roots) > len(named):
        lines.append(f"  and {render.format_count(len(report.roots) - len(named), 'more root')}")
    lines.append(_work(report))
    lines += _redundancy(findings)
    lines += _gaps(findings)
    lines += _left(findings)
    if report.other_file_systems:
        first = render.short_path(report.other_file_systems[0], 26)
        more = len(report.other_file_systems) - 1
        also = f" and {more} more" if more else ""
        lines.append(f"Not entered: {first}{also} (other drives; --cross-file-systems)")
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
    parts = render.counted(
        (changes.new, "new"),
        (changes.changed, "changed"),
        (changes.moved, "moved"),
        (changes.gone, "gone"),
    )
    if changes.folders_moved:
        parts.append(f"{render.format_count(changes.folders_moved, 'folder')} moved")
    missing = any(root.suspect is not None for root in report.roots)
    same = "no changes recorded" if missing else "nothing changed since the last scan"
    text = f"{text}; " + (", ".join(parts) or same)
    return "\n".join(render.wrapped_paragraph(text, "  "))


def _redundancy(findings: ScanFindings) -> list[str]:
    totals = findings.totals
    if not totals.groups:
        lines = ["No two files are the same."]
    else:
        summary = (
            f"{render.format_count(totals.redundant_files, 'surplus copy', 'surplus copies')} in"
            f" {render.format_count(totals.groups, 'group')} take"
            f" {render.format_size(totals.redundant_bytes)} on disk"
        )
        is_all = findings.roots > len(findings.report.roots)
        where = f" in all {findings.roots} roots" if is_all else ""
        lines = [render.styled(f"Duplicates{where}: ", bold=True) + summary]
        names: set[bytes] = set()
        for group in findings.largest:
            lines.append(_group_line(group, group.name in names))
            names.add(group.name)
    if findings.empty_files:
        lines.append(f"Empty files: {findings.empty_files:,} (not counted as duplicates)")
    return lines


def _group_line(group: LargestGroup, is_another: bool) -> str:
    """Format a group; ``is_another`` says whether one of the same name precedes it."""
    label = (
        f"  {render.format_size(group.summary.reclaimable):>9} in"
        f" {render.format_count(group.summary.copies, 'copy', 'copies')} of "
        f"{'another ' if is_another else ''}"
    )
    note = "" if group.is_shared else ", and under other names"
    width = render.terminal_width()
    room = None if width is None else width - render.display_width(label) - len(note)
    return label + render.shorten_path(render.printable_path(group.name), room) + note


def _gaps(findings: ScanFindings) -> list[str]:
    """Say what was not looked at, and why, in at most two lines."""
    states, folders = findings.files_by_state, findings.folders_by_state
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


def _left(findings: ScanFindings) -> list[str]:
    """Say what is still unread when the duplicates are known."""
    files, size = findings.files_by_state.get(EntryState.PENDING, (0, 0))
    if not files:
        return []
    return [
        f"Without a copy, and not read yet: {render.format_count(files, 'file')}, "
        f"{render.format_size(size)}"
    ]
