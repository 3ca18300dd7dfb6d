"""Carrying dedupe plans out, taking them back, emptying quarantines, and the history of that."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from gorillacomb.bytepaths import is_below
from gorillacomb.cli import render
from gorillacomb.cli.dedupe_plan import guard_for
from gorillacomb.cli.lookup import folders_of, noise_names
from gorillacomb.cli.progress import progress_for
from gorillacomb.dedupe import execute as runs
from gorillacomb.dedupe.execute import Waiting, waiting
from gorillacomb.dedupe.git import same_entries
from gorillacomb.dedupe.place import LiveRoot, live_roots
from gorillacomb.dedupe.plan_file import read_plan
from gorillacomb.dedupe.quarantine import base_of_run
from gorillacomb.dedupe.record import TraceNotes, TraceRecorder, read_trace
from gorillacomb.dedupe.steps import Action, Outcome, Plan, Trouble
from gorillacomb.dedupe.witness import Witness
from gorillacomb.errors import CutShort, GorillaCombError, Refused, UsageFault, VaultError
from gorillacomb.index.database import Index, explaining
from gorillacomb.index.roots import all_roots
from gorillacomb.index.settings import load_settings
from gorillacomb.index.vault import Vault
from gorillacomb.model import Progress
from gorillacomb.openat import cause_of
from gorillacomb.scan.comb import comb
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.volumes import grain_ns, is_online
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import RunFacts, path_of, run

_SHOWN = 20
_MOST_SCOPES = 64


def apply(
    vault: Vault,
    file: Path,
    dry_run: bool,
    yes_delete: int | None,
    progress: bool | None,
    as_json: bool,
) -> int:
    """Carry a plan out, or say what that would do."""
    plan = read_plan(file)
    shown = progress_for(progress)
    if dry_run:
        with Index.read(vault) as index, explaining(vault):
            return _rehearse(index, plan, shown, as_json)
    _refuse_no_index(vault)
    if plan.options.action is Action.DELETE:
        _confirm_delete(plan, yes_delete)
    with (
        explaining(vault),
        _cut_short(),
        Index.write(vault) as index,
        TraceNotes(index) as notes,
    ):
        roots = _live(index)
        guard = guard_for(index, plan.options, _machine_made())
        outcome = runs.execute(
            plan,
            roots,
            guard,
            _witness(shown),
            shown,
            lambda ended: _record(
                notes, "applied", ended, str(plan.options.action), roots, plan.uid
            ),
        )
    shown.close()
    _bring_up_to_date(vault, roots, [os.path.dirname(step.path) for step in outcome.done], shown)
    with render.reader_may_leave():
        if as_json:
            render.print_json(_document(outcome))
        else:
            for line in _applied_story(plan, outcome, len(plan.steps)):
                click.echo(line)
    if outcome.failed or (outcome.skipped and outcome.done):
        return 3
    return 5 if outcome.skipped else 0


def _refuse_no_index(vault: Vault) -> None:
    """Raise VaultError where nothing was scanned yet: opening it for writing would make one."""
    with Index.read(vault):
        pass


@contextmanager
def _cut_short() -> Iterator[None]:
    """Tell of a drive that fails, or is full, where a run cannot go on without it."""
    try:
        yield
    except OSError as error:
        where = f": {render.path_text(os.fsencode(error.filename))}" if error.filename else ""
        raise CutShort(
            f"The run was cut short: {cause_of(error)}{where}.",
            "Nothing is lost: `gorillacomb dedupe --undo`, or --apply again, puts back what is"
            " half done.",
        ) from error


def _live(index: Index) -> list[LiveRoot]:
    return live_roots(all_roots(index.connection), is_online, grain_ns)


def _machine_made() -> frozenset[bytes]:
    return frozenset(map(os.fsencode, load_settings().machine_made))


def _witness(progress: Progress) -> Witness:
    return Witness(noise_names(), same_entries=same_entries)


def _confirm_delete(plan: Plan, yes_delete: int | None) -> None:
    """Have the number of files typed, which somebody who reads it knows."""
    files = sum(step.files for step in plan.steps)
    if yes_delete is not None:
        if yes_delete != files:
            raise Refused(
                f"The plan deletes {files:,} files, not {yes_delete:,}.",
                f"If that is what you want: --yes-delete {files}",
            )
        return
    if not sys.stdin.isatty():
        raise Refused(
            f"The plan deletes {files:,} files, and nobody is there to confirm it.",
            f"If that is what you want: --yes-delete {files}",
        )
    typed = click.prompt(f"This deletes {files:,} files. Type their number to go on", err=True)
    if typed.replace(",", "").strip() != str(files):
        raise Refused("That is not the number of files: nothing was done.")


def _rehearse(index: Index, plan: Plan, shown: Progress, as_json: bool) -> int:
    guard = guard_for(index, plan.options, _machine_made())
    done, skipped = [], []
    for step, trouble in runs.rehearse(plan, _live(index), guard, _witness(shown), shown):
        if trouble is None:
            done.append(step)
        else:
            skipped.append(trouble)
    shown.close()
    size = sum(step.size for step in done)
    with render.reader_may_leave():
        if as_json:
            aside = plan.options.action not in (Action.DELETE, Action.REFLINK)
            render.print_json(
                {
                    "run": None,
                    "done": len(done),
                    "bytes_set_aside": size if aside else 0,
                    "bytes_freed": 0 if aside else size,
                    "steps": [{"id": step.id, **render.path_object(step.path)} for step in done],
                    "skipped": list(map(_trouble_object, skipped)),
                    "failed": [],
                }
            )
        else:
            for step in done:
                what = f"{plan.options.action} {step.kind}"
                click.echo(f"{what} {render.path_text(step.path)}")
            files = sum(step.files for step in done)
            many = render.count(files, "file")
            click.echo(
                f"Would be done: {render.count(len(done), 'step')}, {many}, {render.size(size)}"
            )
            yields = _trouble_lines("Would be skipped", skipped)
            for line in yields:
                click.echo(line)
    return 5 if skipped and not done else 3 if skipped else 0


def _record(
    notes: TraceNotes,
    event: str,
    outcome: Outcome,
    action: str,
    roots: list[LiveRoot],
    plan: str | None = None,
) -> None:
    """Write a run into the trace, also one in which nothing could be done."""
    bases = {
        root.path for root in roots if any(is_below(step.path, root.path) for step in outcome.done)
    }
    facts = RunFacts(
        outcome.run,
        action,
        tuple(sorted(bases)),
        len(outcome.done),
        sum(step.files for step in outcome.done),
        max(outcome.bytes_set_aside, 0),
        outcome.bytes_freed,
        tuple((each.path, each.cause) for each in outcome.skipped),
        tuple((each.path, each.cause) for each in (*outcome.failed, *outcome.recovered)),
    )
    notes.append([run(event, facts, plan)])


def _bring_up_to_date(
    vault: Vault, roots: list[LiveRoot], folders: list[bytes], shown: Progress
) -> None:
    """Have the index, and the trace's stamps, follow what was changed: scan those folders."""
    scopes: list[bytes] = []
    for folder in sorted({_reachable(each) for each in folders}):
        if not any(is_below(folder, each) for each in scopes):
            scopes.append(folder)
    if len(scopes) > _MOST_SCOPES:
        scopes = [root.path for root in roots if any(is_below(each, root.path) for each in scopes)]
    if not scopes:
        return
    settings = load_settings()
    options = ScanOptions(
        workers=settings.workers,
        standing_excludes=settings.exclude,
        standing_min_size=settings.min_size or 0,
    )
    recorder = TraceRecorder(is_online, settings.preferred, bool(settings.prefer), folders_of)
    try:
        comb(vault, scopes, options, shown, None, recorder)
    except GorillaCombError as error:
        click.echo(f"gorillacomb: {render.printable(error.message)}", err=True)
        click.echo("The index is behind what was done: gorillacomb scan PATH", err=True)
    finally:
        shown.close()


