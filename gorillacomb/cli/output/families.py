"""How folders that belong together are told, to people and in JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.stores import is_opaque
from gorillacomb.cli.output import render
from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
from gorillacomb.folders.content_sets import ContentAmount
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.paths import relative_path
from gorillacomb.json_paths import path_to_json

_LABEL = 35
"""Columns before a path."""
_MEMBERS = 12
"""Folders of a family that are named, unless all are wanted."""
_NAMED = 2
"""Files that are named of those that the folder to keep lacks."""
_RANK = {kind: rank for rank, kind in enumerate(RelationKind)}


def family_lines(
    folders: FolderAnalysis, family: FolderFamily, most: int | None = _MEMBERS
) -> list[str]:
    """A family in a line for each folder, the one to keep first; paths from what is around all.

    Of more than ``most`` other folders the rest is counted.
    """
    keep = family.keep
    around = os.path.commonpath([os.path.dirname(folders.path(each)) for each in family.members])
    head = f"{_name(folders, keep)}: {len(family.members)} places in "
    width = render.terminal_width()
    room = None if width is None else width - render.display_width(head)
    lines = [
        render.styled(head, bold=True) + render.short_path(around, room),
        _line(f"keep: {_holdings(keep)}", folders.path(keep), around),
    ]
    lines += render.wrapped_paragraph("because: " + "; ".join(family.reasons), "    ")
    relations = sorted(folders.relations(family), key=lambda each: (_RANK[each.kind], each.a.first))
    for relation in relations[:most]:
        lines.append(_line(relation_text(relation), folders.path(relation.a), around))
        lines += _own(relation)
    if most is not None and len(relations) > most:
        lines.append(f"  and {render.format_count(len(relations) - most, 'more place')} (--all)")
    return lines


def _name(folders: FolderAnalysis, folder: TreeFolder) -> str:
    return render.printable_path(folder.name or folders.path(folder))


def family_name(folders: FolderAnalysis, family: FolderFamily) -> str:
    """What a family is called: as the folder to keep."""
    return _name(folders, family.keep)


def _holdings(folder: TreeFolder) -> str:
    return f"{render.format_count(folder.files, 'file')}, {render.format_size(folder.size)}"


def _line(label: str, path: bytes, around: bytes) -> str:
    width = render.terminal_width()
    label = f"  {label:<{_LABEL - 3}} "
    room = None if width is None else width - render.display_width(label)
    return label + render.shorten_path(render.printable_path(relative_path(path, around)), room)


def _own(relation: FolderRelation) -> list[str]:
    """Some of what a folder has that the one to keep lacks."""
    if relation.kind in (
        RelationKind.IDENTICAL,
        RelationKind.CONTAINED,
        RelationKind.SAME_CONTENT,
        RelationKind.CONTENT_CONTAINED,
    ):
        return []
    entries = relation.entries
    own = [
        path
        for path in (*entries.only_a, *entries.changed)
        if not any(is_opaque(part) or is_machine_made(part, True) for part in path.split(b"/"))
    ]
    if not relation.only_a.files or not own:
        return []
    more = f" and {len(own) - _NAMED:,} more" if len(own) > _NAMED else ""
    text = ", ".join(render.printable_path(path) for path in own[:_NAMED]) + more
    width = render.terminal_width()
    return ["    " + render.shorten_path(text, None if width is None else width - 4)]


def relation_text(relation: FolderRelation) -> str:
    """How A relates to B in a few words, B being the folder to keep."""
    entries = relation.entries
    if relation.kind is RelationKind.IDENTICAL:
        return "identical"
    if relation.kind is RelationKind.SAME_CONTENT:
        if not (entries.moved or entries.only_a or entries.only_b):
            return f"same content, {len(entries.changed):,} modes or links"
        return "same content, other names"
    if relation.kind is RelationKind.CONTAINED:
        return f"contained, lacks {len(entries.only_b):,}"
    if relation.kind is RelationKind.CONTAINS:
        return f"has all of it and {len(entries.only_a):,} more"
    if relation.kind is RelationKind.CONTENT_CONTAINED:
        return "contained, under other names"
    if relation.kind is RelationKind.APART:
        return "alike by name alone"
    if relation.cause is not None:
        return f"not complete: {relation.cause}"
    own, changed = relation.only_a.files, len(entries.changed)
    if not own and not entries.only_a and changed == 1:
        return f"differs in {render.printable_path(entries.changed[0])}"
    text = f"{own:,} of {relation.shared.files + own:,} not in it"
    return f"{text}, {changed:,} changed" if changed else text


def relation_object(relation: FolderRelation) -> dict[str, object]:
    """A relation in JSON, for a folder ``a`` and the one to keep, ``b``."""
    entries = relation.entries
    return {
        "relation": str(relation.kind),
        "cause": relation.cause,
        **overlap_object(relation),
        "only_a_paths": [path_to_json(path) for path in entries.only_a],
        "changed_paths": [path_to_json(path) for path in entries.changed],
        "moved_paths": [
            {"from": path_to_json(pair[0]), "to": path_to_json(pair[1])} for pair in entries.moved
        ],
    }


def overlap_object(relation: FolderRelation) -> dict[str, object]:
    """What two folders share, in JSON: contents, each counted once, and paths."""
    entries = relation.entries
    return {
        **_amount("shared", relation.shared),
        "only_a": relation.only_a.files,
        "only_a_bytes": relation.only_a.bytes,
        "only_b": relation.only_b.files,
        "only_b_bytes": relation.only_b.bytes,
        "same": entries.same,
        "changed": len(entries.changed),
        "moved": len(entries.moved),
    }


def _amount(name: str, amount: ContentAmount) -> dict[str, object]:
    return {f"{name}_files": amount.files, f"{name}_bytes": amount.bytes}


def path_objects(folders: FolderAnalysis, group: Sequence[TreeFolder]) -> list[dict[str, str]]:
    """The absolute paths of some folders in JSON."""
    return [path_to_json(folders.path(each)) for each in group]
