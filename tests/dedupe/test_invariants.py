"""Whatever is done, in whatever order: nothing is lost, and what is taken back is as it was.

A state machine mixes scans by two vaults whose roots overlap, edits by others, plans, plans edited
by hand, runs, runs that are killed, undo and emptied quarantines, on random small drives. It goes
through the command line's own functions; a killed run is a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.scan import command as comb
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.errors import GorillaCombError
from tests.dedupe.drives import (
    OWN_NAMES,
    Contents,
    Look,
    build,
    contents,
    edit,
    files,
    folders,
    killed,
    look,
)
from tests.support.memory import in_memory

ACTIONS = ["quarantine", "quarantine", "hardlink", "symlink", "delete"]
DICE = st.integers(0, 2**32 - 1).map(random.Random)
COUNTS = {
    "runs": 0,
    "steps": 0,
    "applied": 0,
    "killed": 0,
    "undone": 0,
    "emptied": 0,
    "set aside": 0,
}


def call(command: click.Command, *arguments: str | Path) -> int:
    """Run a command in this process; the exit code that a user would see."""
    try:
        with open(os.devnull, "w") as null, Quietly(null):
            code = command.main(
                [str(each) for each in arguments], standalone_mode=False, prog_name="gorillacomb"
            )
    except GorillaCombError as error:
        return error.exit_code
    return int(code or 0)


class Quietly:
    """Send what is printed to a file, also past Python's own buffer."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> None:
        import sys

        self._out, self._err = sys.stdout, sys.stderr
        sys.stdout = self._file
        sys.stderr = self._file

    def __exit__(self, *error: object) -> None:
        import sys

        sys.stdout, sys.stderr = self._out, self._err


class _Always(random.Random):
    """Dice that always choose the one thing."""

    def __init__(self, thing: Path | str) -> None:
        super().__init__(0)
        self._thing = thing

    def choice(self, seq: Any) -> Any:
        return self._thing if self._thing in seq else super().choice(seq)


def holds_something(run: Path) -> bool:
    """Whether there is more in the folder of a run than what is ours."""
    return any(path.name not in OWN_NAMES for path in run.iterdir())


