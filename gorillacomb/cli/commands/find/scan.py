"""`gorillacomb scan`: scan folders and print the findings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from gorillacomb.api.next_step.find import after_scan
from gorillacomb.api.scan import (
    FILE_CAUSES,
    ScanFindings,
    ScanResult,
    UnreadablePath,
    scan_folders,
)
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import (
    BytesPath,
    SizeParam,
    json_option,
    progress_option,
    vault_option,
    wait_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.cli.output.scan_summary import summary_lines
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.progress import Progress

if TYPE_CHECKING:
    from gorillacomb.api.roots import RootStatus

_SHOWN = 3
"""Failures of each kind that are listed; the rest are counted."""


@click.command()
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@workers_option
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Exclude what matches, in gitignore syntax; remembered for the root."
    " Repeat it for more; '!PATTERN' cancels one.",
)
@click.option("--clear-excludes", is_flag=True, help="Forget the patterns remembered so far first.")
@click.option(
    "--min-size",
    type=SizeParam(),
    metavar="SIZE",
    help="Leave smaller files unread; remembered for the root (0 resets it).",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Find duplicates only: files that have no copy stay unread.",
)
@click.option(
    "--rehash",
    is_flag=True,
    help="Read everything again, and report what changed without being written.",
)
@click.option(
    "--cross-file-systems", is_flag=True, help="Enter drives that are mounted inside PATH."
)
@click.option(
    "--files-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Look only at the paths in FILE ('-' for stdin), one a line, inside PATH.",
)
@click.option("-0", "--null", "null", is_flag=True, help="Paths in FILE end with NUL, not newline.")
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Treat missing files as deleted, even if they are most of a root.",
)
@click.option("--hydrate", is_flag=True, help="Download files that are only in the cloud.")
@click.option(
    "--hydrate-limit",
    type=SizeParam(),
    metavar="SIZE",
    default="100MB",
    show_default=True,
    help="With --hydrate: leave larger ones in the cloud.",
)
@progress_option
@json_option
@wait_option()
@vault_option
def command(
    paths: tuple[bytes, ...],
    workers: int | None,
    exclude: tuple[str, ...],
    clear_excludes: bool,
    min_size: int | None,
    quick: bool,
    rehash: bool,
    cross_file_systems: bool,
    files_from: BinaryIO | None,
    null: bool,
    accept_loss: bool,
    hydrate: bool,
    hydrate_limit: int,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Scan folders: walk, read, compare, and print what was found.

    Without PATH, scans all known roots that are connected, and names those that are not.
    Reads every file under each PATH once and keeps its digest in the vault's index; nothing under
    PATH is ever changed. The next scan reads only what changed, and an interrupted scan continues
    where it stopped.
    """
    if not paths and files_from is not None:
        paths = (os.getcwdb(),)
    if null and files_from is None:
        raise click.UsageError("-0 says how paths end in the file of --files-from: name that file.")
    shown = progress_for(progress)
    early = _EarlyFindings(shown)
    result = scan_folders(
        vault,
        paths or None,
        exclude=exclude,
        clear_excludes=clear_excludes,
        min_size=min_size,
        quick=quick,
        rehash=rehash,
        cross_file_systems=cross_file_systems,
        file_list=None if files_from is None else tuple(_listed(files_from, null)),
        accept_loss=accept_loss,
        hydrate_limit=hydrate_limit if hydrate else None,
        workers=workers,
        progress=shown,
        on_findings=None if as_json else early,
    )
    if as_json:
        render.print_json(result.to_dict())
    else:
        _print_ending(result, early.hashed_files, early.hashed_bytes)
        for line in render.next_lines(after_scan(result), vault):
            click.echo(line)
    return ExitCode.of_check(found=bool(result.damaged), incomplete=not result.is_complete)


def _listed(stream: BinaryIO, null: bool) -> Iterator[bytes]:
    try:
        data = stream.read()
    except OSError as error:
        raise UsageError(f"Reading the file list failed: {error.strerror}.") from error
    if not null and b"\0" in data and b"\n" not in data:
        raise UsageError("The file list contains NUL bytes.", "Read it with -0.")
    for path in data.split(b"\0" if null else b"\n"):
        if path:
            yield path


class _EarlyFindings:
    """Prints the findings once the duplicates are known, while remaining files are still read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.hashed_files = self.hashed_bytes = 0

    def __call__(self, findings: ScanFindings) -> None:
        report = findings.report
        self.hashed_files, self.hashed_bytes = report.hashed_files, report.hashed_bytes
        self._progress.close()
        for line in summary_lines(findings):
            click.echo(line)
        sys.stdout.flush()


def _print_ending(result: ScanResult, early_files: int, early_bytes: int) -> None:
    """Print what came after the findings: the remaining reads, and each kind of failure."""
    report = result.report
    read = report.hashed_files - early_files
    if read > 0:
        size = render.format_size(report.hashed_bytes - early_bytes)
        click.echo(f"Read {render.format_count(read, 'more file')} ({size}) after that.")
    stamps = report.stamps
    told = render.counted(
        (stamps.stamped, "newly stamped"),
        (stamps.restamped, "restamped"),
        (stamps.moved, "moved"),
        (stamps.retired, "retired"),
    )
    if told:
        click.echo(f"Trace of canonical files: {', '.join(told)}; {report.seconds:.1f} s in all")
    for absent in result.absent:
        click.echo(f"gorillacomb: not scanned: {_absent(absent)}", err=True)
    for what, advice in result.root_warnings():
        click.echo(f"gorillacomb: {render.printable(what)}", err=True)
        click.echo(render.printable(advice), err=True)
    _print_failures("could not be read", result.unreadable)
    if result.privacy_advice is not None:
        click.echo(result.privacy_advice, err=True)
    _print_failures("changed each time it was read", result.unstable)
    _print_failures("in the file list cannot be scanned", report.junk)
    for file in result.damaged[:_SHOWN]:
        word = FILE_CAUSES[file.state]
        click.echo(f"gorillacomb: {render.printable_path(file.path)} is {word}:", err=True)
        click.echo("  its content changed, its size and time did not.", err=True)
    if len(result.damaged) > _SHOWN:
        click.echo(f"  and {len(result.damaged) - _SHOWN:,} more such files", err=True)


def _absent(root: RootStatus) -> str:
    """Describe a root that is not connected."""
    last = root.facts.last_scan_ns
    when = "never scanned to the end" if last is None else f"last scan {render.format_time(last)}"
    name = render.name_note(root.name)
    return f"{render.printable_path(root.path)}{name} is not connected ({when})"


def _print_failures(what: str, failures: tuple[UnreadablePath, ...]) -> None:
    for failure in failures[:_SHOWN]:
        path = render.shorten_path(render.printable_path(failure.path), 200)
        click.echo(f"gorillacomb: {path} {what}: {failure.cause}", err=True)
    if len(failures) > _SHOWN:
        click.echo(f"  and {len(failures) - _SHOWN:,} more; --json lists them all", err=True)
