"""`gorillacomb folders`: identical, contained and overlapping folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import click

from gorillacomb.api.find.empty_folders import EmptyFolders, list_empty_folders
from gorillacomb.api.find.folders import (
    SIMILAR,
    CoveredFolders,
    FolderFamily,
    FolderReport,
    MachineMadeFolders,
    RelatedFolder,
    find_folders,
)
from gorillacomb.api.next_step.find import after_empty_folders, after_folders
from gorillacomb.api.vault import Vault
from gorillacomb.cli.html_file import html_option, write_page
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.empty_folders import left_lines, removable_lines
from gorillacomb.cli.output.families import family_headings, family_lines, same_path_lines
from gorillacomb.errors import ExitCode

_STORY = 16
"""Lines for families unless all are requested; the first family is always shown."""
_OTHERS = 3
"""Lines of each other list that are shown unless all are requested."""


@click.command()
@click.argument("path", type=BytesPath(), required=False)
@click.option(
    "--similar",
    type=click.FloatRange(0.01, 1),
    default=SIMILAR,
    show_default=True,
    metavar="SHARE",
    help="How much of the smaller folder must be in the other one.",
)
@click.option("--all", "whole", is_flag=True, help="Show everything, however much there is.")
@click.option(
    "--empty", is_flag=True, help="List the folders that hold no file at any depth instead."
)
@html_option
@json_option
@vault_option
def command(
    path: bytes | None,
    similar: float,
    whole: bool,
    empty: bool,
    html_file: bytes | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Show which folders belong together: identical, contained, overlapping.

    List copies of one tree, which one to keep and why, and what each of the others has that it
    lacks; then folders whose every file also exists elsewhere. With PATH, only what concerns that
    folder. The result is as of the last scan: no file is read.
    """
    if empty and html_file is not None:
        raise click.UsageError("--empty and --html cannot be combined: choose one.")
    if empty:
        found = list_empty_folders(vault, path)
        render.print_warnings(found.warnings)
        render.print_result(found, _empty_story(found, whole, path, vault), as_json)
        return ExitCode.DONE
    with find_folders(vault, path, similar=similar) as report:
        render.print_warnings(report.warnings)
        write_page(html_file, lambda pages: pages.families_file(vault, report))
        render.print_result(report, _story(report, whole, path is not None, vault), as_json)
    return ExitCode.DONE


def _empty_story(
    found: EmptyFolders, whole: bool, path: bytes | None, vault: Vault
) -> Iterator[str]:
    """Name the folders that can be removed, then those that stay, with the reasons."""
    count = sum(each.folders for each in found.removable)
    if not found.folders:
        yield "No folder is empty."
    elif count:
        yield f"{render.styled('Empty', bold=True)}: {render.format_count(count, 'folder')}"
    yield from removable_lines([(each.path, each.folders) for each in found.removable], whole)
    left = [(each.path, each.cause) for each in found.folders if each.cause is not None]
    yield from left_lines(left, whole)
    yield from render.next_lines(after_empty_folders(found, path), vault)


def _story(report: FolderReport, whole: bool, one_folder: bool, vault: Vault) -> Iterator[str]:
    families = report.families_here()
    around = report.same_path()
    if around is not None:
        head, *block = same_path_lines(around)
        yield from (head.strip(), *block)
    shown = [each for each in families if whole or not each.structural]
    yield from _told(report, shown, whole)
    alike = list(_identical_lines(report)) if one_folder else []
    if alike:
        yield render.styled("Identical", bold=True) + ":"
        yield from _some(alike, whole)
    covered = report.covered()
    if covered:
        yield f"{render.styled('Fully covered elsewhere', bold=True)}: all files also exist outside"
        yield from _some([_covered_line(each) for each in covered if not each.is_second], whole)
    pairs = report.count_overlapping()
    if pairs and whole:
        yield render.styled("Overlapping", bold=True) + ":"
        yield from map(_pair_line, report.overlapping())
    elif pairs:
        many = render.format_count(pairs, "pair")
        yield f"{render.styled('Overlapping', bold=True)}: {many} (--all)"
    if around is None and not (families or alike or covered or pairs):
        yield "No two folders have much in common."
    yield from _set_aside(report, families, whole)
    yield from render.next_lines(after_folders(report), vault)


def _told(report: FolderReport, families: list[FolderFamily], whole: bool) -> Iterator[str]:
    """Yield as many families as there is room for, then the names of the rest."""
    count = 0
    headings = family_headings(
        [(report.family_name(each), report.family_keep(each)) for each in families]
    )
    for place, family in enumerate(families):
        told, heading = report.family(family), headings[place]
        lines = family_lines(told, None, heading) if whole else family_lines(told, heading=heading)
        count += len(lines)
        if place and count > _STORY and not whole:
            rest = families[place:]
            head = f"and {render.format_count(len(rest), 'smaller one')} (--all): "
            names = list(map(render.printable_path, headings[place:]))
            yield head + _names(names, len(head))
            return
        yield from lines


def _names(names: list[str], used: int) -> str:
    """Join as many names as fit on a line on which some columns are already used."""
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


def _identical_lines(report: FolderReport) -> Iterator[str]:
    """Yield a line for each group of identical folders that no family already shows."""
    for group in report.identical():
        if not group.is_in_family:
            yield "  " + " = ".join(render.path_from_here(path, None) for path in group.paths)


def _covered_line(found: CoveredFolders) -> str:
    """Describe a folder and where the rest of its copies are."""
    width = render.terminal_width()
    places = " and ".join(map(render.printable_path, found.outer_names))
    tail = f" ({render.format_size(found.content_size)})" + (f" in {places}" if places else "")
    tail += " and vice versa: keep one" if found.is_mutual else ""
    room = None if width is None else max(width - 2 - render.display_width(tail), 24)
    return render.shorten_path(f"  {render.path_from_here(found.path, room)}{tail}", width)


def _pair_line(pair: RelatedFolder) -> str:
    width = render.terminal_width()
    shared, own = pair.relation.shared.files, pair.relation.only_a.files
    label = f"  {shared:,} of {shared + own:,} in "
    room = None if width is None else (width - len(label) - 4) // 2
    ends = (render.path_from_here(path, room) for path in (pair.path, pair.to))
    return label + " ~ ".join(ends)


def _set_aside(report: FolderReport, families: list[FolderFamily], whole: bool) -> Iterator[str]:
    structural = 0 if whole else sum(each.structural for each in families)
    if structural:
        many = render.format_count(structural, "family", "families")
        yield f"Inside single projects, part of how they are built: {many} (--all)"
    made = report.machine_made()
    if made:
        texts = [_machine_made(made, shown) for shown in (3, 2, 1)]
        room = render.terminal_width()
        fitting = (each for each in texts if room is None or render.display_width(each) <= room)
        yield next(fitting, render.shorten_path(texts[-1], room))


def _machine_made(made: Sequence[MachineMadeFolders], shown: int) -> str:
    """Summarize machine-made folders on one line, naming at most this many."""
    parts = [
        f"{each.folders:,} {render.printable_path(each.name)}"
        f" ({render.format_count(each.files, 'file')}, {render.format_size(each.bytes)})"
        for each in islice(made, shown)
    ]
    more = f" and {len(made) - shown} more names" if len(made) > shown else ""
    return f"Machine-made folders: {', '.join(parts)}{more}"
