"""`gorillacomb drop`: which files are known already; keep the new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.drop.drop import DropEntry, DropResult, DropState, LeftOut
from gorillacomb.api.drop.drop import drop as drop_files
from gorillacomb.api.next_step.find import after_drop
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    untested_macos_option,
    vault_option,
    wait_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_SHOWN = 20


@click.command()
@click.argument("paths", type=BytesPath(), nargs=-1, required=True, metavar="PATH|ZIP...")
@click.option(
    "--into",
    type=BytesPath(),
    metavar="DIR",
    help="Keep the new ones in DIR/Omnidrop/DATE; DIR is a scanned folder, or one in it.",
)
@untested_macos_option
@click.option("--all", "whole", is_flag=True, help="Name everything, however much there is.")
@progress_option
@wait_option()
@json_option
@vault_option
def command(
    paths: tuple[bytes, ...],
    into: bytes | None,
    untested_macos: bool,
    whole: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Say which of some files are in the scanned folders already, and where.

    PATH is a file or a folder; into a ZIP it is looked, without unpacking it. Each file is read and
    compared by content; each copy is checked on the disk, so that one on a drive that is not
    connected, or in an excluded folder, does not count.

    Without --into, nothing is changed. With it, each new content is kept once, in a new folder
    DIR/Omnidrop/DATE; nothing is replaced. `dedupe --undo RUN` removes again what was added, except
    for what was edited since. Exit code 0 if nothing is new, or all of that was kept; else 1.
    """
    result = drop_files(
        vault,
        paths,
        into=into,
        untested_macos=untested_macos,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    lines = _story(result, paths, None if whole else _SHOWN, vault)
    render.print_result(result, lines, as_json)
    is_left = result.kept is None and bool(result.new)
    return ExitCode.of_check(found=is_left, incomplete=not result.is_complete)


def _story(
    result: DropResult, paths: Sequence[bytes], shown: int | None, vault: Vault
) -> Iterator[str]:
    yield _headline(result)
    yield from _place_lines(result)
    yield from _new_lines(result, shown)
    yield from _other_lines(result)
    yield from _left_out_lines("Omitted", result.left_out, shown)
    yield from _kept_lines(result, shown)
    yield from render.next_lines(after_drop(result, paths), vault)


def _headline(result: DropResult) -> str:
    have, new = result.of(DropState.HAVE), result.new
    files = render.format_count(len(result.entries), "file")
    of = f"of {files} ({render.format_size(result.size)})"
    if not result.entries:
        return "There is no file in it."
    if not new:
        return render.styled("Nothing is new", bold=True) + f" {of}."
    many = f"{len(new):,} new, {render.format_size(_size(new))}"
    return render.styled(many, bold=True) + f", {of}; {len(have):,} you have already."


def _size(entries: Sequence[DropEntry]) -> int:
    return sum(each.file.size for each in entries)


def _place_lines(result: DropResult) -> Iterator[str]:
    """Name the few folders that contain most of the copies."""
    places = result.places()
    if places:
        yield "Already here:"
    yield from render.place_lines(places)


def _new_lines(result: DropResult, shown: int | None) -> Iterator[str]:
    new = sorted(result.new, key=lambda each: (-each.file.size, each.file.name))
    if not new:
        return
    yield "New:"
    for each in new[:shown]:
        size = render.format_size(each.file.size)
        yield _line(f"{size:>9}", each.file.name)
    yield from _rest_line(len(new), shown)
    for cause, number in Counter(each.cause for each in new if each.cause).items():
        verb = "has" if number == 1 else "have"
        yield f"  {number:,} of them {verb} a copy that does not count:"
        yield f"    {cause}"


def _line(label: str, path: bytes) -> str:
    width, label = render.terminal_width(), f"  {label}  "
    return label + render.shorten_path(render.printable_path(path), width and width - len(label))


def _rest_line(number: int, shown: int | None) -> Iterator[str]:
    if shown is not None and number > shown:
        yield f"  and {number - shown:,} more; --all names them"


def _other_lines(result: DropResult) -> Iterator[str]:
    repeated, empty = result.of(DropState.REPEATED), result.of(DropState.EMPTY)
    if repeated:
        many = render.format_count(len(repeated), "file has", "files have")
        yield f"{many} the content of another new one."
    others = [
        render.format_count(number, *words)
        for number, words in (
            (len(empty), ("empty file",)),
            (result.system_files, ("system file", "system files")),
        )
        if number
    ]
    if others:
        yield f"Not kept: {', '.join(others)}."


def _left_out_lines(title: str, found: Sequence[LeftOut], shown: int | None) -> Iterator[str]:
    if not found:
        return
    yield f"{title}: {len(found):,}"
    by_cause: dict[str, list[bytes]] = {}
    for each in found:
        by_cause.setdefault(each.cause, []).append(each.name)
    for cause, names in by_cause.items():
        yield from render.wrapped_paragraph(render.printable(cause), "  ")
        for name in names[:shown]:
            yield "    " + render.printable_path(name)
        yield from _rest_line(len(names), shown)


def _kept_lines(result: DropResult, shown: int | None) -> Iterator[str]:
    kept = result.kept
    if kept is None:
        return
    if kept.kept:
        size = render.format_size(sum(each.size for each in kept.kept))
        files = render.format_count(len(kept.kept), "file")
        yield render.styled(f"Kept: {files}, {size}", bold=True) + f", in run {kept.run}:"
        yield "  " + render.path_from_here(kept.folder, None)
    problems = [LeftOut(each.path, each.cause) for each in kept.problems]
    yield from _left_out_lines("Not kept", problems, shown)
    recovered = [LeftOut(each.path, each.cause) for each in kept.recovered]
    yield from _left_out_lines("From an interrupted run", recovered, shown)
