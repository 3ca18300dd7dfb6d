"""A program that uses every public name, for type checkers alone: it is never run.

`test_types` has mypy check it in the strictest way, against the package as others install it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import gorillacomb
from gorillacomb import (
    BringRule,
    DedupeAction,
    EntryState,
    ExitCode,
    FolderState,
    Holder,
    ItemState,
    PulseState,
    RelationKind,
    SafetyRule,
    SurplusFate,
)


def use(*values: object) -> None:
    """Take values of known types."""


class Meter:
    """A progress of one's own."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...


def show(event: gorillacomb.ProgressEvent) -> None:
    use(event.stage, event.files, event.bytes, event.total_files, event.total_bytes)
    left: float | None = event.seconds_left
    use(left)


def opening(place: str | bytes | Path) -> None:
    use(gorillacomb.__version__)
    with gorillacomb.open_vault(place) as vault:
        where: Path = vault.path
        use(where)
    vault.close()


def scanning(vault: gorillacomb.OpenVault) -> None:
    meter: gorillacomb.Progress = Meter()
    meter.stage("", None, None)
    meter.total(1, 1)
    meter.advance(1, 1)
    meter.close()
    vault.scan("/data", progress=meter)
    vault.scan(b"/data", exclude="*.tmp", workers=0)
    vault.scan(Path("/data"), file_list=[b"/data/x"], accept_loss=True, hydrate_limit=1)
    result: gorillacomb.ScanResult = vault.scan(
        ["/data", b"/more", Path("/most")],
        exclude=["*.tmp"],
        clear_excludes=True,
        min_size=1,
        quick=True,
        rehash=False,
        cross_file_systems=True,
        progress=show,
        on_findings=findings,
    )
    absent: tuple[gorillacomb.RootStatus, ...] = vault.scan().absent
    use(absent)
    complete: bool = result.is_complete
    warnings: tuple[str, ...] = result.warnings
    use(complete, warnings, result.files, result.size, result.read_files, result.read_size)
    use(result.report, result.damaged, result.root_warnings(), result.privacy_advice)
    unreadable: tuple[gorillacomb.UnreadablePath, ...] = (*result.unreadable, *result.unstable)
    for each in unreadable:
        use(each.path, each.cause, each.folder)
    changes: gorillacomb.ScanChanges = result.changes
    use(changes.new, changes.changed, changes.gone, changes.moved, changes.folders_moved)
    totals: gorillacomb.GroupTotals = result.totals
    use(totals.groups, totals.redundant_files, totals.redundant_bytes)
    states: Mapping[EntryState, tuple[int, int]] = result.files_by_state
    use(states, result.to_dict()["files"])


def findings(found: gorillacomb.ScanFindings) -> None:
    folders: Mapping[FolderState, int] = found.folders_by_state
    use(found.report, found.roots, found.totals, found.largest, found.empty_files, folders)
    use(found.files_by_state)


def asking(vault: gorillacomb.OpenVault) -> None:
    with vault.duplicates("/data", min_size=1) as groups:
        typed: gorillacomb.Duplicates = groups
        for group in typed:
            one: gorillacomb.FileGroup = group
            keep: gorillacomb.GroupedFile = one.canonical
            use(keep.path, keep.is_canonical, keep.hard_link_of, keep.is_online, one.files)
            use(one.digest, one.size, one.copies, one.reclaimable, one.reasons, one.to_dict())
    groups.close()
    use(groups.warnings, groups.are_known, groups.to_dict()["groups"])
    result: gorillacomb.UniqueResult = vault.unique(
        "/data/old", excepts="/x", plan="/plan", count_offline=True, untested_macos=True
    )
    for file in result.unique:
        unique: gorillacomb.UniqueFile = file
        use(unique.path, unique.size, unique.digest, unique.cause, unique.copy)
    for path in result.unproven:
        unproven: gorillacomb.UnverifiedPath = path
        use(unproven.path, unproven.cause)
    use(result.path, result.files, result.size, result.is_covered, result.report, result.warnings)
    use(result.places(), result.version_controlled(), result.to_dict())
    rolled_up: list[gorillacomb.RolledUpEntry] = result.rolled_up()
    for entry in rolled_up:
        use(entry.path, entry.kind, entry.files, entry.size, entry.is_whole, entry.unproven)


