"""Decide which commands to suggest after reports about vault, roots, manifests and damage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gorillacomb.api.next_step.step import DEDUPE, FOLDERS, SCAN_PATH, NextStep, NextSteps

if TYPE_CHECKING:
    from gorillacomb.api.roots import RootStatus
    from gorillacomb.api.status import VaultStatus
    from gorillacomb.api.upkeep.remove import VaultRemoval
    from gorillacomb.api.upkeep.restore import VaultRestore
    from gorillacomb.api.verify import ManifestCheck
    from gorillacomb.api.watch.repair import RepairResult
    from gorillacomb.api.watch.scrub import ScrubResult
    from gorillacomb.vault.vault import Vault


def after_status(status: VaultStatus) -> NextSteps:
    """Return the commands to suggest after the status of a vault."""
    from gorillacomb.model import EntryState

    if not status.roots:
        return (SCAN_PATH,)
    if EntryState.DAMAGED in status.files_by_state:
        return (NextStep(("scrub", "--repair"), "replace what is damaged with good copies"),)
    steps = []
    if not status.has_groups or EntryState.PENDING in status.files_by_state:
        steps.append(NextStep(("scan",), "continue the scan of what is connected"))
    if status.has_groups and status.totals.groups:
        steps += [FOLDERS, DEDUPE]
    if status.quarantine:
        purpose = "free what waits in the quarantine, for good"
        steps.append(NextStep(("dedupe", "--empty-quarantine"), purpose))
    return tuple(steps) or (NextStep(("scan",), "look for changes"),)


def after_check() -> NextSteps:
    """Return the commands to suggest after a check of the vault."""
    return (NextStep(("doctor", "PATH"), "measure what a drive does, not only the vault"),)


def after_roots(roots: tuple[RootStatus, ...]) -> NextSteps:
    """Return the commands to suggest after the list of roots."""
    if not roots:
        return (SCAN_PATH,)
    steps = []
    if any(each.is_online for each in roots):
        steps.append(NextStep(("scan",), "look for changes in all that are connected"))
    if len(roots) > 1:
        first, second = (each.name or each.id for each in roots[:2])
        if len({each.path for each in roots[:2]}) == 2:
            first, second = (os.fsdecode(each.path) for each in roots[:2])
        words = ("compare", first, second, "--contents")
        steps.append(NextStep(words, "what one of these has and the other lacks"))
    return tuple(steps)


def after_verify(check: ManifestCheck, file: bytes, vault: Vault) -> NextSteps:
    """Return the commands to suggest after a folder was compared with its manifest."""
    report = check.report
    if check.signature.state == "unknown-key":
        return (NextStep(("verify", file, "--key", "PUB"), "check with its author's public key"),)
    broken = [*report.damaged, *report.changed, *report.suspect, *report.missing]
    if not broken or not vault.index.exists():
        return ()
    path = os.path.join(check.root, broken[0].path)
    return (NextStep(("explain", path), "its copies elsewhere, if the vault knows it"),)


def after_manifest(file: bytes, root: bytes | None) -> NextSteps:
    """Return the commands to suggest after writing a manifest."""
    words = ("verify", file) if root is None else ("verify", file, "--root", root)
    return (NextStep(words, "find out later whether anything has changed"),)


def after_scrub(result: ScrubResult) -> NextSteps:
    """Return the commands to suggest after a scrub."""
    if result.damaged:
        suspects = [file for file in result.damaged if file.is_suspect]
        steps = []
        if any(file.good for file in result.damaged if not file.is_suspect):
            purpose = "replace what is damaged with good copies"
            steps.append(NextStep(("scrub", "--repair"), purpose))
        if suspects:
            path = suspects[0].path
            if suspects[0].good:
                purpose = "replace this file, which may be damaged, with its good copy"
                steps.append(NextStep(("scrub", "--repair", path), purpose))
            steps.append(NextStep(("scrub", "--accept", path), "or accept it as it is now"))
        return tuple(steps)
    if result.is_interrupted:
        return (NextStep(("scrub",), "continue with what was not read yet"),)
    if result.unreadable or result.away:
        return (NextStep(("scan",), "find out what is still there"),)
    return ()


def after_repair(result: RepairResult) -> NextSteps:
    """Return the commands to suggest after a repair."""
    run = result.run
    steps: NextSteps = ()
    able = [file.path for file in result.suspects if file.copies]
    if able:
        steps = (
            NextStep(("scrub", "--repair", able[0]), "repair this suspect, too"),
            NextStep(("scrub", "--repair", "--suspects"), "repair all suspects"),
        )
    if not run.done:
        return steps
    return (
        *steps,
        NextStep(("dedupe", "--undo", run.id), "take the repair back"),
        NextStep(("dedupe", "--empty-quarantine", run.id), "delete the damaged files, for good"),
    )


def after_adopt() -> NextSteps:
    """Return the commands to suggest after starting a new trace."""
    return (NextStep(("scan",), "stamp what exists now"),)


def after_restore(result: VaultRestore) -> NextSteps:
    """Return the commands to suggest after a backup was put back."""
    if result.needs_adopt:
        purpose = "begin a new trace after this one: scans refuse it as it is"
        return (NextStep(("trace", "adopt"), purpose),)
    return (NextStep(("scan",), "look for changes since the backup"),)


def after_remove(result: VaultRemoval) -> NextSteps:
    """Return the commands to suggest after a vault was removed: they need none."""
    return tuple(
        NextStep(("dedupe", "--undo", each.folder), "put back what waits there")
        for each in result.quarantine[:3]
    )
