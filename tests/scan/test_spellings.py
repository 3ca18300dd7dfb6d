"""Two spellings of one folder, on a volume that takes them for one, are one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.run import run
from tests.support.trees import make_tree, settle


@pytest.fixture(params=["vfat", "exfat"])
def drive(request: pytest.FixtureRequest, disks: Disks) -> Path:
    point = disks.plug(request.param, disks.image(request.param), disks.point("mnt"))
    folder = make_tree(point / "Photos", {"a": "only once" * 900, "in": {"b": "once too" * 900}})
    settle(point)
    if not (point / "PHOTOS").exists():
        pytest.skip("MISSING: a driver that takes two spellings for one")
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
