"""What of a copy is put into the kept tree, what never is, and that an undo takes it out again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gorillacomb import BringRule, read_plan
from gorillacomb.errors import UntrustedInput, UsageError
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.collapse.test_plan import APP, SHELF, Drive, git
from tests.dedupe.drives import look
from tests.support.attributes import get_attribute, set_attribute
from tests.support.trees import Tree, make_tree


class Bringing(Drive):
    """A drive whose plans put what they may into the kept tree."""

    wanted: tuple[str | Path, ...] = ("all",)

    def brought(self) -> set[str]:
        plan = self.plan(bring=self.wanted)
        copies = [each for each in plan.contents.copies if each.is_brought]
        return {os.path.relpath(os.fsdecode(each.target), self.keep) for each in copies}

    def shelved(self) -> set[str]:
        plan = self.plan(bring=self.wanted)
        return {os.fsdecode(item) for each in plan.contents.copies for item in each.items}

    def apply(self) -> None:
        self.file.unlink(missing_ok=True)
        self.plan(bring=self.wanted).save(self.file)
        rehearsed = self.vault.apply(self.file)
        result = self.vault.apply(self.file, dry_run=False)
        assert result.is_complete and rehearsed.is_complete, (result, rehearsed)
        assert not self.copy.exists()


@pytest.fixture
def drive(tmp_path: Path) -> Bringing:
    return Bringing(tmp_path)


def test_new_files_and_folders_are_brought(drive: Bringing) -> None:
    (drive.copy / "src/new.js").write_text("new")
    (drive.copy / "src/new.js").chmod(0o755)
    os.utime(drive.copy / "src/new.js", ns=(1, 1_400_000_000_000_000_001))
    set_attribute(drive.copy / "src/new.js", "user.tag", b"t")
    make_tree(drive.copy / "notes", {"deep": {"a": "a", "b": ""}})
    before, had = look(drive.top), contents(drive.top)
    assert drive.brought() == {"src/new.js", "notes"}
    drive.apply()
    new = drive.keep / "src/new.js"
    facts = new.stat()
    assert (facts.st_mode & 0o777, facts.st_mtime_ns) == (0o755, 1_400_000_000_000_000_001)
    assert get_attribute(new, "user.tag") == b"t"
    assert (drive.keep / "notes/deep/a").read_text() == "a"
    assert not (drive.top / SHELF).exists()
    assert contents(drive.top) == had
    assert drive.vault.undo().is_complete
    assert look(drive.top) == before
    drive.apply()
    assert drive.vault.purge(confirm=True).is_complete
    assert contents(drive.top) == had


def test_another_version_is_shelved(drive: Bringing) -> None:
    (drive.copy / "src/f1").write_text("edited")
    assert drive.brought() == set()
    assert drive.shelved() == {"src/f1"}


def test_what_the_copies_disagree_about_is_shelved(drive: Bringing) -> None:
    make_tree(drive.top / "App (1)", {**APP, "src": {**APP["src"], "new": "one", "both": "same"}})  # type: ignore[dict-item]
    (drive.copy / "src/new").write_text("two")
    (drive.copy / "src/both").write_text("same")
    assert drive.brought() == {"src/both"}
    assert drive.shelved() == {"src/new"}


def test_names_that_clash_on_some_file_system_are_shelved(drive: Bringing) -> None:
    (drive.keep / "src/Readme").write_text("kept")
    (drive.copy / "src/README").write_text("other")
    (drive.copy / "src/one").write_text("1")
    (drive.copy / "src/ONE").write_text("2")
    assert drive.brought() == set()
    assert drive.shelved() == {"src/README", "src/one", "src/ONE"}


@pytest.mark.parametrize(
    "path",
    [
        *(".env", "server.key", "src/.npmrc", "keys/id_rsa", "secrets.json"),
        *(".github/workflows/deploy.yml", "db/migrations/0002.sql", ".git-hooks/x.service"),
        *("etc/conf.d/own.conf", "etc/cron.daily/clean", "tests/test_it.py", "src/routes/a.js"),
        *("src/conftest.py", "docker-compose.override.yml", "src/x.test.js", "Makefile"),
        *("LaunchAgents/x.plist", "public/index.html", "vite.config.js", ".husky/pre-commit"),
    ],
)
def test_secrets_and_what_acts_by_being_there_are_shelved(drive: Bringing, path: str) -> None:
    new = drive.copy / path
    new.parent.mkdir(parents=True, exist_ok=True)
    new.write_text("own")
    (drive.keep / path).parent.mkdir(parents=True, exist_ok=True)
    assert drive.brought() == set()
    assert drive.shelved() == {path}
    shutil.rmtree(drive.keep)
    shutil.copytree(drive.top / "Backup/App", drive.keep)
    (drive.keep / path).unlink()
    drive.wanted = (new,)
    assert drive.brought() == {path}
    before = look(drive.top)
    drive.apply()
    assert (drive.keep / path).read_text() == "own"
    assert drive.vault.undo().is_complete
    assert look(drive.top) == before


def test_what_the_ignore_file_names_is_shelved(drive: Bringing) -> None:
    for folder in (drive.keep, drive.copy):
        (folder / ".gitignore").write_text("*.log\nout/\n")
        (folder / "src/.gitignore").write_text("local*\n")
    (drive.copy / "a.log").write_text("log")
    (drive.copy / "src/local.js").write_text("local")
    make_tree(drive.copy / "out", {"x": "x"})
    make_tree(drive.copy / "docs", {"y.log": "y", "z": "z"})
    make_tree(drive.copy / "guide", {"z": "other"})
    assert drive.brought() == {"guide"}


def test_what_was_deleted_does_not_come_back(drive: Bringing) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {"old.js": "old" * 500, "gone": {"a": "a" * 2000, "b": "b" * 2000}})
    drive.vault.scan(drive.top)
    (drive.keep / "old.js").unlink()
    shutil.rmtree(drive.keep / "gone")
    (drive.copy / "new.js").write_text("new")
    drive.vault.scan(drive.top)
    assert drive.brought() == {"new.js"}
    assert drive.shelved() == {"old.js", "gone"}
    drive.wanted = (drive.copy / "old.js",)
    assert drive.brought() == {"old.js"}


def test_links_are_shelved(drive: Bringing) -> None:
    (drive.copy / "src/link").symlink_to("f1")
    make_tree(drive.copy / "docs", {"a": "a"})
    (drive.copy / "docs/link").symlink_to("a")
    assert drive.brought() == set()
    assert drive.shelved() == {"src/link", "docs"}


def test_what_belongs_together_is_shelved(drive: Bringing) -> None:
    (drive.copy / "src/p.jpg").write_text("picture" * 900)
    (drive.copy / "src/p.xmp").write_text("edits")
    assert drive.brought() == set()
    assert drive.shelved() == {"src/p.jpg", "src/p.xmp"}


def test_an_edited_file_stays_and_is_told(drive: Bringing) -> None:
    (drive.copy / "src/new.js").write_text("new")
    drive.apply()
    (drive.keep / "src/new.js").write_text("edited since")
    undone = drive.vault.undo()
    assert [os.path.basename(each.path) for each in undone.failed] == [b"new.js"]
    assert (drive.keep / "src/new.js").read_text() == "edited since"
    assert (drive.copy / "src/new.js").read_text() == "new"


def test_a_brought_folder_with_something_new_in_it_stays(drive: Bringing) -> None:
    make_tree(drive.copy / "docs", {"a": "a"})
    drive.apply()
    (drive.keep / "docs/b").write_text("b")
    undone = drive.vault.undo()
    assert undone.failed
    assert (drive.keep / "docs/b").read_text() == "b"
    assert (drive.copy / "docs/a").read_text() == "a"


def test_what_comes_to_its_place_in_the_meantime_is_not_replaced(drive: Bringing) -> None:
    (drive.copy / "src/new.js").write_text("new")
    drive.plan(bring=["all"]).save(drive.file)
    (drive.keep / "src/new.js").write_text("someone else's")
    before = look(drive.top)
    result = drive.vault.apply(drive.file, dry_run=False)
    assert result.skipped and not result.done
    assert look(drive.top) == before


def test_what_others_could_not_read_is_shelved(drive: Bringing) -> None:
    (drive.copy / "src/new.js").write_text("new")
    (drive.top / "Backup").chmod(0o700)
    assert drive.brought() == set()
    assert drive.shelved() == {"src/new.js"}


def test_an_edited_plan_brings_no_repository(drive: Bringing) -> None:
    (drive.copy / "src/new.js").write_text("new")
    make_tree(drive.copy, {"src": {".git": {"HEAD": "ref"}}})
    shutil.rmtree(drive.copy / "src/.git")
    drive.plan(bring=["all"]).save(drive.file)
    text = drive.file.read_text()
    drive.file.write_text(text.replace("src/new.js", "src/.git"))
    make_tree(drive.copy, {"src": {".git": {"HEAD": "ref"}}})
    (drive.copy / "src/new.js").unlink()
    before = look(drive.top)
    assert not drive.vault.apply(drive.file, dry_run=False).done
    assert look(drive.top) == before


def test_what_cannot_be_brought_is_told(drive: Bringing) -> None:
    (drive.copy / "src/f1").write_text("edited")
    [note] = drive.plan(bring=[drive.copy / "src/f1"]).contents.notes
    assert "is another version of what the kept tree has" in note
    [note] = drive.plan(bring=[drive.keep / "src/f2"]).contents.notes
    assert "is not something that only a copy that leaves contains" in note
    with pytest.raises(UsageError, match="none to collapse"):
        drive.vault.plan(bring=["all"])


def test_the_same_text_with_other_line_ends_is_called_so(drive: Bringing) -> None:
    (drive.keep / "notes.txt").write_text("one\ntwo\n")
    (drive.copy / "notes.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    plan = drive.plan(bring=["all"])
    [why] = [it for copy in plan.contents.copies for it in copy.not_brought]
    assert why.rule is BringRule.SAME_TEXT
    assert why.cause.endswith("in line ends and a byte-order mark alone")


def test_what_the_kept_tree_has_under_another_name_is_not_brought_twice(drive: Bringing) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {f"{name}.txt": name * 40 for name in "abcd"})
    make_tree(drive.keep, {"docs": {"guide": "g" * 3000, "__init__.py": "", "tiny": "tiny"}})
    make_tree(drive.keep / "src", {"logo.png": "logo" * 900})
    renamed: Tree = {"guide": "g" * 3000, "__init__.py": "", "tiny": "tiny"}
    make_tree(
        drive.copy,
        {
            "manual": renamed,
            "mixed": {**renamed, "more": "only here"},
            "small": {"tiny": "tiny", "__init__.py": ""},
            "src": {"logo-1.png": "logo" * 900, "logo-2.png": "logo" * 900, "tiny-2": "tiny"},
        },
    )
    assert drive.brought() == {"mixed", "small", "src/tiny-2"}
    assert drive.shelved() == {"manual", "src/logo-1.png", "src/logo-2.png"}
    plan = drive.plan(bring=["all"])
    causes = {why.cause for each in plan.contents.copies for why in each.not_brought}
    assert causes == {
        "has the same content as docs/guide in the kept tree",
        "has the same content as src/logo.png in the kept tree",
    }
    drive.apply()
    assert drive.vault.undo().is_complete
    drive.wanted = (drive.copy / "manual",)
    assert drive.brought() == {"manual"}


def test_what_has_attributes_of_its_own_is_brought_whatever_has_its_content(
    drive: Bringing,
) -> None:
    make_tree(drive.keep, {"guide": "g" * 3000})
    make_tree(drive.copy, {"a": "g" * 3000, "b": "g" * 3000})
    set_attribute(drive.copy / "a", "user.tag", b"t")
    assert drive.brought() == {"a"}
    assert drive.shelved() == {"b"}


def test_each_thing_on_the_shelf_says_why_it_is_there(drive: Bringing) -> None:
    make_tree(drive.top / "App (1)", {**APP, "new": "one"})
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {".gitignore": "*.log", "old.js": "old" * 500})
    drive.vault.scan(drive.top)
    (drive.keep / "old.js").unlink()
    make_tree(
        drive.copy,
        {
            "new": "two",
            "src": {"f1": "edited", "F2": "clash"},
            ".env": "KEY=1",
            "db": {"migrations": {"2.sql": "drop", "1.sql": "create"}},
            "a.log": "log",
            "brought.js": "brought",
            "p.jpg": "picture" * 900,
            "p.xmp": "edits",
        },
    )
    (drive.copy / "link").symlink_to("a.log")
    expected = {
        "new": "several versions",
        "src/f1": "another version",
        "src/F2": "clash",
        ".env": "secret",
        "db": "acts",
        "a.log": "ignored",
        "link": "link",
        "old.js": "deleted",
        "p.jpg": "companion",
        "p.xmp": "companion",
    }
    plan = drive.plan(bring=["all"])
    plan.save(drive.file)
    for made in (plan, read_plan(drive.file)):
        [copy] = [
            each
            for each in made.contents.copies
            if not each.is_brought and each.source == os.fsencode(drive.copy)
        ]
        assert {
            os.fsdecode(item): str(why.rule)
            for item, why in zip(copy.items, copy.not_brought, strict=True)
        } == expected
    [tree] = plan.trees
    assert tree.not_brought[BringRule.ACTS] == 2
    assert tree.not_brought[BringRule.SEVERAL_VERSIONS] == 2
    assert tree.not_brought[BringRule.LINK] == 1
    rows = [each for each in plan.to_dict()["copies"] if each["path"].endswith("Backup")]
    [secret] = [each for each in rows[0]["items"] if each["path"] == ".env"]
    assert (secret["rule"], secret["cause"]) == ("secret", "is, or contains, .env: a secret")
    assert not any(each.not_brought for each in drive.plan().contents.copies)
    drive.wanted = (drive.copy / "brought.js",)
    named = drive.plan(bring=drive.wanted)
    assert set(named.trees[0].not_brought) == {BringRule.NOT_NAMED}


def test_a_reason_in_a_plan_that_was_edited_is_checked(drive: Bringing) -> None:
    for name in (".env", "server.key"):
        (drive.copy / name).write_text("own")
    drive.plan(bring=["all"]).save(drive.file)
    text = drive.file.read_text()
    assert text.count('"rule": "secret"') == 2
    for wrong in ('"rule": "none of ours"', '"why": "secret"'):
        drive.file.write_text(text.replace('"rule": "secret"', wrong, 1))
        with pytest.raises(UntrustedInput):
            read_plan(drive.file)
    drive.file.write_text(text.replace('"rule": "secret"', '"why": "secret"'))
    assert not read_plan(drive.file).contents.copies[0].not_brought


def test_a_repository_is_not_filled_with_what_it_deleted(drive: Bringing) -> None:
    git(drive.keep, "init", "-q")
    (drive.keep / "deleted.js").write_text("deleted")
    git(drive.keep, "add", ".")
    git(drive.keep, "commit", "-q", "-m", "one")
    shutil.rmtree(drive.copy)
    git(drive.keep, "rm", "-q", "deleted.js")
    git(drive.keep, "commit", "-q", "-m", "two")
    shutil.copytree(drive.keep, drive.copy, symlinks=True)
    (drive.copy / "deleted.js").write_text("deleted")
    (drive.copy / "new.js").write_text("new")
    assert "deleted.js" not in drive.brought()


def test_what_an_undo_took_out_again_is_brought_again(drive: Bringing) -> None:
    (drive.copy / "new.js").write_text("new")
    make_tree(drive.copy / "docs", {"a": "a"})
    drive.apply()
    assert drive.vault.undo().is_complete
    assert drive.brought() == {"new.js", "docs"}
