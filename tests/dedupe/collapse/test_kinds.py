"""What becomes of each kind of thing in a copy: packages, secrets, albums, what is in use."""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.errors import UsageError
from gorillacomb.fs.lease import IN_USE
from gorillacomb.vault.vault import Vault
from tests.dedupe.acting import of_leases
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.collapse.test_plan import APP, SHELF, Drive, git
from tests.dedupe.drives import look
from tests.support.attributes import get_attribute, set_attribute
from tests.support.disks import Disks
from tests.support.trees import Tree, make_tree


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


@pytest.fixture
def npm(tmp_path: Path) -> Callable[[Path, str], None]:
    """Install a package of some version into a project, without a network."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")

    def run(folder: Path, *words: str) -> None:
        home = tmp_path / "home of npm"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            ["npm", "--offline", "--no-audit", "--no-fund", *words],
            cwd=folder,
            env={**os.environ, "HOME": str(home), "npm_config_cache": str(home / "cache")},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr

    def install(project: Path, version: str) -> None:
        source = tmp_path / f"pad {version}"
        if not source.exists():
            package = f'{{"name": "pad", "version": "{version}", "bin": "pad.js"}}'
            make_tree(source, {"package.json": package, "pad.js": f"#!/bin/sh\n# {version}\n" * 99})
            run(source, "pack", "--pack-destination", str(tmp_path))
        (project / "vendor").mkdir(exist_ok=True)
        shutil.copy(tmp_path / f"pad-{version}.tgz", project / "vendor")
        run(project, "install", f"./vendor/pad-{version}.tgz")

    return install


def test_a_project_of_npm(drive: Drive, npm: Callable[[Path, str], None]) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {"docs": {f"d{number}": f"{number}" * 99 for number in range(5)}})
        npm(folder, "1.0.0")
    (drive.copy / "node_modules/pad/pad.js").write_text("a build of another machine")
    assert drive.items() == set()
    drive.there_and_back()
    npm(drive.copy, "2.0.0")
    assert drive.items() >= {
        *("package.json", "package-lock.json", "node_modules/.package-lock.json"),
        *("node_modules/pad/package.json", "node_modules/pad/pad.js"),
    }
    drive.there_and_back()


SECRETS: Tree = {
    ".env": "TOKEN=hunter2",
    ".env.local": "TOKEN=hunter2 here",
    "certs": {"server.pem": "hunter2 key", "client.p12": "hunter2 p12", "readme": "hunter2"},
    "id_rsa": "hunter2 rsa",
}


@pytest.mark.parametrize("bring", [(), ("all",)])
def test_secrets_are_shelved_for_their_owner_alone(drive: Drive, bring: tuple[str, ...]) -> None:
    make_tree(drive.copy, SECRETS)
    for path in drive.copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before, had = look(drive.top), contents(drive.top)
    plan = drive.plan(bring=bring)
    assert "hunter2" not in "".join(map(bytes.decode, plan.lines()))
    assert not [each for each in plan.contents.copies if each.is_brought]
    plan.save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    shelf = drive.top / SHELF / "Backup"
    modes = {
        str(path.relative_to(shelf)): stat.S_IMODE(path.stat().st_mode)
        for path in shelf.rglob("*")
        if path.is_file()
    }
    assert modes == {
        **dict.fromkeys((".env", ".env.local", "certs/server.pem", "certs/client.p12"), 0o600),
        "id_rsa": 0o600,
        "certs/readme": 0o644,
    }
    assert contents(drive.top) == had
    assert drive.vault.undo().is_complete
    assert look(drive.top) == before
    drive.file.unlink()
    drive.plan(bring=bring).save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    assert drive.vault.purge(confirm=True).is_complete
    assert contents(drive.top) == had


def pictures(first: int, last: int) -> dict[str | bytes, str]:
    return {f"IMG_{at}.jpg": f"picture {at} " * 300 for at in range(first, last)}


class Albums(Drive):
    """Two copies of a folder with albums."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for top in (self.keep, self.copy):
            make_tree(top, {"Rome": pictures(0, 9), "Best": pictures(20, 29)})
            (top / "Rome/IMG_1.xmp").write_text("rating: 3")


def test_which_album_a_picture_is_in_counts(tmp_path: Path) -> None:
    drive = Albums(tmp_path)
    os.rename(drive.copy / "Rome/IMG_3.jpg", drive.copy / "Best/IMG_3.jpg")
    assert drive.items() == {"Best/IMG_3.jpg"}
    drive.there_and_back()
    os.rename(drive.copy / "Best/IMG_3.jpg", drive.copy / "Rome/Colosseum.jpg")
    assert drive.items() == set()
    drive.there_and_back()