def both(vault: gorillacomb.OpenVault) -> None:
    with vault.compare_contents("/data", b"/more") as found:
        comparison: gorillacomb.ContentComparison = found
        same: bool = comparison.is_same and comparison.is_complete
        warnings: tuple[str, ...] = comparison.warnings
        use(same, warnings, comparison.named, comparison.to_dict(single_files=True)["only_a"])
        side: gorillacomb.ContentSide = comparison.a
        for entry in (*side.only(), *comparison.b.only(single_files=True)):
            one: gorillacomb.RolledUpEntry = entry
            use(one.path)
        for path in side.unknown():
            unproven: gorillacomb.UnverifiedPath = path
            use(unproven.cause)
        use(side.path, side.root, side.is_online, side.last_scan_ns, side.files, side.size)
        use(side.shared_files, side.linked_files, side.only_files, side.only_size, side.unproven)
        use(side.only_contents, side.only_content_size, side.empty_files, side.links, side.odd)


def emptying(vault: gorillacomb.OpenVault) -> None:
    found: gorillacomb.EmptyFolders = vault.empty_folders("/data")
    for each in found.folders:
        folder: gorillacomb.EmptyFolder = each
        use(folder.path, folder.folders, folder.rule, folder.cause)
    use(found.removable, found.warnings, found.to_dict())
    plan = vault.plan(empty_folders=True)
    use(plan.is_of_empty_folders, [step.folders for step in plan.steps])


def explaining(vault: gorillacomb.OpenVault) -> None:
    found = vault.explain("/data/x", rules=True)
    use(found.path, found.warnings, found.to_dict())
    if isinstance(found, gorillacomb.ExplainedFile):
        group: gorillacomb.FileGroup | None = found.group
        use(found.file, found.kind, group, found.is_canonical, found.stamp, found.good_copies)
        use(found.is_offline, found.is_damaged, found.marks)
        for effect in found.rules or ():
            rule: gorillacomb.RuleEffect = effect
            use(rule.name, rule.is_own, rule.left, rule.dropped, rule.reason)
    elif isinstance(found, gorillacomb.ExplainedFolder):
        family: gorillacomb.FamilyReport | None = found.family
        use(found.totals, family, found.is_member, found.is_offline, found.marks, found.rules)
        if found.same_path is not None:
            use(found.same_path.tree, found.same_path.copies, found.same_path.counterparts)
    else:
        gone: gorillacomb.ExplainedGone = found
        use(gone.path)
    fate: gorillacomb.PathFate = found.fate
    use(fate.path, fate.items, fate.kept_for, fate.left, fate.place, fate.copies, fate.is_known)
    entries: tuple[dict[str, object], ...] = fate.entries
    use(entries, fate.warnings, fate.to_dict())


def folders(vault: gorillacomb.OpenVault) -> None:
    with vault.folders("/data", similar=0.5) as found:
        report: gorillacomb.FolderReport = found
    for family in report.families():
        use(family.keep, family.name, family.reasons, family.is_structural, family.files)
        use(family.size, family.last_work_ns, family.root, family.to_dict())
        for other in family.others:
            related: gorillacomb.RelatedFolder = other
            use(related.path, related.to, related.relation, related.is_structural)
            use(related.kind is RelationKind.IDENTICAL, related.own_paths(), related.own)
            use(related.last_work_ns, related.root, related.via)
    same_path: gorillacomb.SamePathReport | None = report.same_path()
    use(same_path, report.families_here())
    for short in report.family_list():
        use(report.family(short), report.family_name(short), report.family_keep(short))
    pair: tuple[bytes, bytes] | None = report.first_pair()
    use(pair)
    for group in report.identical():
        same: gorillacomb.IdenticalFolders = group
        use(same.paths, same.keep, same.reasons, same.files, same.size, same.is_in_family)
    for inner in report.covered():
        covered: gorillacomb.CoveredFolders = inner
        use(covered.path, covered.outer, covered.outer_names, covered.files, covered.size)
        use(covered.content_size, covered.is_mutual, covered.is_second)
    use(report.count_overlapping(), report.machine_made(), report.warnings, report.to_dict())
    use([report.concerns(pair.relation) for pair in report.overlapping()])
    use([pair.kind for pair in report.same_content()])
    report.close()
    both: gorillacomb.Comparison = vault.compare("/a", b"/b", progress=show)
    diff: gorillacomb.FolderDiff = both.diff
    use(diff.same, diff.changed, diff.moved, diff.only_a, diff.only_b, diff.unknown)
    use(diff.perhaps_damaged)
    use(diff.respelled, both.a, both.b, both.modes_compared, both.warnings, both.is_same)
    use(both.is_scanned)
    lines: Iterator[str] = both.text_differences()
    use(both.is_complete, both.spelling(b"x"), lines, both.to_dict())