def _reachable(folder: bytes) -> bytes:
    """The folder, or the innermost one around it that is there and whose path is not too long."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "run": outcome.run,
        "done": len(outcome.done),
        "files": sum(step.files for step in outcome.done),
        "done_before": outcome.before,
        "bytes_set_aside": outcome.bytes_set_aside,
        "bytes_freed": outcome.bytes_freed,
        "skipped": list(map(_trouble_object, outcome.skipped)),
        "failed": list(map(_trouble_object, outcome.failed)),
        "recovered": list(map(_trouble_object, outcome.recovered)),
    }


def _trouble_object(trouble: Trouble) -> dict[str, str]:
    return {**render.path_object(trouble.path), "cause": trouble.cause}


def _applied_story(plan: Plan, outcome: Outcome, steps: int) -> Iterator[str]:
    files = sum(step.files for step in outcome.done)
    yield from _trouble_lines("Of a run that was cut short", outcome.recovered)
    if outcome.before:
        yield f"Done before: {render.count(outcome.before, 'step')}"
    many = f"{render.count(files, 'file')} in {len(outcome.done):,} of {steps:,} steps"
    if outcome.bytes_set_aside or not outcome.bytes_freed:
        yield f"Set aside: {many}, {render.size(outcome.bytes_set_aside)} on disk"
    if outcome.bytes_freed:
        yield f"Freed: {render.size(outcome.bytes_freed)}" + (
            "" if outcome.bytes_set_aside else f", {many}"
        )
    yield from _trouble_lines("Skipped", outcome.skipped)
    yield from _trouble_lines("Failed", outcome.failed)
    if outcome.done and plan.options.action not in (Action.DELETE, Action.REFLINK):
        yield f"To take it back:  gorillacomb dedupe --undo {outcome.run}"
        yield f"To free the space: gorillacomb dedupe --empty-quarantine {outcome.run}"


def _trouble_lines(title: str, troubles: list[Trouble]) -> Iterator[str]:
    if not troubles:
        return
    width = render.width()
    yield f"{title}: {len(troubles):,}"
    for each in troubles[:_SHOWN]:
        yield "  " + render.path_from_here(each.path, width and width - 2)
        yield from render.paragraph(each.cause, "    ")
    if len(troubles) > _SHOWN:
        yield f"  and {len(troubles) - _SHOWN:,} more; --json names them all"


def undo(vault: Vault, named: str, progress: bool | None, as_json: bool) -> int:
    """Take a run back: the last one, one by its name, or one by its folder."""
    shown = progress_for(progress)
    with ExitStack() as stack:
        chosen, index = _chosen(vault, named)
        outcome = Outcome(chosen[0][1])
        notes, roots = None, []
        if index is not None:
            stack.callback(index.close)
            roots = _live(index)
            notes = _notes_if_any(stack, index)
        try:
            _undo_all(chosen, outcome, shown)
        finally:
            shown.close()
            if notes is not None:
                with explaining(vault):
                    _record(notes, "undone", outcome, "undo", roots)
    if index is not None:
        folders = [os.path.dirname(step.path) for step in outcome.done]
        _bring_up_to_date(vault, roots, folders, shown)
    with render.reader_may_leave():
        if as_json:
            render.print_json(_document(outcome))
        else:
            files = sum(step.files for step in outcome.done)
            steps = render.count(len(outcome.done), "step")
            yield_lines = [f"Put back: {render.count(files, 'file')} in {steps}"]
            yield_lines += _trouble_lines("Of a run that was cut short", outcome.recovered)
            yield_lines += _trouble_lines("Not put back", outcome.failed)
            for line in yield_lines:
                click.echo(line)
    return 3 if outcome.failed else 0


def _notes_if_any(stack: ExitStack, index: Index) -> TraceNotes | None:
    """The trace; None where it cannot be written, which must not keep anybody from an undo."""
    try:
        return stack.enter_context(TraceNotes(index))
    except GorillaCombError as error:
        click.echo(f"gorillacomb: {render.printable(error.message)}", err=True)
        click.echo("The undo goes on, and will not stand in the trace.", err=True)
        return None


def _undo_all(chosen: list[tuple[bytes, str]], outcome: Outcome, shown: Progress) -> None:
    """Take back the parts of a run, one for each base, into one outcome."""
    for base, name in chosen:
        shown.stage("Putting back", None, 0)
        try:
            part = runs.undo(base, name, lambda record, _: shown.advance(record.files, 0))
        except OSError as error:
            outcome.failed.append(Trouble(base, cause_of(error)))
            continue
        outcome.done += part.done
        outcome.bytes_set_aside += part.bytes_set_aside
        outcome.failed += part.failed
        outcome.recovered += part.recovered


def _chosen(vault: Vault, named: str) -> tuple[list[tuple[bytes, str]], Index | None]:
    """The runs to take back, and the vault's index if there is one that knows of them."""
    if "/" in named or os.path.isdir(named):
        folder = os.path.realpath(os.fsencode(named))
        try:
            base, name = base_of_run(folder)
        except ValueError as error:
            raise UsageFault(
                f"{render.path_text(folder)} cannot be taken back: {error}.",
                "Name a folder .gorillacomb/quarantine/RUN.",
            ) from error
        with suppress(VaultError):
            index = Index.write(vault) if vault.index.exists() else None
            if index is None:
                return [(base, name)], None
            if any(is_below(base, root.path) for root in all_roots(index.connection)):
                return [(base, name)], index
            index.close()
        return [(base, name)], None
    _refuse_no_index(vault)
    index = Index.write(vault)
    try:
        known = list(waiting(_live(index)))
        names = {each.run for each in known}
        if named and named not in names:
            raise UsageFault(
                f"There is no run {named!r} of which something could be taken back.",
                "`gorillacomb dedupe --history` names the runs.",
            )
        if not names:
            raise UsageFault("Nothing waits in a quarantine that could be put back.")
        name = named or max(names)
        return [(each.base, each.run) for each in known if each.run == name], index
    except BaseException:
        index.close()
        raise


