"""Whatever drifted: one tree is left, nothing is lost, and an undo gives the drive back."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.dedupe.plan import DedupePlan, read_plan
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.json_paths import path_from_json
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.families import build
from tests.dedupe.drives import OWN_NAMES, Look, look
from tests.support.run import Argument, run

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


class ByProgram:
    """The program as a Python program calls it."""

    def __init__(self, vault: Path, plan: Path) -> None:
        self._vault = OpenVault(Vault(vault))
        self._plan = plan

    def scan(self, drive: Path) -> None:
        self._vault.scan(drive)

    def make_plan(self, bring: list[str]) -> DedupePlan:
        plan = self._vault.plan(collapse=["all"], bring=bring)
        plan.save(self._plan)
        return plan

    def rehearse(self) -> None:
        assert not self._vault.apply(self._plan).skipped

    def apply(self) -> dict[bytes, int]:
        """Apply the plan; return how many entries of each copy were proven to be kept."""
        result = self._vault.apply(self._plan, dry_run=False)
        assert not result.skipped and not result.failed, (result.skipped, result.failed)
        return {each.path: each.total for each in result.proofs}

    def undo(self) -> set[bytes]:
        """Undo; return what stays."""
        return {each.path for each in self._vault.undo().failed}

    def purge(self) -> None:
        purged = self._vault.purge(confirm=True)
        assert not purged.skipped and not purged.failed, purged


class ByCommandLine(ByProgram):
    """The program as a person calls it."""

    def _run(self, *words: Argument, codes: tuple[int, ...] = (0,)) -> Any:
        ran = run(*words, "--json", vault=self._vault.path)
        assert ran.code in codes, (words, ran.code, ran.err)
        return ran.json()

    def scan(self, drive: Path) -> None:
        self._run("scan", drive)

    def make_plan(self, bring: list[str]) -> DedupePlan:
        brought = [word for each in bring for word in ("--bring", each)]
        self._run("dedupe", "--plan", "--collapse", "all", *brought, "-o", self._plan)
        return read_plan(self._plan)

    def rehearse(self) -> None:
        assert not self._run("dedupe", "--apply", self._plan, "--dry-run")["skipped"]

    def apply(self) -> dict[bytes, int]:
        proofs = self._run("dedupe", "--apply", self._plan)["proofs"]
        return {path_from_json(each): each["total"] for each in proofs}

    def undo(self) -> set[bytes]:
        failed = self._run("dedupe", "--undo", codes=(0, 3))["failed"]
        return {path_from_json(each) for each in failed}

    def purge(self) -> None:
        self._run("dedupe", "--empty-quarantine", "--yes")


def collapse_and_back(
    folder: Path, seed: int, program: type[ByProgram] = ByProgram
) -> tuple[int, int]:
    """Collapse a random family, empty the quarantine or undo; return how many left and stayed."""
    dice = random.Random(seed)
    drive = folder / f"drive{seed}"
    is_repository = dice.random() < 0.3
    bring = ["all"] if dice.random() < 0.4 else []
    build(drive, dice, is_repository)
    vault = program(folder / f"vault{seed}", folder / f"plan{seed}")
    vault.scan(drive)
    before, had = look(drive), contents(drive)
    plan = vault.make_plan(bring)
    if plan.steps:
        vault.rehearse()
    assert look(drive) == before
    leaving = [step.path for step in plan.steps]
    entries = {path: entries_in(path, leaving) for path in leaving}
    if plan.steps:
        assert vault.apply() == entries, seed
    after = look(drive)
    left = [os.path.relpath(os.fsdecode(each.path), drive) for each in plan.steps]
    shelves = [path for path in after if path.endswith(" (from copies)")]
    made = [os.path.relpath(os.fsdecode(each.target), drive) for each in plan.contents.copies]
    assert not any(path in before for path in made)
    tops = [*left, *shelves, *made]
    # What did not leave is as it was, but for the times of folders that something left.
    assert timeless(without(after, *tops)) == timeless(without(before, *tops))
    assert not any(path in after for path in left)
    assert contents(drive) == had, seed
    way_back = dice.random()
    if not left:
        pass
    elif way_back < 0.35:
        assert vault.undo() == set()
        assert look(drive) == before, seed
    elif way_back < 0.5:
        undo_after_an_edit(vault, drive, made, before, dice)
    else:
        vault.purge()
        # What the history has is not a file any more.
        assert had <= contents(drive) | (blobs(drive) if is_repository else set()), seed
    shutil.rmtree(drive)
    return len(left), len(plan.left_alone)


def undo_after_an_edit(
    vault: ByProgram, drive: Path, made: list[str], before: dict[str, Look], dice: random.Random
) -> None:
    """Edit a file that was copied, and undo: it stays, it is told, and all else is as it was."""
    files = [
        path
        for top in made
        for path in ([drive / top] if (drive / top).is_file() else (drive / top).rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    edited = dice.choice(sorted(files)) if files else None
    if edited is not None:
        edited.chmod(0o600)
        edited.write_text("edited by the user")
    stays = vault.undo()
    after = look(drive)
    if edited is not None:
        assert edited.read_text() == "edited by the user"
        assert any(edited.is_relative_to(os.fsdecode(path)) for path in stays), (edited, stays)
    else:
        assert not stays
    kept = {path: each for path, each in after.items() if path in before}
    assert timeless(kept) == timeless(before)


def timeless(found: Mapping[str, Look]) -> dict[str, Any]:
    """What was seen of a tree, without times."""
    return {path: each[:4] + each[6:] for path, each in found.items()}


def test_nothing_is_lost_and_all_comes_back(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW)]
    assert sum(left for left, _ in counts) > FEW // 2


@pytest.mark.deep
def test_nothing_is_lost_in_many_families(tmp_path: Path) -> None:
    counts = [collapse_and_back(tmp_path, seed) for seed in range(FEW, FEW + MANY)]
    print(f"{sum(a for a, _ in counts)} copies left, {sum(b for _, b in counts)} stayed")


@pytest.mark.deep
def test_nothing_is_lost_by_the_command_line(tmp_path: Path) -> None:
    for seed in range(100):
        collapse_and_back(tmp_path, seed, ByCommandLine)
