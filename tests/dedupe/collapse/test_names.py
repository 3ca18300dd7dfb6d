"""Names that cannot be on the shelf or in the kept tree, and names of copies on the shelf."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.collapse.own_items import is_reserved
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.fs.volumes import has_windows_names
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.collapse.test_plan import APP, SHELF, Drive
from tests.dedupe.drives import look
from tests.support.disks import Disks
from tests.support.trees import make_tree

RESERVED = [
    *("CON", "nul", "Aux.txt", "com1", "LPT9.tar.gz", "prn ", "con .txt", "COM0", "conin$"),
    *("ends with a space ", "ends with a dot.", "a:b", "what?", "<a>", 'say "x"', "a|b", "a*"),
    *("back\\slash", "a\tb"),
]
FINE = ["CONSOLE", "com10", "null", ".env", "a b", "Straße", "aux_", "my.con", "-", "com"]


class Synced(Drive):
    """A drive whose folders are all in one that a service syncs."""

    def __init__(self, folder: Path, service: str) -> None:
        super().__init__(folder)
        old, self.top = self.top, folder / service
        os.rename(old, self.top)
        self.keep, self.copy = self.top / "App", self.top / "Backup/App"


@pytest.mark.parametrize("name", RESERVED)
def test_windows_reserves(name: str) -> None:
    assert is_reserved(name.encode())


@pytest.mark.parametrize("name", FINE)
def test_windows_allows(name: str) -> None:
    assert not is_reserved(name.encode())


@pytest.mark.parametrize(
    ("service", "name"), [("Dropbox", "what?"), ("Dropbox", "nul.txt"), ("OneDrive - Firm", "a ")]
)
def test_a_name_that_the_service_does_not_sync_keeps_the_copy(
    tmp_path: Path, service: str, name: str
) -> None:
    drive = Synced(tmp_path, service)
    (drive.copy / name).write_text("only here")
    rule, cause = drive.left()
    assert rule == SafetyRule.NAME
    assert "Windows reserves the name" in cause
    assert cause.endswith(f"the service that syncs {drive.top} needs others")


@pytest.mark.parametrize("name", ["a: b.txt", "nul"])
def test_such_a_name_in_a_folder_of_its_own_keeps_the_copy_too(tmp_path: Path, name: str) -> None:
    drive = Synced(tmp_path, "Dropbox")
    make_tree(drive.copy, {"new": {"inner": {name: "x"}}})
    assert drive.left()[0] == SafetyRule.NAME
    plan = drive.plan(bring=["all"])
    assert [each.rule for each in plan.left_alone] == [SafetyRule.NAME]


def test_such_a_name_is_as_good_as_any_elsewhere(drive: Drive) -> None:
    for name in RESERVED:
        (drive.copy / name).write_text("only here")
    assert drive.items() == set(RESERVED)
    drive.there_and_back()


def test_such_a_name_that_the_kept_tree_has_too_is_in_nobodys_way(tmp_path: Path) -> None:
    drive = Synced(tmp_path, "Dropbox")
    for folder in (drive.keep, drive.copy):
        (folder / "what?").write_text("same")
    assert drive.items() == set()


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_volume_that_has_no_such_names(disks: Disks, tmp_path: Path, kind: str) -> None:
    point = disks.plug(kind, disks.image(kind), disks.point("stick"))
    make_tree(point, {"App": APP})
    top = make_tree(tmp_path / "drive", {"App": {**APP, "a: b.txt": "only here"}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan([point, top])
    plan = vault.plan(collapse=["all"], into=point / "App", across_volumes=True)
    assert [each.rule for each in plan.left_alone] == [SafetyRule.NAME], plan.left_alone
    assert plan.left_alone[0].cause.endswith("and the volume needs others")
    os.rename(top / "App/a: b.txt", top / "App/a b.txt")
    vault.scan([point, top])
    plan = vault.plan(collapse=["all"], into=point / "App", across_volumes=True)
    assert [each.path for each in plan.steps] == [os.fsencode(top / "App")], plan.left_alone


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *(("ext4", False), ("apfs", False), ("btrfs", False), ("fuse.sshfs", False)),
        *(("vfat", True), ("exfat", True), ("msdos", True), ("msdosfs", True), ("ntfs3", True)),
        *(("ntfs", True), ("cifs", True), ("smb3", True), ("smbfs", True), ("fuse.ntfs-3g", True)),
        *(("fuse.exfat", True), ("nfs4", False)),
    ],
)
def test_the_volumes_that_have_windows_names(kind: str, expected: bool) -> None:
    assert has_windows_names(kind) == expected


def test_the_longest_names_and_paths_are_copied(drive: Drive) -> None:
    """255 bytes a name, and 1,023 a path on the shelf; with one more the copy stays."""
    shelf = len(os.fsencode(drive.top / SHELF / "Backup"))
    inner = ""
    while shelf + 1 + len(inner) + 256 < 1023:
        inner += "n" * 255 + "/"
    inner += "e" * (1023 - shelf - 1 - len(inner))
    make_tree(drive.copy, {"f" * 255: "x"})
    file = drive.copy / inner
    file.parent.mkdir(parents=True)
    file.write_text("deep")
    drive.there_and_back()
    file.rename(f"{file}e")
    folder = inner.partition("/")[0]
    assert drive.left() == (SafetyRule.NAME, f"{folder} would get a path of 1,024 bytes")


def test_what_is_brought_may_get_too_long_a_path(tmp_path: Path) -> None:
    """Where the kept tree is deeper than its copy."""
    drive = Drive(tmp_path)
    deep = drive.top / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    shutil.move(drive.keep, deep / "App")
    drive.keep = deep / "App"
    room = 1023 - len(os.fsencode(drive.keep / "src")) - 1
    name = Path("src", "n" * 150, "l" * 150, "m" * (room - 302))
    (drive.copy / name).parent.mkdir(parents=True)
    (drive.copy / name).write_text("new")
    # On the shelf it would get a longer path still.
    [copy] = drive.plan(bring=["all"]).contents.copies
    assert copy.is_brought
    drive.plan(bring=["all"]).save(drive.file)
    before, had = look(drive.top), contents(drive.top)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    assert contents(drive.top) == had
    assert drive.vault.undo().is_complete
    assert look(drive.top) == before
    (drive.copy / name).rename(f"{drive.copy / name}m")
    plan = drive.plan(bring=["all"])
    assert [each.rule for each in plan.left_alone] == [SafetyRule.NAME]


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("2019: old?", "2019_ old_"),
        ("nul", "nul_"),
        ("Old.", "Old"),
        ("...", "copy"),
        ("ä" * 120, "ä" * 50),
        ("日本" * 40, "本" + "日本" * 16),
    ],
)
def test_a_copy_has_a_name_on_the_shelf_that_every_system_allows(
    drive: Drive, folder: str, label: str
) -> None:
    os.rename(drive.copy.parent, drive.top / folder)
    drive.copy = drive.top / folder / "App"
    (drive.copy / "own").write_text("own")
    [copy] = drive.plan().contents.copies
    name = os.path.basename(copy.target).decode()
    assert name == label
    drive.there_and_back()


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def test_names_of_all_kinds_of_bytes(drive: Drive) -> None:
    if sys.platform == "darwin":
        pytest.skip("names are UTF-8 there")
    for name in (b"\xff\xfe", b"new\nline", b"caf\xe9", b" ", b"-rf"):
        (drive.copy / os.fsdecode(name)).write_bytes(name * 9)
    make_tree(drive.copy, {"own": {"é" * 9: "1", "é" * 9: "2"}})
    drive.there_and_back()
