"""`gorillacomb explain`: all that is known of one file or folder."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import click

from gorillacomb.api.documents.duplicates import file_document
from gorillacomb.api.duplicates import FileGroup
from gorillacomb.api.lookup import (
    PathLookup,
    away_notes,
    folders_of,
    look_up_path,
    open_groups,
    unknown_path_error,
)
from gorillacomb.canonical.groups import GroupReader, hard_link_of
from gorillacomb.canonical.place_rules import CHOSEN_BEFORE, choose_canonical
from gorillacomb.cli.commands.admin.status import FILE_STATE_WORDS
from gorillacomb.cli.commands.find.fate import fate_lines, fate_object, fate_of
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.families import family_lines, relation_object
from gorillacomb.cli.output.good_copies import good_copy_lines
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
from gorillacomb.fs.volumes import is_there
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.folder_queries import FolderTotals, folder_facts
from gorillacomb.index.stamps import stamp_of
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import DAMAGE, DuplicateGroup, EntryState, GroupSummary, IndexedFile
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading


@click.command(short_help="Explain a file or folder: its copies, which one to keep, and why.")
@click.argument("path", type=BytesPath())
@json_option
@vault_option
def command(path: bytes, as_json: bool, vault: Vault) -> ExitCode:
    """Explain a file or folder: its copies, which of them is canonical, and why.

    For one that no longer exists it says what became of it.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        render.print_warnings(away_notes(found))
        if found.folder is not None:
            _explain_folder(index, found, found.folder, as_json)
        elif found.file is not None:
            _explain_file(index, found, found.file, as_json)
        else:
            _explain_gone(index, found, as_json)
    return ExitCode.DONE


def _explain_gone(index: Index, found: PathLookup, as_json: bool) -> None:
    """Tell what became of what is not in the index. Raises UsageError where nothing is known."""
    fate = fate_of(index, found)
    if not fate.is_known:
        error = unknown_path_error(found)
        if not os.path.lexists(found.path):
            raise UsageError(error.message, "Check the spelling: no run and no entry names it.")
        raise error
    if as_json:
        document: dict[str, object] = {"kind": "gone", "canonical": None, "reasons": []}
        document["copies"] = []
        went = fate_object(fate)
        render.print_json({**path_to_json(found.path), **document, **went, "trace": fate.entries})
        return
    click.echo(render.printable_path(found.path))
    for line in fate_lines(fate):
        click.echo(line)


def _absence(found: PathLookup) -> str:
    """What to say, after its path, of what the index has and the disk has not."""
    if found.root is not None and not is_there(found.root):
        return "  (offline)"
    return "" if os.path.lexists(found.path) else "  (gone since it was scanned)"


def _explain_folder(index: Index, found: PathLookup, folder: int, as_json: bool) -> None:
    facts = folder_facts(index.connection, folder)
    folders = folders_of(index)
    place = folders.forest.folders.get(folder)
    family = None if place is None else folders.around(place)
    fate = fate_of(index, found, trace=as_json)
    if as_json:
        document = _folder_object(found, facts, folders, family)
        render.print_json({**document, **fate_object(fate), "trace": fate.entries})
        return
    click.echo(render.printable_path(found.path) + _absence(found))
    click.echo(
        f"  {render.format_count(facts.files, 'file')}, {render.format_size(facts.bytes)},"
        f" {render.format_count(facts.folders, 'folder')} below it"
    )
    click.echo(
        f"  {render.format_count(facts.duplicates, 'file')} "
        f"({render.format_size(facts.duplicate_bytes)})"
        " stand somewhere else too, in this folder or outside"
    )
    if facts.gaps:
        cause = f" ({facts.cause})" if facts.cause else ""
        entries = render.format_count(facts.gaps, "entry", "entries")
        click.echo(f"  not complete: {entries} not read, or damaged{cause}")
    if fate.items or fate.kept_for:
        for line in fate_lines(fate):
            click.echo(line)
    if family is not None:
        inside = "one" if place in family.members else "part of one"
        click.echo(f"  {inside} of several copies:")
        for line in family_lines(folders, family):
            click.echo(line)
    if facts.duplicates:
        click.echo("Next: gorillacomb dupes PATH   the groups that have a copy here")
        click.echo("      gorillacomb unique PATH  what would be lost if it went")


def _folder_object(
    found: PathLookup,
    facts: FolderTotals,
    folders: FolderAnalysis,
    family: FolderFamily | None,
) -> dict[str, object]:
    copies: list[dict[str, object]] = []
    if family is not None:
        copies = [{**path_to_json(folders.path(family.keep)), "relation": "canonical"}]
        copies += [
            {**path_to_json(folders.path(each.a)), **relation_object(each)}
            for each in folders.relations(family)
        ]
    return {
        **path_to_json(found.path),
        "kind": "folder",
        "files": facts.files,
        "folders": facts.folders,
        "bytes": facts.bytes,
        "duplicate_files": facts.duplicates,
        "duplicate_bytes": facts.duplicate_bytes,
        "complete": not facts.gaps,
        "not_read": facts.gaps,
        "canonical": None if family is None else path_to_json(folders.path(family.keep)),
        "reasons": [] if family is None else list(family.reasons),
        "copies": copies,
    }


