"""An undo does all it can, and tells all it cannot."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import time_ns

from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.dedupe.model import DedupeAction, StepProblem
from tests.dedupe.acting import Ground, files_below, live, slots, step
from tests.dedupe.drives import killed
from tests.dedupe.plans import Bench
from tests.support.trees import Tree, make_tree

PHOTO = "a photo; " * 99
PAIR: Tree = {"a.jpg": PHOTO, "a.xmp": "five stars"}
DRIVE: Tree = {"Pictures": {**PAIR, "own": "1"}, "Downloads": {**PAIR, "own": "2"}}


def photo_set_aside(top: Path) -> Ground:
    make_tree(top, DRIVE)
    field = Ground(live(top))
    goes, stays = top / "Downloads", top / "Pictures"
    sidecar = (goes / "a.xmp", stays / "a.xmp")
    assert field.apply(step("s1", goes / "a.jpg", stays / "a.jpg", sidecars=[sidecar])).done
    return field


def test_a_photo_comes_back_though_the_place_of_its_sidecar_is_taken(tmp_path: Path) -> None:
    field, goes = photo_set_aside(tmp_path), tmp_path / "Downloads"
    (goes / "a.xmp").write_text("written since")
    [back] = field.undo()
    assert (goes / "a.jpg").read_text() == PHOTO
    assert (goes / "a.xmp").read_text() == "written since"
    path = os.fsencode(goes / "a.xmp")
    assert back.failed == [StepProblem(path, "something else stands there now")]
    assert [(each.path, each.files) for each in back.done] == [(os.fsencode(goes / "a.jpg"), 1)]
    assert -back.bytes_set_aside == (goes / "a.jpg").stat().st_blocks * 512
    assert [each.read_text() for each in slots(tmp_path)] == ["five stars"]
    (goes / "a.xmp").unlink()
    [again] = field.undo()
    assert (goes / "a.xmp").read_text() == "five stars"
    assert not again.failed
    assert not field.undo()


def test_a_sidecar_comes_back_though_the_place_of_its_photo_is_taken(tmp_path: Path) -> None:
    field, goes = photo_set_aside(tmp_path), tmp_path / "Downloads"
    (goes / "a.jpg").mkdir()
    [back] = field.undo()
    assert (goes / "a.xmp").read_text() == "five stars"
    assert [each.path for each in back.failed] == [os.fsencode(goes / "a.jpg")]
    assert [each.path for each in back.done] == [os.fsencode(goes / "a.xmp")]
    [purged] = field.purge()  # what waits on can still be deleted
    assert len(purged.done) == 1
    assert not slots(tmp_path)


def test_a_folder_that_cannot_be_written_to_holds_up_no_other(tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": {"a": PHOTO}, "y": {"a": PHOTO}, "keep": {"a": PHOTO}})
    field, keep = Ground(live(tmp_path)), tmp_path / "keep/a"
    field.apply(step("s1", tmp_path / "x/a", keep), step("s2", tmp_path / "y/a", keep))
    (tmp_path / "y").write_text("a file since")
    [back] = field.undo()
    assert (tmp_path / "x/a").read_text() == PHOTO
    assert {each.path for each in back.failed} == {
        os.fsencode(tmp_path / "y"),
        os.fsencode(tmp_path / "y/a"),
    }


def test_what_was_written_to_links_stays_where_their_file_is_gone(tmp_path: Path) -> None:
    """Then all its names are links of ours: while one of them is kept, the undo may take them."""
    make_tree(tmp_path, {name: {"a": PHOTO} for name in "kxy"})
    field, keep = Ground(live(tmp_path)), tmp_path / "k/a"
    copies = [tmp_path / name / "a" for name in "xy"]
    steps = [step(path.parent.name, path, keep) for path in copies]
    field.apply(*steps, action=DedupeAction.HARDLINK)
    copies[0].write_text("written since")
    keep.unlink()
    [back] = field.undo()
    assert {each.path for each in back.failed} == {os.fsencode(path) for path in copies}
    assert [path.read_text() for path in copies] == ["written since"] * 2
    os.link(copies[0], keep)
    [back] = field.undo()
    assert (back.failed, keep.read_text()) == ([], "written since")
    assert [path.read_text() for path in copies] == [PHOTO] * 2
    assert not slots(tmp_path)


def test_what_was_deleted_says_so_and_where_its_copy_is(tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": {"a": PHOTO}, "y": {"a": PHOTO + "y"}, "keep": {"a": PHOTO}})
    make_tree(tmp_path, {"keep": {"b": PHOTO + "y"}})
    field, keep = Ground(live(tmp_path)), tmp_path / "keep"
    field.apply(step("s1", tmp_path / "x/a", keep / "a"), step("s2", tmp_path / "y/a", keep / "b"))
    (keep / "b").write_text("changed since")
    field.purge()
    [back] = field.undo()
    assert [each.path for each in back.done] == [os.fsencode(tmp_path / "y/a")]
    [problem] = back.failed
    assert problem.path == os.fsencode(tmp_path / "x/a")
    assert problem.cause.endswith(f"deleted for good; its copy is {keep / 'a'}")


def test_a_run_of_which_all_was_deleted_says_where_the_copies_are(
    tmp_path: Path, vault: Path
) -> None:
    top = make_tree(tmp_path / "drive", {"data": {"a": PHOTO}, "Backup": {"a": PHOTO, "b": "1"}})
    bench = Bench(top, vault)
    bench.scan(top)
    run = bench.dedupe_json("--apply", bench.plan().file)[1]["run"]
    assert bench.dedupe("--empty-quarantine", "--yes") == 0
    code, document = bench.dedupe_json("--undo", run)
    assert (code, document["done"]) == (3, 0)
    [problem] = document["failed"]
    assert problem["path"] == str(top / "Backup/a")
    assert str(top / "data/a") in problem["cause"]
    shutil.move(top / "data/a", top / "data/moved")
    [problem] = bench.dedupe_json("--undo", run)[1]["failed"]
    assert "not there any more" in problem["cause"]


def test_a_folder_comes_back_before_what_had_been_in_it(tmp_path: Path) -> None:
    """A plan that was edited takes a file and then the folder around it, and is killed."""
    for after in range(12, 24):
        top = tmp_path / f"{after}"
        make_tree(top, {name: {"in": {"a": PHOTO, "b": PHOTO}} for name in "xk"})
        before, field = files_below(top, ours=False), Ground(live(top))
        steps = [step(at, top / "x" / at, top / "k" / at) for at in ("in/a", "in/b", "in")]
        steps = [replace(each, id=f"s{number}") for number, each in enumerate(steps)]
        killed(partial(field.apply, *steps), after)
        finish_interrupted_runs(os.fsencode(top), time_ns)
        assert [each.failed for each in field.undo()] in ([], [[]])
        assert files_below(top, ours=False) == before
