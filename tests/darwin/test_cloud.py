"""Folders synced with the cloud, and files that are only there."""

from __future__ import annotations

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import Tree, make_tree

DRIVE = "CloudStorage/GoogleDrive-anna@example.com/My Drive"
ACCOUNT = "CloudStorage/GoogleDrive-anna@example.com"
LEVELS = [".", "CloudStorage", ACCOUNT, DRIVE, f"{DRIVE}/Photos"]


@pytest.mark.parametrize("level", LEVELS)
def test_from_each_level_the_plan_warns_and_the_quarantine_stays_inside(
    mac: Mac, level: str
) -> None:
    library = mac.volume("Library")
    tree: Tree = {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90}
    photos = make_tree(library / DRIVE / "Photos", tree)
    mac.scan(library / level)
    plan = mac.folder / "plan"
    ran = mac.run("dedupe", "--plan", "-o", plan, "--json")
    assert any("is synced with the cloud" in note for note in ran.json()["notes"]), ran
    assert mac.run("dedupe", "--apply", plan, "--untested-macos").code == 0
    assert not (photos / "sun copy.jpg").exists()
    (run,) = library.rglob(".gorillacomb/quarantine/*")
    assert run.is_relative_to(library / DRIVE)
