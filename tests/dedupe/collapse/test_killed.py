"""A collapse, and its undo, killed at every change of the disk: nothing is lost, all comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.drives import Look, killed, look
from tests.support.trees import Tree, make_tree

SAME: Tree = {f"f{number}": f"{number}" * 2000 for number in range(6)}
WORK: Tree = {
    "App": {"package.json": "{}", "src": SAME},
    "Backup": {
        "App": {"package.json": "{}", "src": {**SAME, "f1": "edited", "own": {"a": "a", "b": "b"}}}
    },
    "App (1)": {"package.json": "{}", "src": {**SAME, "notes": "mine" * 50}, ".env": "KEY=1"},
}


class Bench:
    """A drive with a family, scanned, and the plan that makes one tree of it."""

    def __init__(self, folder: Path) -> None:
        self.drive, self.plan = folder / "drive", folder / "plan"
        make_tree(self.drive, {"work": WORK})
        self.vault = OpenVault(Vault(folder / "vault"))
        self.vault.scan(self.drive)
        self.vault.plan(collapse=["all"], bring=["all"]).save(self.plan)
        self.before, self.had = self.now(), contents(self.drive)

    def now(self) -> dict[str, Look]:
        """All that an undo gives back; two runs may have written to the folder of all of it."""
        found = look(self.drive / "work")
        del found["."]
        return found

    def apply(self) -> None:
        result = self.vault.apply(self.plan, dry_run=False)
        assert not result.failed, result

    def undo(self) -> None:
        """Take a run back; a copy stays as long as its original is in another run."""
        result = self.vault.undo()
        assert all("original is not back" in each.cause for each in result.failed), result.failed


def everywhere(
    tmp_path: Path, work: Callable[[Bench], object], first: Callable[[Bench], object]
) -> int:
    """Kill something at each change that it makes; returns at how many points."""
    number, died = 0, True
    while died:
        number += 1
        bench = Bench(tmp_path / f"{number}")
        first(bench)
        died = killed(lambda bench=bench: work(bench), number)  # type: ignore[misc]
        assert bench.had <= contents(bench.drive), f"lost at {number}"
        if number % 2:  # going on with it, then all of it is taken back
            bench.apply()
            assert bench.had <= contents(bench.drive), f"lost after {number}"
        for _ in range(3):
            try:
                bench.undo()
            except UsageError as nothing:
                assert "anything to put back" in nothing.message
        assert bench.now() == bench.before, f"killed at {number}"
        shutil.rmtree(bench.drive.parent)
    return number - 1


def test_apply(tmp_path: Path) -> None:
    assert everywhere(tmp_path, Bench.apply, lambda bench: None) > 30


@pytest.mark.deep
def test_undo(tmp_path: Path) -> None:
    assert everywhere(tmp_path, Bench.undo, Bench.apply) > 20
