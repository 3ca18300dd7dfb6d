"""A plan promises what the disk allows: no step that would be refused, no byte that stays."""

from __future__ import annotations

import os
import random
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gorillacomb.fs.comparison import ONE_VIEW
from gorillacomb.fs.darwin.attributes import FLAGS
from gorillacomb.fs.extents import ENCODED, INLINE
from tests.dedupe.plans import Bench, Planned
from tests.support import mounts
from tests.support.attributes import set_attribute
from tests.support.disks import Disks
from tests.support.disks import run as shell
from tests.support.mounts import of_linux
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import HardLink, Tree, make_tree, settle

CONTENT = random.Random(5).randbytes(300_000)
ON_DISK = 303_104
"""Bytes of that in whole blocks."""


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return bench_at(tmp_path.resolve() / "drive", vault)


def bench_at(drive: Path, vault: Path) -> Bench:
    """A drive with two copies of a picture, each beside something of its own."""
    for name in ("data", "Backup"):
        make_tree(drive / name, {"picture": CONTENT, "own": f"only in {name}" * 100})
    return Bench(drive, vault)


def planned(bench: Bench, *options: str) -> Planned:
    bench.scan(bench.folder)
    return bench.plan(*options)


def left_by(plan: Planned, rule: str) -> list[str]:
    return [each["cause"] for each in plan.header["left_alone"] if each["rule"] == rule]


def tag(path: Path) -> None:
    set_attribute(path, "user.rating", b"5")


def make_executable(path: Path) -> None:
    path.chmod(0o755)


