"""What `explain` says of what is gone: only what an index, a trace or a quarantine can prove."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.explain import command as explain
from gorillacomb.cli.commands.find.scan import command as comb
from tests.support.inside import answer
from tests.support.run import refused, run
from tests.support.trees import Tree, make_tree, settle

BIG = 20_000
KEEP: Tree = {f"p{number}": f"{number}" * BIG for number in range(4)}
TREE: Tree = {
    "Keep": KEEP,
    "Copy of Keep": KEEP,
    "own": {"a": "a" * BIG, "b": "b" * BIG},
    "Downloads": {"a": "a" * BIG, "b": "b" * BIG, "mine": "m" * BIG},
}
ALONE = "no other file with its content is known"


@pytest.fixture
def top(tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drive that was scanned."""
    monkeypatch.setenv("GORILLACOMB_VAULT", str(vault))
    top = make_tree(tmp_path / "drive", TREE)
    settle(top)
    answer(comb, top)
    return top


def tidy(top: Path, *prefer: str, files: int = 6) -> str:
    """Set the copies aside; returns the run."""
    plan = top.parent / f"plan {len(os.listdir(top.parent))}"
    words = [word for each in prefer for word in ("--prefer", str(top / each))]
    answer(dedupe, "--plan", "-o", plan, *words)
    done = answer(dedupe, "--apply", plan)
    assert done["files"] == files, done
    return str(done["run"])


def told(path: Path) -> str:
    ran = run("explain", path, vault=Path(os.environ["GORILLACOMB_VAULT"]))
    assert ran.code == 0, ran.err
    return ran.out


def test_the_copy_that_was_kept_is_gone_and_the_other_one_waits(top: Path) -> None:
    name = tidy(top)
    (top / "Keep/p3").unlink()
    for _ in range(2):  # before a scan and after one
        [item] = answer(explain, top / "Keep/p3")["kept_for"]
        assert (item["path"], item["state"]) == (str(top / "Copy of Keep/p3"), "waiting")
        assert Path(item["quarantine"]).read_bytes() == b"3" * BIG
        shown = told(top / "Keep/p3")
        assert f"--undo {name} --only '{top}/Copy of Keep/p3'" in shown
        assert "removed since" in shown or "  missing, " in shown
        assert ALONE not in shown and "only copy that is known" not in shown
        assert f"{top}/Keep/p3 (does not exist now)" in told(top / "Copy of Keep/p3")
        answer(comb, top)
    assert "(does not exist now)" not in told(top / "Copy of Keep/p2")
    assert answer(explain, top / "Keep/p2")["kept_for"] == []
    answer(dedupe, "--undo", name, "--only", top / "Copy of Keep/p3")
    assert f"its content is in {top}/Copy of Keep/p3" in told(top / "Keep/p3")
    (top / "Copy of Keep/p3").unlink()
    answer(comb, top)
    assert ALONE in told(top / "Keep/p3")


def test_what_was_kept_under_a_former_name_or_for_what_was_kept_before(top: Path) -> None:
    tidy(top)
    (top / "Keep").rename(top / "Kept")
    answer(comb, top)
    shutil.rmtree(top / "Kept")
    assert f"{top}/Kept  (removed since it was scanned)" in told(top / "Kept")
    answer(comb, top)
    for inner in ("", "/p1"):
        [item] = answer(explain, top / f"Kept{inner}")["kept_for"]
        assert item["path"] == str(top / f"Copy of Keep{inner}")


def test_what_was_canonical_before_a_run_is_not_the_only_copy(top: Path) -> None:
    assert answer(explain, top / "Keep/p1")["canonical"] == {"path": str(top / "Keep/p1")}
    tidy(top, "Copy of Keep", "Downloads")
    for path, keep in (("Keep/p1", "Copy of Keep/p1"), ("own/a", "Downloads/a")):
        shown = told(top / path)
        assert ALONE not in shown
        assert f"kept for it: {top}/{keep}\n" in shown


