"""Format folders that belong together."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from gorillacomb.api.find.folders import (
    FamilyReport,
    RelatedFolder,
    RelationKind,
    SamePathReport,
    relation_text,
)
from gorillacomb.api.paths import relative_path
from gorillacomb.cli.output import render

_LABEL, _WIDEST = 32, 44
"""Columns that the words about a folder take at least, before its date and path; and at most."""
_MEMBERS = 12
"""Folders of a family that are named, unless all are requested."""
_NAMED = 2
"""Files that are named of those that the folder to keep lacks."""
PERHAPS_DAMAGED = "same size and time but other content: one of the two may be damaged"
_RANK = {kind: rank for rank, kind in enumerate(RelationKind)}


def family_lines(
    family: FamilyReport, most: int | None = _MEMBERS, heading: bytes = b""
) -> list[str]:
    """Format a family, one line per folder, the one to keep first.

    Paths are relative to their common parent. Beyond ``most`` other folders, the rest are counted.
    ``heading`` is what to call it instead of its name, if others are shown with it.
    """
    paths = [family.keep, *(each.path for each in family.others)]
    around = os.path.commonpath([os.path.dirname(path) for path in paths])
    head = f"{render.printable_path(heading or family.name)}: {len(paths)} places in "
    width = render.terminal_width()
    room = None if width is None else width - render.display_width(head)
    holdings = f"{render.format_count(family.files, 'file')}, {render.format_size(family.size)}"
    others = sorted(family.others, key=lambda each: (_RANK[each.kind], each.relation.a.first))
    labels = [f"keep: {holdings}", *(relation_text(each.relation) for each in others[:most])]
    column = max(_LABEL, *(len(label) for label in labels if len(label) <= _WIDEST))
    lines = [
        render.styled(head, bold=True) + render.short_path(around, room),
        _line(labels[0], column, _day(family.last_work_ns), family.keep, around),
    ]
    lines += render.wrapped_paragraph("because: " + "; ".join(family.reasons), "    ")
    for label, each in zip(labels[1:], others, strict=False):
        lines.append(_line(label, column, _day(each.last_work_ns), each.path, around))
        lines += _own(each)
        lines += _perhaps_damaged(each)
        if most is None:
            lines += render.wrapped_paragraph("; ".join(_details(each)), "    ")
    if most is not None and len(others) > most:
        lines.append(f"  and {render.format_count(len(others) - most, 'more place')} (--all)")
    return lines


def same_path_lines(found: SamePathReport) -> list[str]:
    """Say which tree a folder is part of, and what other copies have at its path."""
    tree = render.printable_path(found.tree)
    head = f"  in one of {found.copies:,} copies of {tree}; "
    if found.counterparts is None:
        return [head + "the others have nothing at its path"]
    return [head + "at the same path in them:", *family_lines(found.counterparts)]


def family_headings(families: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Return what to call families that are shown together, given name and kept folder of each.

    That is the name, with as much of the path before it as it takes to tell it from the others.
    """
    parts = [keep.split(b"/") for _, keep in families]
    most = max(map(len, parts), default=0)
    seen = [Counter(tuple(each[-count:]) for each in parts) for count in range(1, most + 1)]
    found = []
    for (name, _), each in zip(families, parts, strict=True):
        least = name.count(b"/") + 1
        counts = range(least, len(each) + 1)
        count = next((one for one in counts if seen[one - 1][tuple(each[-one:])] == 1), least)
        found.append(name if count == least else b"/".join(each[-count:]))
    return found


def _day(time_ns: int) -> str:
    """Format when a folder was last worked on."""
    return time.strftime("%Y-%m-%d", time.localtime(time_ns / 1e9)) if time_ns else "never"


def _details(folder: RelatedFolder) -> Iterator[str]:
    """Say what a copy has in common with the one to keep, and what not."""
    relation, entries = folder.relation, folder.relation.entries
    shared = relation.shared.files
    yield f"{shared:,} of {shared + relation.only_a.files:,} contents in common"
    if len(entries.only_a) + len(entries.changed) + len(entries.moved) > sum(relation.counts[:3]):
        yield (
            f"with machine-made folders {len(entries.only_a):,} only here,"
            f" {len(entries.changed):,} differ, {len(entries.moved):,} moved"
        )
    yield render.format_size(relation.a.size)
    if folder.via is not None:
        yield f"a copy of {render.printable_path(folder.via)} rather than of the one to keep"


def _line(label: str, column: int, day: str, path: bytes, around: bytes) -> str:
    width = render.terminal_width()
    label = f"  {label:<{column}} {day:<10} "
    room = None if width is None else width - render.display_width(label)
    return label + render.shorten_path(render.printable_path(relative_path(path, around)), room)


def _own(folder: RelatedFolder) -> list[str]:
    """Name some of the files that a folder has and the one to keep lacks."""
    own = folder.own_paths()
    more = f" and {len(own) - _NAMED:,} more" if len(own) > _NAMED else ""
    text = ", ".join(render.printable_path(path) for path in own[:_NAMED]) + more
    tail = ""
    # A copy that is contained is said to lack entries.
    if folder.relation.more_b and folder.kind is not RelationKind.CONTAINED:
        tail = f"{'; ' if own else ''}the kept one has {folder.relation.more_b:,} more"
    if not text and not tail:
        return []
    width = render.terminal_width()
    room = None if width is None else width - 4 - len(tail)
    return ["    " + render.shorten_path(text, room) + tail]


def _perhaps_damaged(folder: RelatedFolder) -> list[str]:
    """Name a file that is a copy by size and time, but not by content, and count the others."""
    found = folder.relation.entries.perhaps_damaged
    if not found:
        return []
    label = f"    {PERHAPS_DAMAGED}:"
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    width = render.terminal_width()
    room = None if width is None else width - 6 - len(more)
    return [label, "      " + render.shorten_path(render.printable_path(found[0]), room) + more]
