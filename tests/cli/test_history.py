"""What happened to a file is told, and one comes back: ``--history RUN``, ``--only``, explain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.cli.commands.admin.roots import command as roots
from gorillacomb.cli.commands.admin.status import command as status
from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.explain import command as explain
from gorillacomb.cli.commands.find.scan import command as comb
from gorillacomb.cli.commands.trace.trace import command as trace
from tests.dedupe.acting import Ground, live, step
from tests.dedupe.faults import look
from tests.support.inside import answer
from tests.support.run import refused, run
from tests.support.trees import Tree, make_tree, settle

BIG = 20_000
ALBUM: Tree = {
    "2019": {"beach.jpg": "b" * BIG, "sea.jpg": "s" * BIG},
    "cover.jpg": "c" * BIG,
    "empty": {},
}
TREE: Tree = {
    "Photos": {"album": ALBUM, "cat.jpg": "k" * BIG, "own": "o"},
    "Backup": {"album": ALBUM, "cat.jpg": "k" * BIG, "diary": "d"},
    "solo": {"film": "f" * BIG, "song": "m" * BIG},
}
EMPTIED: Tree = {
    "Photos": {"cat.jpg": "k" * BIG, "own": "o"},
    "Sound": {"song": "s" * BIG, "own": "p"},
    "old": {"cat.jpg": "k" * BIG, "song": "s" * BIG},
}
FOLDERS = ["Backup", "Backup/album", "Backup/album/2019"]
BEACH = "Backup/album/2019/beach.jpg"


@dataclass(frozen=True)
class Tidied:
    """A drive on which a run set an album and a picture aside."""

    top: Path
    vault: Path
    run: str
    at_first: dict[str, tuple[object, ...]]

    def undo(self, *paths: str) -> Any:
        only = [word for path in paths for word in ("--only", str(self.top / path))]
        return answer(dedupe, "--undo", self.run, *only)

    def items(self) -> dict[str, Any]:
        """The items of the run, by their paths below the drive."""
        found = answer(dedupe, "--history", self.run)["items"]
        return {os.path.relpath(each["path"], self.top): each for each in found}

    def explained(self, path: str) -> Any:
        return answer(explain, self.top / path)


@pytest.fixture
def tidied(
    request: pytest.FixtureRequest, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> Tidied:
    tree, counts = getattr(request, "param", (TREE, (2, 4)))
    monkeypatch.setenv("GORILLACOMB_VAULT", str(vault))
    top = make_tree(tmp_path / "drive", tree)
    for folder in top.glob("*/album/2019"):
        folder.chmod(0o711)
    settle(top)
    for inner in reversed(FOLDERS if tree is TREE else []):
        os.utime(top / inner, ns=(1, len(inner)))
    at_first = look(top)
    answer(comb, top)
    plan = tmp_path / "plan.jsonl"
    answer(dedupe, "--plan", "-o", plan)
    done = answer(dedupe, "--apply", plan)
    assert (done["done"], done["files"]) == counts, done
    return Tidied(top, vault, done["run"], at_first)


def states(tidied: Tidied) -> dict[str, str]:
    return {path: item["state"] for path, item in tidied.items().items()}


def test_every_item_of_a_run_is_listed(tidied: Tidied) -> None:
    document = answer(dedupe, "--history", tidied.run)
    folder = tidied.top / ".gorillacomb/quarantine" / tidied.run
    assert document["quarantines"] == [{"path": str(folder)}]
    assert [each["event"] for each in document["events"]] == ["applied"]
    assert (document["waiting"], document["waiting_files"]) == (True, 4)
    for path, item in tidied.items().items():
        assert item["state"] == "waiting"
        assert Path(item["quarantine"]).parent == folder and Path(item["quarantine"]).exists()
        assert item["keep"] == str(tidied.top / path.replace("Backup", "Photos"))
    assert states(tidied).keys() == {"Backup/album", "Backup/cat.jpg"}
    shown = run("dedupe", "--history", tidied.run, "--steps", vault=tidied.vault).out
    for word in (tidied.run, "Backup/cat.jpg", "Photos/cat.jpg", "--only PATH"):
        assert word in shown
    refused(run("dedupe", "--history", "nothing", vault=tidied.vault), 2, "no run 'nothing'")


def test_one_file_comes_back_out_of_a_folder(tidied: Tidied) -> None:
    done = tidied.undo(BEACH)
    assert (done["done"], done["files"], done["failed"]) == (1, 1, [])
    back = {path: each for path, each in look(tidied.top).items() if path.startswith("Backup")}
    assert back.keys() == {*FOLDERS, BEACH, "Backup/diary"}
    assert back == {path: tidied.at_first[path] for path in back}
    for folder in FOLDERS:
        assert (tidied.top / folder).stat().st_mtime_ns == len(folder)
    assert states(tidied) == {
        "Backup/album": "waiting",
        "Backup/cat.jpg": "waiting",
        BEACH: "put back",
    }
    assert [each["files"] for each in answer(status)["quarantine"]] == [3]
    assert tidied.explained(BEACH)["kind"] == "file"
    assert tidied.explained("Backup/album/2019/sea.jpg")["runs"][0]["state"] == "waiting"
    assert tidied.undo()["failed"] == []
    assert look(tidied.top) == tidied.at_first
    assert set(states(tidied).values()) == {"put back"}


def test_several_come_back_and_the_last_one_ends_the_step(tidied: Tidied) -> None:
    done = tidied.undo(BEACH, "Backup/album/2019", "Backup/album/empty", "Backup/cat.jpg")
    assert (done["done"], done["files"], done["failed"]) == (3, 3, [])
    assert tidied.undo("Backup/album/cover.jpg")["failed"] == []
    assert look(tidied.top) == tidied.at_first
    assert answer(status)["quarantine"] == []
    assert answer(dedupe, "--undo") == 2


@pytest.mark.parametrize("tidied", [(EMPTIED, (2, 2))], indirect=True)
def test_a_folder_that_a_run_emptied_holds_nothing_more(tidied: Tidied) -> None:
    assert not (tidied.top / "old").exists()
    assert tidied.undo("old/cat.jpg")["failed"] == []
    for path in ("old", "old/cat.jpg"):
        assert look(tidied.top)[path] == tidied.at_first[path]
    assert tidied.undo()["failed"] == []
    assert look(tidied.top) == tidied.at_first
    assert [each["state"] for each in tidied.explained("old/cat.jpg")["runs"]] == ["put back"]
    assert answer(explain, tidied.top / "old/own") == 2  # which is beside the copy that was kept


def test_a_folder_around_what_was_set_aside(tidied: Tidied) -> None:
    assert tidied.undo("Backup")["done"] == 2
    assert look(tidied.top) == tidied.at_first


def test_the_rest_is_deleted_and_what_is_back_stays(tidied: Tidied) -> None:
    tidied.undo(BEACH)
    assert answer(dedupe, "--empty-quarantine", "--yes")["done"] == 2
    assert (tidied.top / BEACH).exists()
    assert states(tidied) == {
        "Backup/album": "purged",
        "Backup/cat.jpg": "purged",
        BEACH: "put back",
    }
    [gone] = tidied.explained("Backup/album/cover.jpg")["runs"]
    assert (gone["state"], gone["undo"]) == ("purged", None)
    assert gone["keep"] == str(tidied.top / "Photos/album/cover.jpg")


def test_what_is_wanted_has_to_wait(tidied: Tidied) -> None:
    before = look(tidied.top)
    words: list[str | Path] = ["dedupe", "--undo", tidied.run, "--only"]
    wrong = tidied.top / "Backup/2019/cat.jpg"
    ran = run(*words, tidied.top / BEACH, "--only", wrong, vault=tidied.vault)
    refused(ran, 2, str(wrong), tidied.run)
    assert str(tidied.top / "Backup/cat.jpg") in ran.err
    assert look(tidied.top) == before
    tidied.undo("Backup/cat.jpg")
    ran = run(*words, tidied.top / "Backup/cat.jpg", vault=tidied.vault)
    refused(ran, 2, "put back")
    assert str(tidied.top / "Photos/cat.jpg") in ran.err
    refused(run("dedupe", "--history", "--only", "x", vault=tidied.vault), 2, "--only")


def test_nothing_is_replaced(tidied: Tidied) -> None:
    make_tree(tidied.top / "Backup/album", {"2019": {"beach.jpg": "another"}})
    ran = run(
        *("dedupe", "--undo", tidied.run, "--only", tidied.top / BEACH, "--json"),
        vault=tidied.vault,
    )
    [failed] = ran.json()["failed"]
    assert (ran.code, failed["path"]) == (3, str(tidied.top / BEACH))
    assert tidied.undo("Backup/album/cover.jpg")["failed"] == []
    [failed] = tidied.undo()["failed"]
    assert "beach.jpg" in failed["cause"]
    assert (tidied.top / BEACH).read_text() == "another"
    assert (tidied.top / "Backup/album/2019/sea.jpg").exists()
    (tidied.top / BEACH).unlink()
    assert answer(dedupe, "--undo")["failed"] == []
    assert look(tidied.top).keys() == tidied.at_first.keys()


@pytest.mark.parametrize("first", [0, 1])
def test_an_album_that_two_runs_set_aside(tidied: Tidied, first: int) -> None:
    """One photo came back in between, and the runs are taken back in either order."""
    tidied.undo(BEACH)
    again = tidied.top.parent / "again.jsonl"
    answer(dedupe, "--plan", "-o", again)
    done = answer(dedupe, "--apply", again)
    assert done["done"] == 1 and not (tidied.top / BEACH).exists()
    names = [tidied.run, done["run"]]
    for name in (names[first], names[not first]):
        assert answer(dedupe, "--undo", name)["failed"] == []
    assert look(tidied.top) == tidied.at_first


def test_a_folder_that_no_run_put_back_stays_as_it_is(tidied: Tidied) -> None:
    """Beside what one run put back of an album, the user made a folder where another took one."""
    tidied.undo(BEACH)
    spare = make_tree(tidied.top / "Backup/album/spare", {"beach.jpg": "b" * BIG, "own": "w" * BIG})
    make_tree(tidied.top / "Photos/spare", {"beach.jpg": "b" * BIG, "own": "w" * BIG})
    settle(tidied.top)
    answer(comb, tidied.top)
    again = tidied.top.parent / "again.jsonl"
    answer(dedupe, "--plan", "--within", spare, "-o", again)
    done = answer(dedupe, "--apply", again)
    assert (done["done"], done["files"], spare.exists()) == (1, 2, False)
    make_tree(spare, {"mine": "mine"})
    (failed,) = answer(dedupe, "--undo", done["run"])["failed"]
    assert failed == {"path": str(spare), "cause": "something else stands there now"}
    assert os.listdir(spare) == ["mine"]


def test_explain_tells_where_it_went(tidied: Tidied) -> None:
    for path, keep in ((BEACH, "2019/beach.jpg"), ("Backup/album", "")):
        document = tidied.explained(path)
        [item] = document["runs"]
        assert (document["kind"], item["run"], item["state"]) == ("gone", tidied.run, "waiting")
        assert item["keep"] == os.path.normpath(tidied.top / "Photos/album" / keep)
        assert Path(item["quarantine"]).exists()
        assert item["undo"].startswith(f"gorillacomb dedupe --undo {tidied.run} --only ")
    shown = run("explain", tidied.top / BEACH, vault=tidied.vault)
    assert shown.code == 0 and tidied.run in shown.out and "to put it back" in shown.out
    assert tidied.run in run("trace", "show", tidied.top / BEACH, vault=tidied.vault).out
    assert answer(trace, "show", tidied.top / BEACH)["runs"] == tidied.explained(BEACH)["runs"]
    subprocess.run(item["undo"].replace("gorillacomb", "true"), shell=True, check=True)
    assert answer(explain, tidied.top / "Backup/album/2019/never.jpg") == 2


def test_explain_tells_what_moved_and_what_was_deleted(tidied: Tidied) -> None:
    (tidied.top / "solo/film").rename(tidied.top / "solo/cinema")
    (tidied.top / "solo/song").unlink()
    answer(comb, tidied.top)
    (tidied.top / "solo").rename(tidied.top / "alone")
    answer(comb, tidied.top)
    assert tidied.explained("solo/film")["moved_to"] == {"path": str(tidied.top / "alone/cinema")}
    song = tidied.explained("solo/song")
    assert (song["kind"], song["moved_to"]) == ("gone", None)
    assert song["left_ns"] in {each["time_ns"] for each in song["trace"]}
    assert "missing" in run("explain", tidied.top / "solo/song", vault=tidied.vault).out


def test_a_root_with_something_in_quarantine_is_not_forgotten(tidied: Tidied) -> None:
    ran = run("roots", "forget", tidied.top, vault=tidied.vault)
    refused(ran, 5, "4 files", "quarantine")
    assert "--force" in ran.err
    left = answer(roots, "forget", tidied.top, "--force")["quarantine"]
    assert [(each["run"], each["files"]) for each in left] == [(tidied.run, 4)]
    assert set(states(tidied).values()) == {"waiting"}
    assert tidied.undo()["failed"] == []
    assert look(tidied.top) == tidied.at_first


@pytest.mark.parametrize("then", ["Backup", ".", ".."])
def test_a_new_vault_finds_it_from_a_child_or_parent(tidied: Tidied, then: str) -> None:
    shutil.rmtree(tidied.vault)
    answer(comb, tidied.top / then)
    assert [each["files"] for each in answer(status)["quarantine"]] == [4]
    [known] = answer(dedupe, "--history")["runs"]
    assert (known["run"], known["seq"], known["waiting"]) == (tidied.run, None, True)
    assert answer(dedupe, "--undo")["failed"] == []
    assert look(tidied.top) == tidied.at_first


def test_a_run_that_was_killed_is_in_the_history(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GORILLACOMB_VAULT", str(vault))
    top = make_tree(tmp_path / "drive", TREE)
    settle(top)
    steps = [
        step(name, top / "Backup" / name, top / "Photos" / name) for name in ("cat.jpg", "album")
    ]
    Ground(live(top)).apply(*steps)
    [journal] = top.glob(".gorillacomb/quarantine/*/journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    intents = [line for line in lines if json.loads(line).get("event") == "intent"]
    # Killed after the first of two renames: the second thing is still at its place.
    journal.write_bytes(b"".join([lines[0], *intents]))
    (journal.parent / "album").rename(top / "Backup/album")
    answer(comb, top)
    [known] = answer(dedupe, "--history")["runs"]
    assert (known["steps"], known["files"], known["waiting"]) == (1, 1, True)
    assert [each["files"] for each in answer(status)["quarantine"]] == [1]
    items = answer(dedupe, "--history", known["run"])["items"]
    assert {each["state"] for each in items} == {"waiting", "not done"}
    answer(dedupe, "--undo")
    assert (top / "Backup/cat.jpg").exists()


def test_a_journal_that_cannot_be_read_is_named(tidied: Tidied) -> None:
    """Nothing of its run is taken back, and nobody is told that there is nothing."""
    [journal] = tidied.top.glob(".gorillacomb/quarantine/*/journal.jsonl")
    written = journal.read_bytes()
    journal.write_bytes(written.replace(b'"keep": "', b'"keep": "../'))
    undone = run("dedupe", "--undo", vault=tidied.vault)
    history = run("dedupe", "--history", vault=tidied.vault)
    assert (undone.code, history.code) == (2, 0)
    for said in (undone.err, history.err):
        assert f"{journal} is not a valid journal" in said
        assert "can be moved back by hand" in said
    journal.write_bytes(written)
    assert run("dedupe", "--undo", vault=tidied.vault).code == 0
    assert look(tidied.top) == tidied.at_first


def test_one_photo_back_after_three_months_on_another_machine(
    tidied: Tidied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault is lost, the keys too, and the drive is in another port: the drive is enough."""
    elsewhere = tmp_path / "another machine/media/drive"
    elsewhere.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", tidied.top, elsewhere], check=True)
    shutil.rmtree(tidied.top)
    shutil.rmtree(tidied.vault)
    monkeypatch.setenv("HOME", str(tmp_path / "another machine"))
    monkeypatch.setenv("GORILLACOMB_VAULT", str(tmp_path / "another machine/vault"))
    answer(comb, elsewhere)
    photo = elsewhere / BEACH
    [item] = answer(explain, photo)["runs"]
    assert (item["run"], item["state"]) == (tidied.run, "waiting")
    assert item["keep"] == str(elsewhere / "Photos/album/2019/beach.jpg")
    # The path from before will do as well.
    assert answer(dedupe, "--undo", item["run"], "--only", tidied.top / BEACH)["failed"] == []
    assert photo.read_text() == "b" * BIG
    assert [each["files"] for each in answer(status)["quarantine"]] == [3]
    assert answer(dedupe, "--undo")["failed"] == []
    assert look(elsewhere) == tidied.at_first


