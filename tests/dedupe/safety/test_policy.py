"""The rules asked of paths, without a disk."""

from __future__ import annotations

import pytest

from gorillacomb.dedupe.model import PlanOptions, SafetyRule
from gorillacomb.dedupe.safety.context import FolderContext, PathContext
from gorillacomb.dedupe.safety.policy import SafetyPolicy


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (b".gorillacomb", SafetyRule.OWN),
        (b".GORILLACOMB", SafetyRule.OWN),
        (b".git", SafetyRule.REPOSITORY),
        (b".Git", SafetyRule.REPOSITORY),
        (b"$Recycle.Bin", SafetyRule.TRASH),
        (b"plain", None),
    ],
)
def test_a_plan_may_spell_a_name_as_a_disk_that_folds_case_takes_it(
    name: bytes, rule: SafetyRule | None
) -> None:
    policy = SafetyPolicy(PlanOptions(), [b"/d"], [], lambda folder, path: False)
    folder = FolderContext(b"/d/" + name, None)
    site = PathContext(b"/d", folder.path + b"/f", False, (folder,))
    refusal = policy.refusal_for(site, None)
    assert (None if refusal is None else refusal.rule) is rule
    plain = PathContext(b"/d", b"/d/a/f", False, (FolderContext(b"/d/a", None),))
    as_copy = policy.kept_copy_refusal(plain, site)
    assert (as_copy is None) == (rule is None)


def test_nothing_leaves_a_root_that_is_a_store() -> None:
    policy = SafetyPolicy(PlanOptions(), [b"/mail"], [], lambda folder, path: False)
    levels = (FolderContext(b"/mail/cur", None),)
    site = PathContext(b"/mail", b"/mail/cur/1", False, levels, root_is_store=True)
    refusal = policy.refusal_for(site, None)
    assert refusal is not None
    assert (refusal.rule, refusal.place) == (SafetyRule.BUNDLE, b"/mail")
