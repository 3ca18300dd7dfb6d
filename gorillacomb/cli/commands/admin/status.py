"""`gorillacomb status`: what the vault knows."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gorillacomb.api.next_step.upkeep import after_status
from gorillacomb.api.roots import RootStatus, suspect_texts
from gorillacomb.api.status import (
    FILE_CAUSES,
    FOLDER_CAUSES,
    VaultStatus,
    vault_status,
)
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode
from gorillacomb.model import EntryState

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


@click.command()
@json_option
@vault_option
def command(as_json: bool, vault: Vault) -> ExitCode:
    """Show what the vault knows: roots, files, redundancy, and what was not read."""
    status = vault_status(vault)
    if as_json:
        render.print_json(status.to_dict())
    else:
        for line in (*_lines(status), *render.next_lines(after_status(status), vault)):
            click.echo(line)
    return ExitCode.DONE


def absence(status: RootStatus) -> str:
    """Say in a word why nothing in a root counts."""
    return "offline" if status.root.suspect is None else "suspect"


def root_lines(status: RootStatus) -> list[str]:
    """Describe a root as text, with its settings if it has any."""
    root, facts = status.root, status.facts
    when = (
        "not finished yet" if facts.last_scan_ns is None else render.format_time(facts.last_scan_ns)
    )
    width = render.terminal_width()
    lines = [
        render.short_path(root.path, None if width is None else width - 10)
        + render.name_note(root.name)
        + ("" if status.is_online else render.styled(f"  {absence(status)}", fg="yellow")),
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


def _quarantine_lines(status: VaultStatus) -> list[str]:
    """Describe what is in the quarantine and still takes up space."""
    held = status.quarantine
    if not held:
        return []
    files, size = sum(each.files for each in held), sum(each.size for each in held)
    past = [each.started_ns for each in held if each.age_ns is not None]
    since = f"since {render.format_time(min(past))}" if past else "for an unknown time"
    return [
        f"Quarantine: {render.format_count(files, 'file')}, {render.format_size(size)} on "
        f"disk, {since}",
    ]


def _lines(status: VaultStatus) -> Iterator[str]:
    width = render.terminal_width()
    room = None if width is None else width - len("Vault ")
    yield f"Vault {render.short_path(bytes(status.path), room)}"
    for root in status.roots:
        yield from root_lines(root)
    if status.has_groups:
        totals = status.totals
        yield (
            f"Duplicates: {totals.redundant_files:,} surplus"
            f" {'copy' if totals.redundant_files == 1 else 'copies'} in"
            f" {render.format_count(totals.groups, 'group')} take"
            f" {render.format_size(totals.redundant_bytes)} on disk"
        )
    else:
        yield "Duplicates: unknown until the first scan has looked for them"
    if status.trace is not None:
        yield (
            f"Trace: {render.format_count(status.trace.stamps, 'canonical file')} stamped in"
            f" {render.format_count(status.trace.entries, 'entry', 'entries')}"
        )
    yield from _quarantine_lines(status)
    yield from _gap_lines(status)
    rules = "; ".join(rule.text for rule in status.settings.rules)
    if rules:
        yield from render.wrapped_paragraph(f"Rules: {rules}", "")
    for label, places in (
        ("Excluded everywhere", status.settings.exclude),
        ("Preferred", status.settings.prefer),
        ("Protected", status.settings.protect),
    ):
        if places:
            yield from render.wrapped_paragraph(f"{label}: {' '.join(places)}", "")


def _gap_lines(status: VaultStatus) -> Iterator[str]:
    by_state = dict(status.files_by_state)
    for state in (EntryState.DAMAGED, EntryState.SUSPECT):
        if state in by_state:
            yield f"Content: {_files_in(state, *by_state.pop(state))}"
    gaps = [f"  {_files_in(state, *found)}" for state, found in by_state.items()] + [
        f"  {render.format_count(number, 'folder')} {FOLDER_CAUSES[state]}"
        for state, number in status.folders_by_state.items()
    ]
    if gaps:
        yield "Not looked at:"
        yield from gaps
