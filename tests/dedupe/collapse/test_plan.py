"""What a collapse plans: each rule of what leaves, what is copied, and what stays."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from gorillacomb.api.dedupe.plan import DedupePlan
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.copies import run_copies
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.dedupe.quarantine.removal import remove_seen
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs import mutations
from gorillacomb.fs.paths import join
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.drives import look
from tests.support.attributes import get_attribute, set_attribute
from tests.support.trees import Tree, make_tree

SRC: Tree = {f"f{number}": f"{number}" * 3000 for number in range(8)}
APP: Tree = {"package.json": "{}", "src": SRC}
SHELF = "App (from copies)"


class Drive:
    """A drive with `App`, and something that is not quite a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.top = make_tree(folder / "drive", {"App": APP, "Backup": {"App": APP}})
        self.keep, self.copy = self.top / "App", self.top / "Backup/App"
        self.vault = OpenVault(Vault(folder / "vault"))
        self.file = folder / "plan.jsonl"

    def plan(self, **wanted: object) -> DedupePlan:
        self.vault.scan(self.top)
        return self.vault.plan(collapse=["all"], into=self.keep, **wanted)  # type: ignore[arg-type]

    def items(self) -> set[str]:
        """What would be copied to the shelf; the copy leaves."""
        plan = self.plan()
        assert [os.fsdecode(step.path) for step in plan.steps] == [str(self.copy)], plan.left_alone
        return {os.fsdecode(item) for each in plan.contents.copies for item in each.items}

    def left(self) -> tuple[SafetyRule, str]:
        """Why the only copy stays."""
        plan = self.plan()
        [left] = plan.left_alone
        assert not plan.steps
        return left.rule, left.cause

    def there_and_back(self) -> None:
        """Apply the plan, look for all that was there, undo."""
        before, had = look(self.top), contents(self.top)
        self.file.unlink(missing_ok=True)
        self.plan().save(self.file)
        rehearsed = self.vault.apply(self.file)
        result = self.vault.apply(self.file, dry_run=False)
        assert result.is_complete and rehearsed.is_complete, (result, rehearsed)
        assert not self.copy.exists()
        assert contents(self.top) == had
        undone = self.vault.undo()
        assert undone.is_complete, undone.failed
        assert look(self.top) == before


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def test_what_is_the_same_is_not_copied(drive: Drive) -> None:
    assert drive.items() == set()
    drive.there_and_back()


def test_what_differs_or_is_only_in_a_copy_is(drive: Drive) -> None:
    (drive.copy / "src/f1").write_text("edited")
    make_tree(drive.copy / "docs", {"a": "a", "deep": {"b": "b"}})
    (drive.copy / "src/link").symlink_to("f2")
    (drive.copy / "src/empty").mkdir()
    (drive.copy / "src/f3").chmod(0o755)
    set_attribute(drive.copy / "src/f4", "user.tag", b"red")
    assert drive.items() == {"src/f1", "docs", "src/link", "src/empty", "src/f3", "src/f4"}
    drive.there_and_back()


def test_what_the_kept_tree_lacks_or_has_more_changes_nothing(drive: Drive) -> None:
    (drive.copy / "src/f1").unlink()
    (drive.keep / "src/new").write_text("new")
    assert drive.items() == set()
    drive.there_and_back()


def test_a_renamed_file_counts_only_if_it_is_unmistakable(drive: Drive) -> None:
    os.rename(drive.copy / "src/f1", drive.copy / "src/renamed")
    assert drive.items() == set()
    drive.there_and_back()
    (drive.keep / "src/renamed").write_text("something else")
    assert drive.items() == {"src/renamed"}
    (drive.keep / "src/renamed").unlink()
    (drive.keep / "src/again").write_text("1" * 3000)
    assert drive.items() == {"src/renamed"}


def test_a_small_file_is_not_taken_for_a_renamed_one(drive: Drive) -> None:
    (drive.keep / ".env.example").write_text("KEY=\n")
    (drive.copy / ".env").write_text("KEY=\n")
    assert drive.items() == {".env"}


def test_a_secret_is_not_taken_for_a_renamed_file(drive: Drive) -> None:
    (drive.keep / "sample").write_text("key" * 900)
    (drive.copy / "server.pem").write_text("key" * 900)
    (drive.copy / "server.pem").chmod(0o600)
    assert drive.items() == {"server.pem"}
    drive.there_and_back()