def planning(vault: gorillacomb.OpenVault) -> gorillacomb.DedupePlan:
    plan = vault.plan(
        action="quarantine",
        within="/data",
        prefer=[Path("/data/keep")],
        protect=("*.raw", b"/data/own"),
        keep=1,
        min_size=1,
        free=1,
        files=True,
        folders=True,
        retire=[b"/data/old"],
        not_a_project="/data/p",
        across_volumes=True,
        untested_macos=False,
        progress=show,
    )
    use(plan.contents, plan.warnings, plan.file, plan.action is DedupeAction.QUARANTINE)
    goal: gorillacomb.FreeGoal | None = plan.free
    if goal is not None:
        use(goal.wanted, goal.freed, goal.omitted_steps, goal.omitted_size, goal.is_reached)
    for step in plan.steps:
        one: gorillacomb.PlanStep = step
        use(one.id, one.kind, one.path, one.keep, one.files, one.size, one.reasons, one.nested)
        use(one.sidecars, one.unknown, one.pairs, one.keeps, one.kept_in, one.later, one.is_member)
        use(one.turn, one.regenerable, one.repositories, one.in_history)
    for copy in plan.left_alone:
        left: gorillacomb.SkippedCopy = copy
        use(left.path, left.rule is SafetyRule.PROJECT, left.cause, left.files, left.size)
    for tree in plan.trees if plan.is_collapse else ():
        kept: gorillacomb.CollapsedTree = tree
        use(kept.shelved, kept.brought, kept.not_brought)
        use(kept.keep, kept.shelf, kept.leaving, kept.shelved_files(kept.leaving[0]))
        for shelved in kept.copies:
            made: gorillacomb.CopyStep = shelved
            for reason in made.not_brought:
                why: gorillacomb.NotBrought = reason
                use(why.rule is BringRule.SECRET, why.cause, why.files)
            use(made.id, made.source, made.target, made.items, made.files, made.size)
            use(made.is_brought)
    for space in plan.space_needed():
        room: gorillacomb.SpaceNeeded = space
        use(room.path, room.needed, room.free)
    lines: Iterator[bytes] = plan.lines()
    use(plan.files, lines, plan.header(), plan.saved_document(), plan.to_dict())
    plan.save(Path("plan.jsonl"))
    return gorillacomb.read_plan("plan.jsonl").with_steps(plan.steps[:1])


def agree(runs: Sequence[gorillacomb.QuarantinedRun]) -> bool:
    for run in runs:
        use(run.base, run.run, run.action, run.started_ns, run.age_ns, run.steps, run.files)
        use(run.size, run.folder)
    return True


def is_small(plan: gorillacomb.DedupePlan) -> bool:
    return plan.files < 9