def purge(
    vault: Vault, named: str, older_than_ns: int, yes: bool, progress: bool | None, as_json: bool
) -> int:
    """Delete what was set aside, where its other copy still stands."""
    _refuse_no_index(vault)
    before = time.time_ns() - older_than_ns
    shown = progress_for(progress)
    with ExitStack() as stack:
        stack.enter_context(explaining(vault))
        stack.enter_context(_cut_short())
        index = stack.enter_context(Index.write(vault))
        notes = stack.enter_context(TraceNotes(index))
        roots = _live(index)
        chosen = [
            each
            for each in waiting(roots)
            if (not named or each.run == named) and each.started_ns < before
        ]
        if named and not chosen:
            raise UsageFault(
                f"Nothing waits in a quarantine of run {named!r}"
                + (" that is old enough." if older_than_ns else "."),
                "`gorillacomb dedupe --history` names the runs.",
            )
        _confirm_purge(chosen, yes)
        total = Outcome("")

        def ended(outcome: Outcome) -> None:
            _record(notes, "purged", outcome, "empty-quarantine", roots)
            total.done += outcome.done
            total.bytes_freed += outcome.bytes_freed
            total.skipped += outcome.skipped
            total.recovered += outcome.recovered

        shown.stage("Comparing and deleting", None, sum(each.size for each in chosen) or None)
        try:
            runs.purge(
                [(each.base, each.run) for each in chosen],
                roots,
                _witness(shown),
                before,
                shown,
                ended,
            )
        finally:
            shown.close()
    with render.reader_may_leave():
        if as_json:
            document = _document(total)
            render.print_json({**document, "run": named or None})
        else:
            files = sum(step.files for step in total.done)
            click.echo(
                f"Deleted: {render.count(files, 'file')}, {render.size(total.bytes_freed)} freed"
            )
            for line in _trouble_lines("Stays in the quarantine", total.skipped):
                click.echo(line)
    return 3 if total.skipped else 0


