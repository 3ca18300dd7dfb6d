"""What was shown is what is done: ``--expect-digest`` and ``--expect-files``."""

from __future__ import annotations

from pathlib import Path

import pytest

from gorillacomb.api.dedupe.answered_plan import read_answered_plan
from gorillacomb.api.dedupe.expected import quarantine_digest
from gorillacomb.api.dedupe.review import ReviewAnswer, open_review
from gorillacomb.api.status import vault_status
from gorillacomb.vault.vault import Vault
from tests.support.run import Argument, run
from tests.support.trees import Tree, make_tree, scan


@pytest.fixture
def planned(tmp_path: Path, vault: Path) -> tuple[Path, Path]:
    folder: Tree = {name: name * 5000 for name in "xy"}
    tree = make_tree(tmp_path / "tree", {"a": folder, "b": folder})
    scan(vault, tree)
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "--files-only", "-o", plan, vault=vault).code == 0
    return tree, plan


def test_a_plan_is_applied_only_as_it_was_shown(planned: tuple[Path, Path], vault: Path) -> None:
    tree, plan = planned
    shown = read_answered_plan(plan).plan
    apply: list[Argument] = ["dedupe", "--apply", plan, "--expect-digest"]
    for words in (["0" * 64], [shown.digest, "--expect-files", str(shown.files + 1)]):
        ran = run(*apply, *words, vault=vault)
        assert ran.code == 5 and "nothing was done" in ran.err
    assert sum(path.is_file() for path in tree.rglob("*")) == 4
    ran = run(*apply, shown.digest, "--expect-files", str(shown.files), vault=vault)
    assert ran.code == 0, ran.err


def test_answers_make_another_digest(planned: tuple[Path, Path], vault: Path) -> None:
    _, plan = planned
    before = read_answered_plan(plan).plan.digest
    with open_review(Vault(vault), plan, single=True) as going:
        going.give(going.units[:1], ReviewAnswer.NO)
    assert read_answered_plan(plan).plan.digest != before
    ran = run("dedupe", "--apply", plan, "--expect-digest", before, vault=vault)
    assert ran.code == 5


def test_the_quarantine_is_emptied_only_as_it_was_shown(
    planned: tuple[Path, Path], vault: Path
) -> None:
    _, plan = planned
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    waiting = vault_status(Vault(vault)).quarantine
    digest, files = quarantine_digest(waiting), sum(run.files for run in waiting)
    purge = ["dedupe", "--empty-quarantine", "--yes", "--expect-digest"]
    for words in (["0" * 64], [digest, "--expect-files", str(files + 1)]):
        ran = run(*purge, *words, vault=vault)
        assert ran.code == 5 and "nothing was done" in ran.err
    assert sum(run.files for run in vault_status(Vault(vault)).quarantine) == files > 0
    assert run(*purge, digest, "--expect-files", str(files), vault=vault).code == 0
    assert not vault_status(Vault(vault)).quarantine
