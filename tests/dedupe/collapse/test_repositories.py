"""Copies of repositories: the lesser one leaves if the kept one has all of it, and comes back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.errors import RefusedForSafety
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.collapse.test_plan import SHELF, Drive, git
from tests.dedupe.drives import look
from tests.support.trees import make_tree


class Repositories(Drive):
    """A drive with a repository, and a copy of an earlier state of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        git(self.keep, "init", "-q", "-b", "main")
        (self.keep / "deleted.txt").write_text("deleted later\n" * 200)
        git(self.keep, "add", ".")
        git(self.keep, "commit", "-q", "-m", "one")
        shutil.rmtree(self.copy)
        shutil.copytree(self.keep, self.copy, symlinks=True)
        (self.keep / "src/f1").write_text("newer\n" * 300)
        git(self.keep, "rm", "-q", "deleted.txt")
        git(self.keep, "commit", "-q", "-a", "-m", "two")

    def collapsed(self) -> str:
        """Apply a plan; return the id of the run."""
        self.file.unlink(missing_ok=True)
        self.plan().save(self.file)
        result = self.vault.apply(self.file, dry_run=False)
        assert result.is_complete, (result.skipped, result.failed)
        return result.id

    def readable(self) -> set[bytes]:
        """Everything that can be read again: files, and the objects of the kept repository."""
        done = subprocess.run(
            ["git", "cat-file", "--batch-all-objects", "--batch-check"],
            cwd=self.keep,
            check=True,
            capture_output=True,
        )
        return set(done.stdout.splitlines())


@pytest.fixture
def drive(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path)


def test_an_earlier_state_leaves_and_nothing_of_it_is_copied(drive: Repositories) -> None:
    plan = drive.plan()
    [step] = plan.steps
    assert not plan.contents.copies
    assert step.repositories == (b".git",)
    assert sorted(path for path, _ in step.in_history) == [b"deleted.txt", b"src/f1"]
    assert sum(place.files for place in step.kept_in) == step.files
    drive.there_and_back()
    drive.collapsed()
    assert drive.vault.purge(confirm=True).is_complete
    assert (
        "two"
        in subprocess.run(
            ["git", "log"], cwd=drive.keep, capture_output=True, text=True, check=True
        ).stdout
    )


def test_what_became_of_a_file_is_explained(drive: Repositories) -> None:
    drive.collapsed()
    for state in ("waiting", "purged"):
        [item] = drive.vault.trace.show(drive.copy / "deleted.txt").items
        assert (str(item.state), item.keep) == (state, os.fsencode(drive.keep / ".git"))
        text = subprocess.run(
            ["git", "cat-file", "blob", item.kept_object.decode()],
            cwd=drive.keep,
            check=True,
            capture_output=True,
        ).stdout
        assert text == b"deleted later\n" * 200
        drive.vault.purge(confirm=True)


def test_uncommitted_edits_of_the_copy_are_shelved(drive: Repositories) -> None:
    (drive.copy / "src/f1").write_text("edited and never committed\n")
    (drive.copy / "untracked.txt").write_text("untracked\n")
    plan = drive.plan()
    assert {item for each in plan.contents.copies for item in each.items} == {
        b"src/f1",
        b"untracked.txt",
    }
    drive.there_and_back()


def test_uncommitted_edits_of_the_kept_one_are_not_history(drive: Repositories) -> None:
    """What only its working tree had may be gone tomorrow."""
    (drive.keep / "note").write_text("not committed\n")
    (drive.copy / "note").write_text("not committed either\n")
    assert {item for each in drive.plan().contents.copies for item in each.items} == {b"note"}


def test_configuration_and_hooks_are_shelved(drive: Repositories) -> None:
    git(drive.copy, "remote", "add", "other", "https://user:secret@example.org/x.git")
    hook = drive.copy / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    plan = drive.plan()
    assert {item for each in plan.contents.copies for item in each.items} == {
        b".git/config",
        b".git/hooks/pre-commit",
    }
    assert "secret" not in "".join(map(bytes.decode, plan.lines()))
    drive.there_and_back()
    drive.collapsed()
    config = drive.top / SHELF / "Backup/.git/config"
    assert "secret" in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert drive.vault.purge(confirm=True).is_complete


