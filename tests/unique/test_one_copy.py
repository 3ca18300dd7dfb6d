"""What is one copy on the disk vouches for nothing: reflinks, snapshots, farms, two views."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.fs.comparison import ONE_VIEW
from gorillacomb.unique.report import ONE_COPY
from tests.support.disks import Disks
from tests.support.disks import run as shell
from tests.support.mounts import of_linux
from tests.support.run import run
from tests.support.trees import HardLink, Tree, make_tree, settle


def asked(vault: Path, path: Path, *roots: Path) -> tuple[list[str], Any]:
    """The causes told of unique files, and the whole answer."""
    for root in roots:
        settle(root)
    assert run("scan", *roots, vault=vault).code == 0
    answer = run("unique", path, "--json", vault=vault).json()
    return [(each["cause"] or "").partition(":")[0] for each in answer["unique"]], answer


@pytest.fixture(params=["btrfs", "xfs"])
def sharing(request: pytest.FixtureRequest, disks: Disks) -> Path:
    return disks.plug(request.param, disks.image(request.param), disks.point("mnt"))


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(7).randbytes(200_000))
    return path


def test_a_reflink_does_not_vouch_and_a_copy_does(sharing: Path, vault: Path) -> None:
    top = sharing / "top"
    original = film(top / "data/film")
    (top / "other").mkdir()
    shell("cp", "--reflink=always", original, top / "other/film")
    causes, _ = asked(vault, top / "data", top)
    assert causes == [ONE_COPY.partition(":")[0]]
    film(top / "third/film")
    causes, answer = asked(vault, top / "data", top)
    assert (causes, answer["unknown_extents"]) == ([], [])


def test_a_read_only_snapshot_does_not_vouch(disks: Disks, vault: Path) -> None:
    point = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))
    shell("btrfs", "-q", "subvolume", "create", point / "data")
    film(point / "data/film")
    snapshot: list[str | Path] = [
        "btrfs",
        "-q",
        "subvolume",
        "snapshot",
        "-r",
        point / "data",
        point / "then",
    ]
    shell(*snapshot)
    (point / "data/film").unlink()
    film(point / "data/film")  # on blocks of its own
    causes, _ = asked(vault, point / "data", point / "data", point / "then")
    assert causes == ["in a trash, cache, temporary folder or snapshot"]


def test_what_lies_in_the_metadata_is_told_as_unknown(disks: Disks, vault: Path) -> None:
    top = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt")) / "top"
    make_tree(top, {"a": {"small": "a few bytes"}, "b": {"small": "a few bytes"}})
    causes, answer = asked(vault, top / "a", top)
    assert causes == []
    [unknown] = answer["unknown_extents"]
    assert unknown["files"] == 1
    assert "metadata" in unknown["cause"]
    told = run("unique", top / "a", vault=vault).out
    assert "For 1 file, it is unknown if the copy has disk blocks of its own" in told


@pytest.mark.parametrize("names", [("hourly.0", "hourly.1"), ("2024-05-01", "2024-05-02")])
def test_a_farm_of_hard_links_does_not_vouch(
    names: tuple[str, str], tmp_path: Path, vault: Path
) -> None:
    first, second = names
    farm: Tree = {"same": "in both", "changed": "of the first"}
    top = make_tree(
        tmp_path / "top",
        {
            "data": {"same": "in both", "changed": "of the first"},
            first: farm,
            second: {"same": HardLink(f"{first}/same"), "changed": "of the second"},
        },
    )
    causes, _ = asked(vault, top / "data", top)
    assert causes == ["in a trash, cache, temporary folder or snapshot"] * 2


def test_names_alone_make_no_farm(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"same": "in all"}
    top = make_tree(tmp_path / "top", {"data": tree, "volume.0": tree, "volume.1": tree})
    assert asked(vault, top / "data", top)[0] == []


@of_linux
def test_an_overlay_shows_the_same_file(disks: Disks, vault: Path) -> None:
    lower, upper, work, point = (disks.point(name) for name in ("low", "up", "work", "mnt"))
    film(upper / "data/film")
    settle(upper)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    disks.mount("overlay", point, "-t", "overlay", "-o", options)
    causes, _ = asked(vault, point / "data", point, upper)
    assert causes == [ONE_VIEW]
