"""Dropped files are found where they are, and the new ones are kept: seen on the disk."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from gorillacomb.json_paths import path_from_json
from tests.drop.bench import OURS, Bench, contents, everything
from tests.support.mounts import tmpfs
from tests.support.run import refused
from tests.support.trees import Tree, make_tree


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path, vault)


def test_what_is_known_and_what_is_new(bench: Bench) -> None:
    before = everything(bench.root), os.stat(bench.root).st_mtime_ns
    found = bench.drop(code=1)
    states = {path_from_json(each): each["state"] for each in found["items"]}
    assert states == {
        b"in/same": "have",
        b"in/deep/er/other": "have",
        b"in/deep/er/again": "new",
        b"in/deep/er/new": "repeated",
        b"in/new \xff": "new",
        b"in/empty": "empty",
    }
    copies = {path_from_json(each["copy"]) for each in found["items"] if each["copy"]}
    assert copies == {os.fsencode(bench.root / "photos" / each) for each in ("one", "two")}
    assert (found["have"], found["new"]) == (
        {"files": 2, "bytes": 1800},
        {"files": 2, "bytes": 70_900},
    )
    assert (found["empty"], found["system_files"], found["kept"]) == (1, 1, None)
    assert (everything(bench.root), os.stat(bench.root).st_mtime_ns) == before
    assert not (bench.root / OURS).exists()


def test_the_new_ones_are_kept_once_and_found_from_then_on(bench: Bench) -> None:
    known = contents(bench.root)
    moment = 1_500_000_000 * 10**9
    os.utime(bench.dropped / "deep/er/again", ns=(moment, moment))
    (bench.dropped / "deep/er/again").chmod(0o755)
    found = bench.drop(into=bench.root, code=0)
    kept = found["kept"]
    top = Path(kept["folder"]["path"])
    assert top.parent == bench.root / "Omnidrop"
    added = contents(top)
    assert added == {
        "in/deep/er/again": b"n" * 900,
        os.fsdecode(b"in/new \xff"): b"m" * 70_000,
    }
    assert {name: data for name, data in contents(bench.root).items() if name in known} == known
    facts = (top / "in/deep/er/again").stat()
    assert (facts.st_mtime_ns, facts.st_mode & 0o777) == (moment, 0o755)
    assert (kept["files"], kept["bytes"], kept["failed"]) == (2, 70_900, [])
    again = bench.drop(into=bench.root, code=0)
    assert (again["new"]["files"], again["have"]["files"], again["kept"]) == (0, 5, None)
    assert len(bench.runs) == 1
    log = bench.run("trace", "log").out
    assert "dropped" in log and "(2 files)" in log
    assert bench.run("trace", "verify").code == 0
    history = json.loads(bench.run("dedupe", "--history", "--json").stdout)["runs"]
    assert [(each["event"], each["files"]) for each in history] == [("dropped", 2)]
    assert bench.run("dedupe", "--history", kept["run"]).code == 0


def test_two_drops_of_one_day_get_folders_of_their_own(bench: Bench, tmp_path: Path) -> None:
    one = bench.drop(into=bench.root)["kept"]["folder"]["path"]
    (tmp_path / "more").write_bytes(b"more" * 99)
    two = bench.drop(tmp_path / "more", into=bench.root)["kept"]["folder"]["path"]
    assert two == f"{one} (2)"
    assert contents(Path(two)) == {"more": b"more" * 99}


def test_a_folder_in_a_root(bench: Bench) -> None:
    kept = bench.drop(into=bench.root / "photos")["kept"]
    assert Path(kept["folder"]["path"]).parent == bench.root / "photos/Omnidrop"
    bench.undo()
    assert everything(bench.root / "photos") == {"one", "two"}


def test_undo_takes_it_back(bench: Bench) -> None:
    before = everything(bench.root), contents(bench.root)
    run = bench.drop(into=bench.root)["kept"]["run"]
    ran = bench.run("dedupe", "--json", "--undo", run)
    assert ran.code == 0, ran
    assert len(json.loads(ran.stdout)["dropped"]) == 2
    assert (everything(bench.root), contents(bench.root)) == before
    assert bench.leftovers() == []
    found = bench.drop(code=1)
    assert found["new"]["files"] == 2
    refused(bench.run("dedupe", "--undo", run), 2, "no run")


def test_undo_keeps_what_was_edited_and_tells_it(bench: Bench) -> None:
    top = Path(bench.drop(into=bench.root)["kept"]["folder"]["path"])
    edited = top / "in/deep/er/again"
    edited.write_bytes(b"edited")
    (top / "in/mine").write_bytes(b"put there later")
    ran = bench.undo(code=3)
    assert "was changed since" in ran.out and "again" in ran.out
    assert contents(bench.root / "Omnidrop") == {
        f"{top.name}/in/deep/er/again": b"edited",
        f"{top.name}/in/mine": b"put there later",
    }
    edited.write_bytes(b"n" * 900)  # as it was
    bench.undo()
    assert contents(bench.root / "Omnidrop") == {f"{top.name}/in/mine": b"put there later"}


def test_undo_of_what_was_moved_away(bench: Bench) -> None:
    top = Path(bench.drop(into=bench.root)["kept"]["folder"]["path"])
    (top / "in/deep/er/again").rename(bench.root / "photos/mine")
    ran = bench.undo(code=3)
    assert "is not there any more" in ran.out
    assert not (bench.root / "Omnidrop").exists()
    assert (bench.root / "photos/mine").read_bytes() == b"n" * 900


def test_a_bare_undo_never_removes_what_was_dropped(bench: Bench) -> None:
    """It may be the only copy by now: somebody wiped the card that it came from."""
    run = bench.drop(into=bench.root)["kept"]["run"]
    shutil.rmtree(bench.dropped)
    before = contents(bench.root)
    ran = bench.run("dedupe", "--undo")
    refused(ran, 2, "anything to put back")
    assert run in ran.err
    assert contents(bench.root) == before


def test_copies_that_do_not_count(tmp_path: Path, vault: Path) -> None:
    names = ("plain", "left out", ".Trash", "changed", "gone")
    known: Tree = {name: {"f": name * 99} for name in names}
    bench = Bench(tmp_path, vault, known, {name: name * 99 for name in names})
    assert bench.run("scan", bench.root, "--exclude", "left out").code in (0, 3)
    (bench.root / "changed/f").write_bytes(b"y")
    (bench.root / "gone/f").unlink()
    found = {each["path"]: each for each in bench.drop()["items"]}
    assert {name for name, each in found.items() if each["state"] == "have"} == {"in/plain"}
    causes = {name: each["copy"]["cause"] for name, each in found.items() if each["copy"]}
    assert "trash" in causes["in/.Trash"]
    assert "changed" in causes["in/changed"] and "gone" in causes["in/gone"]


def test_a_copy_on_a_drive_that_is_not_there(tmp_path: Path, vault: Path) -> None:
    bench = Bench(tmp_path, vault, {"x": "x"}, {"f": "f" * 99})
    with tmpfs(tmp_path / "usb", "1m") as usb:
        (usb / "f").write_bytes(b"f" * 99)
        assert bench.run("scan", usb).code == 0
        assert bench.drop(code=0)["have"]["files"] == 1
    found = bench.drop(code=1)
    assert found["items"][0]["state"] == "new"
    assert found["items"][0]["copy"]["cause"]
    refused(bench.run("drop", bench.dropped, "--into", tmp_path / "usb"), 2, "usb")


def test_what_is_asked_about_is_no_copy_of_itself(bench: Bench) -> None:
    assert bench.drop(bench.root / "photos")["have"]["files"] == 0
    assert bench.drop(bench.root / "photos/one")["have"]["files"] == 0
    (bench.root / "odd/one").write_bytes(b"a" * 900)
    assert bench.run("scan", bench.root).code == 0
    found = bench.drop(bench.root / "photos/one")
    assert found["items"][0]["copy"]["path"] == str(bench.root / "odd/one")


def test_links_pipes_and_the_vault_are_not_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "vault")
    os.symlink("same", bench.dropped / "link")
    os.symlink(bench.root, bench.dropped / "link to a folder")
    os.mkfifo(bench.dropped / "pipe")
    make_tree(bench.dropped, {OURS: {"quarantine": {"x": "x"}}})
    os.link(bench.vault / "index.db", bench.dropped / "index")
    left = {each["path"]: each["cause"] for each in bench.drop()["left_out"]}
    assert left == {
        "in/link": "is a link",
        "in/link to a folder": "is a link",
        "in/pipe": "is a fifo",
        f"in/{OURS}": "is Gorilla Comb's own",
        "in/index": "is Gorilla Comb's own",
    }
    with sqlite3.connect(bench.vault / "index.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_repository_is_not_kept_in_parts(bench: Bench) -> None:
    make_tree(bench.dropped, {"p": {".git": {"HEAD": "ref" * 99}, "a": "a project" * 99}})
    found = bench.drop(into=bench.root, code=3)
    assert [each["path"] for each in found["kept"]["failed"]] == ["in/p/.git/HEAD"]
    assert "in/p/a" in contents(Path(found["kept"]["folder"]["path"]))


def test_secrets_and_private_files_stay_private(bench: Bench) -> None:
    make_tree(bench.dropped, {"id_rsa": "k" * 99, "shut": {"f": "f" * 99}, "own": "o" * 99})
    (bench.dropped / "shut").chmod(0o700)
    (bench.dropped / "own").chmod(0o640)
    top = Path(bench.drop(into=bench.root)["kept"]["folder"]["path"]) / "in"
    modes = {name: (top / name).stat().st_mode & 0o777 for name in ("id_rsa", "shut/f", "own")}
    assert modes["id_rsa"] == 0o600
    assert modes["shut/f"] & 0o077 == 0
    assert modes["own"] & 0o007 == 0


def test_what_is_in_the_root_is_not_kept_there_twice(bench: Bench) -> None:
    before = everything(bench.root)
    for path in (bench.root, bench.root / "photos", bench.root / "photos/one", bench.root.parent):
        ran = bench.run("drop", path, "--into", bench.root)
        refused(ran, 2, "already")
    os.symlink(bench.root / "photos", bench.dropped.parent / "way")
    refused(bench.run("drop", bench.dropped.parent / "way", "--into", bench.root), 2, "already")
    assert everything(bench.root) == before


@pytest.mark.parametrize("place", ["nowhere", "photos/one", ".Trash", "Lib.photoslibrary/x", ".."])
def test_places_that_are_none(bench: Bench, place: str) -> None:
    make_tree(bench.root, {".Trash": {"x": "x"}, "Lib.photoslibrary": {"x": {"y": "y"}}})
    assert bench.run("scan", bench.root).code == 0
    before = everything(bench.root)
    ran = bench.run("drop", bench.dropped, "--into", bench.root / place)
    assert ran.code in (2, 5), ran
    assert len(ran.err.splitlines()) == 2
    assert everything(bench.root) == before


def test_before_any_scan(tmp_path: Path, vault: Path) -> None:
    from tests.support.run import run

    (tmp_path / "f").write_bytes(b"f")
    ran = run("drop", tmp_path / "f", vault=vault)
    assert ran.code != 0 and "scan" in ran.err
    assert not vault.exists()


def test_two_things_of_one_name(bench: Bench, tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": {"f.txt": "1" * 99}, "y": {"f.txt": "2" * 99}})
    kept = bench.drop(tmp_path / "x/f.txt", tmp_path / "y/f.txt", into=bench.root)["kept"]
    assert contents(Path(kept["folder"]["path"])) == {"f.txt": b"1" * 99, "f (2).txt": b"2" * 99}


def test_the_text_of_the_command(bench: Bench) -> None:
    ran = bench.run("drop", bench.dropped)
    assert ran.code == 1
    assert "2 new, 70.9 kB" in ran.out and "2 you have already" in ran.out
    assert "--into" in ran.out
    ran = bench.run("drop", bench.dropped, "--into", bench.root)
    assert ran.code == 0
    assert "Kept: 2 files" in ran.out and "--undo" in ran.out
    assert "Nothing is new" in bench.run("drop", bench.dropped).out
