"""`gorillacomb unique`: what would be lost if a folder were deleted."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.next_step.find import after_unique
from gorillacomb.api.paths import relative_path
from gorillacomb.api.unique import UniqueReport, UniqueResult, find_unique
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    untested_macos_option,
    vault_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.cli.output.rolled_up import rolled_up_lines
from gorillacomb.errors import ExitCode

_SHOWN = 20


@click.command()
@click.argument("path", type=BytesPath())
@click.option(
    "--except",
    "excepts",
    type=BytesPath(),
    multiple=True,
    metavar="FOLDER",
    help="Treat this folder as deleted too, so that its copies do not count (repeatable).",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Do not count the copies that this plan removes, and name them.",
)
@click.option(
    "--count-offline", is_flag=True, help="Count copies on drives that are not connected, too."
)
@untested_macos_option
@click.option("--files", is_flag=True, help="Name single files, by path, instead of folders.")
@click.option("--all", "whole", is_flag=True, help="Name everything, however much there is.")
@progress_option
@json_option
@vault_option
def command(
    path: bytes,
    excepts: tuple[bytes, ...],
    plan_file: Path | None,
    count_offline: bool,
    untested_macos: bool,
    files: bool,
    whole: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """List what exists under PATH and nowhere else, the largest first.

    A folder none of whose contents exist elsewhere is one line; --files names its files. PATH is
    listed now, and each copy elsewhere is checked: it must be unchanged since it was read, on a
    connected drive, and not in a trash, cache, temporary folder, snapshot or quarantine. What was
    excluded, not read, or changed since the scan is unproven. No file is read and nothing is
    changed. Exit code 0 if nothing would be lost, else 1.
    """
    gc.disable()  # records of 100,000s of files, without cycles: looking for those takes time
    result = find_unique(
        vault,
        path,
        excepts=excepts,
        plan=plan_file,
        count_offline=count_offline,
        untested_macos=untested_macos,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    lines = _story(result, files, None if whole else _SHOWN, vault)
    render.print_result(result, lines, as_json)
    return ExitCode.DONE if result.is_covered else ExitCode.FOUND


def _story(result: UniqueResult, files: bool, shown: int | None, vault: Vault) -> Iterator[str]:
    report, width = result.report, render.terminal_width()
    yield from _unique_lines(result, files, shown, width)
    yield from _unproven_lines(report, shown, width)
    if result.is_covered:
        yield render.styled("Nothing", bold=True) + f" would be lost. {_all(report)}"
    elif report.vouchers:
        total = report.vouchers.total()
        verb = "exists" if total == 1 else "exist"
        yield f"The other {render.format_count(total, 'file')} also {verb} elsewhere:"
    yield from render.place_lines(result.places())
    yield from _choice_lines(report, shown)
    yield from _not_counted_lines(report)
    yield from render.next_lines(after_unique(result), vault)


def _unique_lines(
    result: UniqueResult, single: bool, shown: int | None, width: int | None
) -> Iterator[str]:
    report = result.report
    if not report.unique:
        return
    lost = sum(each.size for each in report.unique)
    many = render.format_count(len(report.unique), "file")
    yield (
        render.styled(f"Only here: {many}, {render.format_size(lost)}", bold=True)
        + f", of {report.files:,} ({render.format_size(report.size)})"
    )
    if single:
        yield from _file_lines(result, shown, width)
    else:
        yield from rolled_up_lines(result.rolled_up(), len(report.unique), shown)
    causes = Counter(each.cause for each in report.unique if each.cause)
    for cause, number in causes.items():
        verb = "has" if number == 1 else "have"
        yield f"  {number:,} of them {verb} a copy that does not count:"
        yield f"    {cause}"


def _file_lines(result: UniqueResult, shown: int | None, width: int | None) -> Iterator[str]:
    """Name the unique files, the largest first, and those of version control by its folder."""
    report = result.report
    own, kept = result.version_controlled()
    for each in sorted(own, key=lambda each: (-each.size, each.path))[:shown]:
        path = relative_path(each.path, report.path)
        yield _line(f"{render.format_size(each.size):>9}", path, width)
    yield from _rest_line(len(own), shown)
    for folder, (files, size) in kept.items():
        shown_path = relative_path(folder, report.path)
        yield _line(f"{render.format_size(size):>9}", shown_path, width and width - 12) + (
            f" ({render.format_count(files, 'file')})"
        )


def _unproven_lines(report: UniqueReport, shown: int | None, width: int | None) -> Iterator[str]:
    if not report.unproven:
        return
    many = render.format_count(len(report.unproven), "entry", "entries")
    yield render.styled(f"Unproven: {many}", bold=True) + " that may have no copy"
    for unproven in report.unproven[:shown]:
        label = render.shorten_path(render.printable(unproven.cause), 32)
        yield _line(f"{label:>9}", relative_path(unproven.path, report.path) or b".", width)
    yield from _rest_line(len(report.unproven), shown)


def _not_counted_lines(report: UniqueReport) -> Iterator[str]:
    if report.linked:
        many = render.format_count(report.linked, "file is", "files are")
        yield f"{many} elsewhere by a hard link: another name, not a second copy."
    for cause, number in report.unknown_extents.items():
        many = render.format_count(number, "file")
        yield f"For {many}, it is unknown if the copy has disk blocks of its own: {cause}."
    others = [
        render.format_count(number, *words)
        for number, words in (
            (report.empty, ("empty file",)),
            (report.links, ("symbolic link",)),
            (report.odd, ("FIFO, socket or device", "FIFOs, sockets or devices")),
            (report.noise, ("system file", "system files")),
        )
        if number
    ]
    if report.quarantined:
        many = render.format_count(report.quarantined, "file")
        size = render.format_size(report.quarantined_size)
        yield f"What is in its quarantine would be lost with it: {many}, {size}."
    if others:
        yield f"Not counted: {', '.join(others)}."
    for path, oldest in report.offline.items():
        yield (
            f"Counted although it is offline: {render.short_path(path, None)},"
            f" last read {render.format_time(oldest)} or later"
        )


def _all(report: UniqueReport) -> str:
    total = report.vouchers.total()
    if not total:
        return "It contains no file with content."
    files = "The one file" if total == 1 else f"All {total:,} files"
    verb = "exists" if total == 1 else "exist"
    return f"{files} ({render.format_size(report.size)}) also {verb} in:"


def _line(label: str, path: bytes, width: int | None) -> str:
    label = f"  {label}  "
    return label + render.shorten_path(render.printable_path(path), width and width - len(label))


def _choice_lines(report: UniqueReport, shown: int | None) -> Iterator[str]:
    """Warn if the other copies are not the ones that a plan would keep."""
    if report.to_keep:
        many = render.format_count(report.to_keep, "file")
        yield f"For {many}, the copy to keep is here: a plan would remove the others."
        if not report.planned:
            yield "  To count only what a plan keeps: --plan FILE"
    if report.planned:
        many = render.format_count(len(report.planned), "copy", "copies")
        yield f"Not counted, because the plan removes them: {many}"
        for path in report.planned[:shown]:
            yield "  " + render.path_from_here(path, None)
        yield from _rest_line(len(report.planned), shown)


def _rest_line(count: int, shown: int | None) -> Iterator[str]:
    """Say how many there are beyond those ``shown``; yield nothing if that is all."""
    if shown is not None and count > shown:
        yield f"  and {count - shown:,} more; --all names them"
