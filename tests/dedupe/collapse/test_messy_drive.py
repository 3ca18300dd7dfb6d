"""The project that is on the messy drive in eight places becomes one, and eight again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures import build_drive, remove_drive
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.drives import look


@pytest.mark.parametrize(("bring", "all_eight"), [((), True), (("all",), True), ((), False)])
def test_eight_places_become_one(tmp_path: Path, bring: tuple[str, ...], all_eight: bool) -> None:
    """All of them if the user says that the project around one of them is none, else seven."""
    drive = build_drive(tmp_path / "drive")
    try:
        keep = drive.place("living")
        around = keep.parent.parent
        desk = drive.root / "Desktop/HealthTrack"
        vault = OpenVault(Vault(tmp_path / "vault"))
        # Someone who wants one tree lets go of the link to another one, and of what was injected.
        leads_to = os.readlink(desk)
        desk.unlink()
        host = drive.place("license vault")
        vault.scan(drive.root)
        with vault.folders() as folders:
            family = next(each for each in folders.families() if each.keep == os.fsencode(keep))
        assert len(family.others) == 7
        before, had = look(around), contents(around)
        injected = os.fsencode(host / "server/healthtrack-injected")
        given_up = [host] if all_eight else []
        plan = vault.plan(collapse=[keep], into=keep, bring=bring, not_a_project=given_up)
        plan.save(tmp_path / "plan")
        stays = [(left.rule, left.path) for left in plan.left_alone]
        assert stays == ([] if all_eight else [(SafetyRule.PROJECT, injected)])
        assert len(plan.steps) == 7 - len(stays)
        result = vault.apply(tmp_path / "plan", dry_run=False)
        assert result.is_complete, (result.skipped, result.failed)
        assert contents(around) == had
        with vault.folders() as folders:
            others = [each.path for family in folders.families() for each in family.others]
        assert others.count(injected) == len(stays)
        assert not [path for path in others if path in {step.path for step in plan.steps}]
        undone = vault.undo()
        assert undone.is_complete, undone.failed
        assert look(around) == before
        os.symlink(leads_to, desk)
    finally:
        remove_drive(drive.root)