def applying(vault: gorillacomb.OpenVault, plan: gorillacomb.DedupePlan) -> None:
    tried: gorillacomb.DryRunResult = vault.apply(plan)
    use(tried.done, tried.skipped, tried.frees_at_once, tried.files, tried.size, tried.unknown)
    use(tried.bytes_set_aside, tried.bytes_freed, tried.is_complete, tried.to_dict())
    ran: gorillacomb.RunResult = vault.apply("plan.jsonl", dry_run=False, confirm=3, progress=show)
    vault.apply(b"plan.jsonl", dry_run=False, confirm=is_small)
    use(ran.id, ran.done, ran.done_before, ran.bytes_set_aside, ran.bytes_freed, ran.unknown)
    use(ran.unknown_use_files, ran.empty_folders, ran.left_empty, ran.emptied_folders)
    use(ran.empty_folder_steps)
    use(ran.recovered, ran.copied, ran.unique_files, ran.proven_files[Holder.SHELF])
    use(ran.unique_by_run[ran.id])
    for proof in ran.proofs:
        proven: gorillacomb.MemberProof = proof
        use(proven.path, proven.keep, proven.files, proven.total)
    use(ran.warnings, ran.files, ran.is_complete, ran.to_dict())
    for problem in (*ran.skipped, *ran.failed):
        typed: gorillacomb.StepProblem = problem
        use(typed.path, typed.cause)
    back = vault.undo(ran.id, only="/data/x", progress=show)
    use(back.other_runs, ran.retired, tried.retired)
    if back.left is not None:
        left: gorillacomb.RunRemainder = back.left
        use(left.steps, left.files, left.bytes)
        for blocked in left.blocked:
            item: gorillacomb.BlockedItem = blocked
            use(item.path, item.in_the_way, item.kind, item.size, item.mtime_ns, item.quarantine)
    vault.undo(only=[b"/data/x", Path("/data/y")])
    vault.purge(ran.id, confirm=agree, older_than_ns=1, untested_macos=True, progress=show)
    vault.purge(ran.id, confirm=True, including_unique=3)
    looking_back(vault.history(), vault.run_details(ran.id))


def looking_back(history: gorillacomb.RunHistory, run: gorillacomb.RunDetails) -> None:
    use(history.warnings, history.to_dict())
    for event in history.events:
        one: gorillacomb.RunEvent = event
        use(one.event, one.run, one.action, one.steps, one.files, one.time_ns, one.seq, one.plan)
        use(one.bases, one.skipped, one.failed, one.skipped_count, one.failed_count)
        use(one.bytes_set_aside, one.bytes_freed, one.former_log, one.waiting_files)
        use(one.waiting_bytes, one.is_waiting, one.bytes_dropped, one.to_dict())
    use(run.events, run.warnings, run.waiting_files, run.waiting_bytes, run.is_waiting, run.id)
    use(run.proofs)
    use(run.action, run.plan, run.quarantines, run.head(), run.item_documents(), run.to_dict())
    for item in run.items(b"/data/.gorillacomb/quarantine/x"):
        piece: gorillacomb.RunItem = item
        use(piece.run, piece.action, piece.step, piece.kind, piece.state is ItemState.WAITING)
        use(piece.path, piece.aside, piece.keep, piece.set_aside_ns, piece.ended_ns, piece.cause)
        use(piece.is_part, piece.kept_object, piece.belongs_to)