SPREAD: Tree = {
    "Documents": {"Taxes": {f"{year}.pdf": str(year) * BIG for year in (2012, 2014, 2015)}},
    "Documents (old)": {
        ".DS_Store": "noise",
        "Taxes": {f"{year}.pdf": str(year) * BIG for year in (2012, 2013, 2014, 2015)},
    },
    "Backup 2021": {
        "Documents": {
            ".DS_Store": "other noise",
            "Taxes": {f"{year}.pdf": str(year) * BIG for year in (2012, 2013, 2014, 2015)},
        }
    },
}
"""The plan empties most of what contains the whole of the backup."""


@pytest.mark.parametrize("tidied", [(SPREAD, (4, 7))], indirect=True)
def test_history_names_the_places_where_the_copies_are(tidied: Tidied) -> None:
    kept = [("Documents", 3), ("Documents (old)", 1)]
    item = tidied.items()["Backup 2021/Documents"]
    places = item["kept_in"]
    assert [(os.path.relpath(each["path"], tidied.top), each["files"]) for each in places] == kept
    for path, count in kept:
        assert len(list((tidied.top / path).rglob("*.pdf"))) == count
    explained = tidied.explained("Backup 2021/Documents")["runs"][0]
    assert explained["kept_in"] == item["kept_in"]
    texts = [
        run("dedupe", "--history", tidied.run, vault=tidied.vault).out,
        run("dedupe", "--history", tidied.run, "--steps", vault=tidied.vault).out,
        run("explain", tidied.top / "Backup 2021/Documents", vault=tidied.vault).out,
    ]
    for text in texts:
        assert "3 files in " in text and "Documents" in text, text
        assert "1 file in " in text and "kept for it: Documents (old)\n" not in text, text
    assert "all 4 files of " in texts[0], texts[0]
    assert "still in quarantine: 8 files (with system files such as .DS_Store), " in texts[0]
    assert tidied.undo()["failed"] == []
    assert look(tidied.top) == tidied.at_first


def test_names_with_other_line_ends_are_kept_in_json(tmp_path: Path, vault: Path) -> None:
    """Text is split at them in places where JSON is not."""
    names = [f"a{end}b" for end in "\u2028\u2029\x85"]
    one: Tree = dict.fromkeys(names, "x" * BIG)
    tree = make_tree(tmp_path / "tree", {"one": one, "two": {"c": "x" * BIG}})
    run("scan", tree, vault=vault)
    file = tmp_path / "plan.jsonl"
    run("dedupe", "--plan", "-o", file, vault=vault)
    made = run("dedupe", "--apply", file, "--json", vault=vault).json()
    shown = run("dedupe", "--history", made["run"], "--json", vault=vault).json()["items"]
    gone = {str(tree / "one" / name) for name in names if not (tree / "one" / name).exists()}
    assert len(gone) >= 2 and gone <= {item["path"] for item in shown}