def test_a_picture_and_its_sidecars_are_copied_as_one(tmp_path: Path) -> None:
    drive = Albums(tmp_path)
    (drive.copy / "Rome/IMG_1.xmp").write_text("rating: 5")
    make_tree(drive.copy / "Rome", {"IMG_2.jpg.json": "{}", "IMG_2.AAE": "<edits>"})
    assert drive.items() == {
        *("Rome/IMG_1.jpg", "Rome/IMG_1.xmp"),
        *("Rome/IMG_2.jpg", "Rome/IMG_2.jpg.json", "Rome/IMG_2.AAE"),
    }
    drive.there_and_back()


def test_of_an_album_that_stays_nothing_leaves(tmp_path: Path) -> None:
    drive = Albums(tmp_path)
    os.mkfifo(drive.copy / "Rome/pipe")
    assert drive.left()[0] == SafetyRule.INCOMPLETE


@of_leases
@pytest.mark.parametrize("kind", ["open", "mapped"])
@pytest.mark.parametrize("path", ["src/f1", "new/deep/file", "node_modules/left-pad/index.js"])
def test_a_copy_in_which_something_is_open_for_writing_stays(
    drive: Drive, path: str, kind: str
) -> None:
    """Anywhere: what is covered, what is copied, and what a lock file makes again."""
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {"package-lock.json": "{}"})
        make_tree(folder, {"node_modules": {"left-pad": {"index.js": "pad" * 99}}})
    make_tree(drive.copy, {"new": {"deep": {"file": "new"}}})
    drive.plan().save(drive.file)
    before = look(drive.top)
    with open(drive.copy / path, "r+b") as writer:
        mapped = mmap.mmap(writer.fileno(), 0) if kind == "mapped" else None
        if mapped is not None:
            writer.close()
        result = drive.vault.apply(drive.file, dry_run=False)
        if mapped is not None:
            mapped.close()
    assert not result.done and result.skipped
    assert all(each.cause.endswith(IN_USE) for each in result.skipped)
    assert look(drive.top) == before
    assert drive.vault.apply(drive.file, dry_run=False).is_complete


def test_what_git_ignores_in_the_kept_tree_covers_no_renamed_file(drive: Drive) -> None:
    """It may be overwritten at any time, and no history has it."""
    git(drive.keep, "init", "-q")
    (drive.keep / ".gitignore").write_text("*.log\n")
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "one")
    shutil.rmtree(drive.copy)
    shutil.copytree(drive.keep, drive.copy, symlinks=True)
    for folder, name in ((drive.keep, "run.log"), (drive.copy, "notes")):
        (folder / name).write_text("the same text\n" * 200)
    assert drive.items() == {"notes"}
    (drive.keep / "run.log").rename(drive.keep / "tracked")
    git(drive.keep, "add", "tracked")
    assert drive.items() == set()
    drive.there_and_back()


def test_an_ignored_file_is_compared_like_any_other(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        (folder / ".gitignore").write_text("*.log\n")
        (folder / "same.log").write_text("same")
    git(drive.keep, "init", "-q")
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "one")
    (drive.keep / "run.log").write_text("kept")
    (drive.copy / "run.log").write_text("other")
    (drive.copy / "only.log").write_text("only")
    assert drive.items() == {"run.log", "only.log"}
    drive.there_and_back()


