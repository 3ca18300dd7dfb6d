"""Two spellings of one folder, on a volume that takes them for one, are one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.disks import run as tool
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

TREE: Tree = {"a": "only once" * 900, "in": {"b": "once too" * 900}}


@pytest.fixture(params=["vfat", "exfat", "casefold"])
def drive(request: pytest.FixtureRequest, disks: Disks) -> Path:
    kind = request.param
    if kind == "casefold":
        point = casefold(disks)
    else:
        point = disks.plug(kind, disks.image(kind), disks.point("mnt"))
    folder = make_tree(point / "Photos", TREE)
    settle(point)
    if not (point / "PHOTOS").exists():
        pytest.skip("MISSING: a driver that takes two spellings for one")
    return folder


def lost(folder: Path, vault: Path) -> int:
    """How many files would or might be lost with a folder: of young ones nobody can tell."""
    found = run("unique", folder, "--json", vault=vault).json()
    assert found["vouched_by"] == []
    return len(found["unique"]) + len(found["unproven"])


def casefold(disks: Disks) -> Path:
    """A folder of ext4 that takes two spellings for one, and two Unicode forms as well."""
    image = disks.image("ext4")
    if not Path("/sys/fs/ext4/features/casefold").exists():
        pytest.skip("MISSING: ext4 that takes two spellings for one: a kernel with CONFIG_UNICODE")
    tool("mkfs.ext4", "-q", "-F", "-O", "casefold", "-E", "encoding=utf8", image)
    folder = disks.plug("ext4", image, disks.point("mnt")) / "folded"
    folder.mkdir()
    tool("chattr", "+F", folder)
    return folder


@pytest.mark.parametrize("together", [True, False])
def test_one_folder_under_two_names(drive: Path, together: bool, vault: Path) -> None:
    other = drive.with_name("PHOTOS")
    for roots in ((drive, other),) if together else ((drive,), (other,)):
        assert run("scan", *roots, vault=vault).code == 0
    listed = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert [each["path"] for each in listed] == [str(drive)]
    assert run("dupes", "--json", vault=vault).json()["groups"] == []
    assert run("dedupe", "--json", vault=vault).json()["step_list"] == []
    assert run("unique", drive / "in", vault=vault).code == 1


def test_a_folder_that_got_another_spelling_is_the_same_root(disks: Disks, vault: Path) -> None:
    """Else it is scanned as another one under its new name, and the old one vouches for it."""
    point = disks.plug("exfat", disks.image("exfat"), disks.point("mnt"))
    make_tree(point / "photos", TREE)
    settle(point)
    assert run("scan", point / "photos", vault=vault).code == 0
    (point / "photos").rename(point / "other")
    (point / "other").rename(point / "Photos")
    assert run("scan", point / "Photos", vault=vault).code == 0
    (listed,) = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert listed["path"] == str(point / "Photos")
    assert lost(point / "PHOTOS", vault) == 2


def test_capitals_that_are_two_letters_hide_no_spelling(disks: Disks, vault: Path) -> None:
    """Nothing is called STRASSE there, which does not mean that names are told apart."""
    point = disks.plug("exfat", disks.image("exfat"), disks.point("mnt"))
    make_tree(point / "Straße", TREE)
    settle(point)
    for name in ("Straße", "straße"):
        assert run("scan", point / name, vault=vault).code == 0
    assert len(run("roots", "list", "--json", vault=vault).json()["roots"]) == 1
    assert lost(point / "straße", vault) == 2
    ran = run("compare", point / "Straße", point / "straße", vault=vault)
    assert "A and B are one folder" in ran.err