@pytest.mark.parametrize(
    "words",
    [
        ["commit", "-q", "--allow-empty", "-m", "only here"],
        ["stash", "push", "-q", "-u"],
        ["tag", "-m", "mine", "v9"],
        ["branch", "idea", "HEAD@{0}"],
    ],
)
def test_what_only_the_copy_has_keeps_it(drive: Repositories, words: list[str]) -> None:
    (drive.copy / "src/f2").write_text("an edit\n")
    git(drive.copy, *words)
    if words[0] == "branch":
        git(drive.copy, "checkout", "-q", "idea")
        git(drive.copy, "commit", "-q", "-a", "-m", "an idea")
        git(drive.copy, "checkout", "-q", "main")
    rule, cause = drive.left()
    assert rule == SafetyRule.REPOSITORY
    assert "fetch" in cause or words[0] == "stash"


def test_a_merge_in_progress_keeps_it(drive: Repositories) -> None:
    (drive.copy / ".git/MERGE_HEAD").write_text("0" * 40 + "\n")
    assert drive.left()[0] == SafetyRule.REPOSITORY


def test_a_history_that_is_rewritten_keeps_what_relied_on_it(drive: Repositories) -> None:
    drive.collapsed()
    had = contents(drive.top)
    git(drive.keep, "checkout", "-q", "--orphan", "fresh")
    git(drive.keep, "commit", "-q", "-m", "all anew")
    git(drive.keep, "branch", "-D", "main")
    git(drive.keep, "reflog", "expire", "--expire=now", "--all")
    git(drive.keep, "gc", "-q", "--prune=now")
    purged = drive.vault.purge(confirm=True)
    assert purged.skipped and not purged.done
    assert {each for each in had if b".git" not in each[1]} & contents(drive.top)
    undone = drive.vault.undo()
    assert undone.is_complete
    assert (drive.copy / "deleted.txt").read_text() == "deleted later\n" * 200


@pytest.fixture
def plain(tmp_path: Path) -> Repositories:
    """A copy without a repository, with a file that was deleted in the last commit."""
    drive = Repositories(tmp_path)
    shutil.rmtree(drive.copy / ".git")
    (drive.keep / "idea.txt").write_text("an idea\n" * 200)
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "an idea")
    git(drive.keep, "rm", "-q", "idea.txt")
    git(drive.keep, "commit", "-q", "-m", "a bad one")
    (drive.copy / "idea.txt").write_text("an idea\n" * 200)
    assert [path for path, _ in drive.plan().steps[0].in_history][1] == b"idea.txt"
    return drive


def test_what_no_ref_leads_to_any_more_is_no_history(plain: Repositories) -> None:
    """The object is still there, but only until the next garbage collection."""
    plain.plan().save(plain.file)
    git(plain.keep, "reset", "-q", "--hard", "HEAD~2")
    before = look(plain.top)
    result = plain.vault.apply(plain.file, dry_run=False)
    assert result.skipped and not result.done
    assert look(plain.top) == before


def test_what_no_ref_leads_to_any_more_is_not_deleted(plain: Repositories) -> None:
    plain.collapsed()
    idea = subprocess.run(
        ["git", "rev-parse", "HEAD~1"], cwd=plain.keep, capture_output=True, text=True, check=True
    ).stdout.strip()
    git(plain.keep, "reset", "-q", "--hard", "HEAD~2")
    purged = plain.vault.purge(confirm=True)
    assert purged.skipped and not purged.done
    git(plain.keep, "branch", "again", idea)
    assert plain.vault.purge(confirm=True).is_complete


def test_a_repository_that_is_lost_needs_the_number(drive: Repositories) -> None:
    """With the kept one nothing else has the older commits: they are counted, and deleted so."""
    run = drive.collapsed()
    shutil.rmtree(drive.keep / ".git")
    purged = drive.vault.purge(confirm=True)
    assert purged.skipped and not purged.done
    with pytest.raises(RefusedForSafety) as refused:
        drive.vault.purge(run, confirm=True, including_unique=1)
    found = re.search(r"([0-9,]+) files", str(refused.value))
    assert found is not None, refused.value
    number = int(found[1].replace(",", ""))
    assert number > 10
    assert drive.vault.purge(run, confirm=True, including_unique=number).is_complete