def keeping(vault: gorillacomb.OpenVault) -> None:
    status: gorillacomb.VaultStatus = vault.status()
    use(status.path, status.roots, status.has_groups, status.totals, status.files_by_state)
    use(status.folders_by_state, status.quarantine, status.settings, status.to_dict())
    overview: gorillacomb.Overview = vault.overview(progress=print)
    use(overview.status, overview.families, overview.family_count, overview.plan)
    use(overview.to_dict())
    space: gorillacomb.SpaceMap = vault.space_map("/data")
    use(space.files, space.bytes, space.duplicate_bytes, space.warnings, space.to_dict())
    for entry in space.tops + space.inside(space.items[0]):
        place: gorillacomb.SpaceEntry = entry
        use(place.path, place.parent, place.is_folder, place.files)
        use(place.bytes, place.duplicate_bytes)
    for overlap in overview.overlaps:
        pair: gorillacomb.DriveOverlap = overlap
        use(pair.root, pair.other, pair.files, pair.bytes, pair.shared_files, pair.shared_bytes)
    for totals in overview.kinds:
        kind: gorillacomb.KindTotals = totals
        what: gorillacomb.ContentKind = kind.kind
        use(what, kind.files, kind.bytes, kind.disk_bytes, kind.redundant_bytes, kind.years)
    for piece in overview.surplus:
        part: gorillacomb.SurplusPart = piece
        use(part.fate is SurplusFate.STAYS, part.files, part.bytes)
        for why in part.reasons:
            reason: gorillacomb.SurplusReason = why
            use(reason.rule is SafetyRule.UNIQUE, reason.files, reason.bytes)
    for left in overview.left_alone:
        alone: gorillacomb.LeftAlone = left
        use(alone.rule, alone.places, alone.files, alone.bytes)
    trace: gorillacomb.TraceTotals | None = status.trace
    if trace is not None:
        use(trace.log, trace.entries, trace.root, trace.stamps)
    for root in vault.roots():
        known: gorillacomb.RootStatus = root
        facts: gorillacomb.RootFacts = known.facts
        use(known.root, known.is_online, known.path, known.id, known.to_dict())
        named: gorillacomb.RootStatus = vault.name_root(known.path, "Old laptop")
        unnamed: str | None = vault.name_root(named.id, None).name
        use(unnamed)
        use(facts.files, facts.bytes, facts.folders, facts.last_scan_ns)
    lost: gorillacomb.ForgottenRoot = vault.forget_root(
        "/data", force=True, choose=lambda roots: roots[0]
    )
    use(lost.path, lost.id, lost.files, lost.quarantine, lost.to_dict())
    change: gorillacomb.MarkChange = vault.mark("keep", ["/data/a"], note="mine", wait=1)
    use(change.marked, change.cleared, change.to_dict(), vault.unmark("/data/a").cleared)
    for mark in vault.marks():
        marked: gorillacomb.MarkedPath = mark
        use(marked.path, marked.is_folder, marked.note, marked.marked_ns, marked.seq, marked.set)
        use(marked.kind is gorillacomb.MarkKind.KEEP, marked.to_dict())
        use(marked.state is gorillacomb.MarkState.CURRENT)
    check: gorillacomb.VaultCheck = vault.check()
    use(check.index, check.trace, check.together, check.entries, check.is_sound, check.to_dict())
    use(check.tokens, check.scrolls, check.mesh)
    checkup: gorillacomb.Checkup = gorillacomb.examine("/data")
    use(checkup.path, checkup.file_system, checkup.volume, checkup.system, checkup.python)
    use(checkup.python_build, checkup.sqlite_build)
    for examined in check.examined:
        examined_root: gorillacomb.ExaminedRoot = examined
        use(examined_root.path, examined_root.is_fit)
    use(checkup.sqlite, checkup.is_fit, checkup.promises, checkup.limits, checkup.to_dict())
    for trial in checkup.trials:
        tried: gorillacomb.Trial = trial
        use(tried.name, tried.result == "yes", tried.detail)
    backup: gorillacomb.VaultBackup = vault.back_up(Path("/backup"))
    use(backup.folder, backup.size, backup.to_dict())
    restored: gorillacomb.VaultRestore = vault.restore("/backup", replace=True, without_keys=False)
    use(restored.vault, restored.backup, restored.size, restored.log, restored.entries)
    kept: Path | None = restored.kept
    use(kept, restored.has_index, restored.needs_adopt, restored.scrolls, restored.to_dict())
    removed: gorillacomb.VaultRemoval = vault.remove(confirm=lambda what: what.waiting_files < 9)
    use(removed.folder, removed.size, removed.entries, removed.quarantine, removed.unknown)
    use(removed.is_readable, removed.keys, removed.to_dict())
    pulse: gorillacomb.PulseResult = vault.pulse()
    signed: dict[str, object] | None = pulse.pulse
    use(pulse.state is PulseState.ALIVE, pulse.causes, signed, pulse.age_ns, pulse.is_alive)
    use(pulse.to_dict())


def mending(vault: gorillacomb.OpenVault) -> ExitCode:
    result: gorillacomb.ScrubResult = vault.scrub("/data", rate=1, older_than_ns=1, progress=show)
    use(result.files, result.size, result.due, result.left, result.changed, result.seconds)
    use(result.is_interrupted, result.away, result.in_use, result.unreadable, result.warnings)
    for damage in result.damaged:
        found: gorillacomb.FoundDamage = damage
        use(found.path, found.is_suspect, found.digest, found.good)
    taken: gorillacomb.AcceptResult = vault.accept_damage(["/data/x"])
    use(taken.accepted, taken.missing, taken.to_dict(), result.to_dict())
    repaired: gorillacomb.RepairResult = vault.repair_damage(
        b"/data/y", suspects=True, untested_macos=True, progress=show
    )
    for suspect in repaired.suspects:
        left: gorillacomb.DamagedFile = suspect
        use(left.path, left.size, left.mtime_ns, left.ctime_ns, left.digest, left.copies)
    use(repaired.run, repaired.warnings, repaired.is_complete, repaired.to_dict())
    return result.exit_code


