"""`gorillacomb scrub --repair` and `--accept`: what becomes of damaged files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import click

from gorillacomb.bytepaths import is_below
from gorillacomb.cli import render
from gorillacomb.cli.dedupe_plan import guard_for
from gorillacomb.cli.dedupe_runs import (
    bring_up_to_date,
    cut_short,
    live,
    outcome_object,
    record,
    refuse_no_index,
    trouble_lines,
)
from gorillacomb.cli.lookup import find, unknown
from gorillacomb.cli.progress import progress_for
from gorillacomb.cli.rescan import rescan
from gorillacomb.dedupe.damage import good_copies
from gorillacomb.dedupe.put import REPAIR
from gorillacomb.dedupe.record import TraceNotes
from gorillacomb.dedupe.repair import Harm
from gorillacomb.dedupe.repair import repair as repair_files
from gorillacomb.dedupe.steps import Options, Outcome
from gorillacomb.errors import UsageFault
from gorillacomb.index import contents, scrub
from gorillacomb.index.database import Index, explaining
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.settings import load_settings
from gorillacomb.index.vault import Vault
from gorillacomb.model import DAMAGE, SECOND, IndexedFile, State


def repair(vault: Vault, paths: Sequence[bytes], progress: bool | None, as_json: bool) -> int:
    """Put good copies in the place of files that are damaged, and of suspects that are named."""
    shown = progress_for(progress)
    refuse_no_index(vault)
    settings = load_settings()
    with (
        explaining(vault),
        cut_short(),
        Index.write(vault) as index,
        TraceNotes(index) as notes,
    ):
        roots = live(index)
        harms = list(_harms(index, paths))
        guard = guard_for(index, Options(protect=settings.protect), settings)
        outcome = repair_files(
            harms,
            roots,
            guard,
            shown,
            lambda ended: record(notes, "repaired", ended, REPAIR, roots),
        )
    shown.close()
    folders = [os.path.dirname(step.path) for step in outcome.done]
    if folders:
        # What was written within the clock's grain of its reading is not known for sure: were the
        # repair taken back, the damaged content would pass for an edit.
        time.sleep(max(root.grain_ns for root in roots) / SECOND)
    bring_up_to_date(vault, roots, folders, shown)
    with render.reader_may_leave():
        if as_json:
            render.print_json(outcome_object(outcome))
        else:
            for line in _story(outcome):
                click.echo(line)
    if outcome.failed or (outcome.skipped and outcome.done):
        return 3
    return 5 if outcome.skipped else 0


def _harms(index: Index, paths: Sequence[bytes]) -> Iterator[Harm]:
    """The damaged files in some folders, or in all, and the files that are named. UsageFault."""
    places = FolderPaths(index.connection, {r.id: r for r in all_roots(index.connection)})
    named, scopes = set(), []
    for path in paths:
        known = find(index, path)
        if known.file is not None:
            named.add(_damaged(known.file).path)
        elif known.folder is not None:
            scopes.append(known.path)
        else:
            raise unknown(known)
    states = (State.DAMAGED, State.SUSPECT)
    for file in list(contents.files_in_states(index.connection, places, states)):
        inside = file.state == State.DAMAGED and (
            not paths or any(is_below(file.path, each) for each in scopes)
        )
        if file.digest is not None and (inside or file.path in named):
            copies = tuple(good_copies(index, places, file.digest))
            yield Harm(file.path, file.size, file.mtime_ns, file.digest, copies)


def _damaged(file: IndexedFile) -> IndexedFile:
    if file.state not in DAMAGE:
        raise UsageFault(f"{render.path_text(file.path)} is not said to be damaged.")
    return file


def _story(outcome: Outcome) -> Iterator[str]:
    yield from trouble_lines("Of a run that was cut short", outcome.recovered)
    yield f"Repaired: {render.count(len(outcome.done), 'file')}"
    for step in outcome.done:
        yield "  " + render.path_text(step.path)
        yield "    from " + render.path_text(step.keep)
    yield from trouble_lines("Not repaired", outcome.skipped)
    yield from trouble_lines("Failed", outcome.failed)
    if outcome.done:
        yield "What stood there is set aside."
        yield f"To take it back:  gorillacomb dedupe --undo {outcome.run}"
        yield f"To delete it:     gorillacomb dedupe --empty-quarantine {outcome.run}"


def accept(vault: Vault, paths: Sequence[bytes], as_json: bool) -> int:
    """Take damaged files as they are."""
    with Index.read(vault) as index:
        found = [find(index, path) for path in paths]
        roots = {root.path for each in found if (root := each.root) is not None}
    files = []
    for each in found:
        if each.file is None:
            raise unknown(each)
        files.append((_damaged(each.file).folder, each.path.rpartition(b"/")[2]))
    with Index.write(vault) as index:
        with index.atomic():
            for folder, name in files:
                scrub.accept(index.connection, folder, name)
        index.commit()
    report = rescan(vault, sorted(roots), load_settings(), again=tuple(files))
    if as_json:
        render.print_json({"accepted": [render.path_object(each.path) for each in found]})
    else:
        many = render.count(len(files), "file")
        click.echo(f"Taken as now on disk: {many}, {report.stamps.stamped:,} stamped")
    return 0