def test_nothing_is_brought_into_the_kept_repository(drive: Repositories) -> None:
    """Not even what was named."""
    for each in ("rr-cache/0/preimage", "notes"):
        path = drive.copy / ".git" / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for bring in (["all"], [drive.copy / ".git/notes"]):
        copies = drive.plan(bring=bring).contents.copies
        assert {item for each in copies for item in each.items} == {
            b".git/rr-cache/0/preimage",
            b".git/notes",
        }
        assert not any(each.is_brought for each in copies)


def test_the_printed_command_lets_it_leave(drive: Repositories) -> None:
    (drive.copy / "src/f2").write_text("an edit\n")
    git(drive.copy, "stash", "push", "-q")
    git(drive.copy, "hash-object", "-w", "package.json")
    _, cause = drive.left()
    assert cause.startswith(".git has what the kept one lacks (the stash, "), cause
    words = cause[cause.index("run `") + 5 : cause.rindex("`, then plan again")]
    subprocess.run(["sh", "-c", words], check=True, capture_output=True)
    assert drive.plan().steps[0].repositories == (b".git",)
    drive.there_and_back()


def test_a_commit_after_the_plan_keeps_it(drive: Repositories) -> None:
    drive.plan().save(drive.file)
    git(drive.copy, "commit", "-q", "--allow-empty", "-m", "late")
    before = look(drive.top)
    result = drive.vault.apply(drive.file, dry_run=False)
    assert result.skipped and not result.done
    assert look(drive.top) == before


def test_without_git_it_stays(drive: Repositories, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = drive.top.parent / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    rule, cause = drive.left()
    assert rule == SafetyRule.REPOSITORY
    assert "git" in cause
    assert os.path.isdir(drive.copy)


def test_a_folder_that_is_in_the_history_alone(drive: Repositories) -> None:
    """The kept tree has no folder at its place any more."""
    make_tree(drive.keep, {"old": {"deep": {"x": "x\n" * 900, "y": "y\n" * 900}}})
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "with it")
    shutil.rmtree(drive.copy)
    shutil.copytree(drive.keep, drive.copy, ignore=shutil.ignore_patterns(".git"))
    git(drive.keep, "rm", "-q", "-r", "old")
    git(drive.keep, "commit", "-q", "-m", "without it")
    assert not (drive.keep / "old").exists()
    [step] = drive.plan().steps
    assert {path for path, _ in step.in_history} == {b"old/deep/x", b"old/deep/y"}
    drive.there_and_back()
    drive.collapsed()
    assert drive.vault.purge(confirm=True).is_complete


def test_what_only_another_branch_has_is_shelved(drive: Repositories) -> None:
    """It may be newer than what is checked out."""
    git(drive.keep, "checkout", "-q", "-b", "next")
    (drive.keep / "src/f2").write_text("newer\n" * 500)
    git(drive.keep, "commit", "-q", "-a", "-m", "three")
    shutil.rmtree(drive.copy)
    shutil.copytree(drive.keep, drive.copy, ignore=shutil.ignore_patterns(".git"))
    git(drive.keep, "checkout", "-q", "main")
    items = {item for each in drive.plan().contents.copies for item in each.items}
    assert items == {b"src/f2"}
    drive.there_and_back()


def test_a_file_that_became_executable_is_not_what_the_history_has(drive: Repositories) -> None:
    drive.plan().save(drive.file)
    (drive.copy / "deleted.txt").chmod(0o755)
    before = look(drive.top)
    for dry_run in (True, False):
        result = drive.vault.apply(drive.file, dry_run=dry_run)
        [problem] = result.skipped
        assert problem.path == os.fsencode(drive.copy / "deleted.txt")
        assert problem.cause == "is not in the history of the copy to keep as it is here"
    assert look(drive.top) == before
    assert drive.items() == {"deleted.txt"}
