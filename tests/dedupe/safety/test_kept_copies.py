"""A copy in a place that empties itself is never the one that is kept, whoever asks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gorillacomb.classify.snapshots import SnapshotFinder
from gorillacomb.dedupe.model import DedupeAction
from tests.dedupe.acting import OURS, Ground, contents, live, slots, step, told
from tests.dedupe.plans import Bench, planned
from tests.support.run import run
from tests.support.trees import HardLink, Tree, make_tree

PHOTO = "a photograph; " * 400
TRASHED = ".trashed-1700000000-IMG_1.jpg"
THROWN_AWAY = [TRASHED, ".pending-1700000000-IMG_1.jpg", ".Trashed-1700000000-IMG_1.jpg"]
PASSING = [
    *(f"DCIM/{name}" for name in THROWN_AWAY),
    ".trashed-1700000000-DCIM/IMG_1.jpg",
    ".Trash/IMG_1.jpg",
    "$RECYCLE.BIN/IMG_1.jpg",
    "@GMT-2024.05.01-10.00.00/IMG_1.jpg",
    "tmp/IMG_1.jpg",
    "daily.0/IMG_1.jpg",
]
"""The daily one is a snapshot: it shares a file with another."""
SNAPSHOTS: Tree = {"daily.0": {"same": "x"}, "daily.1": {"same": HardLink("daily.0/same")}}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    (tmp_path / "top").mkdir()
    return Bench(tmp_path / "top", vault)


def with_copy(top: Path, place: str) -> tuple[Path, Path]:
    """A photograph, and its only other copy at a place."""
    make_tree(top, {"album": {"IMG_1.jpg": PHOTO}, **SNAPSHOTS})
    copy = top / place
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(PHOTO)
    return top / "album/IMG_1.jpg", copy


@pytest.mark.parametrize("options", [(), ("--retire", "@/album")], ids=["dedupe", "retire"])
@pytest.mark.parametrize("place", PASSING)
def test_no_plan_keeps_it(bench: Bench, place: str, options: tuple[str, ...]) -> None:
    with_copy(bench.folder, place)
    assert "album/IMG_1.jpg" not in planned(bench, {}, *options).goes


@pytest.mark.parametrize("place", PASSING)
def test_unique_does_not_count_it(bench: Bench, place: str) -> None:
    photo, _ = with_copy(bench.folder, place)
    bench.scan(bench.folder)
    ran = run("unique", photo.parent, "--json", vault=bench.vault)
    assert ran.code == 1, ran.err
    assert [each["path"] for each in ran.json()["unique"]] == [str(photo)]


@pytest.mark.parametrize("action", list(DedupeAction))
@pytest.mark.parametrize("place", PASSING)
def test_no_edited_plan_makes_it_count(tmp_path: Path, place: str, action: DedupeAction) -> None:
    photo, copy = with_copy(tmp_path, place)
    field = Ground(live(tmp_path))
    outcome = field.apply(step("s1", photo, copy), action=action)
    assert outcome.done == []
    assert "(trash)" in told([outcome])[0]
    assert (photo.read_text(), photo.is_symlink()) == (PHOTO, False)


def test_a_folder_that_was_thrown_away_is_not_kept(bench: Bench) -> None:
    album: Tree = {f"IMG_{number}.jpg": f"{number} {PHOTO}" for number in range(4)}
    tree: Tree = {"Photos": {"DCIM": album}, "Phone": {".trashed-1700000000-DCIM": album}}
    assert planned(bench, tree, "--retire", "@/Photos/DCIM").goes == {}


@pytest.mark.parametrize("place", PASSING)
def test_nothing_is_deleted_for_it(tmp_path: Path, place: str) -> None:
    """The journal says that it is kept: an old one, or one that was edited."""
    photo, kept = with_copy(tmp_path, "kept/IMG_1.jpg")
    field = Ground(live(tmp_path))
    assert field.apply(step("s1", photo, kept)).done
    copy = tmp_path / place
    copy.parent.mkdir(exist_ok=True)
    kept.rename(copy)
    [journal] = (tmp_path / OURS / "quarantine").glob("*/journal.jsonl")
    was = json.dumps("kept/IMG_1.jpg")
    lines = journal.read_text().replace(was, json.dumps(place))
    assert lines != journal.read_text()
    journal.write_text(lines)
    [outcome] = field.purge()
    assert outcome.done == []
    assert "was to stay, and stands in a trash" in told([outcome])[0]
    assert len(slots(tmp_path)) == 1
    assert contents(tmp_path)[PHOTO.encode()] == 2


def test_what_is_kept_in_the_open_is_enough(tmp_path: Path) -> None:
    photo, kept = with_copy(tmp_path, "kept/IMG_1.jpg")
    field = Ground(live(tmp_path))
    assert field.apply(step("s1", photo, kept)).done
    assert [len(each.done) for each in field.purge()] == [1]
    assert not slots(tmp_path)


def test_the_snapshots_of_these_tests_are_found(tmp_path: Path) -> None:
    with_copy(tmp_path, "daily.0/IMG_1.jpg")
    found = SnapshotFinder().around(os.fsencode(tmp_path / "daily.0"))
    assert found == os.fsencode(tmp_path / "daily.0")


def test_unique_counts_one_that_is_kept_in_the_open(bench: Bench) -> None:
    photo, _ = with_copy(bench.folder, "kept/IMG_1.jpg")
    bench.scan(bench.folder)
    ran = run("unique", photo.parent, "--json", vault=bench.vault)
    assert (ran.code, ran.json()["unique"]) == (0, [])
