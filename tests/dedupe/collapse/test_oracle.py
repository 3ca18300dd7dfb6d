"""Whatever drifted: one tree is left, nothing is lost, and an undo gives the drive back."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.families import build
from tests.dedupe.drives import OWN_NAMES, Look, look

FEW = 30
MANY = 5000
OUR_FOLDER = ".gorillacomb"


def contents(top: Path) -> set[tuple[str, bytes]]:
    """What is anywhere below a folder: the digests of files, and the texts of links."""
    found: set[tuple[str, bytes]] = set()
    for folder, folders, names in os.walk(top):
        for name in [*names, *folders]:
            path = Path(folder, name)
            if path.is_symlink():
                found.add(("link", os.fsencode(os.readlink(path))))
            elif path.is_file() and name not in (*OWN_NAMES, "lock"):
                found.add(("file", hashlib.sha256(path.read_bytes()).digest()))
    return found


def without(found: Mapping[str, Look], *tops: str) -> dict[str, Look]:
    return {
        path: each
        for path, each in found.items()
        if not any(path == top or path.startswith(f"{top}/") for top in tops)
    }


def collapse_and_back(folder: Path, seed: int) -> tuple[int, int]:
    """Collapse a random family, empty the quarantine or undo; return how many left and stayed."""
    dice = random.Random(seed)
    drive = folder / f"drive{seed}"
    build(drive, dice)
    vault = OpenVault(Vault(folder / f"vault{seed}"))
    vault.scan(drive)
    before, had = look(drive), contents(drive)
    plan = vault.plan(collapse=["all"])
    plan.save(folder / f"plan{seed}")
    rehearsed = vault.apply(folder / f"plan{seed}")
    assert look(drive) == before
    assert not rehearsed.skipped, (seed, rehearsed.skipped)
    result = vault.apply(folder / f"plan{seed}", dry_run=False)
    assert not result.skipped and not result.failed, (seed, result.skipped, result.failed)
    after = look(drive)
    left = [os.path.relpath(os.fsdecode(each.path), drive) for each in plan.steps]
    shelves = [path for path in after if path.endswith(" (from copies)")]
    tops = [*left, *shelves]
    # What did not leave is as it was, but for the times of folders that something left.
    same = {path: each[:4] + each[6:] for path, each in without(after, *tops).items()}
    assert same == {path: each[:4] + each[6:] for path, each in without(before, *tops).items()}
    assert not any(path in after for path in left)
    assert contents(drive) == had
    if not left:
        pass
    elif dice.random() < 0.5:
        undone = vault.undo()
        assert not undone.failed, (seed, undone.failed)
        assert look(drive) == before, seed
    else:
        purged = vault.purge(confirm=True)
        assert not purged.skipped and not purged.failed, (seed, purged)
        assert contents(drive) == had
    shutil.rmtree(drive)
    return len(left), len(plan.left_alone)


def test_nothing_is_lost_and_all_comes_back(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW)]
    assert sum(left for left, _ in counts) > FEW // 2


@pytest.mark.deep
def test_nothing_is_lost_in_many_families(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW, FEW + MANY)]
    print(f"{sum(a for a, _ in counts)} copies left, {sum(b for _, b in counts)} stayed")