def tracing(trace: gorillacomb.VaultTrace) -> None:
    note: bytes = trace.checkpoint()
    check: gorillacomb.TraceCheck = trace.verify(checkpoint=note, key="/key", progress=show)
    use(check.report, check.index_reason, check.with_checkpoint, check.ok, check.reason)
    entries: Iterator[dict[str, object]] = trace.entries(last=10)
    use(entries, trace.show(b"/data/x"), check.to_dict())
    proof: gorillacomb.TraceProof = trace.prove(Path("/data/x"))
    proof.save("/proof")
    proved: gorillacomb.VerifiedProof = gorillacomb.verify_proof(proof.data, key=b"/key")
    use(proof.seq, proof.entry, proved.seq, proved.size, proved.origin, proved.entry)
    count: int = trace.export("/export")
    adopted: gorillacomb.TraceAdoption = trace.adopt(force=True)
    use(count, adopted.log, adopted.adopts, adopted.entries, adopted.kept, adopted.to_dict())
    for key in (*trace.public_keys(), trace.rotate_key()):
        public: gorillacomb.SignerKey = key
        use(public.name, public.public, public.verifier, public.pem, public.to_dict())
    use(proved.to_dict())


def made(key: gorillacomb.UserKey) -> None:
    use(key.kind, key.fingerprint, key.path, key.public_pem, key.signing, key.to_dict())


def manifests(vault: gorillacomb.OpenVault) -> None:
    made(gorillacomb.make_key("rsa"))
    manifest: gorillacomb.FolderManifest = gorillacomb.create_manifest(
        "/srv/app", output=b"/srv/app/manifest.json", vault=vault, workers=0, progress=show
    )
    for path in (*manifest.left_out, *manifest.lacks):
        omitted: gorillacomb.OmittedPath = path
        use(omitted.path, omitted.kind, omitted.cause, omitted.is_lack)
    use(manifest.root, manifest.manifest, manifest.counts, manifest.to_bytes())
    saved: gorillacomb.SavedManifest = manifest.save(
        Path("/manifest"), sign="rsa", replace=True, allow_missing=True, made=made
    )
    use(saved.manifest, saved.path, saved.key, saved.to_dict())
    check: gorillacomb.ManifestCheck = gorillacomb.verify_manifest(
        manifest, os.fsencode("/srv/app"), key="/key", require_signature=True, digests="both"
    )
    gorillacomb.verify_manifest("/manifest", vault=None, workers=1, progress=show)
    report: gorillacomb.VerificationReport = check.report
    for difference in (*report.changed, *report.damaged, *report.suspect, *report.missing):
        one: gorillacomb.PathDifference = difference
        use(one.path, one.cause)
    for renamed in report.renamed:
        moved: gorillacomb.RenamedPath = renamed
        use(moved.origin, moved.path, moved.cause)
    use(report.ok, report.extra, report.mode, report.unreadable, report.unproven, report.whole)
    use(report.modes, report.differs, report.incomplete, report.kinds())
    signature: gorillacomb.SignatureCheck = check.signature
    use(signature.state, signature.cause, signature.key)
    use(check.root, check.checkpoint, check.digests, check.requires_signature, check.warnings)
    use(check.is_trusted, check.failed, check.ok, check.to_dict())
    exported: gorillacomb.ManifestExport = gorillacomb.export_manifest(
        manifest, "oms", "/sig", root="/srv/app", replace=True, made=made
    )
    use(exported.form, exported.path, exported.data, exported.entries, exported.left_out)
    use(exported.lacks, exported.failed, exported.key, exported.to_dict())


ERRORS: tuple[type[gorillacomb.GorillaCombError], ...] = (
    gorillacomb.Interrupted,
    gorillacomb.KeyMissing,
    gorillacomb.OutputLost,
    gorillacomb.RefusedForSafety,
    gorillacomb.RootVanished,
    gorillacomb.RunCutShort,
    gorillacomb.UntrustedInput,
    gorillacomb.UsageError,
    gorillacomb.VaultDamaged,
    gorillacomb.VaultError,
    gorillacomb.VaultForeign,
    gorillacomb.VaultLocked,
    gorillacomb.VaultNewer,
    gorillacomb.VaultRolledBack,
    gorillacomb.VaultUnwritable,
)


def failing(error: gorillacomb.GorillaCombError) -> int:
    use(error.message, error.hint)
    return int(error.exit_code)
