"""What a hostile user tried: files mounted over others, planted journals, runs cut short."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from pathlib import Path
from pwd import struct_passwd
from typing import Any

import pytest

from gorillacomb.cli.commands.trace.verify import command as trace
from gorillacomb.dedupe.apply import transaction
from gorillacomb.dedupe.compare.snapshot import verify_unchanged
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import Vault
from tests.dedupe.acting import Ground, live, step
from tests.dedupe.drives import OWN_NAMES, killed, look
from tests.dedupe.plans import Bench
from tests.support.attributes import get_attribute, set_attribute
from tests.support.mounts import bind
from tests.support.trees import HardLink, Tree, make_tree

SAME = "same" * 16
"""Long enough not to be what its name says."""
FOLDER: Tree = {"1": "one", "2": "two", "3": "three"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "drive").mkdir()
    return Bench(tmp_path / "drive", tmp_path / "vault")


def by_hand(bench: Bench, kind: str, path: str, keep: str) -> Path:
    """A plan of one step that nobody would make."""
    header = bench.plan().header
    step = {
        "id": "x",
        "kind": kind,
        "path": str(bench.folder / path),
        "keep": str(bench.folder / keep),
        "files": 9,
        "bytes": 9,
        "reasons": [],
    }
    file = bench.folder.parent / "by hand.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in (header, step)))
    return file


def run_folder(bench: Bench) -> Path:
    (folder,) = bench.folder.glob(".gorillacomb/quarantine/*")
    return folder


def a_run(bench: Bench) -> Path:
    """Two equal folders, one of them set aside; returns the folder of the run."""
    make_tree(bench.folder, {"a": FOLDER, "Copy of a": FOLDER})
    bench.scan(bench.folder)
    assert bench.dedupe("--apply", bench.plan().file) == 0, bench.printed
    return run_folder(bench)


def test_a_file_mounted_over_another_is_no_second_copy(bench: Bench) -> None:
    make_tree(
        bench.folder,
        {"V": {"f": "content", "h": HardLink("V/f")}, "K": {"f": "", "h": "", "more": "x"}},
    )
    v, k = bench.folder / "V", bench.folder / "K"
    with bind(v / "f", k / "f"), bind(v / "h", k / "h"):
        bench.scan(bench.folder)
        assert bench.dedupe("--apply", by_hand(bench, "folder", "V", "K")) == 3, bench.printed
    assert (v / "f").read_text() == "content"


def test_attributes_of_a_folder_are_somebodys_too(bench: Bench) -> None:
    make_tree(bench.folder, {"a": FOLDER, "Copy of a": FOLDER})
    set_attribute(bench.folder / "Copy of a", "user.note", b"mine")
    bench.scan(bench.folder)
    plan = bench.plan("--folders-only")
    assert (plan.steps, plan.left) == ([], {("Copy of a", "attributes", 3)})
    file = by_hand(bench, "folder", "Copy of a", "a")
    assert bench.dedupe("--apply", file) == 3, bench.printed
    assert get_attribute(bench.folder / "Copy of a", "user.note") == b"mine"


def test_a_journal_does_not_say_what_nobody_would_miss(bench: Bench) -> None:
    folder = a_run(bench)
    (slot,) = [each for each in folder.iterdir() if each.is_dir()]
    (slot / "thesis.txt").write_text("years")
    journal = folder / "journal.jsonl"
    header, *rest = journal.read_text().splitlines()
    document = json.loads(header)
    document["noise"].append({"path": "thesis.txt"})
    journal.write_text("\n".join([json.dumps(document), *rest]) + "\n")
    assert bench.dedupe("--empty-quarantine", "--yes") == 3, bench.printed
    assert (slot / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize("bundle", [False, True])
def test_what_a_cut_short_emptying_left_can_be_put_back_or_deleted(
    bench: Bench, bundle: bool
) -> None:
    name = "P.photoslibrary" if bundle else "a"
    make_tree(bench.folder, {"x": {name: FOLDER, "o": "o"}, "Copy of x": {name: FOLDER, "o": "o"}})
    bench.scan(bench.folder)
    assert bench.dedupe("--apply", bench.plan("--folders-only").file) == 0, bench.printed
    folder = run_folder(bench)
    empty = ("--empty-quarantine", "--yes")
    # The journal's line, then the first file: both before and after count.
    assert killed(lambda: bench.dedupe(*empty), 5)
    left = [each for each in folder.rglob("*") if each.is_file() and each.parent != folder]
    assert 0 < len(left) < 4
    if bundle:
        assert bench.dedupe(*empty) == 0, bench.printed
        assert {each.name for each in folder.iterdir()} == set(OWN_NAMES)
        return
    (bench.folder / "x" / name / "3").write_text("edited since")
    assert bench.dedupe(*empty) == 3, bench.printed
    assert bench.dedupe("--undo", folder) == 3
    assert "had been deleted already" in bench.printed
    assert (bench.folder / "Copy of x" / name / "3").read_text() == "three"


def test_a_link_comes_away_again_on_a_drive_that_moved(bench: Bench, tmp_path: Path) -> None:
    drives = tmp_path / "drives"
    make_tree(drives, {"r1": {"a": SAME}, "r2": {"b": SAME}})
    bench.scan(drives / "r1", drives / "r2")
    before = look(drives / "r1")
    plan = bench.plan("--action", "symlink", "--prefer", str(drives / "r2"))
    assert bench.dedupe("--apply", plan.file) == 0, bench.printed
    assert (drives / "r1/a").is_symlink()
    moved = drives.rename(tmp_path / "moved")
    (folder,) = (moved / "r1").glob(".gorillacomb/quarantine/*")
    assert bench.dedupe("--undo", folder) == 0, bench.printed
    assert look(moved / "r1") == before


def test_a_root_in_whose_place_a_link_stands_is_not_there(bench: Bench, tmp_path: Path) -> None:
    make_tree(bench.folder, {"a": SAME, "Copy of a": SAME})
    bench.scan(bench.folder)
    plan = bench.plan()
    other = shutil.copytree(bench.folder, tmp_path / "other")
    bench.folder.rename(tmp_path / "moved")
    bench.folder.symlink_to(other)
    assert bench.dedupe("--apply", plan.file) == 3, bench.printed
    assert sorted(path.name for path in other.iterdir()) == ["Copy of a", "a"]


PLANTED = {
    "nothing moved": '{"step": "x", "event": "intent", "time_ns": "1", "kind": "file", "files": 1,'
    ' "bytes": 1, "moves": []}',
    "deep": "[" * 200_000,
    "endless": '{"step": "x", "event": "intent", "time_ns": "1", "kind": "file", "files": Infinity,'
    ' "bytes": 1, "moves": []}',
    "a path with NUL": '{"step": "x", "event": "done", "time_ns": "1", "kind": "file", "files": 1,'
    ' "bytes": 1, "moves": [{"path": "a\\u0000b", "slot": "x", "keep": "k", "keep_inside": true,'
    ' "inode": 1, "mtime_ns": "1"}]}',
    "out of the root": '{"step": "x", "event": "done", "time_ns": "1", "kind": "file", "files": 1,'
    ' "bytes": 1, "moves": [{"path": "../../etc/passwd", "slot": "x", "keep": "k",'
    ' "keep_inside": true, "inode": 1, "mtime_ns": "1"}]}',
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_journal_stops_nobody(bench: Bench, name: str) -> None:
    make_tree(bench.folder, {"a": SAME, "Copy of a": SAME})
    bench.scan(bench.folder)
    planted = bench.folder / ".gorillacomb/quarantine/20200101-000000-aaaaaa"
    planted.mkdir(parents=True)
    header = {
        "version": 1,
        "run": planted.name,
        "plan": "0" * 32,
        "action": "quarantine",
        "base": str(bench.folder),
        "started_ns": "1",
        "noise": [],
    }
    (planted / "journal.jsonl").write_text(f"{json.dumps(header)}\n{PLANTED[name]}\n")
    (planted / "x").write_text("planted")
    assert bench.dedupe("--history") == 0, bench.printed
    assert bench.dedupe("--undo", planted) in (0, 2, 3)
    assert bench.dedupe("--apply", bench.plan().file) == 0, bench.printed
    assert bench.dedupe("--undo") == 0, bench.printed
    assert (bench.folder / "Copy of a").read_text() == SAME


def test_a_link_among_the_runs_stops_nobody(bench: Bench, tmp_path: Path) -> None:
    run = a_run(bench)
    (run.parent / "20200101-000000-aaaaaa").symlink_to(make_tree(tmp_path / "far", {"1": "far"}))
    assert bench.dedupe("--history") == 0, bench.printed
    assert bench.dedupe("--undo") == 0, bench.printed
    assert (bench.folder / "Copy of a/1").read_text() == "one"
    assert bench.dedupe("--apply", bench.plan().file) == 0, bench.printed


def test_times_far_ahead_are_given_back(bench: Bench) -> None:
    """Beyond what fits into 64 bits as ns, which ends in 2262: XFS and btrfs have such times."""
    make_tree(bench.folder, {"kept": FOLDER, "around": {"Copy of 1": "one"}})
    later = 13_569_465_600 * 10**9
    os.utime(bench.folder / "around/Copy of 1", ns=(later, later))
    os.utime(bench.folder / "around", ns=(later, later))
    times = [(bench.folder / each).stat().st_mtime_ns for each in ("around", "around/Copy of 1")]
    bench.scan(bench.folder)
    assert bench.dedupe("--apply", bench.plan().file) == 0, bench.printed
    assert not (bench.folder / "around/Copy of 1").exists()
    assert bench.dedupe("--undo") == 0, bench.printed
    assert times == [
        (bench.folder / each).stat().st_mtime_ns for each in ("around", "around/Copy of 1")
    ]


def test_a_fifo_in_the_place_of_our_list_holds_nobody_up(bench: Bench) -> None:
    a_run(bench)
    os.mkfifo(bench.folder / ".gorillacomb/bases.jsonl")
    assert bench.dedupe("--history") == 0, bench.printed
    assert bench.dedupe("--undo") == 0, bench.printed


def test_names_that_are_no_text_are_told_of_all_the_same(bench: Bench) -> None:
    """In the plan, in causes, and in the trace, which takes nothing but UTF-8."""
    drive = Path(os.fsdecode(os.fsencode(bench.folder) + b"/caf\xe9"))
    make_tree(drive, {"OneDrive": {"a": SAME, "b": SAME, "c": SAME}})
    bench.scan(drive)
    plan = bench.plan("--protect", f"{drive}/x*")
    assert "synced with the cloud" in plan.header["notes"][0]
    header, first, second = plan.file.read_bytes().splitlines()
    step = json.loads(second)
    step["keep_b64"], step["path_b64"] = json.loads(first)["path_b64"], step["path_b64"]
    plan.file.write_bytes(b"\n".join([header, first, json.dumps(step).encode(), b""]))
    assert bench.dedupe("--apply", plan.file) == 3, bench.printed
    assert "is a step itself" in bench.printed
    assert bench.dedupe("--history") == 0, bench.printed
    assert bench.call(trace) == 0, bench.printed
    assert bench.dedupe("--undo") == 0, bench.printed


def test_an_undo_looks_nowhere_but_in_the_roots(bench: Bench, tmp_path: Path) -> None:
    """Where the kept copy's drive is not there, what is around its place is nobody's business."""
    drives = make_tree(tmp_path / "drives", {"r1": {"a": SAME}, "r2": {"deep": {"b": SAME}}})
    bench.scan(drives / "r1", drives / "r2")
    plan = bench.plan("--prefer", str(drives / "r2"))
    assert bench.dedupe("--apply", plan.file) == 0, bench.printed
    (drives / "r2").rename(tmp_path / "unplugged")
    (drives / "not scanned").write_text("private")
    assert bench.dedupe("--undo") == 0, bench.printed
    assert (drives / "r1/a").read_text() == SAME
    with Index.read(Vault(bench.vault)) as index:
        known = {os.fsdecode(root.path) for root in all_roots(index.connection)}
    assert known == {str(drives / "r1"), str(drives / "r2")}


def test_the_home_of_a_service_is_the_project_that_it_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Tree = {"package.json": "{}", "logo": SAME, "own": "o"}
    make_tree(bench.folder, {"app": app, "logo": SAME})
    bench.scan(bench.folder)
    for uid, goes in ((33, {"logo": "app/logo"}), (1000, {"app/logo": "logo"})):
        entry = struct_passwd(("www", "x", uid, uid, "", str(bench.folder / "app"), "/bin/sh"))
        monkeypatch.setattr(pwd, "getpwall", lambda entry=entry: [entry])
        assert bench.plan("--prefer", str(bench.folder / "app")).goes == {"logo": "app/logo"}
        assert bench.plan("--prefer", str(bench.folder / "logo")).goes == (
            {} if uid == 33 else goes
        )


def test_bytes_count_once_for_a_step_that_took_two_tries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(bench.folder, {"a": "same" * 3000, "b": "same" * 3000})
    bench.scan(bench.folder)
    plan = bench.plan()
    tries = []

    def once(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) == 1:
            raise ContentDiffers(b"/", "changed meanwhile")
        verify_unchanged(*arguments)

    monkeypatch.setattr(transaction, "verify_unchanged", once)
    code, told = bench.dedupe_json("--apply", plan.file)
    assert (code, len(tries)) == (0, 2)
    assert told["bytes_set_aside"] == plan.header["bytes_set_aside"] > 0


def test_what_went_after_a_second_try_comes_back_in_its_turn(tmp_path: Path) -> None:
    """The times of a folder are given back step by step, the one that was done last first."""
    top = tmp_path / "drive"
    (top / "n").mkdir(parents=True)
    for name in ("keep", "other keep", "third", "n/b", "n/c"):
        (top / name).write_bytes(b"three" * 99 if name in ("other keep", "n/c") else b"two" * 99)
    os.link(top / "keep", top / "another name")
    ground = Ground(live(top))
    os.utime(top / "n", ns=(1_000_000_007, 1_000_000_007))
    outcome = ground.apply(
        step("s1", top / "another name", top / "third"),
        step("s2", top / "n" / "b", top / "keep"),
        step("s3", top / "n" / "c", top / "other keep"),
    )
    assert [each.id for each in outcome.done] == ["s1", "s3", "s2"]
    ground.undo()
    assert (top / "n").stat().st_mtime_ns == 1_000_000_007


def test_what_came_back_before_that_was_written_goes_again(tmp_path: Path) -> None:
    """Somebody took a run back and was killed right before the journal said so."""
    top = tmp_path / "drive"
    make_tree(top, {"a": "one" * 99, "b": "one" * 99})
    ground, again = Ground(live(top)), step("s1", top / "b", top / "a")
    run = ground.apply(again).run
    ground.undo()
    journal = top / ".gorillacomb" / "quarantine" / run / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    assert '"undone"' in lines[-1]
    journal.write_text("".join(lines[:-1]))
    outcome = ground.apply(again)
    assert (outcome.before, [each.id for each in outcome.done]) == (0, ["s1"])
