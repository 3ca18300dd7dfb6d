"""What must survive a power cut is flushed to the disk itself; what clones share frees nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import make_tree

PRAGMAS = """
import sys
from pathlib import Path
from gorillacomb.vault.vault import Vault
from gorillacomb.index.database import Index
with Index.write(Vault(Path(sys.argv[1]))) as index:
    for name in ("fullfsync", "checkpoint_fullfsync", "synchronous"):
        print(*index.connection.execute(f"PRAGMA {name}").fetchone())
"""
A_DAY_LATER = """
import time
now = time.time_ns
time.time_ns = lambda: now() + 25 * 3600 * 10**9
from gorillacomb.cli.main import main
main()
"""
"""It is unknown there whether a program has a file open: it waits for a day."""


@pytest.fixture
def drive(mac: Mac) -> Path:
    drive = mac.volume("Drive")
    make_tree(drive, {"sun.jpg": "sun" * 9000, "sun copy.jpg": "sun" * 9000})
    mac.scan(drive)
    assert mac.run("dedupe", "--plan", "-o", mac.folder / "plan").code == 0
    return drive


def test_the_journal_is_on_the_disk_before_and_after_each_move(mac: Mac, drive: Path) -> None:
    mac.forget_log()
    assert mac.run("dedupe", "--apply", mac.folder / "plan", "--untested-macos").code == 0
    synced = [Path(line.partition(" ")[2]).name for line in mac.log if line.startswith("fullfsync")]
    assert synced.count("journal.jsonl") >= 2, "the intent and the outcome"
    run = next(drive.glob(".gorillacomb/quarantine/*"))
    assert synced.index("journal.jsonl") < synced.index(run.name) or synced.count(run.name) > 1
    assert drive.name in synced, "the folder that the file left"


def test_the_kept_copy_is_on_the_disk_before_the_other_is_deleted(mac: Mac, drive: Path) -> None:
    assert mac.run("dedupe", "--apply", mac.folder / "plan", "--untested-macos").code == 0
    mac.forget_log()
    mac.python(A_DAY_LATER, "dedupe", "--empty-quarantine", "--yes", "--untested-macos")
    assert not (drive / "sun copy.jpg").exists() and len(list(drive.rglob("*.jpg"))) == 1
    assert f"fullfsync {drive / 'sun.jpg'}" in mac.log


def test_the_databases_are_flushed_the_same_way(mac: Mac, drive: Path) -> None:
    assert mac.python(PRAGMAS, mac.vault).split() == ["1", "1", "2"]


@pytest.mark.parametrize("own", [0, 4096])
def test_a_clone_frees_what_is_its_own(mac: Mac, drive: Path, own: int) -> None:
    mac.machine.clones = {str(drive / name): own for name in ("sun.jpg", "sun copy.jpg")}
    plan = mac.folder / "clones"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    header = json.loads(plan.read_bytes().splitlines()[0])
    held = (drive / "sun.jpg").stat().st_blocks * 512
    assert f"frees about {own:,} of the {held:,} quarantined" in "".join(header["notes"]), header
