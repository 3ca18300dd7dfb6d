"""`gorillacomb scrub`: reads everything again, and tells rot from edits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click

from gorillacomb.api.lookup import away_notes, look_up_path, unknown_path_error
from gorillacomb.api.rescan import rescan
from gorillacomb.cli.commands.watch.scrub_accept import accept as accept_files
from gorillacomb.cli.commands.watch.scrub_repair import repair as repair_files
from gorillacomb.cli.options import (
    BytesPath,
    DurationParam,
    RateParam,
    json_option,
    progress_option,
    untested_macos_option,
    vault_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.good_copies import good_copy_lines
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, Interrupted, UsageError
from gorillacomb.fs.darwin import refuse_untested
from gorillacomb.fs.paths import is_below
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, scrub_queries
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import DAMAGE, EntryState, IndexedFile, Root, ScanReport
from gorillacomb.progress import NullProgress, Progress
from gorillacomb.scan.read_file import IN_USE
from gorillacomb.scan.scrub_queue import ScrubQueue
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

_BATCH = 4 << 30
_SPAN = 2
"""Seconds' worth of bytes that are read at a time where there is a rate."""
_SHOWN = 20


@click.command(short_help="Read files again, oldest check first, and find bit rot.")
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
    help="Put a good copy in the place of each file that is known to be damaged, everywhere or"
    " in PATH; of suspects only where PATH is the file itself.",
)
@click.option("--suspects", is_flag=True, help="With --repair: repair suspects too.")
@untested_macos_option
@progress_option
@json_option
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

    Everything known, or what is in each PATH. A file whose content changed while its size
    and times did not is damaged; one whose mtime changed was edited, and is stamped again.
    For each damaged one, good copies are named. Nothing but the index and the trace is
    written. It can be interrupted: the next scrub continues with what was not read yet.
    Exit code 1 when something is damaged, 3 when something could not be read.

    With --repair nothing is searched for: each file known to be damaged is exchanged with a
    checked copy of its good content and moved into the quarantine, from which `gorillacomb
    dedupe --undo` takes it back.
    """
    if accept:
        if paths or repair or rate is not None or older_than is not None:
            raise click.UsageError("--accept reads its files alone: give nothing else with it.")
        return accept_files(vault, accept, as_json)
    if repair:
        if rate is not None or older_than is not None:
            raise click.UsageError("--repair looks for nothing: leave --rate and --older-than out.")
        refuse_untested("Repairing files", untested_macos)
        return repair_files(vault, paths, suspects, progress, as_json)
    if suspects:
        raise click.UsageError("--suspects says what --repair is to repair.")
    shown = progress_for(progress)
    passing = _ScrubPass(vault, paths, time.time_ns() - (older_than or 0), shown)
    try:
        passing.run(rate)
    except (KeyboardInterrupt, Interrupted):
        passing.interrupted = True
    finally:
        shown.close()
    with Index.read(vault) as index:
        result = _ScrubResult.of(index, passing)
        with render.tolerate_closed_pipe():
            if as_json:
                render.print_json(_object(index, passing, result))
            else:
                for line in _lines(index, passing, result):
                    click.echo(line)
    if passing.interrupted:
        click.echo("gorillacomb: Interrupted.", err=True)
        click.echo("The next scrub goes on with what was not read yet.", err=True)
        return ExitCode.INTERRUPTED
    return result.exit_code


class _ScrubPass(NullProgress):
    """Reads all that is due, and sums up; as a progress it hands on what scans tell of bytes."""

    def __init__(
        self, vault: Vault, paths: Sequence[bytes], before_ns: int, shown: Progress
    ) -> None:
        """Raises VaultError, UsageFault."""
        self.files = self.bytes = self.changed = self.due = 0
        self.interrupted = False
        self.started = time.monotonic()
        self._vault = vault
        self._before_ns = before_ns
        self._shown = shown
        self._settings = load_settings()
        with Index.read(vault) as index:
            self.scopes, self.away = _scopes(index, paths)
            self._scrub = ScrubQueue(vault, partial(_tops, scopes=self.scopes), before_ns)
            tops = _tops(index, self.scopes)
            self.due, size = scrub_queries.due_totals(
                index.connection, tops, before_ns, time.time_ns()
            )
        shown.stage("Reading again", self.due, size or 1)

    def run(self, rate: int | None) -> None:
        """Read it all, no faster than ``rate`` bytes a second. Raises GorillaCombError."""
        while (batch := self._scrub.next(rate * _SPAN if rate else _BATCH)) is not None:
            begun = time.monotonic()
            self._sum_up(
                rescan(self._vault, batch.roots, self._settings, again=batch.entries, progress=self)
            )
            if rate:
                time.sleep(max(0.0, begun + batch.size / rate - time.monotonic()))

    def left(self, index: Index) -> int:
        """How many files are due still: of a batch that was cut short some may have been read."""
        return scrub_queries.due_totals(
            index.connection, _tops(index, self.scopes), self._before_ns, time.time_ns()
        )[0]

    def _sum_up(self, report: ScanReport) -> None:
        self.files += report.hashed_files
        self.bytes += report.hashed_bytes
        self.changed += report.changes.changed

    def advance(self, files: int, size: int) -> None:
        self._shown.advance(files, size)


def _scopes(index: Index, paths: Sequence[bytes]) -> tuple[list[bytes], list[Root]]:
    """The paths to look at, as the index has them, and the roots that are not there now."""
    roots = all_roots(index.connection)
    away = [root for root in roots if not is_online(root)]
    found = []
    for path in paths:
        known = look_up_path(index, path)
        if known.folder is None:
            if known.file is not None:
                raise UsageError(
                    f"{render.printable_path(known.path)} is a file.", "Name the folder it is in."
                )
            raise unknown_path_error(known)
        render.print_warnings(away_notes(known))
        if known.root in away:
            raise UsageError(
                f"{render.printable_path(known.path)} is not there now.",
                "Plug its drive in, or scan where it is now.",
            )
        found.append(known.path)
    there = [root.path for root in roots if root not in away]
    return found or list(dict.fromkeys(there)), away


def _tops(index: Index, scopes: Sequence[bytes]) -> list[int]:
    """The ids of folders; those that are no more are left out."""
    found = (look_up_path(index, each).folder for each in scopes)
    return [each for each in found if each is not None]


@dataclass(slots=True)
class _ScrubResult:
    """What is wrong in what was looked at."""

    damaged: list[IndexedFile] = field(default_factory=list)
    """Suspects too."""
    in_use: list[IndexedFile] = field(default_factory=list)
    """Those that differ while a program has them open for writing."""
    unreadable: list[IndexedFile] = field(default_factory=list)

    @classmethod
    def of(cls, index: Index, passing: _ScrubPass) -> _ScrubResult:
        states = (
            EntryState.DAMAGED,
            EntryState.SUSPECT,
            EntryState.UNREADABLE,
            EntryState.UNSTABLE,
        )
        result = cls()
        away = {root.id for root in passing.away}
        for file in content_queries.files_in_states(
            index.connection, folder_paths(index.connection), states
        ):
            inside = any(is_below(file.path, each) for each in passing.scopes)
            if inside and file.root not in away:
                result._add(file)
        return result

    def _add(self, file: IndexedFile) -> None:
        if file.state in DAMAGE:
            self.damaged.append(file)
        elif file.state == EntryState.UNREADABLE:
            self.unreadable.append(file)
        elif file.cause == IN_USE:
            self.in_use.append(file)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.of_check(
            found=bool(self.damaged), incomplete=bool(self.unreadable or self.in_use)
        )


def _lines(index: Index, passing: _ScrubPass, result: _ScrubResult) -> Iterator[str]:
    seconds = time.monotonic() - passing.started
    read = f"{render.format_count(passing.files, 'file')}, {render.format_size(passing.bytes)}"
    yield f"{render.styled('Read again', bold=True)} {read} in {seconds:,.1f} s"
    if passing.changed:
        yield f"  edited since the last scan: {passing.changed:,}"
    missed = passing.due - passing.files
    if passing.interrupted:
        yield f"  not read yet: {passing.left(index):,}"
    elif missed > 0:
        yield f"  not where they were, or not to be read: {missed:,} (gorillacomb scan)"
    for root in passing.away:
        yield f"  not there now: {render.printable_path(root.path)}"
    for file in result.unreadable[:_SHOWN]:
        yield f"unreadable  {render.printable_path(file.path)}: {file.cause}"
    if len(result.unreadable) > _SHOWN:
        yield f"  and {len(result.unreadable) - _SHOWN:,} more; --json names them all"
    for file in result.in_use[:_SHOWN]:
        yield f"in use      {render.printable_path(file.path)}"
    if len(result.in_use) > _SHOWN:
        yield f"  and {len(result.in_use) - _SHOWN:,} more; --json names them all"
    paths = folder_paths(index.connection)
    for file in result.damaged[:_SHOWN]:
        yield f"{file.state.name.lower():<10}  {render.printable_path(file.path)}"
        if file.digest is not None:
            yield from good_copy_lines(good_copies(index, paths, file.digest))
    if len(result.damaged) > _SHOWN:
        yield f"  and {len(result.damaged) - _SHOWN:,} more; --json names them all"
    if not result.damaged and not result.unreadable and not result.in_use:
        if not passing.due:
            yield "  nothing was due"
        else:
            yield "  all of it is as it was" if not passing.changed else "  nothing is damaged"
        return
    yield from _advice(index, paths, result)


def _advice(index: Index, paths: FolderPaths, result: _ScrubResult) -> Iterator[str]:
    """What can be done about damaged files; nothing where there are none."""
    if not result.damaged:
        return
    suspects = [file for file in result.damaged if file.state == EntryState.SUSPECT]
    damaged = len(result.damaged) - len(suspects)
    good = sum(bool(_good(index, paths, file)) for file in result.damaged)
    counts = ((damaged, "damaged"), (len(suspects), "suspect"), (good, "with a good copy"))
    yield "In all: " + ", ".join(f"{number:,} {word}" for number, word in counts if number)
    if suspects:
        yield from render.wrapped_paragraph(
            "suspect: the content changed, size and mtime did not, but the ctime or the inode did."
            " That is damage, or the work of a program that sets times back. On a server, a FUSE"
            " drive or tmpfs content may change without any time's showing it.",
            "",
        )
    if good:
        yield "  gorillacomb scrub --repair        puts good copies in the place of what is damaged"
        yield "  gorillacomb scrub --repair FILE   the same for one file, suspects too"
    if suspects:
        yield "  gorillacomb scrub --accept FILE   takes a suspect as it is now"
    if good < len(result.damaged):
        yield "What has no good copy: look for one in your backups, and put it beside the damaged"
        yield "file, under another name. Keep this one too: parts of it may be all that is left."


def _good(index: Index, paths: FolderPaths, file: IndexedFile) -> list[bytes]:
    return [] if file.digest is None else good_copies(index, paths, file.digest)


def _object(index: Index, passing: _ScrubPass, result: _ScrubResult) -> dict[str, Any]:
    paths = folder_paths(index.connection)
    return {
        "files": passing.files,
        "bytes": passing.bytes,
        "due": passing.due,
        "changed": passing.changed,
        "interrupted": passing.interrupted,
        "seconds": round(time.monotonic() - passing.started, 3),
        "away": [path_to_json(each.path) for each in passing.away],
        **{
            state.name.lower(): [
                {
                    **path_to_json(file.path),
                    "state": state.name.lower(),
                    "blake3": file.digest.hex() if file.digest else None,
                    "good": [path_to_json(each) for each in _good(index, paths, file)],
                }
                for file in result.damaged
                if file.state == state
            ]
            for state in (EntryState.DAMAGED, EntryState.SUSPECT)
        },
        "in_use": [path_to_json(file.path) for file in result.in_use],
        "unreadable": [
            {**path_to_json(file.path), "cause": file.cause} for file in result.unreadable
        ],
    }
