"""`gorillacomb scrub --repair`: good copies take the place of damaged files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import click

from gorillacomb.api.dedupe.runs import (
    RunResult,
    drive_errors_as_cut_short,
    log_run,
    require_index,
)
from gorillacomb.api.lookup import look_up_path, unknown_path_error
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.dedupe.apply.repair import DamagedFile
from gorillacomb.dedupe.apply.repair import repair_files as repair_files
from gorillacomb.dedupe.model import PlanOptions, RunOutcome
from gorillacomb.dedupe.quarantine.journal import REPAIR
from gorillacomb.dedupe.roots import LiveRoot, live_roots_of
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.fs.paths import is_below, join
from gorillacomb.fs.racy import time_to_settle_ns
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import DAMAGE, SECOND, EntryState
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault


def repair(
    vault: Vault, paths: Sequence[bytes], suspects: bool, progress: bool | None, as_json: bool
) -> ExitCode:
    """Put good copies in the place of files that are damaged.

    Of suspects those that are named, or all if ``suspects`` are wanted.
    """
    shown = progress_for(progress)
    require_index(vault)
    settings = load_settings()
    with (
        translate_errors(vault),
        drive_errors_as_cut_short(),
        Index.write(vault) as index,
        RunLog(index) as notes,
    ):
        named = NamedPaths(index)
        protect = named.patterns(settings.protect, "protect in config.toml")
        render.print_warnings(named.warnings)
        roots = live_roots_of(index)
        harms, unnamed = _harms(index, paths, suspects)
        outcome = repair_files(
            harms,
            roots,
            safety_policy_for(index, PlanOptions(protect=protect), settings),
            shown,
            lambda ended: _record(notes, ended, roots),
        )
    shown.close()
    _wait_until_settled(outcome, max((root.grain_ns for root in roots), default=0))
    folders = [os.path.dirname(harm.path) for harm in harms]
    render.print_warnings(rescan_changed(vault, roots, folders, shown))
    with render.tolerate_closed_pipe():
        if as_json:
            left = [path_to_json(harm.path) for harm in unnamed]
            render.print_json({**RunResult.of(outcome).to_dict(), "suspects": left})
        else:
            for line in _story(outcome, unnamed):
                click.echo(line)
    return ExitCode.INCOMPLETE if outcome.failed or outcome.skipped or unnamed else ExitCode.DONE


def _wait_until_settled(outcome: RunOutcome, grain_ns: int) -> None:
    """Wait until a later write to what was repaired must show in its times.

    What was written within the clock's grain of its reading is not known for sure: were the repair
    taken back, the damaged content would pass for an edit.
    """
    left = 0
    for step in outcome.done:
        with suppress(OSError):  # it left again, which the scan finds
            left = max(left, time_to_settle_ns(os.stat(step.path), time.time_ns(), grain_ns))
    time.sleep(left / SECOND)


def _record(notes: RunLog, outcome: RunOutcome, roots: list[LiveRoot]) -> None:
    if outcome.done or outcome.failed or outcome.recovered:
        log_run(notes, "repaired", outcome, REPAIR, roots)


def _harms(
    index: Index, paths: Sequence[bytes], suspects: bool
) -> tuple[list[DamagedFile], list[DamagedFile]]:
    """The files to repair, and suspects beside them that nobody named. Raises UsageFault."""
    places = folder_paths(index.connection)
    named, scopes = _asked_for(index, paths)
    roots = {root.id: root.path for root in all_roots(index.connection)}
    there = {root.id for root in all_roots(index.connection) if is_online(root)}
    harms, unnamed = [], []
    for each in scrub_queries.damaged_files(index.connection):
        place = places.place(each.folder)
        if place is None:
            continue  # in a folder that left its place, which the next scan finds
        if place[0] not in there and roots[place[0]] in map(roots.get, there):
            continue  # on another drive that was scanned at this mount point
        path = join(place[1], each.name)
        inside = not paths or any(is_below(path, scope) for scope in scopes)
        copies = tuple(good_copies(index, places, each.digest))
        harm = DamagedFile(path, each.size, each.mtime_ns, each.ctime_ns, each.digest, copies)
        if path in named or (inside and (suspects or each.state == EntryState.DAMAGED)):
            harms.append(harm)
        elif inside:
            unnamed.append(harm)
    return harms, unnamed


def _asked_for(index: Index, paths: Sequence[bytes]) -> tuple[set[bytes], list[bytes]]:
    """The damaged files, and the folders, among some paths. Raises UsageFault."""
    files, folders = set(), []
    for path in paths:
        known = look_up_path(index, path)
        if known.folder is not None:
            folders.append(known.path)
        elif known.file is None:
            raise unknown_path_error(known)
        elif known.file.state not in DAMAGE:
            raise UsageError(f"{render.printable_path(known.path)} is not said to be damaged.")
        else:
            files.add(known.file.path)
    return files, folders


def _story(outcome: RunOutcome, unnamed: Sequence[DamagedFile]) -> Iterator[str]:
    yield from problem_lines("Of a run that was cut short", outcome.recovered)
    yield f"Repaired: {render.format_count(len(outcome.done), 'file')}"
    for step in outcome.done:
        yield "  " + render.printable_path(step.path)
        yield "    from " + render.printable_path(step.keep)
    if outcome.before:
        yield f"Good by now: {render.format_count(outcome.before, 'file')}"
    yield from problem_lines("Not repaired", outcome.skipped)
    yield from problem_lines("Failed", outcome.failed)
    if unnamed:
        able = [harm for harm in unnamed if harm.copies]
        many = render.format_count(len(unnamed), "suspect")
        yield f"Left as it is: {many}, {len(able):,} with a good copy"
        if able:
            yield "  gorillacomb scrub --repair FILE         repairs one of them, as"
            yield f"    {render.printable_path(able[0].path)}"
            yield "  gorillacomb scrub --repair --suspects   repairs all of them"
    if outcome.done:
        yield f"What stood there waits in quarantine: {render.format_size(outcome.bytes_set_aside)}"
        yield f"  gorillacomb dedupe --undo {outcome.run}              takes it back"
        yield f"  gorillacomb dedupe --empty-quarantine {outcome.run}  deletes it"
