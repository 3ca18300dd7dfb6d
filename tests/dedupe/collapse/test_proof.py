"""What a run proves of the copies that leave: where each file is kept, as it was compared."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from gorillacomb.dedupe.proof import Holder
from tests.dedupe.collapse.test_plan import SHELF, Drive, git
from tests.support.run import run
from tests.support.trees import make_tree


class Everything(Drive):
    """A drive with a copy of which there is something for each holder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        git(self.keep, "init", "-q", "-b", "main")
        (self.keep / "deleted.txt").write_text("deleted later\n" * 200)
        (self.keep / "package-lock.json").write_text('{"lockfileVersion": 3}')
        (self.keep / "src/link").symlink_to("f0")
        git(self.keep, "add", ".")
        git(self.keep, "commit", "-q", "-m", "one")
        shutil.rmtree(self.copy)
        shutil.copytree(self.keep, self.copy, symlinks=True)
        (self.keep / "src/f1").write_text("newer\n" * 300)
        git(self.keep, "rm", "-q", "deleted.txt")
        git(self.keep, "commit", "-q", "-a", "-m", "two")
        os.rename(self.copy / "src/f3", self.copy / "src/renamed")
        make_tree(
            self.copy,
            {
                "node_modules": {"left-pad": {"index.js": "left", "package.json": "{}"}},
                ".DS_Store": "system",
                "only.txt": "only here",
                "src": {"f2": "edited here"},
                "notes": {"a": "a", "b": "b"},
            },
        )
        self.files = sum(len(names) for _, _, names in os.walk(self.copy))
        self.of_git = sum(len(names) for _, _, names in os.walk(self.copy / ".git"))

    def applied(self, **wanted: object) -> str:
        """Apply a plan; return the id of the run."""
        self.plan(**wanted).save(self.file)
        result = self.vault.apply(self.file, dry_run=False)
        assert result.is_complete, (result.skipped, result.failed)
        [proof] = result.proofs
        assert (proof.path, proof.keep) == (os.fsencode(self.copy), os.fsencode(self.keep))
        assert proof.total == self.files
        assert proof.files == result.proven_files
        return result.id

    def recorded(self, name: str) -> Mapping[str, int]:
        """What the record of a run says of the only copy."""
        [proof] = self.vault.run_details(name).proofs
        assert proof.path == os.fsencode(self.copy)
        return proof.files


@pytest.fixture
def drive(tmp_path: Path) -> Everything:
    return Everything(tmp_path)


def expected(drive: Everything, brought: bool) -> dict[str, int]:
    # package.json, its lock file, the link, f0, f4 to f7, and f3 under its new name
    known: dict[str, int] = {Holder.KEPT_TREE: 9, Holder.HISTORY: 2}
    known |= {Holder.REGENERABLE: 2, Holder.SYSTEM: 1, Holder.REPOSITORY: drive.of_git}
    known |= {Holder.BROUGHT: 3, Holder.SHELF: 1} if brought else {Holder.SHELF: 4}
    return known


@pytest.mark.parametrize("brought", [False, True])
def test_a_run_records_what_keeps_each_file(drive: Everything, brought: bool) -> None:
    name = drive.applied(bring=["all"] if brought else [])
    assert drive.recorded(name) == expected(drive, brought)
    assert drive.vault.undo().is_complete
    assert drive.recorded(name) == expected(drive, brought)


def test_it_says_what_was_compared_and_not_what_was_planned(drive: Everything) -> None:
    drive.plan().save(drive.file)
    lines = [json.loads(line) for line in drive.file.read_text().splitlines()]
    for line in lines:
        if line.get("kind") == "leave":
            line["kept_in"] = [{**each, "files": 1000} for each in line["kept_in"]]
    drive.file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    # In the meantime a file that was to be on the shelf comes to be in the kept tree, too.
    (drive.copy / "src/f2").unlink()
    shutil.copy2(drive.keep / "src/f2", drive.copy / "src/f2")
    result = drive.vault.apply(drive.file, dry_run=False)
    assert result.is_complete, result.skipped
    assert result.proofs[0].files == expected(drive, brought=False)  # it was copied all the same


def test_emptying_the_quarantine_proves_it_once_more(drive: Everything) -> None:
    name = drive.applied()
    purged = drive.vault.purge(name, confirm=True)
    assert purged.is_complete, purged.skipped
    assert purged.proven_files == expected(drive, brought=False)


def test_what_is_deleted_though_it_is_kept_nowhere_is_counted(drive: Everything) -> None:
    name = drive.applied()
    (drive.top / SHELF / "Backup/only.txt").unlink()
    kept = drive.vault.purge(name, confirm=True)
    assert (kept.unique_files, kept.proofs, kept.is_complete) == (1, (), False)
    purged = drive.vault.purge(name, confirm=True, including_unique=1)
    assert purged.is_complete, purged.skipped
    assert purged.proven_files == {
        **expected(drive, brought=False),
        Holder.SHELF: 3,
        Holder.UNIQUE: 1,
    }


def test_commands_show_it(drive: Everything, tmp_path: Path) -> None:
    drive.plan().save(drive.file)
    vault = tmp_path / "vault"
    done = " ".join(run("dedupe", "--apply", drive.file, vault=vault).out.split())
    words = f"Compared, with links: {drive.files} files; 9 in the kept tree, 4 on the shelf, 2 in"
    assert words in done
    [event, *_] = drive.vault.history().events
    shown = " ".join(run("dedupe", "--history", event.run, vault=vault).out.split())
    assert f"{drive.files}: 9 in the kept tree, 4 on the shelf, 2 in the git history" in shown
    document = json.loads(run("dedupe", "--history", event.run, "--json", vault=vault).out)
    [proof] = document["proofs"]
    assert proof["files"] == expected(drive, brought=False)
    assert proof["total"] == drive.files
    deleted = json.loads(
        run("dedupe", "--empty-quarantine", event.run, "--yes", "--json", vault=vault).out
    )
    assert deleted["proven_files"] == expected(drive, brought=False)
