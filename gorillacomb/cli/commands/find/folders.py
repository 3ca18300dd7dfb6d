"""`gorillacomb folders`: identical, contained and overlapping folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import click

from gorillacomb.api.lookup import away_notes, folders_of, look_up_path, not_a_folder_error
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.families import (
    family_lines,
    family_name,
    overlap_object,
    path_objects,
    relation_object,
    relation_text,
)
from gorillacomb.errors import ExitCode
from gorillacomb.folders.analysis import (
    FolderAnalysis,
    FolderFamily,
    MachineMadeFolders,
    are_parts_of_one_project,
)
from gorillacomb.folders.coverage import CoveredFolder
from gorillacomb.folders.families import SIMILAR
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault

_STORY = 16
"""Lines within which families are told unless all are wanted; the first one always is."""
_OTHERS = 3
"""Lines of what else there is that are shown unless all are wanted."""
FolderFilter = Callable[[TreeFolder], bool]


@click.command(short_help="Show identical, contained and overlapping folders.")
@click.argument("path", type=BytesPath(), required=False)
@click.option(
    "--similar",
    type=click.FloatRange(0.01, 1),
    default=SIMILAR,
    show_default=True,
    metavar="SHARE",
    help="How much of the smaller folder must be in the other one.",
)
@click.option("--all", "whole", is_flag=True, help="Show all, however much there is.")
@json_option
@vault_option
def command(
    path: bytes | None, similar: float, whole: bool, as_json: bool, vault: Vault
) -> ExitCode:
    """Show which folders belong together: identical, contained, overlapping.

    Lists copies of one tree, which one to keep and why, and what each of the others has
    that it lacks; then folders whose every file also exists elsewhere. With PATH, only what
    concerns that folder. As of the last scan: no file is read for it.
    """
    with Index.read(vault) as index, translate_errors(vault):
        folders = folders_of(index, similar)
        wanted = _wanted(index, folders, path)
        with render.tolerate_closed_pipe():
            if as_json:
                render.print_json(_document(folders, wanted))
            else:
                for line in _story(folders, wanted, whole, path is not None):
                    click.echo(line)
    return ExitCode.DONE


def _wanted(index: Index, folders: FolderAnalysis, path: bytes | None) -> FolderFilter:
    """Which folders concern the user: those in PATH, and those that PATH is in."""
    if path is None:
        return lambda _: True
    found = look_up_path(index, real_path(path))
    render.print_warnings(away_notes(found))
    scope = None if found.folder is None else folders.forest.folders.get(found.folder)
    if scope is None:
        raise not_a_folder_error(found)
    return lambda folder: scope.holds(folder) or folder.holds(scope)


def _story(
    folders: FolderAnalysis, wanted: FolderFilter, whole: bool, one_folder: bool
) -> Iterator[str]:
    families = [each for each in folders.families() if any(map(wanted, each.members))]
    shown = [each for each in families if whole or not each.structural]
    yield from _told(folders, shown, whole)
    alike = list(_identical_lines(folders, families, wanted)) if one_folder else []
    if alike:
        yield render.styled("Identical", bold=True) + ":"
        yield from _some(alike, whole)
    known = {each for family in families for each in family.members}
    elsewhere = [each for each in folders.elsewhere() if wanted(each.inner)]
    others = {each.inner: each for each in elsewhere}
    if elsewhere:
        yield f"{render.styled('Nothing of its own', bold=True)}: all contents stand elsewhere too"
        lines = []
        for each in elsewhere:
            twin = others.get(each.outer[0]) if len(each.outer) == 1 else None
            mutual = twin is not None and twin.outer == (each.inner,)
            if not mutual or each.inner.first < each.outer[0].first:
                lines.append(_elsewhere_line(folders, each, mutual))
        yield from _some(lines, whole)
    pairs = [pair for pair in folders.pairs(elsewhere) if any(map(wanted, pair))]
    if pairs and whole:
        yield render.styled("Overlapping", bold=True) + ":"
        yield from (_pair_line(folders, folders.relation(*pair)) for pair in pairs)
    elif pairs:
        many = render.format_count(len(pairs), "pair")
        yield f"{render.styled('Overlapping', bold=True)}: {many} (--all)"
    if not (known or alike or elsewhere or pairs):
        yield "No two folders have much in common."
    yield from _set_aside(folders, families, whole)
    if shown and not whole:
        yield "Next: gorillacomb compare A B   what two of them have that the other lacks"
        yield "      gorillacomb unique PATH   what would be lost if one of them went"


def _told(folders: FolderAnalysis, families: list[FolderFamily], whole: bool) -> Iterator[str]:
    """As many families as there is room for, and the names of the others."""
    count = 0
    for place, family in enumerate(families):
        lines = family_lines(folders, family, None) if whole else family_lines(folders, family)
        count += len(lines)
        if place and count > _STORY and not whole:
            rest = families[place:]
            head = f"and {render.format_count(len(rest), 'smaller one')} (--all): "
            yield head + _names([family_name(folders, each) for each in rest], len(head))
            return
        yield from lines


def _names(names: list[str], used: int) -> str:
    """As many names as there is room for on a line of which some columns are used."""
    text = names[0]
    for name in names[1:]:
        if used + render.display_width(f"{text}, {name} …") > render.DEFAULT_WIDTH:
            return f"{text} …"
        text += f", {name}"
    return text


def _some(lines: list[str], whole: bool) -> Iterator[str]:
    yield from lines if whole else lines[:_OTHERS]
    if not whole and len(lines) > _OTHERS:
        yield f"  and {len(lines) - _OTHERS:,} more; --all shows them"


def _identical_lines(
    folders: FolderAnalysis, families: Sequence[FolderFamily], wanted: FolderFilter
) -> Iterator[str]:
    """A line for each group of identical folders that is not told as a part of a family."""
    for group in folders.identical():
        told = any(set(group) <= set(family.members) for family in families)
        if any(map(wanted, group)) and not told:
            paths = (render.path_from_here(folders.path(each), None) for each in group)
            yield "  " + " = ".join(paths)


def _elsewhere_line(folders: FolderAnalysis, found: CoveredFolder, mutual: bool) -> str:
    """A folder and where its contents stand; ``mutual`` if that has nothing of its own either."""
    width = render.terminal_width()
    places = " and ".join(
        render.printable_path(each.name or folders.path(each)) for each in found.outer
    )
    tail = f" ({render.format_size(found.amount.bytes)})" + (f" in {places}" if places else "")
    tail += " and the other way round: keep one" if mutual else ""
    path = folders.path(found.inner)
    room = None if width is None else max(width - 2 - render.display_width(tail), 24)
    return render.shorten_path(f"  {render.path_from_here(path, room)}{tail}", width)


def _pair_line(folders: FolderAnalysis, pair: FolderRelation) -> str:
    width = render.terminal_width()
    of = pair.shared.files + pair.only_a.files
    label = f"  {pair.shared.files:,} of {of:,} in "
    room = None if width is None else (width - len(label) - 4) // 2
    return (
        label
        + render.path_from_here(folders.path(pair.a), room)
        + " ~ "
        + render.path_from_here(folders.path(pair.b), room)
    )


def _set_aside(folders: FolderAnalysis, families: list[FolderFamily], whole: bool) -> Iterator[str]:
    structural = 0 if whole else sum(each.structural for each in families)
    if structural:
        many = render.format_count(structural, "family", "families")
        yield f"Inside single projects, part of how they are built: {many} (--all)"
    made = folders.machine_made()
    if made:
        texts = [_machine_made(made, shown) for shown in (3, 2, 1)]
        room = render.terminal_width()
        fitting = (each for each in texts if room is None or render.display_width(each) <= room)
        yield next(fitting, render.shorten_path(texts[-1], room))


def _machine_made(made: Sequence[MachineMadeFolders], shown: int) -> str:
    """Machine-made folders in a line, so many names of them."""
    parts = [
        f"{each.folders:,} {render.printable_path(each.name)}"
        f" ({render.format_count(each.files, 'file')}, {render.format_size(each.bytes)})"
        for each in islice(made, shown)
    ]
    more = f" and {len(made) - shown} more names" if len(made) > shown else ""
    return f"Kept by programs, summed up: {', '.join(parts)}{more}"


def _document(folders: FolderAnalysis, wanted: FolderFilter) -> dict[str, object]:
    families = [each for each in folders.families() if any(map(wanted, each.members))]
    relations = [(family, each) for family in families for each in folders.relations(family)]
    elsewhere = [each for each in folders.elsewhere() if wanted(each.inner)]
    pairs = [pair for pair in folders.pairs(elsewhere) if any(map(wanted, pair))]
    both = [each for _, each in relations if wanted(each.a) or wanted(each.b)]
    both += [folders.relation(*pair) for pair in pairs]
    return {
        "identical": _identical(folders, wanted),
        "same_content": [
            {**_ends(folders, each), **overlap_object(each)}
            for each in both
            if each.kind is RelationKind.SAME_CONTENT
        ],
        "contained": [
            *(_contained(folders, each) for each in both if each.kind in _INNER),
            *(_elsewhere_object(folders, each) for each in elsewhere),
        ],
        "overlapping": [
            {**_ends(folders, each), **overlap_object(each), "cause": each.cause}
            for each in both
            if each.kind is RelationKind.OVERLAPPING
        ],
        "similar_names": [
            {**_ends(folders, each), **overlap_object(each)}
            for each in both
            if each.kind is RelationKind.APART
        ],
        "families": [_family_object(folders, each) for each in families],
        "machine_made": [
            {
                "name": render.printable_path(each.name),
                "folders": each.folders,
                "files": each.files,
                "bytes": each.bytes,
            }
            for each in folders.machine_made()
        ],
    }


_INNER = {
    RelationKind.CONTAINED: ("a", "b", True),
    RelationKind.CONTAINS: ("b", "a", True),
    RelationKind.CONTENT_CONTAINED: ("a", "b", False),
}
"""By kind: which of the two is the inner one, which the outer one, and whether names are kept."""


def _identical(folders: FolderAnalysis, wanted: FolderFilter) -> list[dict[str, object]]:
    found = []
    for group in folders.identical():
        if any(map(wanted, group)):
            family = folders.family(group)
            found.append(
                {
                    "folders": path_objects(folders, group),
                    "keep": path_to_json(folders.path(family.keep)),
                    "reasons": list(family.reasons),
                    "files": family.keep.files,
                    "bytes": family.keep.size,
                }
            )
    return found


def _ends(folders: FolderAnalysis, relation: FolderRelation) -> dict[str, object]:
    return {
        "a": path_to_json(folders.path(relation.a)),
        "b": path_to_json(folders.path(relation.b)),
        "structural": are_parts_of_one_project((relation.a, relation.b)),
    }


def _contained(folders: FolderAnalysis, relation: FolderRelation) -> dict[str, object]:
    inner, outer, names = _INNER[relation.kind]
    ends = {"a": relation.a, "b": relation.b}
    place = path_to_json(folders.path(ends[outer]))
    return {
        "inner": path_to_json(folders.path(ends[inner])),
        "outer": place,
        "outers": [place],
        "names": names,
        "files": ends[inner].files,
        "bytes": ends[inner].size,
    }


def _elsewhere_object(folders: FolderAnalysis, found: CoveredFolder) -> dict[str, object]:
    outers = path_objects(folders, found.outer)
    return {
        "inner": path_to_json(folders.path(found.inner)),
        "outer": outers[0] if len(outers) == 1 else None,
        "outers": outers,
        "names": False,
        "files": found.inner.files,
        "bytes": found.inner.size,
    }


def _family_object(folders: FolderAnalysis, family: FolderFamily) -> dict[str, object]:
    return {
        "keep": path_to_json(folders.path(family.keep)),
        "reasons": list(family.reasons),
        "structural": family.structural,
        "files": family.keep.files,
        "bytes": family.keep.size,
        "others": [
            {
                **path_to_json(folders.path(each.a)),
                "said": relation_text(each),
                **relation_object(each),
            }
            for each in folders.relations(family)
        ],
    }