def _confirm_purge(chosen: list[Waiting], yes: bool) -> None:
    files, size = sum(each.files for each in chosen), sum(each.size for each in chosen)
    if yes or not chosen:
        return
    what = f"{render.count(files, 'file')} ({render.size(size)}) set aside would be deleted"
    if not sys.stdin.isatty():
        raise Refused(f"{what}, and nobody is there to confirm it.", "To go on: --yes")
    if not click.confirm(f"{what} for good. Go on?", err=True):
        raise Refused("Nothing was deleted.")


def history(vault: Vault, as_json: bool) -> int:
    """Every run that the trace tells of, the last one first."""
    entries = []
    with read_trace(vault) as ledger:
        for _, entry in ledger.entries_backward():
            fields = jcs.load(entry)
            if fields["event"] in ("applied", "undone", "purged"):
                entries.append(fields)
    with Index.read(vault) as index, explaining(vault):
        held = _by_run(waiting(_live(index)))
    with render.reader_may_leave():
        if as_json:
            render.print_json({"runs": [_run_object(each, held) for each in entries]})
        elif not entries:
            click.echo("No plan was carried out yet.")
        for fields in () if as_json else entries:
            for line in _run_lines(fields, held):
                click.echo(line)
    return 0


def _by_run(found: Iterable[Waiting]) -> dict[str, tuple[int, int]]:
    """Files and bytes that wait in quarantine, by run; one may have quarantines in two places."""
    held: dict[str, tuple[int, int]] = {}
    for each in found:
        files, size = held.get(each.run, (0, 0))
        held[each.run] = files + each.files, size + each.size
    return held