def _explain_file(index: Index, found: PathLookup, file: IndexedFile, as_json: bool) -> None:
    group = _group(open_groups(index), file)
    if group is not None and CHOSEN_BEFORE in group.choice.reasons:
        group = replace(group, choice=replace(group.choice, reasons=_stamped_reasons(index, file)))
    fate = fate_of(index, found, trace=as_json)
    if as_json:
        document = _file_object(file, group)
        render.print_json({**document, **fate_object(fate), "trace": fate.entries})
        return
    click.echo(render.printable_path(file.path) + _absence(found))
    click.echo(
        f"  {_kind(file)}, {render.format_size(file.size)}, modified "
        f"{render.format_time(file.mtime_ns)}"
    )
    if file.state != EntryState.HASHED:
        click.echo(f"  {FILE_STATE_WORDS[file.state]}" + (f": {file.cause}" if file.cause else ""))
    if file.target is not None:
        click.echo(f"  points to {render.printable_path(file.target)}")
    if fate.items or fate.kept_for:
        for line in fate_lines(fate):
            click.echo(line)
    if file.digest is None:
        return
    if file.state in DAMAGE:
        click.echo(f"  blake3 of its good content {file.digest.hex()}")
        for line in good_copy_lines(index, open_groups(index).paths, file.digest):
            click.echo(line)
        click.echo("Next: gorillacomb scrub --repair PATH   puts a good copy in its place, if any")
        click.echo("      gorillacomb scrub --accept PATH   takes it as it is now")
        return
    click.echo(f"  blake3 {file.digest.hex()}")
    if file.checked_ns:
        click.echo(f"  read {render.format_time(file.checked_ns)}")
    stamp = stamp_of(index.connection, file.digest)
    if stamp is not None:
        click.echo(f"  stamped in the trace: entry {stamp.seq:,}")
    if group is None:
        click.echo("  empty, like any other empty file" if not file.size else "  in no group")
        return
    if fate.kept_for and len(group.copies) == 1:
        click.echo("  the only copy that is not in quarantine")
        return
    _print_copies(file, group)


def _stamped_reasons(index: Index, file: IndexedFile) -> tuple[str, ...]:
    """Why a content's canonical file was chosen when it was, as the trace has it."""
    assert file.digest is not None
    stamp = stamp_of(index.connection, file.digest)
    if stamp is None or not index.vault.trace.exists():
        return (CHOSEN_BEFORE,)
    with open_trace_for_reading(index.vault) as ledger:
        fields = json.loads(ledger.entry(stamp.seq))
    return (*fields.get("reasons", ()), f"as it was chosen, in entry {stamp.seq:,} of the trace")


def _print_copies(file: IndexedFile, group: DuplicateGroup) -> None:
    keep = group.copies[group.choice.winner]
    if len(group.copies) == 1:
        click.echo("  the only copy that is known")
        return
    is_it = (keep.folder, keep.path) == (file.folder, file.path)
    mine = "this one" if is_it else render.printable_path(keep.path)
    click.echo(f"  canonical: {mine}")
    for line in render.wrapped_paragraph(f"because: {'; '.join(group.choice.reasons)}", "    "):
        click.echo(line)
    click.echo(
        f"  {render.format_count(group.summary.copies, 'copy', 'copies')} under"
        f" {render.format_count(len(group.copies), 'name')}:"
    )
    for copy in FileGroup.of(group).files:
        click.echo(f"    {render.printable_path(copy.path)}{render.copy_notes(copy)}")


def _kind(file: IndexedFile) -> str:
    mode = file.mode
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "FIFO" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"


def _group(groups: GroupReader, file: IndexedFile) -> DuplicateGroup | None:
    """The group of a file; one of its own when its content stands nowhere else."""
    if file.digest is None or file.state > EntryState.FRESH or not file.size:
        return None
    group = groups.of_content(file.digest)
    if group is not None:
        return group
    copies = tuple(groups.copies_of(file.digest))
    if not copies:
        return None
    summary = GroupSummary(file.digest, file.size, len(copies), 1, 0)
    return DuplicateGroup(summary, copies, choose_canonical(copies), hard_link_of(copies))


def _file_object(file: IndexedFile, group: DuplicateGroup | None) -> dict[str, object]:
    document: dict[str, object] = {
        **path_to_json(file.path),
        "kind": _kind(file),
        "state": file.state.name.lower(),
        "cause": file.cause,
        "size": file.size,
        "mtime_ns": str(file.mtime_ns),
        "blake3": None if file.digest is None else file.digest.hex(),
        "canonical": None,
        "reasons": [],
        "copies": [],
    }
    if group is not None:
        document["canonical"] = path_to_json(group.copies[group.choice.winner].path)
        document["reasons"] = list(group.choice.reasons)
        document["copies"] = list(map(file_document, FileGroup.of(group).files))
    return document
