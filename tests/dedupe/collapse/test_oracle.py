"""Whatever drifted: one tree is left, nothing is lost, and an undo gives the drive back."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.families import build
from tests.dedupe.drives import OWN_NAMES, Look, look

FEW = 30
MANY = 5000
OUR_FOLDER = ".gorillacomb"


_GITS_OWN = {"index", "HEAD", "ORIG_HEAD", "COMMIT_EDITMSG", "refs", "logs", "objects"}


def contents(top: Path) -> set[tuple[str, bytes]]:
    """What is anywhere below a folder: digests of files, texts of links, ids of git objects."""
    found: set[tuple[str, bytes]] = set()
    for folder, folders, names in os.walk(top):
        if os.path.basename(folder) == ".git" and "objects" in folders:
            found |= {("object", each) for each in objects(Path(folder))}
            folders[:] = [each for each in folders if each not in _GITS_OWN]
            names = [each for each in names if each not in _GITS_OWN]
        for name in [*names, *folders]:
            path = Path(folder, name)
            if path.is_symlink():
                found.add(("link", os.fsencode(os.readlink(path))))
            elif path.is_file() and name not in (*OWN_NAMES, "lock"):
                found.add(("file", hashlib.sha256(path.read_bytes()).digest()))
    return found


def objects(store: Path) -> set[bytes]:
    """The ids of all objects in a repository."""
    words = ["git", "--git-dir", str(store), "cat-file", "--batch-all-objects", "--batch-check"]
    return set(subprocess.run(words, check=True, capture_output=True).stdout.splitlines())


def blobs(top: Path) -> set[tuple[str, bytes]]:
    """The digests of all files that the repositories below a folder have in their objects."""
    found = set()
    for store in top.rglob(".git"):
        words = ["git", "--git-dir", str(store), "cat-file", "--batch"]
        ids = [each.split()[0] for each in objects(store) if each.split()[1] == b"blob"]
        text = subprocess.run(
            words, input=b"\n".join(ids) + b"\n" if ids else b"", check=True, capture_output=True
        ).stdout
        at = 0
        for _ in ids:
            end = text.index(b"\n", at)
            size = int(text[at:end].split()[2])
            found.add(("file", hashlib.sha256(text[end + 1 : end + 1 + size]).digest()))
            at = end + size + 2
    return found


def entries_in(top: bytes, apart: Collection[bytes]) -> int:
    """How many files and links are in a folder, but for some folders in it."""
    number = 0
    for folder, folders, names in os.walk(top):
        links = [each for each in folders if os.path.islink(os.path.join(folder, each))]
        number += len(names) + len(links)
        folders[:] = [each for each in folders if os.path.join(folder, each) not in apart]
    return number


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
    is_repository = dice.random() < 0.3
    bring = ["all"] if dice.random() < 0.4 else []
    build(drive, dice, is_repository)
    vault = OpenVault(Vault(folder / f"vault{seed}"))
    vault.scan(drive)
    before, had = look(drive), contents(drive)
    plan = vault.plan(collapse=["all"], bring=bring)
    plan.save(folder / f"plan{seed}")
    rehearsed = vault.apply(folder / f"plan{seed}")
    assert look(drive) == before
    assert not rehearsed.skipped, (seed, rehearsed.skipped)
    leaving = [step.path for step in plan.steps]
    entries = {path: entries_in(path, leaving) for path in leaving}
    result = vault.apply(folder / f"plan{seed}", dry_run=False)
    assert {each.path: each.total for each in result.proofs} == entries, seed
    assert not result.skipped and not result.failed, (seed, result.skipped, result.failed)
    after = look(drive)
    left = [os.path.relpath(os.fsdecode(each.path), drive) for each in plan.steps]
    shelves = [path for path in after if path.endswith(" (from copies)")]
    made = [os.path.relpath(os.fsdecode(each.target), drive) for each in plan.contents.copies]
    assert not any(path in before for path in made)
    tops = [*left, *shelves, *made]
    # What did not leave is as it was, but for the times of folders that something left.
    same = {path: each[:4] + each[6:] for path, each in without(after, *tops).items()}
    assert same == {path: each[:4] + each[6:] for path, each in without(before, *tops).items()}
    assert not any(path in after for path in left)
    assert contents(drive) == had, seed
    if not left:
        pass
    elif dice.random() < 0.5:
        undone = vault.undo()
        assert not undone.failed, (seed, undone.failed)
        assert look(drive) == before, seed
    else:
        purged = vault.purge(confirm=True)
        assert not purged.skipped and not purged.failed, (seed, purged)
        # What the history has is not a file any more.
        assert had <= contents(drive) | (blobs(drive) if is_repository else set()), seed
    shutil.rmtree(drive)
    return len(left), len(plan.left_alone)


def test_nothing_is_lost_and_all_comes_back(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW)]
    assert sum(left for left, _ in counts) > FEW // 2


@pytest.mark.deep
def test_nothing_is_lost_in_many_families(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW, FEW + MANY)]
    print(f"{sum(a for a, _ in counts)} copies left, {sum(b for _, b in counts)} stayed")
