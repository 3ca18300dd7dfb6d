"""`gorillacomb scan`: comb folders and print the findings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import click

from gorillacomb.api.lookup import suspect_texts
from gorillacomb.api.rescan import recorder_for
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.classify.state_text import FILE_CAUSES
from gorillacomb.cli.options import (
    BytesPath,
    SizeParam,
    json_option,
    progress_option,
    vault_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.findings import summary_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.fs.paths import is_below
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, folder_queries
from gorillacomb.index.database import Index
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import (
    DAMAGE,
    EntryState,
    FolderState,
    IndexedFile,
    ScanReport,
    UnreadablePath,
)
from gorillacomb.progress import Progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

_SHOWN = 3
"""Groups and failures named in the findings; the rest is counted."""


@click.command(short_help="Comb folders into the index and print what was found.")
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@workers_option
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what matches, in gitignore syntax; remembered for the root."
    " Repeat it for more; '!PATTERN' takes one back.",
)
@click.option("--clear-excludes", is_flag=True, help="Forget the patterns remembered so far first.")
@click.option(
    "--min-size",
    type=SizeParam(),
    metavar="SIZE",
    help="Leave smaller files unread; remembered for the root (0 takes it back).",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Answer the duplicates only: leave files unread that have no copy.",
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
    help="Take it that what is missing was deleted, though it is most of a root.",
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
) -> int:
    """Comb folders: walk, read, compare, and print what was found.

    Reads every file under each PATH once and keeps its digest in the vault's
    index; nothing under PATH is ever changed. The next scan reads only what
    changed, and one that is interrupted goes on where it stopped.
    """
    if not paths:
        if files_from is None:
            raise click.UsageError("Name a folder to comb: gorillacomb scan PATH")
        paths = (os.getcwdb(),)
    if null and files_from is None:
        raise click.UsageError("-0 says how --files-from ends its paths: name a file with it.")
    if quick and rehash:
        raise click.UsageError("--quick leaves files unread, --rehash reads all: take one.")
    settings = load_settings()
    options = ScanOptions(
        workers=settings.workers if workers is None else workers,
        exclude=exclude,
        clear_excludes=clear_excludes,
        standing_excludes=settings.exclude,
        min_size=min_size,
        standing_min_size=settings.min_size or 0,
        quick=quick,
        rehash=rehash,
        cross_file_systems=cross_file_systems,
        file_list=None if files_from is None else tuple(_listed(files_from, null)),
        accept_loss=accept_loss,
        hydrate_limit=hydrate_limit if hydrate else None,
    )
    shown = progress_for(progress)
    early = _EarlyFindings(shown)
    told = None if as_json else early
    report = scan(vault, paths, options, shown, told, recorder_for(settings))
    with Index.read(vault) as index:
        outcome = ScanFailures.of(index, report)
        if as_json:
            render.print_json(report_object(index, report, outcome))
        else:
            _print_ending(report, outcome, early.hashed_files, early.hashed_bytes)
    return outcome.exit_code


def _listed(stream: BinaryIO, null: bool) -> Iterator[bytes]:
    try:
        data = stream.read()
    except OSError as error:
        raise UsageError(f"The file list cannot be read: {error.strerror}.") from error
    if not null and b"\0" in data and b"\n" not in data:
        raise UsageError("The file list has NUL bytes in it.", "Read it with -0.")
    for path in data.split(b"\0" if null else b"\n"):
        if path:
            yield path


@dataclass(frozen=True, slots=True)
class ScanFailures:
    """What a scan could not read, and what it found damaged, within what it covered."""

    unreadable: tuple[UnreadablePath, ...]
    unstable: tuple[UnreadablePath, ...]
    damaged: tuple[IndexedFile, ...]
    vanished: bool
    suspect: bool
    junk: tuple[UnreadablePath, ...]

    @classmethod
    def of(cls, index: Index, report: ScanReport) -> ScanFailures:
        """Read the failures of the scanned folders from the index."""
        groups = GroupReader(index, is_online, lambda path: False)
        scopes = [scope for root in report.roots for scope in root.scopes]
        states = (
            EntryState.UNREADABLE,
            EntryState.UNSTABLE,
            EntryState.DAMAGED,
            EntryState.SUSPECT,
        )
        files = [
            file
            for file in content_queries.files_in_states(index.connection, groups.paths, states)
            if _covered(file.path, scopes)
        ]
        folders = [
            failure
            for failure in folder_queries.folders_in_states(
                index.connection, groups.paths, (FolderState.UNREADABLE,)
            )
            if _covered(failure.path, scopes)
        ]
        return cls(
            (*folders, *_failures(files, EntryState.UNREADABLE)),
            tuple(_failures(files, EntryState.UNSTABLE)),
            tuple(file for file in files if file.state in DAMAGE),
            bool(report.vanished),
            any(root.suspect is not None for root in report.roots),
            report.junk,
        )

    @property
    def exit_code(self) -> ExitCode:
        """Whether something is damaged, or else could not be read."""
        roots = self.vanished or self.suspect
        lacks = self.unreadable or self.unstable or roots or self.junk
        return ExitCode.of_check(found=bool(self.damaged), incomplete=bool(lacks))


def _covered(path: bytes, scopes: list[bytes]) -> bool:
    return any(is_below(path, scope) for scope in scopes)


def _failures(files: list[IndexedFile], state: EntryState) -> list[UnreadablePath]:
    return [UnreadablePath(file.path, file.cause or "") for file in files if file.state == state]


class _EarlyFindings:
    """Prints the findings as soon as the duplicates are known, while the rest is still read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.hashed_files = self.hashed_bytes = 0

    def __call__(self, index: Index, report: ScanReport) -> None:
        self.hashed_files, self.hashed_bytes = report.hashed_files, report.hashed_bytes
        self._progress.close()
        for line in summary_lines(index, report):
            click.echo(line)
        sys.stdout.flush()