class Drives(RuleBasedStateMachine):
    """One messy drive, two vaults."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp()).resolve()
        self.top = self.folder / "drive"
        self._ending = ExitStack()
        self.vaults = self._ending.enter_context(in_memory())
        self.plans: list[Path] = []
        self.befores: dict[str, dict[str, Look]] = {}
        """By run: the drive as it was before, while nothing else was done since."""
        self.seen = Contents(frozenset(), frozenset())
        COUNTS["runs"] += 1

    @initialize(dice=DICE)
    def begin(self, dice: random.Random) -> None:
        self.top.mkdir()
        build(self.top / "one", dice)
        build(self.top / "two", dice)
        for name in dice.sample(["one", "two"], 1):
            for path in files(self.top / name)[:3]:
                target = self.top / "two" / f"again {path.name}"
                if not os.path.lexists(target):
                    shutil.copy2(path, target)
        self._scan("first")
        self._scan("second")
        self._look()

    def _roots(self, vault: str) -> list[Path]:
        return [self.top] if vault == "second" else [self.top / "one", self.top / "two"]

    def _scan(self, vault: str) -> None:
        options = ["--exclude", ".env"] if vault == "first" else []
        there = [root for root in self._roots(vault) if root.is_dir()]
        code = call(comb, "--vault", self.vaults / vault, *options, *there)
        assert code in (0, 3), code

    def _look(self) -> None:
        self.seen = contents(self.top)

    def _nothing_lost(self) -> None:
        now = contents(self.top)
        assert self.seen.anywhere <= now.anywhere, "a content is gone from the disk"
        assert self.seen.outside <= now.outside, "a content lives in the quarantine alone"
        self.seen = now

    @rule(vault=st.sampled_from(["first", "second"]))
    def scan(self, vault: str) -> None:
        self._scan(vault)

    @rule(dice=DICE, times=st.integers(1, 3))
    def somebody_edits(self, dice: random.Random, times: int) -> None:
        for _ in range(times):
            edit(self.top / dice.choice(["one", "two"]), dice)
        self.befores.clear()
        self._look()

    @rule(
        vault=st.sampled_from(["first", "second"]),
        action=st.sampled_from(ACTIONS),
        dice=DICE,
    )
    def plan(self, vault: str, action: str, dice: random.Random) -> None:
        file = self.folder / f"{vault}-{len(self.plans)}.jsonl"
        options: list[str | Path] = []
        everything = folders(self.top)
        for name, chance in (("--retire", 0.3), ("--within", 0.1), ("--not-a-project", 0.2)):
            if dice.random() < chance:
                options += [name, dice.choice(everything)]
        if dice.random() < 0.1:
            options += ["--keep", "2"]
        if dice.random() < 0.1:
            options.append(dice.choice(["--files-only", "--across-volumes"]))
        elif dice.random() < 0.1 and action in ("quarantine", "delete"):
            options.append("--folders-only")
        vault_options = ("--vault", self.vaults / vault, "--action", action)
        code = call(dedupe, "--plan", "-o", file, *vault_options, *options)
        assert code in (0, 2), code  # 2: that folder is in none of the vault's roots
        if code == 0:
            self.plans.append(file)
        self._nothing_lost()

    @precondition(lambda self: self.plans)
    @rule(dice=DICE)
    def somebody_edits_the_plan(self, dice: random.Random) -> None:
        """Lines are taken out, paths swapped and exchanged."""
        file = dice.choice(self.plans)
        header, *steps = [json.loads(line) for line in file.read_text().splitlines()]
        if not steps:
            return
        paths = [step[key] for step in steps for key in ("path", "keep") if key in step]
        paths += [str(path) for path in (*files(self.top), *folders(self.top))]
        for _ in range(dice.randint(1, 3)):
            step = dice.choice(steps)
            kind = dice.randrange(5)
            if kind == 0 and len(steps) > 1:
                steps.remove(step)
            elif kind == 1:
                step["path"], step["keep"] = step["keep"], step["path"]
            elif kind == 2:
                step[dice.choice(["path", "keep"])] = dice.choice(paths)
            elif kind == 3:
                step["kind"] = dice.choice(["file", "folder"])
            else:
                header["across_volumes"] = True
                header["retire"] = [{"path": str(dice.choice(folders(self.top)))}]
        file.write_text("".join(json.dumps(each) + "\n" for each in (header, *steps)))

    def _apply(self, file: Path) -> int:
        vault = self.vaults / file.name.partition("-")[0]
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        number = sum(step["files"] for step in lines[1:])
        return call(dedupe, "--apply", file, "--vault", vault, "--yes-delete", str(number))

    @precondition(lambda self: self.plans)
    @rule(dice=DICE)
    def apply(self, dice: random.Random) -> None:
        self._recover()
        before, runs = look(self.top), self._waiting()
        code = self._apply(dice.choice(self.plans))
        assert code in (0, 2, 3, 5), code
        COUNTS["applied"] += 1
        new = self._waiting() - runs
        COUNTS["set aside"] += len(new)
        if look(self.top) != before:
            self.befores.clear()
        for run in new:
            self.befores[run] = before
        self._nothing_lost()

    @rule(
        vault=st.sampled_from(["first", "second"]),
        action=st.sampled_from(ACTIONS),
        dice=DICE,
        after=st.one_of(st.none(), st.none(), st.integers(1, 60)),
    )
    def scan_plan_and_apply(
        self, vault: str, action: str, dice: random.Random, after: int | None
    ) -> None:
        """The way of most users."""
        self._scan(vault)
        known = len(self.plans)
        self.plan(vault, action, dice)
        if len(self.plans) > known:
            ours = _Always(self.plans[-1])
            if after is None:
                self.apply(ours)
            else:
                self.apply_and_be_killed(ours, after)

    @rule(
        vault=st.sampled_from(["first", "second"]),
        action=st.sampled_from(ACTIONS[:-1]),
        dice=DICE,
    )
    def apply_and_take_back(self, vault: str, action: str, dice: random.Random) -> None:
        self._recover()
        before, waiting = look(self.top), self._waiting()
        self.scan_plan_and_apply(vault, action, dice, None)
        for run in self._waiting() - waiting:
            self.undo(_Always(run))
        assert look(self.top) == before or self._waiting() != waiting

    @precondition(lambda self: self.plans)
    @rule(dice=DICE, after=st.integers(1, 40))
    def apply_and_be_killed(self, dice: random.Random, after: int) -> None:
        file = dice.choice(self.plans)
        COUNTS["killed"] += killed(lambda: self._apply(file), after)
        self.befores.clear()
        self._nothing_lost()

    @precondition(lambda self: self.plans)
    @rule(dice=DICE)
    def resume(self, dice: random.Random) -> None:
        """The same plan once more: nothing is done twice."""
        file = dice.choice(self.plans)
        self._apply(file)
        before = look(self.top)
        assert self._apply(file) in (0, 2, 3, 5)
        assert look(self.top) == before
        self.befores.clear()
        self._nothing_lost()

    def _recover(self) -> None:
        """End what a killed run left half done, as the next run does first of all."""
        for folder in sorted(self.top.rglob(".gorillacomb")):
            finish_interrupted_runs(os.fsencode(folder.parent), time.time_ns)
        self._nothing_lost()

    def _waiting(self) -> set[str]:
        """Runs that have something in a quarantine, by the folders on disk."""
        found = set()
        for journal in self.top.rglob(".gorillacomb/quarantine/*/journal.jsonl"):
            if holds_something(journal.parent):
                found.add(journal.parent.name)
        return found

    @rule(dice=DICE)
    def undo(self, dice: random.Random) -> None:
        """Take back a run by its folder, with a vault or without one."""
        waiting = sorted(self._waiting())
        if not waiting:
            return
        run = dice.choice(waiting)
        vault = dice.choice(["first", "second", "none"])
        for place in sorted(self.top.rglob(f".gorillacomb/quarantine/{run}")):
            began = holds_something(place) or (place / "journal.jsonl").read_bytes()
            code = call(dedupe, "--undo", place, "--vault", self.vaults / vault)
            assert code in ((0, 3) if began else (2,)), code
        COUNTS["undone"] += 1
        before = self.befores.pop(run, None)
        if before is not None:
            assert look(self.top) == before
        self.befores.clear()
        self._nothing_lost()

    @rule(dice=DICE, after=st.integers(1, 20))
    def undo_and_be_killed(self, dice: random.Random, after: int) -> None:
        waiting = sorted(self._waiting())
        if not waiting:
            return
        run = dice.choice(waiting)
        places = sorted(self.top.rglob(f".gorillacomb/quarantine/{run}"))

        def work() -> None:
            for place in places:
                call(dedupe, "--undo", place, "--vault", self.vaults / "none")

        COUNTS["killed"] += killed(work, after)
        self.befores.clear()
        self._nothing_lost()

    @rule(
        vault=st.sampled_from(["first", "second"]), after=st.one_of(st.none(), st.integers(1, 20))
    )
    def empty_the_quarantine(self, vault: str, after: int | None) -> None:
        def work() -> int:
            return call(dedupe, "--empty-quarantine", "--yes", "--vault", self.vaults / vault)

        if after is None:
            assert work() in (0, 3)
        else:
            COUNTS["killed"] += killed(work, after)
        COUNTS["emptied"] += 1
        self.befores.clear()
        self._nothing_lost()

    @invariant()
    def count(self) -> None:
        COUNTS["steps"] += 1

    def teardown(self) -> None:
        shutil.rmtree(self.folder)
        self._ending.close()


@pytest.mark.parametrize(
    ("examples", "length"), [(40, 12), pytest.param(2000, 15, marks=pytest.mark.deep)]
)
def test_nothing_is_ever_lost(examples: int, length: int) -> None:
    from hypothesis import HealthCheck
    from hypothesis.stateful import run_state_machine_as_test

    COUNTS.update(dict.fromkeys(COUNTS, 0))
    for more in range(10):  # other examples each time: not all of them have a kill that comes
        run_state_machine_as_test(
            Drives,
            settings=settings(
                max_examples=examples,
                stateful_step_count=length + more,
                derandomize="CI" in os.environ and not more,
                suppress_health_check=list(HealthCheck),
            ),
        )
        if COUNTS["killed"]:
            break
    print(COUNTS)
    assert COUNTS["set aside"] and COUNTS["undone"] and COUNTS["killed"] and COUNTS["emptied"]
