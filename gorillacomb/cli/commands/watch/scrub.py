"""`gorillacomb scrub`: read files again, and tell bit rot from edits."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gorillacomb.api.next_step.upkeep import after_scrub
from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.scrub import ScrubResult, accept_damage, scrub
from gorillacomb.cli.commands.watch.scrub_repair import run_repair
from gorillacomb.cli.options import (
    BytesPath,
    DurationParam,
    RateParam,
    json_option,
    progress_option,
    untested_macos_option,
    vault_option,
    wait_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.good_copies import good_copy_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_SHOWN = 20


@click.command()
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@click.option(
    "--rate", type=RateParam(), metavar="SIZE/s", help="Read no faster than this, e.g. 20MB/s."
)
@click.option(
    "--older-than",
    type=DurationParam(),
    metavar="AGE",
    help="Only files that were last read at least AGE ago: 30d, 12h, 45m, 8s.",
)
@click.option(
    "--accept",
    type=BytesPath(),
    multiple=True,
    metavar="FILE",
    help="Accept a file that is reported as damaged as it is now; may be repeated.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Replace each file known to be damaged with a good copy, everywhere or in PATH;"
    " a suspect only if PATH is the file itself.",
)
@click.option("--suspects", is_flag=True, help="With --repair: repair suspects too.")
@untested_macos_option
@progress_option
@json_option
@wait_option()
@vault_option
def command(
    paths: tuple[bytes, ...],
    rate: int | None,
    older_than: int | None,
    accept: tuple[bytes, ...],
    repair: bool,
    suspects: bool,
    untested_macos: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Read files that the index knows again, starting with those not read for longest.

    Reads everything known, or what is in each PATH. A file whose content changed while its size and
    times did not is damaged; one whose mtime changed was edited, and is stamped again. For each
    damaged file, good copies are named. Only the index and the trace are written. It can be
    interrupted: the next scrub continues with what was not read yet. Exit code 1 if something is
    damaged, 3 if something could not be read.

    With --repair no files are searched for damage: each file known to be damaged is exchanged with
    a checked copy of its good content and moved into the quarantine, from which `gorillacomb dedupe
    --undo` takes it back.
    """
    if accept:
        if paths or repair or rate is not None or older_than is not None:
            raise click.UsageError("--accept reads only its own files: give nothing else with it.")
        return _accept(vault, accept, as_json)
    if repair:
        if rate is not None or older_than is not None:
            raise click.UsageError("--repair does not search: leave out --rate and --older-than.")
        return run_repair(vault, paths, suspects, untested_macos, progress, as_json)
    if suspects:
        raise click.UsageError("--suspects is for --repair.")
    result = scrub(
        vault,
        paths,
        rate=rate,
        older_than_ns=older_than or 0,
        progress=progress_for(progress),
    )
    render.print_warnings(result.warnings)
    render.print_result(result, _lines(result, vault), as_json)
    if result.is_interrupted:
        click.echo("gorillacomb: Interrupted.", err=True)
        click.echo("The next scrub continues with what was not read yet.", err=True)
    return result.exit_code


def _accept(vault: Vault, files: tuple[bytes, ...], as_json: bool) -> ExitCode:
    """Accept damaged files as they are now."""
    result = accept_damage(vault, files)
    if as_json:
        render.print_json(result.to_dict())
    else:
        click.echo(f"Accepted as now on disk: {render.format_count(len(result.accepted), 'file')}")
        for path in result.missing:
            click.echo(f"Missing or unreadable: {render.printable_path(path)}")
    return ExitCode.INCOMPLETE if result.missing else ExitCode.DONE


def _lines(result: ScrubResult, vault: Vault) -> Iterator[str]:
    yield from _told(result)
    yield from render.next_lines(after_scrub(result), vault)


def _told(result: ScrubResult) -> Iterator[str]:
    read = f"{render.format_count(result.files, 'file')}, {render.format_size(result.size)}"
    yield f"{render.styled('Read again', bold=True)} {read} in {result.seconds:,.1f} s"
    if result.changed:
        yield f"  edited since the last scan: {result.changed:,}"
    missed = result.due - result.files
    if result.is_interrupted:
        yield f"  not read yet: {result.left:,}"
    elif missed > 0:
        yield f"  moved, missing or unreadable: {missed:,} (gorillacomb scan)"
    for path in result.away:
        yield f"  missing: {render.printable_path(path)}"
    for failure in result.unreadable[:_SHOWN]:
        yield f"unreadable  {render.printable_path(failure.path)}: {failure.cause}"
    yield from _rest_line(len(result.unreadable))
    for path in result.in_use[:_SHOWN]:
        yield f"in use      {render.printable_path(path)}"
    yield from _rest_line(len(result.in_use))
    for file in result.damaged[:_SHOWN]:
        word = "suspect" if file.is_suspect else "damaged"
        yield f"{word:<10}  {render.printable_path(file.path)}"
        if file.digest is not None:
            yield from good_copy_lines(file.good)
    yield from _rest_line(len(result.damaged))
    if not result.damaged and not result.unreadable and not result.in_use:
        if not result.due:
            yield "  nothing was due"
        else:
            yield "  everything is unchanged" if not result.changed else "  nothing is damaged"
        return
    yield from _advice(result)


def _rest_line(count: int) -> Iterator[str]:
    """Say how many there are beyond those that are shown; yield nothing if that is all."""
    if count > _SHOWN:
        yield f"  and {count - _SHOWN:,} more; --json names them all"


def _advice(result: ScrubResult) -> Iterator[str]:
    """Say what can be done about damaged files; yield nothing if there are none."""
    if not result.damaged:
        return
    suspects = sum(file.is_suspect for file in result.damaged)
    good = sum(bool(file.good) for file in result.damaged)
    damaged = len(result.damaged) - suspects
    counts = ((damaged, "damaged"), (suspects, "suspect"), (good, "with a good copy"))
    yield "In all: " + ", ".join(f"{number:,} {word}" for number, word in counts if number)
    if suspects:
        yield from render.wrapped_paragraph(
            "suspect: the content changed, size and mtime did not, but the ctime or the inode did."
            " That is damage, or the work of a program that sets times back. On a server, a FUSE"
            " drive or tmpfs, content may change without any change in its times.",
            "",
        )
    if good < len(result.damaged):
        yield "No good copy? Look for one in your backups, and put it beside the damaged file,"
        yield "under another name. Keep the damaged file too: parts of it may be all that is left."