def _print_ending(
    report: ScanReport, outcome: ScanFailures, early_files: int, early_bytes: int
) -> None:
    """What came after the findings: the rest that was read, and every kind of failure."""
    read = report.hashed_files - early_files
    if read > 0:
        size = render.format_size(report.hashed_bytes - early_bytes)
        click.echo(f"Read {render.format_count(read, 'more file')} ({size}) after that.")
    stamps = report.stamps
    told = [
        f"{number:,} {word}"
        for number, word in (
            (stamps.stamped, "newly stamped"),
            (stamps.restamped, "restamped"),
            (stamps.moved, "moved"),
            (stamps.retired, "retired"),
        )
        if number
    ]
    if told:
        click.echo(f"Trace, of canonical files: {', '.join(told)}; all in {report.seconds:.1f} s")
    for root in report.vanished:
        click.echo(
            f"gorillacomb: {render.printable_path(root)} went away while it was read.", err=True
        )
        click.echo("What is known of it is kept; scan again when its drive is back.", err=True)
    for each in report.roots:
        if each.suspect is not None:
            what, advice = suspect_texts(replace(each.root, suspect=each.suspect))
            click.echo(f"gorillacomb: {what}", err=True)
            click.echo(advice, err=True)
    _print_failures("could not be read", outcome.unreadable)
    _print_failures("changed each time it was read", outcome.unstable)
    _print_failures("in the file list cannot be scanned", outcome.junk)
    for file in outcome.damaged[:_SHOWN]:
        word = FILE_CAUSES[file.state]
        click.echo(f"gorillacomb: {render.printable_path(file.path)} is {word}:", err=True)
        click.echo("  its content changed, its size and time did not.", err=True)
    if len(outcome.damaged) > _SHOWN:
        click.echo(f"  and {len(outcome.damaged) - _SHOWN:,} more such files", err=True)


def _print_failures(what: str, failures: tuple[UnreadablePath, ...]) -> None:
    for failure in failures[:_SHOWN]:
        path = render.shorten_path(render.printable_path(failure.path), 200)
        click.echo(f"gorillacomb: {path} {what}: {failure.cause}", err=True)
    if len(failures) > _SHOWN:
        click.echo(f"  and {len(failures) - _SHOWN:,} more; --json lists them all", err=True)


def report_object(index: Index, report: ScanReport, outcome: ScanFailures) -> dict[str, object]:
    """A scan in JSON."""
    groups, copies, wasted = content_queries.content_totals(index.connection)
    states = content_queries.counts_by_state(index.connection)
    changes = report.changes
    return {
        "scan": report.scan,
        "roots": [
            {
                **path_to_json(root.scopes[0] if len(root.scopes) == 1 else root.root.path),
                "root": root.root.uid,
                "files": root.files,
                "folders": root.folders,
                "bytes": root.size,
                "vanished": root.vanished,
                "suspect": root.suspect,
            }
            for root in report.roots
        ],
        "files": report.files,
        "folders": report.folders,
        "bytes": report.size,
        "hashed_files": report.hashed_files,
        "hashed_bytes": report.hashed_bytes,
        "reused_files": report.reused_files,
        "read_again_young": len(report.read_again_young),
        "new": changes.new,
        "changed": changes.changed,
        "moved": changes.moved,
        "gone": changes.gone,
        "folders_moved": changes.folders_moved,
        "unreadable": [render.unreadable_object(each) for each in outcome.unreadable],
        "unstable": [render.unreadable_object(each) for each in outcome.unstable],
        **{
            state.name.lower(): [
                {**path_to_json(file.path), "state": state.name.lower()}
                for file in outcome.damaged
                if file.state == state
            ]
            for state in (EntryState.DAMAGED, EntryState.SUSPECT)
        },
        "not_listed": [render.unreadable_object(each) for each in outcome.junk],
        "other_file_systems": [path_to_json(path) for path in report.other_file_systems],
        "placeholders": states.get(EntryState.PLACEHOLDER, (0, 0))[0],
        "excluded": states.get(EntryState.EXCLUDED, (0, 0))[0],
        "pending": states.get(EntryState.PENDING, (0, 0))[0],
        "groups": groups,
        "redundant_files": copies,
        "redundant_bytes": wasted,
        "stamped": report.stamps.stamped,
        "restamped": report.stamps.restamped,
        "moved_stamps": report.stamps.moved,
        "retired": report.stamps.retired,
        "seconds": round(report.seconds, 3),
    }