def test_modes_times_and_attributes_are_copied(drive: Drive) -> None:
    only = drive.copy / "src/only"
    only.write_text("only here")
    only.chmod(0o640)
    set_attribute(only, "user.note", b"n")
    os.utime(only, ns=(1, 1_500_000_000_123_456_789))
    was = only.stat()
    drive.plan().save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    copied = drive.top / SHELF / "Backup/src/only"
    now = copied.stat()
    assert (now.st_mode, now.st_mtime_ns, now.st_size) == (
        was.st_mode,
        was.st_mtime_ns,
        was.st_size,
    )
    assert get_attribute(copied, "user.note") == b"n"


def test_equal_things_are_copied_once(drive: Drive) -> None:
    make_tree(drive.top / "App (1)", {**APP, "notes": "mine"})
    (drive.copy / "notes").write_text("mine")
    plan = drive.plan()
    assert len(plan.steps) == 2
    assert [each.items for each in plan.contents.copies] == [(b"notes",)]
    drive.there_and_back()


def test_each_of_several_versions_is_copied(drive: Drive) -> None:
    make_tree(drive.top / "App (1)", {**APP, "notes": "one"})
    (drive.copy / "notes").write_text("two")
    (drive.keep / "notes").write_text("three")
    assert sum(len(each.items) for each in drive.plan().contents.copies) == 2
    drive.there_and_back()


def test_names_that_clash_elsewhere_get_folders_of_their_own(drive: Drive) -> None:
    for name in ("Notes", "notes", "stra\u00dfe", "STRASSE"):
        (drive.copy / "src" / name).write_text(name)
    copies = drive.plan().contents.copies
    for each in copies:
        names = [os.fsdecode(item).casefold() for item in each.items]
        assert len(names) == len(set(names))
    assert sum(len(each.items) for each in copies) == 4
    drive.there_and_back()


def test_a_file_where_the_kept_tree_has_a_folder(drive: Drive) -> None:
    (drive.keep / "thing").mkdir()
    (drive.keep / "thing/in").write_text("in")
    (drive.copy / "thing").write_text("a file")
    assert drive.items() == {"thing"}
    drive.there_and_back()


