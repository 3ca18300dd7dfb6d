"""A path answers for the drive that is there now, whatever else was scanned at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, roots_of_path
from gorillacomb.vault.vault import Vault
from tests.support.disks import Disks
from tests.support.run import Argument, Ran, refused, run
from tests.support.trees import age_digests, make_tree, settle

BOTH = "both drives" * 500


@dataclass
class Port:
    """Two drives that were scanned at one mount point; the first is there."""

    point: Path
    vault: Path
    here: str
    """The id of its root."""
    away: str

    def ask(self, *arguments: Argument) -> Ran:
        return run(*arguments, vault=self.vault)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    disks = Disks(tmp_path_factory.mktemp("disks"))
    vault = tmp_path_factory.mktemp("vault") / "vault"
    try:
        point = disks.point("port")
        first, second = disks.image("ext4", "first"), disks.image("ext4", "second")
        disks.plug("ext4", second, point)
        make_tree(
            point, {"Photos": {"own.jpg": BOTH, "b": "b" * 900}, "Copy": {"b": "b" * 900, "c": "c"}}
        )
        settle(point)
        assert run("scan", point, vault=vault).code == 0
        disks.unplug(point)
        disks.plug("ext4", first, point)
        make_tree(point, {"Photos": {"own.jpg": BOTH, "p": "p" * 900}, "Copy": {"p": "p" * 900}})
        settle(point)
        assert run("scan", point, vault=vault).code == 0
        age_digests(vault)
        listed = run("roots", "list", "--json", vault=vault).json()["roots"]
        ids = {each["online"]: each["root"] for each in listed}
        yield Port(point, vault, ids[True], ids[False])
    finally:
        disks.close()


@pytest.fixture
def port(filled: Port, tmp_path: Path) -> Port:
    """With a vault that a test may change."""
    vault = tmp_path / "copy"
    shutil.copytree(filled.vault, vault)
    return Port(filled.point, vault, filled.here, filled.away)


def test_lookups_are_about_the_drive_that_is_there(filled: Port) -> None:
    point = filled.point
    (group,) = filled.ask("dupes", point, "--json").json()["groups"][:1]
    online = {Path(each["path"]).name for each in group["files"] if each["online"]}
    assert online in ({"p"}, {"own.jpg"})
    for arguments in (("explain", point / "Photos/p"), ("dupes", point), ("folders", point)):
        ran = filled.ask(*arguments)
        assert ran.code == 0
        assert filled.away in ran.err, "the other one is named"
    assert filled.ask("explain", point / "Copy", "--json").json()["files"] == 1
    ran = filled.ask("explain", point / "Photos/b")
    assert "offline" in ran.out
    assert f"{filled.away} is not there now, and the answer is about that one" in ran.err


def test_a_drive_at_the_same_path_may_have_the_other_copy(filled: Port) -> None:
    """What is there is asked about; the drive that is away is another place, not that one."""
    asked = "unique", filled.point / "Photos", "--json"
    ran = filled.ask(*asked)
    assert filled.away in ran.err
    assert [Path(each["path"]).name for each in ran.json()["unique"]] == ["own.jpg"]
    assert filled.ask(*asked, "--count-offline").json()["unique"] == []


@pytest.mark.parametrize("named", [True, False])
def test_scrub_reads_the_drive_that_is_there(port: Port, named: bool) -> None:
    ran = port.ask("scrub", *([port.point] if named else []), "--json")
    assert (ran.code, ran.json()["files"], ran.json()["due"]) == (0, 3, 3)
    assert [each["path"] for each in ran.json()["away"]] == [str(port.point)]


def test_forget_asks_which(port: Port) -> None:
    refused(port.ask("roots", "forget", port.point), 2, "2 roots", port.here, port.away)
    assert port.ask("roots", "forget", port.away).code == 0
    (left,) = port.ask("roots", "list", "--json").json()["roots"]
    assert left["root"] == port.here
    assert port.ask("roots", "forget", port.point).code == 0


def test_a_program_chooses_which_to_forget(port: Port) -> None:
    with gorillacomb.open_vault(port.vault) as vault:
        with pytest.raises(gorillacomb.UsageError, match="2 roots"):
            vault.forget_root(port.point)
        forgotten = vault.forget_root(
            port.point, choose=lambda roots: next(each for each in roots if not each.is_online)
        )
        assert forgotten.id == port.away
        assert [each.id for each in vault.roots()] == [port.here]


def test_forget_does_not_drop_an_absent_drive_for_what_took_its_place(port: Port) -> None:
    assert port.ask("roots", "forget", port.here).code == 0
    refused(port.ask("roots", "forget", port.point), 2, "is not there now", port.away)
    refused(port.ask("explain", port.point / "Copy/p"), 2, "never scanned", "is not connected")
    assert port.ask("roots", "forget", port.away).code == 0


def test_what_is_mounted_in_a_root_is_none_of_its_files(
    filled: Port, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A stray file was scanned in the mount point, with all around it; then the drive came."""
    vault = tmp_path_factory.mktemp("around") / "vault"
    make_tree(filled.point.parent, {"beside": "beside"})
    assert run("scan", filled.point.parent, vault=vault).code == 0
    refused(run("explain", filled.point / "Copy/p", vault=vault), 2, "never scanned")
    assert run("explain", filled.point.parent / "beside", vault=vault).code == 0
    with Index.read(Vault(vault)) as index:
        roots = all_roots(index.connection)
    found = roots_of_path(roots, bytes(filled.point / "Copy"))
    assert (found.here, found.away, found.occupied) == ((), tuple(roots), True)
    found = roots_of_path(roots, os.fsencode(filled.point.parent / "beside"))
    assert (found.here, found.away) == (tuple(roots), ())


def test_a_copy_on_the_drive_that_is_not_there_is_marked(tmp_path: Path, disks: Disks) -> None:
    vault, point = tmp_path / "vault", disks.point("port")
    for label, name in (("away", "old"), ("here", "new")):
        image = disks.image("ext4", label)
        disks.plug("ext4", image, point)
        make_tree(point, {name: BOTH, label: label * 900})
        settle(point)
        assert run("scan", point, vault=vault).code == 0
        if label == "away":
            disks.unplug(point)
    (point / "old").write_text("not scanned yet, and another file")
    change = run("mark", "intended", point / "new", "--json", vault=vault).json()
    marked = {Path(each["path"]).name: each["state"] for each in change["marked"]}
    assert marked == {"new": "current", "old": "current"}
    assert run("dupes", "--json", vault=vault).json()["groups"] == []
