"""Albums: what leaves one leaves in one step, for one other folder, and all or none of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.dedupe.plan_file import serialize
from tests.dedupe.plans import Bench, Planned, planned
from tests.support.trees import make_tree

Folder = dict[Any, Any]


def pictures(first: int, last: int, ending: str = "jpg") -> Folder:
    """Pictures by their numbers, each with a content of its own."""
    return {f"IMG_{at}.{ending}": f"picture {at} " * 99 for at in range(first, last + 1)}


def others(name: str, number: int = 20) -> Folder:
    """Other pictures, which stand nowhere else."""
    return {f"{name} {at}.jpg": f"{name} {at} " * 99 for at in range(number)}


ROME = pictures(1, 8)


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


def taken(plan: Planned) -> dict[str, str]:
    """Each file that goes, with what stays for it."""
    return {
        plan.inner(pair): plan.inner(pair, "keep")
        for step in plan.steps
        for pair in (step, *step.get("sidecars", ()))
    }


def left_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


OWN: Folder = {"diary.txt": "of Rome " * 99}
TWO: Folder = {"Rome": {**ROME, **OWN}, "Pictures": {"2019": {**ROME, **others("more")}}}


@pytest.mark.parametrize("spoil", ["changed", "gone"])
def test_an_album_leaves_whole_or_not_at_all(bench: Bench, spoil: str) -> None:
    plan = planned(bench, TWO, "--prefer", "@/Pictures")
    (step,) = plan.steps
    assert taken(plan) == {f"Rome/{name}": f"Pictures/2019/{name}" for name in ROME}
    assert (step["kind"], step["files"], step["bytes"]) == ("file", 8, 8 * 4096)
    assert bench.dedupe("--prefer", str(bench.folder / "Pictures")) == 0
    assert "with: 7 more files beside it" in bench.printed
    spoiled = bench.folder / "Pictures/2019/IMG_5.jpg"
    spoiled.unlink() if spoil == "gone" else spoiled.write_text("edited " * 200)
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"]) == (3, 0)
    assert [each["path"] for each in done["skipped"]] and done["skipped"][0]["cause"]
    assert left_in(bench.folder / "Rome") == {*ROME, *OWN}


@pytest.mark.parametrize("action", ["quarantine", "delete"])
def test_an_album_that_left_is_deleted_whole_or_not_at_all(bench: Bench, action: str) -> None:
    plan = planned(bench, TWO, "--prefer", "@/Pictures", "--action", action)
    more = ("--yes-delete", "8") if action == "delete" else ()
    code, done = bench.dedupe_json("--apply", plan.file, *more)
    assert (code, done["done"]) == (0, 1), done
    assert left_in(bench.folder / "Rome") == set(OWN)
    if action == "delete":
        return
    kept = bench.folder / "Pictures/2019/IMG_5.jpg"
    good = kept.read_bytes()
    kept.write_text("edited " * 200)
    code, done = bench.dedupe_json("--empty-quarantine", "--yes")
    assert (done["done"], done["bytes_freed"], len(done["skipped"])) == (0, 0, 1), done
    kept.write_bytes(good)
    assert bench.dedupe_json("--undo")[0] == 0
    assert left_in(bench.folder / "Rome") == {*ROME, *OWN}


def test_settings_of_a_picture_leave_with_its_album(bench: Bench) -> None:
    xmp: Folder = {f"IMG_{at}.xmp": f"settings {at} " * 50 for at in (2, 3)}
    tree = {
        "Rome": {**ROME, **OWN, **xmp},
        "Pictures": {"2019": {**ROME, **xmp, **others("more")}, "x": dict(xmp)},
    }
    plan = planned(bench, tree, "--prefer", "@/Pictures")
    (step,) = [step for step in plan.steps if plan.inner(step).startswith("Rome/")]
    assert step["files"] == 10
    assert taken(plan)["Rome/IMG_2.xmp"] == "Pictures/2019/IMG_2.xmp"


def test_single_pictures_do_not_leave_an_album_by_an_edited_plan(bench: Bench) -> None:
    """Nor by the plan of an earlier version, which had a step for each picture."""
    plan = planned(bench, TWO, "--prefer", "@/Pictures")
    pairs = [plan.steps[0], *plan.steps[0]["sidecars"]]
    for count in (8, 3, 1):
        lines: list[Any] = [{**plan.header, "steps": count}]
        for at, pair in enumerate(pairs[:count]):
            own = {key: pair[key] for key in ("path", "keep")}
            more = {"kind": "file", "files": 1, "bytes": 1, "reasons": []}
            lines.append({"id": f"s{at}", **more, **own})
        edited = plan.file.with_name(f"edited {count}")
        edited.write_text("".join(json.dumps(line) + "\n" for line in lines))
        code, done = bench.dedupe_json("--apply", edited)
        causes = {each["cause"] for each in done["skipped"]}
        assert (code, done["done"], len(done["skipped"])) == (3, 0, count)
        assert causes == {"is part of an album, of which others would stay (album)"}
    edited.write_text(plan.file.read_text())
    assert bench.dedupe_json("--apply", edited)[0] == 0, "as it was planned"


def test_one_picture_of_another_folder_does_not_leave_with_an_album(bench: Bench) -> None:
    """A unit that somebody wrote is checked like any step: it is of one folder, for one folder."""
    tree = {**TWO, "Desk": {"IMG_1.jpg": ROME["IMG_1.jpg"], "letter.txt": "dear " * 99}}
    plan = planned(bench, tree, "--prefer", "@/Pictures")
    (step,) = [step for step in plan.steps if len(step.get("sidecars", ())) > 1]
    other = {"path": f"{bench.folder}/Desk/IMG_1.jpg", "keep": step["keep"]}
    step["sidecars"][0] = other
    edited = plan.file.with_name("edited")
    edited.write_text(json.dumps({**plan.header, "steps": 1}) + "\n" + json.dumps(step) + "\n")
    code, done = bench.dedupe_json("--apply", edited)
    assert (code, done["done"]) == (3, 0)
    assert left_in(bench.folder / "Rome") == {*ROME, *OWN}


def test_the_folder_with_all_of_an_album_stays_for_it(bench: Bench) -> None:
    """Though single copies in other places come before it in the order."""
    tree = {
        "Photos": {"x": {"Rome": {**ROME, **OWN}}},
        "Archive": {"Italy": {**ROME, **others("more", 3)}},
        "Best": {**pictures(1, 2), **others("best", 40)},
    }
    plan = planned(bench, tree, "--prefer", "@/Archive", "--prefer", "@/Best")
    went = {path: keep for path, keep in taken(plan).items() if path.startswith("Photos/")}
    assert went == {f"Photos/x/Rome/{name}": f"Archive/Italy/{name}" for name in ROME}


def test_two_equal_pictures_in_one_album_are_one_too_many(bench: Bench) -> None:
    tree = {"Rome": {**ROME, "IMG_1 (1).jpg": ROME["IMG_1.jpg"]}}
    plan = planned(bench, tree)
    assert taken(plan) == {"Rome/IMG_1 (1).jpg": "Rome/IMG_1.jpg"}
    assert bench.dedupe_json("--apply", plan.file)[0] == 0


@pytest.mark.parametrize("name", ["Rome (2)", "Rome - Copy", "Rome_backup"])
def test_a_copy_of_an_album_leaves_for_that_alone(bench: Bench, name: str) -> None:
    """Not for single copies in other places. What stays in it is no album any more."""
    tree = {
        "Photos": {"Rome": {**ROME}},
        "Trips": {name: {**pictures(2, 8), **others("own", 2), "IMG_50.jpg": "fifty " * 99}},
        "Best": {**pictures(2, 3), **others("best", 40), "IMG_50.jpg": "fifty " * 99},
    }
    plan = planned(bench, tree, "--prefer", "@/Best")
    went = {path: keep for path, keep in taken(plan).items() if path.startswith("Trips/")}
    album = {f"Trips/{name}/IMG_{at}.jpg": f"Photos/Rome/IMG_{at}.jpg" for at in range(2, 9)}
    assert went == {**album, f"Trips/{name}/IMG_50.jpg": "Best/IMG_50.jpg"}
    assert not [each for each in plan.left if each[0] == f"Trips/{name}"]
    dry = bench.dedupe_json("--apply", plan.file, "--dry-run")[1]
    done = bench.dedupe_json("--apply", plan.file)[1]
    assert (dry["done"], done["done"], done["skipped"]) == (len(plan.steps), len(plan.steps), [])
    assert bench.plan("--prefer", bench.folder / "Best").steps == []


def test_a_second_album_of_the_same_name_is_one_of_its_own(bench: Bench) -> None:
    """Few of its pictures stand in one other folder: none of them leaves."""
    tree = {"Photos": {"Rome (2)": {**ROME}, "Best": {**pictures(1, 3), **others("best", 40)}}}
    plan = planned(bench, tree)
    assert taken(plan) == {}
    assert plan.left == {("Photos/Rome (2)", "album", 3)}
    place = planned(
        Bench(bench.folder.with_name("it"), bench.vault.with_name("it")),
        {"Downloads (2)": {**ROME}, "Best": {**pictures(1, 3), **others("best", 40)}},
    )
    assert len(taken(place)) == 3, "a place in which things are only left is no album"


def test_a_copy_of_an_album_is_scattered_by_no_edited_plan(bench: Bench) -> None:
    tree = {"Rome": {**ROME, **OWN}, "Rome (2)": {**ROME, "own.txt": "own " * 99}}
    plan = planned(bench, tree)
    (step,) = plan.steps
    step["sidecars"] = step["sidecars"][:2]
    edited = plan.file.with_name("edited")
    edited.write_text(json.dumps({**plan.header, "steps": 1}) + "\n" + json.dumps(step) + "\n")
    code, done = bench.dedupe_json("--apply", edited)
    assert (code, done["done"]) == (3, 0)
    assert "album" in done["skipped"][0]["cause"]


@pytest.mark.parametrize("scattered", [False, True])
def test_an_album_in_a_retired_folder(bench: Bench, scattered: bool) -> None:
    """What has copies in one folder goes, and holes are wanted; what lies scattered stays."""
    one = pictures(1, 6)
    names = sorted(one)
    places: Folder = {"Pictures": {"Rome": {**one, **others("more", 3)}}}
    if scattered:
        places = {
            "Pictures": {
                str(at): {names[at]: one[names[at]], f"{at}.txt": f"{at}" * 99} for at in range(6)
            }
        }
    old: Folder = {"Old": {"Rome": {**ROME, **OWN}, "letter.txt": "dear " * 99}}
    tree = {**places, **old, "Papers": {"letter.txt": "dear " * 99}}
    plan = planned(bench, tree, "--retire", "@/Old")
    gone = {path for path in taken(plan) if path.startswith("Old/")}
    assert gone == {"Old/letter.txt", *(() if scattered else (f"Old/Rome/{at}" for at in one))}
    told = {(path, rule) for path, rule, _ in plan.left}
    assert (("Old/Rome", "album") in told) == scattered
    assert bench.dedupe_json("--apply", plan.file)[0] == 0


def test_an_album_is_an_album_beside_what_a_system_leaves(bench: Bench) -> None:
    noise: Folder = {".DS_Store": "a", "Thumbs.db": "b", "desktop.ini": "c"}
    tree = {
        "Rome": {**pictures(1, 5), **noise, "a": "1" * 99, "b": "2" * 99, "c": "3" * 99},
        "Best": {**pictures(1, 2), **others("best", 40)},
    }
    assert taken(planned(bench, tree)) == {}


def test_an_album_that_no_line_of_a_plan_holds_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(bench.folder, TWO)
    bench.scan(bench.folder)
    prefer = ("--prefer", str(bench.folder / "Pictures"))
    monkeypatch.setattr(serialize, "_LONGEST_LINE", 1000)
    plan = bench.plan(*prefer)
    assert (plan.goes, plan.left) == ({}, {("Rome", "album", 8)})
    monkeypatch.undo()
    assert len(bench.plan(*prefer).steps) == 1