def test_a_photo_is_copied_with_its_sidecar(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        (folder / "p.jpg").write_text("picture" * 900)
        (folder / "p.xmp").write_text("same")
    (drive.copy / "p.jpg").write_text("edited" * 900)
    assert drive.items() == {"p.jpg", "p.xmp"}
    drive.there_and_back()


def test_a_copy_in_a_copy_leaves_before_it(drive: Drive) -> None:
    make_tree(drive.copy / "New Folder With Items/App", {**APP, "inner": "inner"})
    plan = drive.plan()
    assert [os.fsdecode(step.path) for step in plan.steps] == [
        str(drive.copy / "New Folder With Items/App"),
        str(drive.copy),
    ]
    assert sum(step.size for step in plan.steps) == 2 * plan.steps[-1].size + 4096
    drive.there_and_back()
    drive.file.unlink()
    drive.plan().save(drive.file)
    had = contents(drive.top)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    assert drive.vault.purge(confirm=True).is_complete
    assert contents(drive.top) == had
    assert not drive.copy.exists()


class Nested(Drive):
    """A copy in a private folder of a copy, both with something of their own, both gone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.inner = self.copy / "private/App"
        make_tree(self.inner, {**APP, "inner": "inner"})
        (self.copy / "outer").write_text("outer")
        self.copy.chmod(0o700)
        self.inner.parent.chmod(0o2750)
        os.utime(self.inner.parent, ns=(1, 1_300_000_000_000_000_001))
        self.before = look(self.top)
        self.plan().save(self.file)
        assert self.vault.apply(self.file, dry_run=False).is_complete


def test_a_copy_in_a_copy_does_not_come_back_alone(tmp_path: Path) -> None:
    drive = Nested(tmp_path)
    gone = look(drive.top)
    for only in (drive.inner, drive.inner / "src/f1"):
        undone = drive.vault.undo(only=[only])
        assert not undone.done
        assert f"was in {drive.copy}, which is in the quarantine" in undone.failed[0].cause
        assert look(drive.top) == gone
    assert drive.vault.undo().is_complete
    assert look(drive.top) == drive.before


def test_a_copy_in_a_copy_does_not_come_back_into_another_folder(tmp_path: Path) -> None:
    drive = Nested(tmp_path)
    drive.copy.mkdir()
    (drive.copy / "new").write_text("someone's")
    undone = drive.vault.undo()
    assert not drive.inner.exists()
    assert len(undone.failed) >= 2
    shutil.rmtree(drive.copy)
    assert drive.vault.undo().is_complete
    after = look(drive.top)
    assert after.keys() == drive.before.keys()
    # Someone else wrote to the folder around it.
    assert {path for path in after if after[path] != drive.before[path]} == {"Backup"}


def test_what_was_private_stays_private(drive: Drive) -> None:
    (drive.copy / "diary").write_text("private")
    (drive.top / "Backup").chmod(0o700)
    drive.plan().save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    assert stat.S_IMODE((drive.top / SHELF / "Backup").stat().st_mode) == 0o700
    assert drive.vault.undo().is_complete


def test_the_one_to_keep_may_be_named_with_all(drive: Drive) -> None:
    drive.vault.scan(drive.top)
    plan = drive.vault.plan(collapse=["all"], into=drive.copy)
    assert [os.fsdecode(step.path) for step in plan.steps] == [str(drive.keep)]
    with pytest.raises(UsageError, match="not one of several copies"):
        drive.vault.plan(collapse=["all"], into=drive.keep / "src")


def test_an_undo_is_not_taken_for_a_loss(drive: Drive) -> None:
    """However much of the drive was on the shelf."""
    for number in range(60):
        (drive.copy / f"own{number}").write_text(str(number))
    drive.plan().save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    assert drive.vault.undo().is_complete
    assert drive.vault.apply(drive.file, dry_run=False).is_complete


def test_a_shelf_that_was_elsewhere_goes_when_it_is_back(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    before = look(drive.top)
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    shelf = drive.top / SHELF / "Backup"
    os.rename(shelf, drive.top / "elsewhere")
    assert "missing" in drive.vault.undo().failed[0].cause
    with pytest.raises(UsageError, match="anything to put back"):
        drive.vault.undo()
    os.rename(drive.top / "elsewhere", shelf)
    assert drive.vault.undo().is_complete
    after = look(drive.top)
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} <= {"."}


def test_two_copies_from_one_place_are_not_mixed(drive: Drive) -> None:
    (drive.copy / "src/one").write_text("1")
    drive.plan().save(drive.file)
    first = drive.vault.apply(drive.file, dry_run=False)
    make_tree(drive.copy, {**APP, "second": "2"})
    drive.file.unlink()
    drive.plan().save(drive.file)
    second = drive.vault.apply(drive.file, dry_run=False)
    assert drive.vault.undo(first.id).is_complete
    there = look(drive.copy)
    blocked = drive.vault.undo(second.id)
    assert blocked.failed and not blocked.done
    assert look(drive.copy) == there
    os.rename(drive.copy, drive.top / "first")
    assert drive.vault.undo(second.id).is_complete
    assert (drive.copy / "second").read_text() == "2"
    assert not (drive.copy / "src/one").exists()


def test_a_part_of_the_outer_copy_comes_back_alone(tmp_path: Path) -> None:
    drive = Nested(tmp_path)
    assert drive.vault.undo(only=[drive.copy / "outer"]).is_complete
    assert (drive.copy / "outer").read_text() == "outer"
    assert drive.vault.undo().is_complete
    assert look(drive.top) == drive.before


NODE: Tree = {
    "package-lock.json": '{"lockfileVersion": 3}',
    "node_modules": {
        "left-pad": {"index.js": "pad" * 900},
        ".bin": {"pad": "#!/bin/sh"},
    },
}


def test_what_a_lock_file_makes_again_is_not_copied(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, NODE)
    (drive.copy / "node_modules/left-pad/index.js").write_text("built elsewhere")
    (drive.copy / "node_modules/.bin/pad").unlink()
    (drive.copy / "node_modules/.bin/pad").symlink_to("../left-pad/index.js")
    make_tree(drive.copy / "node_modules", {".cache": {"x": "x"}})
    assert drive.items() == set()
    (drive.copy / "own").write_text("own")
    [step] = drive.plan().steps
    assert step.regenerable == (b"node_modules",)
    # Nothing is said to be kept of what is not.
    kept = {os.path.basename(each.path): each.files for each in step.kept_in}
    assert kept == {b"App": len(SRC) + 2, b"Backup": 1}
    drive.there_and_back()
    drive.file.unlink()
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    lock = drive.keep / "package-lock.json"
    text = lock.read_text()
    lock.write_text("another")
    assert not drive.vault.purge(confirm=True).done
    lock.write_text(text)
    assert drive.vault.purge(confirm=True).is_complete


def test_another_lock_file_proves_nothing(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, NODE)
    (drive.copy / "node_modules/left-pad/index.js").write_text("built elsewhere")
    (drive.copy / "package-lock.json").write_text("another")
    assert drive.items() == {"package-lock.json", "node_modules/left-pad/index.js"}
    drive.there_and_back()
    for folder in (drive.keep, drive.copy):
        (folder / "package-lock.json").unlink()
    assert drive.items() == {"node_modules/left-pad/index.js"}


def test_a_folder_with_a_name_alone_is_not_made_again(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {**NODE, "dist": {"a.js": "built"}, "bin": {"tool": "mine"}})
    (drive.copy / "dist/a.js").write_text("built differently")
    (drive.copy / "bin/tool").write_text("mine, edited")
    assert drive.items() == {"dist/a.js", "bin/tool"}


def test_a_lock_file_that_changes_after_the_plan_keeps_the_copy(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, NODE)
    make_tree(drive.copy / "node_modules", {"own": {"x": "x"}})
    drive.plan().save(drive.file)
    (drive.copy / "package-lock.json").unlink()
    before = look(drive.top)
    result = drive.vault.apply(drive.file, dry_run=False)
    assert "has no lock file" in result.skipped[0].cause
    assert look(drive.top) == before


def test_what_git_tracks_is_not_made_again(drive: Drive) -> None:
    make_tree(drive.keep, NODE)
    git(drive.keep, "init", "-q")
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "with node_modules")
    shutil.rmtree(drive.copy)
    shutil.copytree(drive.keep, drive.copy, symlinks=True)
    (drive.copy / "node_modules/left-pad/index.js").write_text("patched")
    assert drive.items() == {"node_modules/left-pad/index.js"}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=N", "-c", "user.email=n@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_repository_that_differs_stays_whole(drive: Drive) -> None:
    git(drive.copy, "init", "-q")
    git(drive.copy, "add", ".")
    git(drive.copy, "commit", "-q", "-m", "one")
    assert drive.left()[0] == SafetyRule.REPOSITORY


def test_a_copy_that_a_link_leads_to_stays(drive: Drive) -> None:
    (drive.top / "Desktop").mkdir()
    (drive.top / "Desktop/App").symlink_to("../Backup/App")
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert "Desktop/App leads to" in cause


def test_a_copy_with_something_that_cannot_be_copied_stays(drive: Drive) -> None:
    os.mkfifo(drive.copy / "pipe")
    assert drive.left()[0] == SafetyRule.INCOMPLETE
    (drive.copy / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(drive.copy)
        made.bind("listening")
    assert drive.left()[0] == SafetyRule.INCOMPLETE


def test_pointers_to_the_cloud_stay_where_they_are(drive: Drive) -> None:
    (drive.copy / "Report.gdoc").write_text('{"doc_id": "1"}')
    assert drive.left()[0] == SafetyRule.POINTER


def test_a_marked_copy_stays(drive: Drive) -> None:
    drive.vault.scan(drive.top)
    drive.vault.mark("keep", [drive.copy / "src"])
    assert drive.left()[0] == SafetyRule.MARKED


def test_a_path_that_gets_too_long_is_refused(drive: Drive) -> None:
    deep = drive.copy
    while len(os.fsencode(deep)) < 950:
        deep = deep / ("d" * 60)
    deep = deep / ("e" * (1015 - len(os.fsencode(deep))))
    deep.mkdir(parents=True)
    (deep / "x").write_text("only here")
    rule, cause = drive.left()
    assert rule == SafetyRule.NAME
    assert "would get a path of" in cause


def test_a_scanned_folder_is_not_collapsed_into(drive: Drive) -> None:
    drive.vault.scan(drive.copy)
    drive.vault.scan(drive.keep)
    plan = drive.vault.plan(collapse=["all"])
    assert not plan.steps
    assert {each.rule for each in plan.left_alone} == {SafetyRule.OWN}


def test_the_shelf_is_a_copy_of_nothing(drive: Drive) -> None:
    make_tree(drive.copy, {"mine": SRC})
    (drive.copy / "mine/more").write_text("more")
    drive.plan().save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    again = drive.vault.plan()
    assert not [step for step in again.steps if os.fsencode(SHELF) in step.path]
    assert not drive.vault.plan(collapse=["all"]).steps


def test_what_changes_after_the_plan_stays(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    (drive.copy / "late").write_text("late")
    before = look(drive.top)
    result = drive.vault.apply(drive.file, dry_run=False)
    assert [os.path.basename(each.path) for each in result.skipped] == [b"late"]
    assert not result.done and not result.copied
    assert look(drive.top) == before


def test_an_edited_copy_on_the_shelf_stays_after_an_undo(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    shelved = drive.top / SHELF / "Backup/only"
    shelved.write_text("edited")
    undone = drive.vault.undo()
    assert "only differs" in undone.failed[0].cause
    assert shelved.read_text() == "edited"
    assert (drive.copy / "only").read_text() == "1"


def test_an_edited_copy_that_is_as_it_was_again_is_removed_by_another_undo(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    before = look(drive.top)
    run = drive.vault.apply(drive.file, dry_run=False)
    shelved = drive.top / SHELF / "Backup/only"
    was = shelved.stat()
    shelved.write_text("edited")
    for _ in range(2):
        [problem] = drive.vault.undo(run.id).failed
        assert f"--undo {run.id} removes it" in problem.cause
        assert shelved.read_text() == "edited"
    with pytest.raises(UsageError, match="anything to put back"):
        drive.vault.undo()  # no other run waits behind this one
    shelved.write_text("1")
    os.utime(shelved, ns=(was.st_atime_ns, was.st_mtime_ns))
    again = drive.vault.undo(run.id)
    assert (again.is_complete, len(again.copied)) == (True, 1)
    assert look(drive.top) == before
    with pytest.raises(UsageError, match="anything to take back"):
        drive.vault.undo(run.id)


def test_a_copy_that_stayed_and_was_deleted_is_not_asked_about(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    run = drive.vault.apply(drive.file, dry_run=False)
    (drive.top / SHELF / "Backup/only").write_text("edited")
    drive.vault.undo()
    shutil.rmtree(drive.top / SHELF)
    with pytest.raises(UsageError, match="anything to take back"):
        drive.vault.undo(run.id)


def test_what_another_run_relies_on_is_not_removed_with_the_run_that_copied_it(
    drive: Drive,
) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    first = drive.vault.apply(drive.file, dry_run=False)
    shelved = drive.top / SHELF / "Backup/only"
    was = shelved.stat()
    shelved.write_text("edited")
    assert not drive.vault.undo().is_complete
    shelved.write_text("1")
    os.utime(shelved, ns=(was.st_atime_ns, was.st_mtime_ns))
    second = drive.vault.apply(drive.file, dry_run=False)
    assert (second.is_complete, second.copied, len(second.done)) == (True, (), 1)
    [problem] = drive.vault.undo(first.id).failed
    assert "its original is not back" in problem.cause
    assert shelved.read_text() == "1"
    assert drive.vault.undo(second.id).is_complete
    assert drive.vault.undo(first.id).is_complete
    assert not shelved.exists()
    assert (drive.copy / "only").read_text() == "1"


def test_an_item_without_its_other_copy_is_not_purged(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    shelved = drive.top / SHELF / "Backup/only"
    shelved.unlink()
    had = contents(drive.top)
    purged = drive.vault.purge(confirm=True)
    assert purged.skipped and not purged.done
    assert contents(drive.top) == had
    shelved.write_text("2")
    assert drive.vault.purge(confirm=True).skipped
    shelved.write_text("1")
    assert drive.vault.purge(confirm=True).is_complete


def test_what_is_kept_nowhere_else_is_deleted_only_by_number(drive: Drive) -> None:
    for number in range(3):
        (drive.copy / f"only{number}").write_text(str(number))
    (drive.copy / "link").symlink_to("only1")
    (drive.copy / "more").mkdir()
    (drive.copy / "more/empty").mkdir()
    (drive.copy / "more/file").write_text("x")
    drive.plan().save(drive.file)
    run = drive.vault.apply(drive.file, dry_run=False)
    shelf = drive.top / SHELF / "Backup"
    for path in (shelf / "only1", shelf / "link", shelf / "more/file"):
        path.unlink()
    (shelf / "only2").write_text("edited")
    before = look(drive.top)
    first = drive.vault.purge(run.id, confirm=True)
    assert (first.unique_files, first.done, len(first.skipped)) == (4, (), 1)
    assert first.to_dict()["unique_files"] == 4
    with pytest.raises(UsageError, match="one run only"):
        drive.vault.purge(confirm=True, including_unique=4)
    for wrong in (1, 3, 5):
        with pytest.raises(RefusedForSafety, match="has 4 files that are kept nowhere else"):
            drive.vault.purge(run.id, confirm=True, including_unique=wrong)
    with pytest.raises(RefusedForSafety, match="not confirmed"):
        drive.vault.purge(run.id, including_unique=4)
    assert look(drive.top) == before
    assert drive.vault.purge(run.id, confirm=True, including_unique=4).is_complete
    assert (shelf / "only2").read_text() == "edited"
    assert (shelf / "only0").read_text() == "0"


def test_the_whole_shelf_may_be_gone(drive: Drive) -> None:
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    run = drive.vault.apply(drive.file, dry_run=False)
    shutil.rmtree(drive.top / SHELF)
    assert drive.vault.purge(run.id, confirm=True).unique_files == 1
    assert drive.vault.purge(run.id, confirm=True, including_unique=1).is_complete


def test_the_number_is_not_for_other_steps(drive: Drive) -> None:
    """Nor for a kept tree that is not there at all."""
    (drive.copy / "only").write_text("1")
    drive.plan().save(drive.file)
    run = drive.vault.apply(drive.file, dry_run=False)
    plain = make_tree(drive.top, {"a": {"x": "same" * 2000}, "Downloads": {"x": "same" * 2000}})
    drive.vault.scan(drive.top)
    other = drive.vault.apply(drive.vault.plan(), dry_run=False)
    assert other.done
    for path in (plain / "a/x", plain / "Downloads/x"):
        path.unlink(missing_ok=True)
    assert drive.vault.purge(other.id, confirm=True).unique_files == 0
    with pytest.raises(RefusedForSafety, match="has 0 files"):
        drive.vault.purge(other.id, confirm=True, including_unique=1)
    assert not drive.vault.purge(other.id, confirm=True).done
    assert drive.vault.purge(run.id, confirm=True).is_complete


def test_room_is_asked_for(drive: Drive) -> None:
    (drive.copy / "only").write_text("1" * 5000)
    [space] = drive.plan().space_needed()
    assert space.needed == 5000
    assert space.free > 5000
    assert os.fsdecode(space.path) == str(drive.top)


@pytest.mark.parametrize("wanted", [{"min_size": 1}, {"keep": 2}, {"empty_folders": True}])
def test_other_wishes_do_not_go_with_it(drive: Drive, wanted: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="whole copies"):
        drive.plan(**wanted)


def test_the_shelf_is_made_for_the_owner_alone_where_the_copy_was(drive: Drive) -> None:
    secret = drive.copy / "keys"
    secret.mkdir(mode=0o700)
    (secret / "id").write_text("secret")
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    assert stat.S_IMODE((drive.top / SHELF / "Backup/keys").stat().st_mode) == 0o700


@pytest.mark.parametrize("edited", ["Backup/App", "work/Copy"])
def test_an_undo_after_one_of_two_copies_stayed(tmp_path: Path, edited: str) -> None:
    top = make_tree(
        tmp_path / "drive",
        {
            "work": {"App": APP, "Copy": {**APP, "mine": "1"}},
            "Backup": {"App": {**APP, "own": "2"}},
        },
    )
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(top)
    vault.plan(collapse=["all"], into=top / "work/App").save(tmp_path / "plan")
    (top / edited / "src/f1").write_text("edited since")
    for folder in (top, top / "work", top / "Backup"):
        os.utime(folder, ns=(1, 1_000_000_000_000_000_001))
    before = look(top)
    result = vault.apply(tmp_path / "plan", dry_run=False)
    assert len(result.done) == len(result.copied) == 1
    assert vault.undo().is_complete
    after = look(top)
    assert after == before, [path for path in before if after.get(path) != before[path]]


def test_a_copy_that_an_environment_needs_stays(drive: Drive) -> None:
    make_tree(drive.copy, {"python": {"bin": {"python3": "#!"}}})
    make_tree(drive.keep, {"python": {"bin": {"python3": "#!"}}})
    home = f"home = {drive.copy}/python/bin\n"
    make_tree(drive.top / "site", {".venv": {"pyvenv.cfg": f"{home}version = 3.11.7\n"}})
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert "pyvenv.cfg line 1 leads to" in cause


def test_a_copy_in_another_cloud_stays(tmp_path: Path) -> None:
    cloud = "Library/CloudStorage/GoogleDrive-me@example.org/My Drive"
    top = make_tree(tmp_path / "home", {"Dropbox": {"App": {**APP, "own": "1"}}})
    make_tree(top / cloud, {"App": APP, "Old": {"App": {**APP, "also": "2"}}})
    vault = OpenVault(Vault(tmp_path / "vault"))
    vault.scan(top)
    plan = vault.plan(collapse=["all"], into=top / cloud / "App")
    assert [os.fsdecode(step.path) for step in plan.steps] == [str(top / cloud / "Old/App")]
    [left] = plan.left_alone
    assert (left.path, left.rule) == (
        os.fsencode(top / "Dropbox/App"),
        SafetyRule.OTHER_VOLUME,
    )
    assert "same cloud folder" in left.cause
    assert any("synced with the cloud" in note for note in plan.contents.notes)


def test_hard_links_that_leave_the_copy_are_copied(drive: Drive) -> None:
    (drive.copy / "own").write_text("own" * 100)
    (drive.top / "elsewhere").mkdir()
    os.link(drive.copy / "own", drive.top / "elsewhere/name")
    drive.there_and_back()
    drive.file.unlink()
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    shelved = drive.top / SHELF / "Backup/own"
    assert shelved.stat().st_ino != (drive.top / "elsewhere/name").stat().st_ino


@pytest.mark.parametrize("bring", [(), ("all",)])
def test_what_comes_right_before_it_is_published_is_not_replaced(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, bring: tuple[str, ...]
) -> None:
    (drive.copy / "own").write_text("own")
    drive.plan(bring=bring).save(drive.file)
    place = drive.keep / "own" if bring else drive.top / SHELF / "Backup"
    rename = mutations.rename_no_replace
    came: list[str] = []

    def late(folder: int, name: bytes, to: int, new: bytes) -> None:
        if not came:
            came.append("now")
            place.write_text("someone else's")
        rename(folder, name, to, new)

    monkeypatch.setattr(mutations, "rename_no_replace", late)
    result = drive.vault.apply(drive.file, dry_run=False)
    assert came and result.skipped and not result.done
    assert place.read_text() == "someone else's"
    assert (drive.copy / "own").read_text() == "own"


def test_two_programs_apply_one_plan(drive: Drive) -> None:
    for number in range(30):
        (drive.copy / f"own{number}").write_text(str(number))
    drive.plan().save(drive.file)
    before, had = look(drive.top), contents(drive.top)
    script = (
        "import sys, gorillacomb\n"
        "vault = gorillacomb.open_vault(sys.argv[1])\n"
        "try:\n"
        "    vault.apply(sys.argv[2], dry_run=False)\n"
        "except gorillacomb.GorillaCombError as error:\n"
        "    print(error.message)\n"
    )
    vault = drive.file.parent / "vault"
    words = [sys.executable, "-c", script, str(vault), str(drive.file)]
    both = [subprocess.Popen(words) for _ in range(2)]
    assert [each.wait(timeout=100) for each in both] == [0, 0]
    assert contents(drive.top) == had
    assert not drive.copy.exists()
    with suppress(UsageError):
        for _ in range(3):
            drive.vault.undo()
    assert look(drive.top) == before


def test_a_copy_that_someone_writes_to_while_it_is_deleted_is_told(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a descriptor that was opened when it was on the shelf."""
    (drive.copy / "own").write_text("own")
    drive.plan().save(drive.file)
    drive.vault.apply(drive.file, dry_run=False)
    remove = remove_seen

    def written(
        run: Quarantine, slot: bytes, seen: Mapping[bytes, os.stat_result]
    ) -> Iterator[bytes]:
        with open(join(join(run.path, slot), b"own"), "a") as file:
            file.write(" and more")
        return remove(run, slot, seen)

    monkeypatch.setattr(run_copies, "remove_seen", written)
    undone = drive.vault.undo()
    [failed] = undone.failed
    assert "changed meanwhile; it is in" in failed.cause
    aside = failed.cause.rpartition("it is in ")[2]
    assert Path(aside, "own").read_text() == "own and more"
    assert (drive.copy / "own").read_text() == "own"
    monkeypatch.undo()
    assert drive.vault.undo().failed  # it differs now, and is put at its place again
    assert (drive.top / SHELF / "Backup/own").read_text() == "own and more"