def _run_object(fields: dict[str, Any], held: dict[str, tuple[int, int]]) -> dict[str, Any]:
    kept = ("seq", "event", "run", "action", "steps", "files", "time_ns", "plan")
    lists = ("bases", "skipped", "failed", "skipped_count", "failed_count")
    return {
        **{name: fields[name] for name in (*kept, *lists) if name in fields},
        "bytes_set_aside": int(fields["bytes_set_aside"]),
        "bytes_freed": int(fields["bytes_freed"]),
        "waiting": fields["event"] == "applied" and fields["run"] in held,
    }


def _run_lines(fields: dict[str, Any], held: dict[str, tuple[int, int]]) -> Iterator[str]:
    words = {"applied": "set aside", "undone": "put back", "purged": "deleted"}
    size = int(fields["bytes_set_aside"]) or int(fields["bytes_freed"])
    word = words[fields["event"]]
    if fields["action"] in (Action.REFLINK, Action.DELETE) and fields["event"] == "applied":
        word = "freed"
    shown = "" if fields["event"] == "undone" else f", {render.size(size)}"
    yield (
        f"{render.moment(int(fields['time_ns']))}  {fields['run']}  {word}"
        f" {render.count(fields['files'], 'file')}{shown}"
    )
    if fields["event"] == "applied" and fields["run"] in held:
        files, size = held[fields["run"]]
        yield f"  waits in quarantine: {render.count(files, 'file')}, {render.size(size)}"
    for name in ("skipped", "failed"):
        troubles = [Trouble(path_of(each), each["cause"]) for each in fields[name]]
        yield from ("  " + line for line in _trouble_lines(name, troubles[:3]))
        if fields[f"{name}_count"] > 3:
            yield f"    and {fields[f'{name}_count'] - 3:,} more"
