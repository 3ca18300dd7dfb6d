"""Copies in folders that a service syncs: both in one account and one share, or they stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.errors import RefusedForSafety
from gorillacomb.vault.vault import Vault
from tests.dedupe.collapse.test_plan import APP
from tests.dedupe.drives import look
from tests.support.trees import make_tree

GOOGLE = "Library/CloudStorage/GoogleDrive-me@example.org"
TEAM = f"{GOOGLE}/Shared drives/Team"
ONEDRIVE = "Library/CloudStorage/OneDrive"
ICLOUD = "Library/Mobile Documents/com~apple~CloudDocs"


class Home:
    """A home with one project in two places."""

    def __init__(self, folder: Path, keep: str, copy: str) -> None:
        self.top = folder / "home"
        self.keep, self.copy = self.top / keep, self.top / copy
        make_tree(self.keep, APP)
        make_tree(self.copy, {**APP, "own": "1"})
        self.vault = OpenVault(Vault(folder / "vault"))
        self.file = folder / "plan.jsonl"

    def plan(self) -> tuple[list[str], str]:
        """Why copies stay, and what is said."""
        self.vault.scan(self.top)
        plan = self.vault.plan(collapse=["all"], into=self.keep)
        self.file.unlink(missing_ok=True)
        plan.save(self.file)
        assert len(plan.steps) + len(plan.left_alone) == 1
        assert {each.rule for each in plan.left_alone} <= {SafetyRule.OTHER_VOLUME}
        return [each.cause for each in plan.left_alone], "\n".join(plan.contents.notes)


@pytest.mark.parametrize(
    ("keep", "copy"),
    [
        (f"{GOOGLE}/My Drive/App", "Projects/App"),
        ("Projects/App", f"{GOOGLE}/My Drive/App"),
        (f"{GOOGLE}/My Drive/App", f"{GOOGLE[:-1]}x/My Drive/App"),
        (f"{GOOGLE}/My Drive/App", f"{TEAM}/App"),
        (f"{TEAM}/App", f"{GOOGLE}/Shared drives/Others/App"),
        (f"{GOOGLE}/My Drive/App", f"{GOOGLE}/.shortcut-targets-by-id/1aB2/App"),
        (
            "Google Drive/.shortcut-targets-by-id/1aB2/App",
            "Google Drive/.shortcut-targets-by-id/3cD4/App",
        ),
        ("Dropbox/App", "Dropbox (Firm)/App"),
        ("OneDrive/App", "OneDrive - Firm/App"),
        (f"{ONEDRIVE}-Personal/App", f"{ONEDRIVE}-Firm/App"),
        (
            f"{ONEDRIVE}-SharedLibraries-Firm/Sales - Documents/App",
            f"{ONEDRIVE}-SharedLibraries-Firm/Lab - Documents/App",
        ),
        (f"{ICLOUD}/App", "Documents/App"),
    ],
)
def test_another_account_or_another_share_keeps_the_copy(
    tmp_path: Path, keep: str, copy: str
) -> None:
    home = Home(tmp_path, keep, copy)
    assert home.plan()[0] == ["is not in the same cloud folder"]


@pytest.mark.parametrize(
    ("folder", "is_shared"),
    [
        (f"{GOOGLE}/My Drive", False),
        (TEAM, True),
        (f"{GOOGLE}/.shortcut-targets-by-id/1aB2", True),
        (f"{ONEDRIVE}-SharedLibraries-Firm/Lab - Documents", True),
        (f"{ONEDRIVE}-Personal", False),
        ("Dropbox", False),
        (ICLOUD, False),
    ],
)
def test_in_one_share_it_leaves_and_that_is_said(
    tmp_path: Path, folder: str, is_shared: bool
) -> None:
    home = Home(tmp_path, f"{folder}/App", f"{folder}/Old/App")
    before = look(home.top)
    left, notes = home.plan()
    assert not left
    assert f"{home.top}/{folder} is synced with the cloud: what is removed there" in notes
    shared = f"{home.top}/{folder} is a shared folder: {home.copy} leaves it for everyone."
    assert (shared in notes) == is_shared
    assert home.vault.apply(home.file, dry_run=False).is_complete
    assert os.listdir(home.top / folder / ".gorillacomb/quarantine"), "it stays in the share"
    assert home.vault.undo().is_complete
    assert look(home.top) == before


def dropbox(home: Home, top: str, *shares: str) -> None:
    """Have a Dropbox where its program would have put it."""
    make_tree(home.top / top, {".dropbox": "x", ".dropbox.cache": {}})
    for share in shares:
        (home.top / top / share / ".dropbox").write_text(f'{{"ns": "{share}"}}')


@pytest.mark.parametrize("top", ["Dropbox", "Anywhere", "Library/CloudStorage/Dropbox"])
def test_folders_that_dropbox_shares(tmp_path: Path, top: str) -> None:
    home = Home(tmp_path, f"{top}/With Ann/App", f"{top}/With Ann/Old/App")
    dropbox(home, top)
    left, notes = home.plan()
    assert not left and "is a shared folder" not in notes
    dropbox(home, top, "With Ann")
    left, notes = home.plan()
    assert not left
    shared = f"{home.top}/{top}/With Ann is a shared folder: {home.copy} leaves it for everyone."
    assert shared in notes
    dropbox(home, top, "With Ann", "With Ann/Old")
    [cause] = home.plan()[0]
    assert "is not in the same shared folder of Dropbox as the one to keep" in cause


def test_a_copy_that_is_shared_itself_or_contains_a_share_stays(tmp_path: Path) -> None:
    home = Home(tmp_path, "Dropbox/App", "Dropbox/Old/App")
    dropbox(home, "Dropbox", "Old/App")
    assert "is not in the same shared folder" in home.plan()[0][0]
    (home.copy / ".dropbox").rename(home.copy / "src/.dropbox")
    assert home.plan()[0][0].startswith("src/.dropbox says that Dropbox shares the folder around")
    make_tree(home.copy, {"new": {"in": {"x": "x"}}})
    (home.copy / "src/.dropbox").rename(home.copy / "new/in/.dropbox")
    assert home.plan()[0][0].startswith("new/in/.dropbox says that Dropbox shares")


def test_a_team_has_one_share_for_each_folder(tmp_path: Path) -> None:
    home = Home(tmp_path, "Firm Dropbox/Ann/App", "Firm Dropbox/Sales/App")
    dropbox(home, "Firm Dropbox")
    assert "is not in the same shared folder" in home.plan()[0][0]


def test_marks_of_an_old_dropbox_on_a_drive_mean_nothing_outside(tmp_path: Path) -> None:
    """No program syncs it any more: what it shared cannot be told."""
    home = Home(tmp_path, "Backup/With Ann/App", "Backup/Other/App")
    (home.top / "Backup/With Ann/.dropbox").write_text("{}")
    assert home.plan() == ([], "")


def test_a_lock_of_another_computer_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path, "Dropbox/App", "Dropbox/Old/App")
    assert home.plan()[0] == []
    make_tree(home.top / "Dropbox", {".gorillacomb": {"lock": "annas-laptop"}})
    lock = home.top / "Dropbox/.gorillacomb/lock"
    before = look(home.top)
    with pytest.raises(RefusedForSafety, match="Another computer, annas-laptop, is") as refused:
        home.vault.apply(home.file, dry_run=False)
    assert str(lock) in refused.value.hint
    assert look(home.top) == before
    assert lock.read_text() == "annas-laptop"
    lock.write_text("")
    assert home.vault.apply(home.file, dry_run=False).is_complete
    assert lock.read_text() == ""
    lock.write_text("annas-laptop")
    with pytest.raises(RefusedForSafety, match="annas-laptop"):
        home.vault.undo()
    with pytest.raises(RefusedForSafety, match="annas-laptop"):
        home.vault.purge(confirm=True)
    # What this computer left behind when it was interrupted is in nobody's way.
    lock.write_text(os.uname().nodename.partition(".")[0].lower())
    assert home.vault.undo().is_complete
    assert lock.read_text() == ""


def test_a_lock_names_this_computer_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path, "Dropbox/App", "Dropbox/Old/App")
    home.plan()
    lock = home.top / "Dropbox/.gorillacomb/lock"
    held: list[str] = []

    def report(*_: object) -> None:
        held.append(lock.read_text())

    home.vault.apply(home.file, dry_run=False, progress=report)
    assert os.uname().nodename.partition(".")[0].lower() in held
    assert lock.read_text() == ""


def test_a_lock_elsewhere_names_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path, "Projects/App", "Old/App")
    home.plan()
    make_tree(home.top, {".gorillacomb": {"lock": "annas-laptop"}})
    assert home.vault.apply(home.file, dry_run=False).is_complete
