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
from gorillacomb import clock
now = clock.since_boot_ns
clock.since_boot_ns = lambda: now() + 25 * 3600 * 10**9
from gorillacomb.cli.main import main
main()
"""
"""It is unknown there whether a program has a file open: it waits for a day.

That is one of the clock that nobody sets, since the Mac was not started anew meanwhile.
"""


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
    ran = mac.run("dedupe", "--empty-quarantine", "--yes", "--untested-macos")
    assert ran.code == 3 and "24 h after it was set aside" in " ".join(ran.out.split()), ran
    mac.forget_log()
    mac.python(A_DAY_LATER, "dedupe", "--empty-quarantine", "--yes", "--untested-macos")
    assert not (drive / "sun copy.jpg").exists() and len(list(drive.rglob("*.jpg"))) == 1
    assert f"fullfsync {drive / 'sun.jpg'}" in mac.log


def test_the_databases_are_flushed_the_same_way(mac: Mac, drive: Path) -> None:
    assert mac.python(PRAGMAS, mac.vault).split() == ["1", "1", "2"]


def test_a_scrub_asks_not_to_be_served_from_the_cache(mac: Mac, drive: Path) -> None:
    mac.forget_log()
    assert mac.run("scrub", drive).code == 0
    read = {Path(line.partition(" ")[2]).name for line in mac.log if line.startswith("nocache")}
    assert read == {"sun.jpg", "sun copy.jpg"}


@pytest.mark.parametrize("own", [0, 4096])
def test_a_clone_frees_what_is_its_own(mac: Mac, drive: Path, own: int) -> None:
    mac.machine.clones = {str(drive / name): own for name in ("sun.jpg", "sun copy.jpg")}
    plan = mac.folder / "clones"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    header = json.loads(plan.read_bytes().splitlines()[0])
    held = (drive / "sun.jpg").stat().st_blocks * 512
    assert f"frees about {own:,} of the {held:,} quarantined" in "".join(header["notes"]), header


def test_what_clones_share_is_no_waste(mac: Mac, tmp_path: Path) -> None:
    """Copies that Finder made take no space; a copy from elsewhere, and of another drive, does."""
    drive, other = mac.volume("Drive"), mac.volume("Other")
    contents = {name: name * 5_000 for name in ("pair", "mixed", "plain")}
    for name, words in contents.items():
        make_tree(drive / name, {"a": words, "a copy": words, "a copy 2": words})
    make_tree(other, {"pair": contents["pair"]})
    mac.machine.clone_ids = {
        **{str(drive / "pair" / name): 7 for name in ("a", "a copy", "a copy 2")},
        **{str(drive / "mixed" / name): 8 for name in ("a", "a copy")},
        str(other / "pair"): 7,  # of another volume, where it means nothing
    }
    mac.scan(drive, other)
    held = {name: (drive / name / "a").stat().st_blocks * 512 for name in contents}
    dupes = mac.run("dupes", "--json").json()["groups"]
    found = {Path(each["files"][0]["path"]).parent.name: each for each in dupes}
    assert {name: (each["copies"], each["reclaimable"]) for name, each in found.items()} == {
        "pair": (4, held["pair"]),
        "mixed": (3, held["mixed"]),
        "plain": (3, 2 * held["plain"]),
    }
    total = held["pair"] + held["mixed"] + 2 * held["plain"]
    overview = mac.run("overview", "--json").json()
    assert overview["redundant_bytes"] == total
    parts = [each["bytes"] for each in overview["surplus"]]
    assert sum(parts) == total and min(parts) >= 0
    assert sum(each["redundant_bytes"] for each in overview["kinds"]) == total


def test_what_became_a_clone_since_counts_after_the_next_change(mac: Mac, drive: Path) -> None:
    mac.machine.clone_ids = {str(drive / name): 7 for name in ("sun.jpg", "sun copy.jpg")}
    make_tree(drive, {"sun copy 2.jpg": "sun" * 9000})
    mac.scan(drive)
    (group,) = mac.run("dupes", "--json").json()["groups"]
    held = (drive / "sun.jpg").stat().st_blocks * 512
    assert (group["copies"], group["reclaimable"]) == (3, held)
