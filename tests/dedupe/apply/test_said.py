"""What a run says of what it could not do, or left behind: in words that somebody can act on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.dedupe.apply.locks import locked_roots
from gorillacomb.errors import RefusedForSafety
from tests.dedupe.acting import Ground, live, step, told
from tests.dedupe.plans import Bench
from tests.support.disks import Disks
from tests.support.stranger import STRANGER, give, ground, run_as_stranger
from tests.support.trees import Tree, make_tree, settle

FOLDER: Tree = {"a": "one of them", "b": "another one"}


def test_a_folder_of_a_lower_layer(disks: Disks) -> None:
    lower, upper, work, point = (disks.point(name) for name in ("low", "up", "work", "mnt"))
    make_tree(lower, {"keep": FOLDER, "copy": FOLDER})
    settle(lower)
    options = f"lowerdir={lower},upperdir={upper},workdir={work},redirect_dir=off"
    disks.mount("overlay", point, "-t", "overlay", "-o", options)
    field = Ground(live(point))
    whole = field.apply(step("s1", point / "copy", point / "keep"))
    [cause] = told([whole])
    assert "an overlay moves no folder" in cause
    assert "--files-only" in cause
    single = field.apply(step("s1", point / "copy/a", point / "keep/a"), uid="1" * 32)
    assert single.done


def test_folders_that_are_left_empty_are_counted(tmp_path: Path, vault: Path) -> None:
    inner: Tree = {f"x{number}": {"y": {"file": f"content {number}" * 9}} for number in range(3)}
    data: Tree = {
        str(number): {"file": f"content {number}" * 9, "own": f"{number}"} for number in range(3)
    }
    bench = Bench(make_tree(tmp_path / "drive", {"data": data, "Backup": inner}), vault)
    (bench.folder / "Backup/x2").chmod(0o2755)  # what is made in it gets its group: it stays
    bench.scan(bench.folder)
    plan = bench.plan("--files-only")
    assert len(plan.steps) == 3
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"], done["emptied_folders"], done["empty_folders"]) == (0, 3, 5, 2)
    left = list((bench.folder / "Backup").rglob("*"))
    assert left == [bench.folder / "Backup/x2"]
    causes = {each["path"]: each["cause"] for each in done["left_empty"]}
    assert causes == {
        str(bench.folder / "Backup"): "it contains only such folders",
        str(bench.folder / "Backup/x2"): (
            "it has a special mode (set-user-ID, set-group-ID, sticky)"
        ),
    }
    assert bench.dedupe("--undo") == 0
    assert "3 files in 3 steps, and 5 folders that contained nothing else" in bench.printed
    assert bench.dedupe("--apply", bench.plan("--files-only").file) == 0
    assert "Quarantined with them: 5 folders that contained nothing else" in bench.printed
    assert "Folders that are empty now and were left in place: 2\n" in bench.printed
    assert "Backup/x2\n    it has a special mode" in bench.printed


@pytest.mark.parametrize("inner", [".gorillacomb", ".gorillacomb/lock"])
def test_what_another_user_holds_is_said_to_be_theirs(inner: str) -> None:
    with ground() as place:
        drive = make_tree(place / "drive", {"data": FOLDER, "Backup": FOLDER})
        settle(drive)
        give(place)
        with locked_roots([os.fsencode(drive)]):
            pass  # by root, whose folder it is from now on
        os.chown(drive / ".gorillacomb", STRANGER, STRANGER)
        os.chown(drive / inner, 0, 0)
        assert run_as_stranger("scan", drive, home=place).code == 0
        plan = place / "plan.jsonl"
        assert run_as_stranger("dedupe", "--plan", "-o", plan, home=place).code == 0
        ran = run_as_stranger("dedupe", "--apply", plan, home=place)
    assert ran.code == 5, ran
    said = " ".join(ran.err.split())
    assert f"{inner} in it, which belongs to the user root, cannot be used" in said
    assert f"as a run with sudo leaves it: sudo chown -R {STRANGER} {drive / inner}" in said


def test_an_owner_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to give a folder away")
    (tmp_path / ".gorillacomb").touch()
    os.chown(tmp_path / ".gorillacomb", 54321, 54321)
    with (
        pytest.raises(RefusedForSafety, match="the user with the number 54321") as refusal,
        locked_roots([os.fsencode(tmp_path)]),
    ):
        pass
    assert "a folder of their own" in refusal.value.hint
