"""Whatever was scanned, forgotten or adopted since: all that waits is found, once, and comes back.

A state machine; it goes through the command line's own functions.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gorillacomb.cli.commands.admin.roots import command as roots
from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.scan import command as comb
from gorillacomb.cli.commands.trace.trace import command as trace
from gorillacomb.dedupe.quarantine.run import read_run
from gorillacomb.dedupe.quarantine.run_folders import begun_runs, run_slots
from tests.dedupe.faults import look
from tests.support.inside import answer
from tests.support.trees import Tree, make_tree, settle

FOLDERS = [".", "a", "a/in", "b"]
"""That are scanned, below the drive."""


def _photos(name: str) -> Tree:
    album: Tree = {"1.jpg": f"{name} one" * 500, "more": {"2.jpg": f"{name} two" * 500}}
    return {
        "kept": {"album": album, "own": f"own of {name}", "single": f"{name} three" * 500},
        "Copy": {"album": album, "own": f"also own of {name}", "single": f"{name} three" * 500},
    }


TREE: Tree = {"a": {"in": _photos("in"), "out": _photos("out")}, "b": _photos("b")}


class FoundAgain(RuleBasedStateMachine):
    """A drive whose folders are scanned in turn, by a vault that may be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="gorillacomb-found-"))
        self.drive = make_tree(self.top / "drive", TREE)
        settle(self.drive)
        self.at_first = look(self.drive)
        self.vault = self.top / "vault"
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("HOME", str(self.top))
        self.patch.setenv("GORILLACOMB_VAULT", str(self.vault))
        self.traced: set[str] = set()
        """Runs that the vault has carried out."""
        self.scan("a")
        self.carries_a_plan_out()

    def teardown(self) -> None:
        try:
            self.scan(".")
            for run in sorted({run for run, _ in self.waiting()}, reverse=True):
                assert not answer(dedupe, "--undo", run)["failed"]
            assert not self.waiting()
            assert look(self.drive) == self.at_first
        finally:
            self.patch.undo()
            shutil.rmtree(self.top)

    def roots(self) -> list[str]:
        return [each["path"] for each in answer(roots, "list")["roots"]]

    def waiting(self) -> dict[tuple[str, str], tuple[str, list[str]]]:
        """What waits by the disk alone: base and paths by run, and by base."""
        found = {}
        for folder, folders, _ in os.walk(self.drive):
            if ".gorillacomb" not in folders:
                continue
            base = os.fsencode(folder)
            for run in begun_runs(base):
                slots = run_slots(base, run)
                moves = [move for each in read_run(base, run).held() for move in each.moves]
                paths = [
                    os.path.join(folder, os.fsdecode(move.path))
                    for move in moves
                    if move.slot in slots
                ]
                if paths:
                    found[run, folder] = folder, paths
        return found

    def scan(self, folder: str) -> None:
        assert answer(comb, self.drive / folder, "--workers", "0")["roots"]

    @rule(folder=st.sampled_from(FOLDERS))
    def scans(self, folder: str) -> None:
        self.scan(folder)

    @rule()
    def carries_a_plan_out(self) -> None:
        plan = self.top / "plan.jsonl"
        plan.unlink(missing_ok=True)
        if not self.roots() or isinstance(answer(dedupe, "--plan", "-o", plan), int):
            return
        done = answer(dedupe, "--apply", plan)
        if done["done"]:
            self.traced.add(done["run"])

    @rule(dice=st.integers(0, 2**32 - 1).map(random.Random))
    def forgets(self, dice: random.Random) -> None:
        known = self.roots()
        if known:
            answer(roots, "forget", dice.choice(known), "--force")

    @rule()
    def adopts(self) -> None:
        answer(trace, "adopt", "--force")

    @rule(folder=st.sampled_from(FOLDERS))
    def loses_the_vault(self, folder: str) -> None:
        shutil.rmtree(self.vault)
        shutil.rmtree(self.top / ".config", ignore_errors=True)
        shutil.rmtree(self.top / ".local", ignore_errors=True)
        self.traced.clear()
        self.scan(folder)

    @rule(dice=st.integers(0, 2**32 - 1).map(random.Random))
    def wants_one_back(self, dice: random.Random) -> None:
        listed = [item for item in self.listed() if item["state"] == "waiting"]
        if not listed:
            return
        item = dice.choice(listed)
        path, aside = Path(item["path"]), Path(item["quarantine"])
        if item["kind"] == "folder" and (aside / "more/2.jpg").exists():
            path /= "more/2.jpg"
        assert not path.is_file()  # of a folder, some may be back already
        assert not answer(dedupe, "--undo", item["run"], "--only", path)["failed"]
        assert path.exists()

    def listed(self) -> list[dict[str, Any]]:
        if not self.roots():
            return []
        names = {each["run"] for each in answer(dedupe, "--history")["runs"]}
        return [
            item for name in sorted(names) for item in answer(dedupe, "--history", name)["items"]
        ]

    @invariant()
    def all_that_waits_is_listed_once(self) -> None:
        known = self.roots()
        if not known:
            return

        def below(path: str) -> bool:
            return any(path == root or path.startswith(root + "/") for root in known)

        expected = [
            path
            for (run, _), (base, paths) in self.waiting().items()
            if run in self.traced or below(base) or any(map(below, paths))
            for path in paths
        ]
        listed = [item["path"] for item in self.listed() if item["state"] == "waiting"]
        assert sorted(listed) == sorted(expected)


TestFoundAgain = FoundAgain.TestCase
TestFoundAgain.settings = settings(
    max_examples=max(settings().max_examples // 10, 1), stateful_step_count=8, deadline=None
)
