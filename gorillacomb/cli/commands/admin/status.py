"""`gorillacomb status`: what the vault knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gorillacomb.api.lookup import suspect_texts
from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.dedupe.quarantine.run_folders import has_runs, run_folder
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import ExitCode
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, folder_queries, stamps
from gorillacomb.index import roots as root_table
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.duplicate_groups import has_groups
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import EntryState, Root
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading

if TYPE_CHECKING:
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun

_DETAILS = {
    EntryState.PENDING: ", after a quick or interrupted scan",
    EntryState.DAMAGED: ": content changed, times did not",
    EntryState.SUSPECT: ": content changed, mtime did not",
}
FILE_STATE_WORDS = {
    EntryState.FRESH: "read, but written at that moment",
    EntryState.OTHER: "not a regular file: recorded, never opened",
    **{state: cause + _DETAILS.get(state, "") for state, cause in FILE_CAUSES.items()},
}


@click.command(short_help="Show what the vault knows: roots, files, redundancy, gaps.")
@json_option
@vault_option
def command(as_json: bool, vault: Vault) -> ExitCode:
    """Show what the vault knows: roots, files, redundancy, and what was not read."""
    settings = load_settings()
    with Index.read(vault) as index, translate_errors(vault):
        document = status_object(index, settings)
        if as_json:
            render.print_json(document)
        else:
            for line in _lines(index, settings):
                click.echo(line)
    return ExitCode.DONE


def status_object(index: Index, settings: Settings) -> dict[str, object]:
    """The status in JSON."""
    connection = index.connection
    groups, copies, wasted = content_queries.content_totals(connection)
    roots = root_table.all_roots(connection)
    return {
        "vault": path_to_json(bytes(index.vault.folder)),
        "roots": [root_object(index, root) for root in roots],
        "groups": groups,
        "redundant_files": copies,
        "redundant_bytes": wasted,
        "files_by_state": {
            state.name.lower(): {"files": files, "bytes": size}
            for state, (files, size) in content_queries.counts_by_state(connection).items()
        },
        "folders_by_state": {
            state.name.lower(): number
            for state, number in folder_queries.count_folders_by_state(connection).items()
        },
        "trace": _trace_object(index),
        "quarantine": list(map(quarantine_object, _waiting_runs(index))),
        "settings": {
            "exclude": list(settings.exclude),
            "min_size": settings.min_size,
            "prefer": list(settings.prefer),
            "protect": list(settings.protect),
            "workers": settings.workers,
        },
    }


def quarantine_object(waiting: QuarantinedRun) -> dict[str, object]:
    """What a run has in quarantine in JSON."""
    return {
        **path_to_json(run_folder(waiting.base, waiting.run)),
        "run": waiting.run,
        "files": waiting.files,
        "bytes": waiting.size,
        "started_ns": str(waiting.started_ns),
    }


def _waiting_runs(index: Index) -> list[QuarantinedRun]:
    roots = live_roots_of(index, suspect=True)
    if not has_runs(roots):
        return []
    from gorillacomb.dedupe.quarantine.inventory import quarantined_runs  # all about journals

    return [each for each in quarantined_runs(roots) if each.steps]


def _trace_object(index: Index) -> dict[str, Any] | None:
    """Where the trace stands; None while there is none."""
    if not index.vault.trace.exists():
        return None
    with open_trace_for_reading(index.vault) as ledger:
        head = ledger.head
    return {
        "log": head.log,
        "entries": head.size,
        "root": head.root.hex(),
        "stamps": stamps.count_stamps(index.connection),
    }


def root_object(index: Index, root: Root) -> dict[str, object]:
    """A root in JSON."""
    facts = root_table.root_facts(index.connection, root)
    return {
        **path_to_json(root.path),
        "root": root.uid,
        "online": is_online(root),
        "suspect": root.suspect,
        "volume": root.volume,
        "file_system": root.volume_type,
        "weak_fingerprint": root.weak,
        "files": facts.files,
        "folders": facts.folders,
        "bytes": facts.bytes,
        "last_scan_ns": None if facts.last_scan_ns is None else str(facts.last_scan_ns),
        "exclude": list(root.exclude),
        "min_size": root.min_size,
    }


def absence(root: Root) -> str:
    """Why nothing in a root counts, in a word."""
    return "offline" if root.suspect is None else "suspect"


def root_lines(index: Index, root: Root) -> list[str]:
    """A root for people, with its settings where it has some."""
    facts = root_table.root_facts(index.connection, root)
    when = (
        "not to the end yet"
        if facts.last_scan_ns is None
        else render.format_time(facts.last_scan_ns)
    )
    width = render.terminal_width()
    lines = [
        render.short_path(root.path, None if width is None else width - 10)
        + ("" if is_online(root) else render.styled(f"  {absence(root)}", fg="yellow")),
        f"  {render.format_count(facts.files, 'file')}, {render.format_size(facts.bytes)},"
        f" {render.format_count(facts.folders, 'folder')}; last scan {when}",
    ]
    if root.suspect is not None:
        for line in suspect_texts(root):
            lines += render.wrapped_paragraph(line, "  ")
    if root.weak:
        lines.append(f"  {root.volume_type}: known by path, size and mtime only (no stable inodes)")
    if root.exclude:
        lines += render.wrapped_paragraph(f"excluded: {' '.join(root.exclude)}", "  ")
    if root.min_size:
        lines.append(f"  min-size: {render.format_size(root.min_size)}")
    return lines


def _files_in(state: EntryState, files: int, size: int) -> str:
    return (
        f"{render.format_count(files, 'file')} ({render.format_size(size)}) "
        f"{FILE_STATE_WORDS[state]}"
    )


def _quarantine_lines(index: Index) -> list[str]:
    """What was set aside and takes space still."""
    held = _waiting_runs(index)
    if not held:
        return []
    files, size = sum(each.files for each in held), sum(each.size for each in held)
    past = [each.started_ns for each in held if each.age_ns is not None]
    since = f"since {render.format_time(min(past))}" if past else "nobody knows since when"
    return [
        f"Quarantine: {render.format_count(files, 'file')}, {render.format_size(size)} on "
        f"disk, {since}",
        "  to free that: gorillacomb dedupe --empty-quarantine",
    ]


def _lines(index: Index, settings: Settings) -> list[str]:
    connection = index.connection
    width = render.terminal_width()
    room = None if width is None else width - len("Vault ")
    lines = [f"Vault {render.short_path(bytes(index.vault.folder), room)}"]
    for root in root_table.all_roots(connection):
        lines += root_lines(index, root)
    if has_groups(connection):
        groups, copies, wasted = content_queries.content_totals(connection)
        lines.append(
            f"Duplicates: {render.format_count(copies, 'copy', 'copies')} too many in"
            f" {render.format_count(groups, 'group')} take {render.format_size(wasted)} on disk"
        )
    else:
        lines.append("Duplicates: not known until a first scan has come to them")
    trace = _trace_object(index)
    if trace is not None:
        lines.append(
            f"Trace: {render.format_count(trace['stamps'], 'canonical file')} stamped in"
            f" {render.format_count(trace['entries'], 'entry', 'entries')}"
        )
    lines += _quarantine_lines(index)
    by_state = content_queries.counts_by_state(connection)
    for state in (EntryState.DAMAGED, EntryState.SUSPECT):
        if state in by_state:
            lines.append(f"Content: {_files_in(state, *by_state.pop(state))}")
    gaps = [f"  {_files_in(state, *found)}" for state, found in by_state.items()] + [
        f"  {render.format_count(number, 'folder')} {FOLDER_CAUSES[state]}"
        for state, number in folder_queries.count_folders_by_state(connection).items()
    ]
    if gaps:
        lines += ["Not looked at:", *gaps]
    if settings.exclude:
        lines += render.wrapped_paragraph(f"Excluded everywhere: {' '.join(settings.exclude)}", "")
    if settings.prefer:
        lines += render.wrapped_paragraph(f"Preferred: {' '.join(settings.prefer)}", "")
    if settings.protect:
        lines += render.wrapped_paragraph(f"Protected: {' '.join(settings.protect)}", "")
    return lines
