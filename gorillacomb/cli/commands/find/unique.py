"""`gorillacomb unique`: what would be lost if a folder went."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.classify.stores import is_version_control
from gorillacomb.cli.lookup import (
    away_notes,
    look_up_path,
    noise_names,
    not_a_folder_error,
    open_groups,
)
from gorillacomb.cli.options import BytesPath, json_option, untested_macos_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.cli.output.unique_choice import (
    add_quarantines,
    choice_lines,
    paths_that_go,
    rest_line,
)
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.fs.darwin import refuse_untested
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_mounted, is_online, other_views
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.index.store_queries import StoreLookup
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import Root
from gorillacomb.unique.copy_check import CopyVerifier, folder_identities_below
from gorillacomb.unique.report import UniqueFile, UniqueReport, unique_report
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

_SHOWN = 20
_BY_CHOICE = ("excluded", "below min-size", "only in the cloud")
_PLACES = 3


@click.command(short_help="What would be lost if a folder went.")
@click.argument("path", type=BytesPath())
@click.option(
    "--except",
    "excepts",
    type=BytesPath(),
    multiple=True,
    metavar="FOLDER",
    help="Treat this folder as gone too, so that its copies do not count (repeatable).",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Do not count the copies that this plan has go, and name them.",
)
@click.option(
    "--count-offline", is_flag=True, help="Let copies on drives that are not there count."
)
@untested_macos_option
@click.option("--all", "whole", is_flag=True, help="Name every file, however many there are.")
@click.option(
    "--progress/--no-progress", default=None, help="Show progress [default: on a terminal]."
)
@json_option
@vault_option
def command(
    path: bytes,
    excepts: tuple[bytes, ...],
    plan_file: Path | None,
    count_offline: bool,
    untested_macos: bool,
    whole: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """List the files under PATH whose content stands nowhere else.

    PATH is listed now, and each copy elsewhere is looked at: it must stand
    as it was when it was read, on a drive that is there, in no trash, cache,
    temporary folder, snapshot or quarantine. What was excluded, not read, or
    changed since the scan is unproven. Nothing is read and nothing changed.
    Exit code 0 when nothing would be lost, else 1.
    """
    if count_offline:
        refuse_untested("Counting on a drive that is not there", untested_macos)
    planned = paths_that_go(plan_file)
    shown = progress_for(progress)
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, real_path(path))
        render.print_warnings(away_notes(found))
        root = found.root
        if root is None or found.folder is None:
            raise not_a_folder_error(found)
        gone = [found.path, *map(real_path, excepts)]
        apart = {each.id for each in found.away}
        for each in gone:
            other = found if each == found.path else look_up_path(index, each)
            apart -= set() if other.root is None else {other.root.id}
            known = other is not found and other.folder is not None
            if not known and not os.path.isdir(each):
                raise UsageError(
                    f"{render.printable_path(each)} is no folder that is there now.",
                    "Name a folder on a drive that is connected.",
                )
        roots = {each.id: each for each in all_roots(index.connection)}
        away = {each.id: each for each in roots.values() if not is_online(each)}
        _refuse_absent(root)
        counted = {number: _away(each, count_offline) for number, each in away.items()}
        vouching = _vouching(index, roots, counted, gone)
        vouching.apart, vouching.planned = frozenset(apart), planned
        try:
            report = unique_report(index, found.path, root, found.folder, vouching, shown)
        finally:
            vouching.close()
            shown.close()
    add_quarantines(report)
    _print(report, None if whole else _SHOWN, as_json)
    return ExitCode.FOUND if report.unique or report.unproven else ExitCode.DONE


def _print(report: UniqueReport, shown: int | None, as_json: bool) -> None:
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(_document(report))
        else:
            for line in _story(report, shown):
                click.echo(line)


def _refuse_absent(root: Root) -> None:
    """Refuse to say what would be lost of a root that is not there, or may be another one."""
    if root.suspect is not None:
        raise UsageError(*render.suspect_lines(root))
    if not is_online(root):
        raise UsageError(
            f"The drive that was scanned at {render.printable_path(root.path)} is not there.",
            "Connect it, or scan what is there now.",
        )


def _vouching(
    index: Index, roots: dict[int, Root], away: dict[int, str | None], gone: list[bytes]
) -> CopyVerifier:
    """Looks at copies, by the user's settings, as if some folders were gone: the first is asked of.

    ``away`` says of roots that are not there why their copies do not count, as in `CopyVerifier`.
    """
    groups, settings = open_groups(index), load_settings()
    return CopyVerifier(
        roots,
        away,
        [*gone, *(view for each in gone for view in other_views(each, roots.values()))],
        folder_identities_below([each for each in gone[1:] if os.path.isdir(each)]),
        lambda folder: _project(groups, folder),
        StoreLookup(index.connection, groups.paths).around,
        settings.machine_names,
        noise_names(settings),
    )


def _away(root: Root, count_offline: bool) -> str | None:
    """Why copies in a root that is not there do not count; None if they do.

    Those of a drive that is there do not: they may be gone, or be what is asked about.
    """
    if root.suspect is not None:
        return "in a folder that may not be what it was"
    if is_mounted(root):
        return "no longer where it was scanned"
    return None if count_offline else "on a drive that is not there"


def _project(groups: GroupReader, folder: int) -> bytes | None:
    """The outermost project around a folder; here the top of a root may be one too."""
    project = groups.traits.of(folder).project
    if project is not None:
        return project.path
    row = groups.paths.row(folder)
    root = None if row is None else groups.roots[row[0]]
    top = None if root is None else groups.paths.row(root.folder)
    return None if root is None or top is None or top[3] is None else root.path


def _story(report: UniqueReport, shown: int | None) -> Iterator[str]:
    width = render.terminal_width()
    yield from _unique_lines(report, shown, width)
    yield from _unproven_lines(report, shown, width)
    if not report.unique and not report.unproven:
        yield render.styled("Nothing", bold=True) + f" would be lost. {_all(report)}"
    elif report.vouchers:
        total = report.vouchers.total()
        verb = "stands" if total == 1 else "stand"
        yield f"The other {render.format_count(total, 'file')} also {verb} elsewhere:"
    yield from _places(report, width)
    yield from choice_lines(report, shown)
    yield from _not_counted_lines(report)


def _unique_lines(report: UniqueReport, shown: int | None, width: int | None) -> Iterator[str]:
    if not report.unique:
        return
    lost = sum(each.size for each in report.unique)
    many = render.format_count(len(report.unique), "file")
    yield (
        render.styled(f"Only here: {many}, {render.format_size(lost)}", bold=True)
        + f", of {report.files:,} ({render.format_size(report.size)})"
    )
    own, kept = _apart(report)
    for each in own[:shown]:
        path = relative_path(each.path, report.path)
        yield _line(f"{render.format_size(each.size):>9}", path, width)
    yield from rest_line(len(own), shown)
    for folder, (files, size) in kept.items():
        shown_path = relative_path(folder, report.path)
        yield _line(f"{render.format_size(size):>9}", shown_path, width and width - 12) + (
            f" ({render.format_count(files, 'file')})"
        )
    causes = Counter(each.cause for each in report.unique if each.cause)
    for cause, number in causes.items():
        verb = "has" if number == 1 else "have"
        yield f"  {number:,} of them {verb} a copy that does not count:"
        yield f"    {cause}"


def _unproven_lines(report: UniqueReport, shown: int | None, width: int | None) -> Iterator[str]:
    if not report.unproven:
        return
    many = render.format_count(len(report.unproven), "entry", "entries")
    yield render.styled(f"Unproven: {many}", bold=True) + " of which it cannot be said"
    for unproven in report.unproven[:shown]:
        label = render.shorten_path(render.printable(unproven.cause), 32)
        yield _line(f"{label:>9}", relative_path(unproven.path, report.path) or b".", width)
    yield from rest_line(len(report.unproven), shown)
    if any(each.cause not in _BY_CHOICE for each in report.unproven):
        yield "Scan it again to know more: gorillacomb scan PATH"


def _not_counted_lines(report: UniqueReport) -> Iterator[str]:
    if report.linked:
        many = render.format_count(report.linked, "file is", "files are")
        yield f"{many} there by a hard link: another name, no second copy."
    for cause, number in report.unknown_extents.items():
        many = render.format_count(number, "file")
        yield f"Unknown of {many} whether the copy lies on blocks of its own: {cause}."
    others = [
        render.format_count(number, *words)
        for number, words in (
            (report.empty, ("empty file",)),
            (report.links, ("symbolic link",)),
            (report.odd, ("FIFO, socket or device", "FIFOs, sockets or devices")),
            (report.noise, ("file of the system's own", "files of the system's own")),
        )
        if number
    ]
    if report.quarantined:
        many = render.format_count(report.quarantined, "file")
        size = render.format_size(report.quarantined_size)
        yield f"What waits in its quarantine would go with it: {many}, {size}."
    if others:
        yield f"Not counted: {', '.join(others)}."
    for path, oldest in report.offline.items():
        yield (
            f"Counted though it is not there: {render.short_path(path, None)},"
            f" last read {render.format_time(oldest)} or later"
        )


def _apart(report: UniqueReport) -> tuple[list[UniqueFile], dict[bytes, tuple[int, int]]]:
    """The unique files, and by version-control folder how many, with what bytes, stand in it."""
    own: list[UniqueFile] = []
    kept: dict[bytes, tuple[int, int]] = {}
    for each in report.unique:
        parts = relative_path(each.path, report.path).split(b"/")
        at = next((at for at, part in enumerate(parts) if is_version_control(part)), None)
        if at is None:
            own.append(each)
        else:
            folder = join(report.path, b"/".join(parts[: at + 1]))
            files, size = kept.get(folder, (0, 0))
            kept[folder] = (files + 1, size + each.size)
    return own, kept


def _all(report: UniqueReport) -> str:
    total = report.vouchers.total()
    if not total:
        return "It holds no file with content."
    files = "The one file" if total == 1 else f"All {total:,} files"
    verb = "stands" if total == 1 else "stand"
    return f"{files} ({render.format_size(report.size)}) also {verb} in:"


def _line(label: str, path: bytes, width: int | None) -> str:
    label = f"  {label} "
    return label + render.shorten_path(render.printable_path(path), width and width - len(label))


def _places(report: UniqueReport, width: int | None) -> Iterator[str]:
    """Where the copies stand that vouch, in a few folders."""
    places = path_lines(report.path, report.vouchers)
    for path, files in places[:_PLACES]:
        label = f"  {render.format_count(files, 'file'):>12}  "
        yield label + render.path_from_here(path, width and width - len(label))
    if len(places) > _PLACES:
        rest = sum(files for _, files in places[_PLACES:])
        more = render.format_count(len(places) - _PLACES, "more place")
        yield f"  {render.format_count(rest, 'file'):>12}  in {more}"


def path_lines(path: bytes, folders: Counter[bytes]) -> list[tuple[bytes, int]]:
    """Sum up folders outside of ``path`` by the branches of the tree that they stand in.

    Each branch is named by the lowest folder that holds all of them; the fullest one comes first.
    """
    branches: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for folder in folders:
        branches[_branch(path, folder)].append(folder)
    found = [
        (os.path.commonpath(group), sum(folders[each] for each in group))
        for group in branches.values()
    ]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _branch(path: bytes, folder: bytes) -> bytes:
    """The highest folder around ``folder`` that is not around ``path`` too; itself if it is."""
    if is_below(path, folder):
        return folder
    above = os.path.commonpath([path, folder])
    return join(above, relative_path(folder, above).split(b"/", 1)[0])


def _document(report: UniqueReport) -> dict[str, object]:
    return {
        **path_to_json(report.path),
        "files": report.files,
        "bytes": report.size,
        "empty_files": report.empty,
        "links": report.links,
        "noise_files": report.noise,
        "linked_files": report.linked,
        "unknown_extents": [
            {"cause": cause, "files": number} for cause, number in report.unknown_extents.items()
        ],
        "unique_bytes": sum(each.size for each in report.unique),
        "unique": [
            {
                **path_to_json(each.path),
                "size": each.size,
                "blake3": each.digest.hex(),
                "cause": _cause(each),
            }
            for each in report.unique
        ],
        "unproven": [{**path_to_json(each.path), "cause": each.cause} for each in report.unproven],
        "vouched_by": [
            {**path_to_json(path), "files": files}
            for path, files in path_lines(report.path, report.vouchers)
        ],
        "to_keep": report.to_keep,
        "planned_to_go": [path_to_json(path) for path in report.planned],
        "quarantined_files": report.quarantined,
        "quarantined_bytes": report.quarantined_size,
        "offline": [
            {**path_to_json(path), "last_read_ns": str(oldest)}
            for path, oldest in report.offline.items()
        ],
    }


def _cause(file: UniqueFile) -> str | None:
    """Why the known copy of a file does not count, with its path."""
    return None if file.copy is None else f"{file.cause}: {os.fsdecode(file.copy)}"