def test_a_folder_that_was_deleted_by_hand_has_its_contents_elsewhere(top: Path) -> None:
    shutil.rmtree(top / "Keep")
    answer(comb, top)
    assert f"its content is now in {top}/Copy of Keep/p1" in told(top / "Keep/p1")
    assert ALONE not in told(top / "Keep")


def test_only_what_was_there_has_moved(top: Path) -> None:
    tidy(top)
    (top / "Downloads").rename(top / "Dl")
    answer(comb, top)
    assert answer(explain, top / "Downloads/a")["moved_to"] is None
    assert "moved to" not in told(top / "Downloads/a")
    assert answer(explain, top / "Downloads/mine")["moved_to"] == {"path": f"{top}/Dl/mine"}
    assert answer(explain, top / "Downloads")["moved_to"] == {"path": f"{top}/Dl"}
    vault = Path(os.environ["GORILLACOMB_VAULT"])
    refused(run("explain", top / "Downloads/nonsense", vault=vault), 2, "nonsense")
    make_tree(top / "Dl", {"nonsense": "n" * BIG, "copy of it": "n" * BIG})
    settle(top)
    answer(comb, top)
    for name in ("nonsense", "copy of it"):
        assert answer(explain, top / "Downloads" / name) == 2


def test_a_copy_that_no_entry_names_moved_with_its_folder(top: Path) -> None:
    (top / "Downloads").rename(top / "Dl")
    answer(comb, top)
    canonical = answer(explain, top / "Dl/a")["canonical"]["path"]
    assert canonical == str(top / "own/a")
    assert answer(explain, top / "Downloads/a")["moved_to"] == {"path": f"{top}/Dl/a"}


def test_a_photo_that_came_back_out_of_a_folder_is_told_of_once(top: Path) -> None:
    name = tidy(top)
    answer(dedupe, "--undo", name, "--only", top / "Copy of Keep/p2")
    [item] = answer(explain, top / "Copy of Keep/p2")["runs"]
    assert item["state"] == "put back"
    shutil.rmtree(os.environ["GORILLACOMB_VAULT"])
    answer(comb, top)
    [known] = answer(dedupe, "--history")["runs"]
    assert (known["seq"], known["files"]) == (None, 6)
    assert answer(dedupe, "--history", name)["waiting_files"] == 5


def test_the_run_that_knew_a_path_is_named_though_another_one_waits(top: Path) -> None:
    first = tidy(top)
    answer(dedupe, "--empty-quarantine", "--yes")
    make_tree(top, {"Copy of Keep": {"new": "n" * BIG}, "Keep": {"new": "n" * BIG}})
    settle(top)
    answer(comb, top)
    plan = top.parent / "second plan"
    answer(dedupe, "--plan", "-o", plan)
    second = answer(dedupe, "--apply", plan)["run"]
    vault = Path(os.environ["GORILLACOMB_VAULT"])
    ran = run("dedupe", "--undo", "--only", top / "Copy of Keep/p1", vault=vault)
    refused(ran, 2, first, "purged")
    assert second not in ran.err
    ran = run("dedupe", "--undo", "--only", top / "own/never", vault=vault)
    refused(ran, 2, "No known run", "own/never")
    ran = run("dedupe", "--only", "x", vault=vault)
    refused(ran, 2, "--only requires --undo")
    assert "--plan" not in ran.err
    ran = run("explain", top / "never", vault=vault)
    refused(ran, 2, "never")
    assert "trace show" not in ran.err


def test_the_history_says_how_many_failed_in_all(top: Path) -> None:
    more: Tree = {name: name * BIG for name in "cd"}
    make_tree(top, {"own": more, "Downloads": more})
    settle(top)
    answer(comb, top)
    name = tidy(top, files=8)
    make_tree(top, {"Downloads": dict.fromkeys("abcd", "another")})
    failed = len(answer(dedupe, "--undo", name)["failed"])
    assert failed > 3
    shown = run("dedupe", "--history", vault=Path(os.environ["GORILLACOMB_VAULT"])).out
    assert f"failed: {failed}\n" in shown and f"and {failed - 3} more\n" in shown