@pytest.mark.parametrize("bring", [(), ("all",)])
def test_a_copy_on_another_volume(disks: Disks, tmp_path: Path, bring: tuple[str, ...]) -> None:
    """Copied to the volume of the kept tree; the copy itself leaves to a quarantine on its own."""
    point = disks.plug("ext4", disks.image("ext4"), disks.point("stick"))
    top = make_tree(tmp_path / "drive", {"work": {"App": APP}})
    make_tree(point / "old", {"App": {**APP, "own": "own"}})
    (point / "old/App/src/f1").write_text("edited")
    (point / "old/App/own").chmod(0o640)
    set_attribute(point / "old/App/own", "user.note", b"n")
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan([top, point])
    keep = top / "work/App"
    refused = vault.plan(collapse=["all"], into=keep, bring=bring)
    assert [each.rule for each in refused.left_alone] == [SafetyRule.OTHER_VOLUME]
    plan = vault.plan(collapse=["all"], into=keep, bring=bring, across_volumes=True)
    plan.save(tmp_path / "plan")
    before = {each: look(each) for each in (top, point)}
    had = {*contents(top), *contents(point)}
    assert vault.apply(tmp_path / "plan", dry_run=False).is_complete
    assert not (point / "old/App").exists()
    [shelf] = (top / "work" / SHELF).iterdir()
    assert (shelf / "src/f1").read_text() == "edited"
    own = keep / "own" if bring else shelf / "own"
    assert own.read_text() == "own" and get_attribute(own, "user.note") == b"n"
    assert stat.S_IMODE(own.stat().st_mode) == 0o640
    assert {*contents(top), *contents(point)} == had
    undone = vault.undo()
    assert undone.is_complete and len(undone.copied) == (2 if bring else 1), undone
    assert {each: look(each) for each in (top, point)} == before
    with pytest.raises(UsageError, match="anything to put back"):
        vault.undo()
    assert vault.apply(tmp_path / "plan", dry_run=False).is_complete
    (shelf / "src/f1").write_text("lost")
    assert vault.purge(confirm=True).skipped
    (shelf / "src/f1").write_text("edited")
    assert vault.purge(confirm=True).is_complete
    assert {*contents(top), *contents(point)} == had


def test_a_copy_in_another_scanned_folder(tmp_path: Path) -> None:
    """Each has a quarantine of its own, and what was copied is in the one of the kept tree."""
    top = make_tree(tmp_path, {"one": {"App": APP}, "two": {"App": {**APP, "own": "own"}}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan([top / "one", top / "two"])
    before = look(top / "one"), look(top / "two")
    for bring in ((), ("all",)):
        plan = vault.plan(collapse=["all"], into=top / "one/App", bring=bring)
        assert len(plan.steps) == 1
        assert vault.apply(plan, dry_run=False).is_complete
        assert not (top / "two/App").exists()
        assert vault.undo().is_complete
        assert (look(top / "one"), look(top / "two")) == before


def test_a_copy_stays_if_there_is_no_room_for_what_only_it_contains(
    disks: Disks, tmp_path: Path
) -> None:
    point = disks.plug("ext4", disks.image("ext4"), disks.point("stick"))
    make_tree(point, {"App": APP})
    top = make_tree(tmp_path / "drive", {"App": {**APP, "small": "s", "large": b"x" * (40 << 20)}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan([top, point])
    plan = vault.plan(collapse=["all"], into=point / "App", across_volumes=True)
    [space] = plan.space_needed()
    assert space.needed > space.free
    before = {each: look(each) for each in (top, point)}
    result = vault.apply(plan, dry_run=False)
    assert not result.done and (result.failed or result.skipped)
    assert {each: look(each) for each in (top, point)} == before


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_shelf_takes_no_room_where_blocks_can_be_shared(
    disks: Disks, tmp_path: Path, kind: str
) -> None:
    point = disks.plug(kind, disks.image(kind), disks.point("stick"))
    size = 24 << 20
    make_tree(point, {"App": APP, "Backup": {"App": {**APP, "own": os.urandom(size)}}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(point)
    os.sync()
    free = shutil.disk_usage(point).free
    result = vault.apply(vault.plan(collapse=["all"], into=point / "App"), dry_run=False)
    assert result.done and (point / SHELF / "Backup/own").stat().st_size == size
    os.sync()
    assert free - shutil.disk_usage(point).free < size // 2


def plain(top: Path) -> dict[str, bytes | None]:
    """The content of each file below a folder, but ours; of volumes without attributes, too."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
        if ".gorillacomb" not in path.parts
    }


@pytest.mark.parametrize("kind", ["exfat", "btrfs", "xfs"])
def test_volumes_of_other_kinds(disks: Disks, tmp_path: Path, kind: str) -> None:
    """All of it is done there, or nothing; and all of it comes back."""
    point = disks.plug(kind, disks.image(kind), disks.point("stick"))
    make_tree(point, {"App": APP, "Backup": {"App": {**APP, "own": {"a": "a", "b": "b"}}}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(point)
    before = plain(point)
    result = vault.apply(vault.plan(collapse=["all"], into=point / "App"), dry_run=False)
    if result.done:
        shelf = point / SHELF / "Backup/own"
        assert not (point / "Backup/App").exists()
        assert {each.name: each.read_text() for each in shelf.iterdir()} == {"a": "a", "b": "b"}
        assert vault.undo().is_complete
    else:
        assert result.skipped
    assert plain(point) == before
