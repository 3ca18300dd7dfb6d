"""What a plan decides for many files at once is what it would decide for each of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from gorillacomb.dedupe.plan.surplus import SurplusCopies
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from tests.dedupe.messy import MessyTree
from tests.support.memory import in_memory

SEEDS = range(40)
RANDOM = ("plan", "made_ns")
"""Keys of a plan that differ each time."""


def answers(vault: gorillacomb.OpenVault, top: Path, seed: int) -> list[dict[str, Any]]:
    """Plans for all that a drive has and for a part of it, and the overview."""
    folders = sorted(each for each in top.rglob("*") if each.is_dir() and not each.is_symlink())
    chosen = random.Random(seed).choices(folders, k=2)
    plans = (
        vault.plan(),
        vault.plan(within=chosen[:1]),
        vault.plan(prefer=chosen[1:], across_volumes=True),
        vault.plan(folders=False, not_a_project=chosen[:1]),
    )
    found: list[dict[str, Any]] = [{**plan.to_dict()} for plan in plans]
    return [*found, {"surplus": vault.overview().to_dict()["surplus"]}]


@pytest.mark.parametrize("seed", SEEDS)
def test_files_are_judged_alike_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_memory() as place:
        top = place / "drive"
        MessyTree(top, seed).build()
        vault = gorillacomb.open_vault(place / "vault")
        vault.scan(top, workers=0)
        at_once = answers(vault, top, seed)
        monkeypatch.setattr(SurplusCopies, "_fate", lambda surplus, folders, stamped: None)
        # All rules are asked, as for a folder whose parent is open.
        monkeypatch.setattr(SafetyPolicy, "may_close_anew", lambda *_: True)
        one_by_one = answers(vault, top, seed)
    for found in (*at_once, *one_by_one):
        for key in RANDOM:
            found.pop(key, None)
    assert at_once == one_by_one


def test_most_copies_are_added_up_by_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    alone: list[bytes] = []
    add = SurplusCopies._add

    def counted(surplus: SurplusCopies, content: Any) -> None:
        alone.append(content.summary.digest)
        add(surplus, content)

    monkeypatch.setattr(SurplusCopies, "_add", counted)
    with in_memory() as place:
        for copy in ("here", "there"):
            project = place / "drive" / copy / "project"
            (project / "src").mkdir(parents=True)
            (project / "package.json").write_text("{}")
            (project / f"only {copy}").write_text(f"own {copy}" * 20)
            for number in range(50):
                (project / "src" / f"{number}.ts").write_text(f"line {number}\n" * 20)
        vault = gorillacomb.open_vault(place / "vault")
        vault.scan(place / "drive", workers=0)
        [left] = vault.plan().left_alone
    assert left.files == 50 + 1
    assert not alone