def make_private(path: Path) -> None:
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("spoil", "options", "cause"),
    [
        (tag, (), "has an attribute of its own: user.rating"),
        (make_executable, (), "can be executed in one place and not in the other"),
        (make_private, ("--action", "hardlink"), "has another mode than its other copy"),
        (tag, ("--action", "hardlink"), "has an attribute of its own: user.rating"),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_what_would_be_refused_for_its_attributes(
    spoil: Callable[[Path], None],
    options: tuple[str, ...],
    cause: str,
    whole: bool,
    bench: Bench,
) -> None:
    if whole:
        for name in ("data", "Backup"):
            (bench.folder / name / "own").write_bytes(b"in both" * 100)
    spoil(bench.folder / "Backup/picture")
    plan = planned(bench, *options)
    assert "Backup/picture" not in plan.goes
    assert "Backup" not in plan.goes
    assert left_by(plan, "attributes") == [cause]
    _, told = bench.dedupe_json("--apply", plan.file)
    assert (told["skipped"], told["failed"]) == ([], [])
    assert told["done"] == len(plan.steps)


def test_another_mode_is_no_reason_to_keep_a_file(bench: Bench) -> None:
    make_private(bench.folder / "Backup/picture")
    assert planned(bench).goes == {"Backup/picture": "data/picture"}


IS_A_FLAG = pytest.mark.linux("on macOS it is a flag, and a copy with other flags is no copy")


@pytest.fixture
def immutable() -> Iterator[Callable[[Path], None]]:
    made: list[Path] = []

    def make(path: Path) -> None:
        if sys.platform == "darwin":
            set_attribute(path, FLAGS, stat.UF_IMMUTABLE.to_bytes(4, "big"))
            return
        try:
            shell("chattr", "+i", path)
        except (AssertionError, FileNotFoundError) as error:
            pytest.skip(f"MISSING: chattr +i here: {error}")
        made.append(path)

    yield make
    for path in made:
        shell("chattr", "-i", path)


@pytest.mark.parametrize("what", [pytest.param("Backup/picture", marks=IS_A_FLAG), "Backup"])
def test_what_is_immutable(what: str, bench: Bench, immutable: Callable[[Path], None]) -> None:
    bench.scan(bench.folder)
    immutable(bench.folder / what)
    bench.scan(bench.folder)
    plan = bench.plan()
    assert not plan.steps
    [cause] = left_by(plan, "locked")
    assert "immutable" in cause


def test_what_is_on_a_disk_that_is_mounted_read_only(tmp_path: Path, vault: Path) -> None:
    bench_at(tmp_path / "source", vault)
    point = tmp_path / "drive"
    point.mkdir()
    with mounts.bind(tmp_path / "source", point):
        bench = Bench(point, vault)
        settle(point)
        bench.scan(point)
        mounts.remount(point, "bind,ro")
        plan = bench.plan()
        assert not plan.steps
        assert left_by(plan, "locked") == ["cannot be moved: its disk is read-only"]


def test_what_somebody_else_holds() -> None:
    with ground() as place:
        bench = bench_at(place / "drive", place / "vault")
        settle(bench.folder)
        give(place)
        os.chown(bench.folder / "Backup", 0, 0)
        ran = run_as_stranger("scan", bench.folder, vault=bench.vault, home=place)
        assert ran.code == 0, ran
        told = run_as_stranger("dedupe", "--json", vault=bench.vault, home=place).json()
    assert told["step_list"] == []
    assert [each["rule"] for each in told["left_alone"]] == ["locked"]


def test_a_kept_copy_that_can_no_longer_be_read() -> None:
    with ground() as place:
        bench = bench_at(place / "drive", place / "vault")
        settle(bench.folder)
        give(place)
        ran = run_as_stranger("scan", bench.folder, vault=bench.vault, home=place)
        assert ran.code == 0, ran
        kept = bench.folder / "data/picture"
        os.chown(kept, 0, 0)
        kept.chmod(0o600)
        told = run_as_stranger("dedupe", "--json", vault=bench.vault, home=place).json()
    assert told["step_list"] == []
    assert [each["rule"] for each in told["left_alone"]] == ["locked"]


def test_a_second_name_outside_of_what_was_scanned(bench: Bench, tmp_path: Path) -> None:
    os.link(bench.folder / "Backup/picture", tmp_path / "outside")
    plan = planned(bench, "--action", "delete")
    assert (plan.goes, plan.header["bytes_freed"]) == ({"Backup/picture": "data/picture"}, 0)
    plan = planned(bench)
    assert plan.header["bytes_set_aside"] == ON_DISK  # as du(1) sees the quarantine
    assert any("frees about 0 of" in note for note in plan.header["notes"])


def test_a_folder_of_other_names_is_no_step(bench: Bench) -> None:
    link: Tree = {"a": HardLink("other/a"), "empty": ""}
    make_tree(bench.folder, {"other": {"a": "the same", "empty": ""}, "one": link, "two": link})
    plan = planned(bench, "--folders-only")
    assert not plan.steps
    assert len(left_by(plan, "one copy")) == 2


@pytest.fixture(params=["btrfs", "xfs"])
def sharing(request: pytest.FixtureRequest, disks: Disks, vault: Path) -> Bench:
    point = disks.plug(request.param, disks.image(request.param), disks.point("mnt"))
    return bench_at(point / "drive", vault)


def test_a_reflink_is_no_second_copy(sharing: Bench) -> None:
    copy = sharing.folder / "Backup/picture"
    shell("cp", "--reflink=always", sharing.folder / "data/picture", copy)
    for action in ("quarantine", "delete", "reflink"):
        plan = planned(sharing, "--action", action)
        assert not plan.steps
        assert left_by(plan, "one copy") == [
            "lies on the same blocks as its copy: there is one copy of it on the disk"
        ]


def test_what_a_third_file_shares_is_not_freed(sharing: Bench) -> None:
    shell(
        *("cp", "--reflink=always"),
        *(sharing.folder / "Backup/picture", sharing.folder.parent / "snapshot of it"),
    )
    plan = planned(sharing, "--action", "delete")
    assert (plan.goes, plan.header["bytes_freed"]) == ({"Backup/picture": "data/picture"}, 0)
    assert any("frees about 0 of" in note for note in planned(sharing).header["notes"])


def test_blocks_that_two_files_share_which_go_both(sharing: Bench) -> None:
    shell(
        *("cp", "--reflink=always"),
        *(sharing.folder / "Backup/picture", sharing.folder / "Backup/again"),
    )
    plan = planned(sharing, "--action", "delete")
    assert len(plan.steps) == 2
    assert plan.header["bytes_freed"] is None
    assert plan.header["bytes_freed_unknown"] == ["sharing blocks with others that go too"]


def test_what_btrfs_packs_is_unknown(disks: Disks, vault: Path) -> None:
    device = disks.attach(disks.image("btrfs"))
    point = disks.mount(device, disks.point("mnt"), "-t", "btrfs", "-o", "compress-force=zstd")
    for name in ("data", "Backup"):
        make_tree(
            point / "drive" / name,
            {"text": "again and again; " * 20_000, "small": "few bytes", "own": name * 5000},
        )
    bench = Bench(point / "drive", vault)
    plan = planned(bench, "--action", "delete")
    assert len(plan.steps) == 2
    assert plan.header["bytes_freed"] is None
    assert sorted(plan.header["bytes_freed_unknown"]) == sorted((INLINE, ENCODED))
    assert [step["bytes"] for step in plan.steps] == [None, None]
    assert bench.dedupe("--apply", plan.file, "--dry-run") == 0  # it can be read again
    assert any("It is unknown" in note for note in planned(bench).header["notes"])


@of_linux
def test_an_overlay_and_its_upper_layer(disks: Disks, vault: Path) -> None:
    lower, upper, work, point = (disks.point(name) for name in ("low", "up", "work", "mnt"))
    bench = bench_at(upper / "drive", vault)
    (bench.folder / "Backup/picture").unlink()
    settle(bench.folder)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    disks.mount("overlay", point, "-t", "overlay", "-o", options)
    bench.scan(upper, point)
    plan = bench.plan("--across-volumes")
    assert not plan.steps
    assert ONE_VIEW in left_by(plan, "one copy")


def test_a_copy_that_holds_a_copy_of_itself_is_sized_whole(bench: Bench) -> None:
    """The folders between its top and the copy in it have no counterpart where it is kept."""
    project: Tree = {"picture": CONTENT, "src": {"a": "a" * 5_000, "b": "b" * 5_000}}
    make_tree(bench.folder / "Apps/project", project)
    outer: Tree = {**project, "New Folder With Items": {"project": project}}
    make_tree(bench.folder / "Backup/New Folder/project", outer)
    settle(bench.folder)
    plan = planned(bench, "--folders-only")
    [step] = [each for each in plan.steps if each["path"].endswith("New Folder/project")]
    assert step["bytes"] == 2 * (ON_DISK + 2 * 8_192)
