"""Always and never: random drives, random marks."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import gorillacomb
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import is_below
from gorillacomb.marks.rules import MarkKind
from tests.dedupe.drives import build, files, folders
from tests.support.memory import in_memory

DICE = st.integers(0, 2**32 - 1).map(random.Random)


def steps_of(vault: gorillacomb.OpenVault, prefer: list[Path]) -> list[dict[str, object]]:
    return [dict(each) for each in vault.plan(prefer=prefer).to_dict()["step_list"]]


def mark_something(vault: gorillacomb.OpenVault, drive: Path, dice: random.Random) -> None:
    """Give random files or folders a random mark, if they can have it."""
    things = files(drive) if dice.random() < 0.5 else folders(drive)
    chosen = dice.sample(things, min(len(things), dice.randint(1, 3)))
    try:
        vault.mark(dice.choice(list(MarkKind)), chosen)
    except UsageError as error:
        assert any(word in error.message for word in ("copy", "read", "path", "index")), error


def check(vault: gorillacomb.OpenVault, plan: gorillacomb.DedupePlan) -> None:
    """Fail when a plan removes what is marked, or one of two different things for the other."""
    marks = vault.marks()
    stays = [each.path for each in marks if each.kind is MarkKind.KEEP]
    stays += [
        each.path
        for each in marks
        if each.kind is MarkKind.INTENDED and each.state is gorillacomb.MarkState.CURRENT
    ]
    apart = [each for each in marks if each.kind is MarkKind.NOT_DUPLICATES]
    for step in plan.steps:
        for pair in (*step.pairs, *step.nested):
            for path in stays:
                assert not is_below(pair.path, path), (step, path)
                assert not is_below(path, pair.path), (step, path)
            for one in apart:
                for other in apart:
                    if one.set == other.set and one.path != other.path:
                        inside = is_below(pair.path, one.path) and is_below(pair.keep, other.path)
                        nested = is_below(one.path, other.path) or is_below(other.path, one.path)
                        assert nested or not inside, (step, one, other)


@settings(max_examples=25)
@given(DICE, st.booleans())
def test_no_plan_removes_what_is_marked(dice: random.Random, prefers: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="gorillacomb-marks-") as name, in_memory() as folder:
        drive = Path(name).resolve() / "drive"
        build(drive, dice)
        prefer = [dice.choice(folders(drive))] if prefers else []
        with gorillacomb.open_vault(folder / "vault") as vault:
            vault.scan([drive], workers=0)
            before = steps_of(vault, prefer)
            for _ in range(dice.randint(1, 4)):
                mark_something(vault, drive, dice)
            marks = vault.marks()
            plan = vault.plan(prefer=prefer)
            check(vault, plan)

            for each in (folder / "vault").glob("index.db*"):
                each.unlink()
            vault.scan([drive], workers=0)
            assert vault.marks() == marks
            assert {step.path for step in vault.plan(prefer=prefer).steps} == {
                step.path for step in plan.steps
            }
            assert vault.trace.verify().ok

            while left := vault.marks():
                vault.unmark(left[0].path)
            assert steps_of(vault, prefer) == before


@settings(max_examples=15)
@given(DICE)
def test_what_is_marked_stays_on_the_disk(dice: random.Random) -> None:
    """Marks made after the plan too; and what is quarantined is kept where a mark came late."""
    with tempfile.TemporaryDirectory(prefix="gorillacomb-marks-") as name, in_memory() as folder:
        drive = Path(name).resolve() / "drive"
        build(drive, dice)
        with gorillacomb.open_vault(folder / "vault") as vault:
            vault.scan([drive], workers=0)
            plan = vault.plan()
            for _ in range(dice.randint(1, 4)):
                mark_something(vault, drive, dice)
            kept = {
                path: path.read_bytes()
                for each in vault.marks()
                if each.kind is not MarkKind.NOT_DUPLICATES
                for path in files(drive)
                if is_below(os.fsencode(path), each.path)
            }
            vault.apply(plan, dry_run=False)
            vault.purge(confirm=True)
            vault.apply(vault.plan(), dry_run=False)
            vault.purge(confirm=True)
            assert {path: path.read_bytes() for path in kept} == kept
