"""A tree and its copies on two drives: an undo finds both, wherever they are mounted by then."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_oracle import contents
from tests.support.disks import Disks
from tests.support.trees import Tree, make_tree

SRC: Tree = {f"f{number}": f"{number}" * 3000 for number in range(8)}
APP: Tree = {"package.json": "{}", "src": SRC}
SHELF = "App (from copies)"


@dataclass
class Two:
    """Two drives, one with the kept tree, and one with a copy that left it for the quarantine."""

    disks: Disks
    images: dict[str, Path]
    points: dict[str, Path]
    vault: OpenVault
    run: str
    had: set[tuple[str, bytes]]

    @property
    def shelf(self) -> Path:
        return self.points["kept"] / "work" / SHELF

    def move(self, name: str) -> None:
        """Mount a drive at another place."""
        self.disks.unplug(self.points[name])
        self.points[name] = self.disks.point(f"{name} elsewhere")
        self.disks.plug("ext4", self.images[name], self.points[name])

    def check_back(self) -> None:
        undone = self.vault.undo(self.run)
        assert undone.is_complete, undone.failed
        assert len(undone.copied) == len(undone.done) == 1
        assert not os.path.lexists(self.shelf)
        assert contents(self.points["copy"]) == self.had


@pytest.fixture
def two(tmp_path: Path, disks: Disks) -> Two:
    images = {name: disks.image("ext4", name) for name in ("kept", "copy")}
    points = {
        name: disks.plug("ext4", images[name], disks.point(f"{name} here")) for name in images
    }
    make_tree(points["kept"], {"work": {"App": APP}})
    make_tree(points["copy"], {"Backup": {"App": {**APP, "only": "only here"}}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(list(points.values()))
    had = contents(points["copy"])
    plan = vault.plan(collapse=["all"], into=points["kept"] / "work/App", across_volumes=True)
    result = vault.apply(plan, dry_run=False)
    assert result.is_complete, (result.skipped, result.failed)
    assert len(result.done) == len(result.copied) == 1, plan.left_alone
    made = Two(disks, images, points, vault, result.id, had)
    [shelved] = made.shelf.glob("*/only")
    assert shelved.read_text() == "only here"
    return made


def test_both_are_where_they_were(two: Two) -> None:
    two.check_back()


@pytest.mark.parametrize("moved", [["copy"], ["kept"], ["kept", "copy"]], ids=" and ".join)
@pytest.mark.parametrize("scanned", [False, True])
def test_drives_that_are_mounted_elsewhere_by_then(
    two: Two, moved: list[str], scanned: bool
) -> None:
    for name in moved:
        two.move(name)
        if scanned:
            two.vault.scan(two.points[name])
    two.check_back()


def test_the_shelf_follows_when_its_drive_is_there_again(two: Two) -> None:
    two.disks.unplug(two.points["kept"])
    assert two.vault.undo(two.run).is_complete
    assert contents(two.points["copy"]) == two.had
    two.points["kept"] = two.disks.point("kept later")
    two.disks.plug("ext4", two.images["kept"], two.points["kept"])
    two.move("copy")
    assert two.shelf.exists()
    undone = two.vault.undo(two.run)
    assert (undone.failed, len(undone.copied)) == ((), 1)
    assert not os.path.lexists(two.shelf)
    assert contents(two.points["copy"]) == two.had
