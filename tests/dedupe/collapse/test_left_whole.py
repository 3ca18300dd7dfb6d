"""Repositories of every kind in a collapse: what must not leave stays, by the plan of the drive."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from tests.dedupe.drives import look
from tests.dedupe.repositories.pairs import SECRET, Pair, commit, git
from tests.dedupe.repositories.test_contained import FETCHED
from tests.dedupe.repositories.test_left_whole import DAMAGED, LEFT
from tests.support.trees import Tree, make_tree

_NO_COPY = {"same_folder"}
_EQUAL = {"only_in_kept_index", "only_in_kept_head", "only_in_kept_stash_list"}
"""What is equal to the last byte leaves, as any such folder does: the kept one has all of it, even
if only in its index or its reflogs."""
TREE: Tree = {
    "data": {f"d{at}": f"{at}" * 2000 for at in range(9)},
    "more": {f"m{at}": f"more {at}" * 2000 for at in range(9)},
}
_RULES = {SafetyRule.REPOSITORY, SafetyRule.LINKED, SafetyRule.INCOMPLETE}


@pytest.mark.deep
@pytest.mark.parametrize("prepare", [*LEFT, *FETCHED, *DAMAGED], ids=lambda each: each.__name__)
def test_it_does_not_leave(tmp_path: Path, prepare: Callable[[Pair], object]) -> None:
    """The folders around the repositories are copies of one tree, whatever is in their `.git`.

    Objects are read only when a copy leaves.
    """
    pair = Pair.made(tmp_path / "drive")
    prepare(pair)
    for folder in (pair.keep, pair.member):
        make_tree(folder, TREE)
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(tmp_path / "drive")
    try:
        plan = vault.plan(collapse=["all"], into=pair.keep)
    except UsageError as no_copy:
        assert prepare.__name__ in _NO_COPY, no_copy
        return
    plan.save(tmp_path / "plan")
    before = look(tmp_path / "drive")
    result = vault.apply(tmp_path / "plan", dry_run=False)
    if prepare.__name__ in _EQUAL:
        assert result.is_complete
        return
    causes = [each.cause for each in plan.left_alone] + [each.cause for each in result.skipped]
    assert not result.done and causes
    assert look(tmp_path / "drive") == before
    assert SECRET not in "".join(causes)
    if prepare in LEFT or prepare in FETCHED:
        assert {each.rule for each in plan.left_alone} <= _RULES, plan.left_alone
        assert not plan.steps


def test_the_control_leaves(tmp_path: Path) -> None:
    """The same two folders, with nothing done to them but one commit more in the kept one."""
    pair = Pair.made(tmp_path / "drive")
    commit(pair.keep, "a.txt", "four")
    for folder in (pair.keep, pair.member):
        make_tree(folder, TREE)
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(tmp_path / "drive")
    plan = vault.plan(collapse=["all"], into=pair.keep)
    assert [os.fsdecode(step.path) for step in plan.steps] == [str(pair.member)], plan.left_alone


def _grafts(pair: Pair) -> None:
    pair.keep_a_copy_of_the_member()
    oid = git(pair.keep, "rev-parse", "HEAD")
    (pair.keep / ".git/info").mkdir(exist_ok=True)
    (pair.keep / ".git/info/grafts").write_text(f"{oid}\n")


def _newer_than_packed(pair: Pair) -> None:
    """Nothing but the packed refs of the copy leads to its commit, and there is no reflog."""
    git(pair.member, "config", "core.logAllRefUpdates", "false")
    git(pair.member, "checkout", "-q", "-b", "idea")
    commit(pair.member, "idea.txt")
    git(pair.member, "checkout", "-q", "main")
    git(pair.member, "pack-refs", "--all")
    pair.keep_a_copy_of_the_member()
    git(pair.keep, "update-ref", "refs/heads/idea", "main")


@pytest.mark.parametrize("prepare", [_grafts, _newer_than_packed])
def test_a_kept_one_that_has_more_may_forget_what_it_has(
    tmp_path: Path, prepare: Callable[[Pair], None]
) -> None:
    """Each file of the copy's `.git` is in the kept one, and yet it is not safe there."""
    pair = Pair.made(tmp_path / "drive")
    prepare(pair)
    for folder in (pair.keep, pair.member):
        make_tree(folder, TREE)
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(tmp_path / "drive")
    plan = vault.plan(collapse=["all"], into=pair.keep)
    assert [each.rule for each in plan.left_alone] == [SafetyRule.REPOSITORY], plan.steps
