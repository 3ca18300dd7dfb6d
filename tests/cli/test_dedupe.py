"""`dedupe` as a user meets it: plan, review, apply, undo, emptying, history."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gorillacomb import SafetyRule
from gorillacomb.api.words.left_alone import REASONS
from tests.dedupe.drives import look
from tests.support.run import (
    Argument,
    Ran,
    command,
    complained,
    end_of,
    environment,
    lines_on_screen,
    on_terminal,
    read_all,
    refused,
    run,
    start,
    until,
    width_of,
    without_traceback,
)
from tests.support.trees import Tree, make_tree, rows_in_index, settle

LARGE = 200_000
PLAIN: Tree = {"f": "1" * LARGE, "g": "2" * 5000}
TREE: Tree = {
    "a": PLAIN,
    "Copy of a": PLAIN,
    "b": {"x": "x" * 50_000, "own": "o"},
    "Copy of b": {"x": "x" * 50_000, "p": "p"},
    "c": {"y": "y" * 9000, "q": "q"},
    "Copy of c": {"y": "y" * 9000, "r": "r"},
}
GOES = ["Copy of a", "Copy of b/x", "Copy of c/y"]


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A drive that was scanned."""
    return scanned(make_tree(tmp_path / "drive", TREE), vault)


def scanned(top: Path, vault: Path) -> Path:
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    return top


def plan_of(vault: Path, *options: Argument) -> Path:
    """A plan written to a file."""
    file = vault.with_name(f"{vault.name} {time.time_ns()}.jsonl")
    ran = run("dedupe", "--plan", "-o", file, *options, vault=vault)
    assert ran.code == 0, ran.err
    return file


def lines_of(data: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *steps = [json.loads(line) for line in data.splitlines()]
    return header, steps


def goes(file: Path, top: Path) -> list[str]:
    return [os.path.relpath(step["path"], top) for step in lines_of(file.read_bytes())[1]]


def typing(
    words: Sequence[str], *arguments: Argument, vault: Path, early: str = "", question: bytes = b""
) -> Ran:
    """Run a command on a terminal at which these lines are typed, once it asks a question.

    ``early`` is typed before it can have asked anything.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        env=environment(vault),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    asked = b""
    try:
        os.write(ours, early.encode())
        while question not in asked:
            asked += os.read(ours, 4096)
        os.write(ours, "".join(word + "\n" for word in words).encode())
        written = read_all({ours: bytearray()})
    finally:
        os.close(ours)
        process.wait(30)
    return without_traceback(Ran(process.returncode, asked + bytes(written[ours]), b""))


def test_without_an_option_nothing_is_written(top: Path, vault: Path, tmp_path: Path) -> None:
    assert run("trace", "log", vault=vault).code == 0  # SQLite needs files of its own to read
    before, there = look(top), sorted(vault.parent.rglob("*"))
    ran = run("dedupe", vault=vault, cwd=tmp_path)
    assert ran.code == 0
    assert "4 files" in ran.out
    assert "Nothing was written or changed." in ran.out
    assert look(top) == before
    assert [each for each in vault.parent.rglob("*") if each not in there] == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["drive"]
    document = run("dedupe", "--json", vault=vault).json()
    assert [os.path.relpath(each["path"], top) for each in document["step_list"]] == GOES


def test_a_plan_goes_to_a_file_or_a_pipe(top: Path, vault: Path) -> None:
    file = plan_of(vault)
    assert goes(file, top) == GOES
    refused(run("dedupe", "--plan", "-o", file, vault=vault), 5, "is there already")
    steps = lines_of(file.read_bytes())[1]
    for options in (("--plan", "-o", "-"), ("--plan",), ("--plan", "--json"), ("-o", "-")):
        ran = run("dedupe", *options, vault=vault)
        assert (ran.code, ran.err) == (0, "")
        assert lines_of(ran.stdout)[1] == steps
    shown = on_terminal("dedupe", "--plan", vault=vault)
    assert "By folder, in 3 pairs, the largest first:" in shown.out
    shown = on_terminal("dedupe", "--plan", "--steps", vault=vault)
    assert "Whole folders: 1" in shown.out


def test_what_is_left_alone_is_said_in_words(tmp_path: Path, vault: Path) -> None:
    """For each reason how much, then the largest places; with --verbose all of them."""
    trees: Tree = {
        f"{copy} {number}": {
            **{f"{file}": f"{file} {number}" * 900 for file in range(6)},
            "package.json": f"{number}" * 99,
            copy: f"{copy} {number}" * 9,
        }
        for number in range(9)
        for copy in ("tree", "Copy of tree")
    }
    top = scanned(make_tree(tmp_path / "drive", trees), vault)
    left = run("dedupe", "--json", vault=vault).json()["left_alone"]
    assert {each["rule"] for each in left} == {"unique"} and len(left) == 9
    files = sum(each["files"] for each in left)
    lines = run("dedupe", vault=vault).out.splitlines()
    at = lines.index("Left alone, although there is a copy:")
    told = lines[at + 1]
    assert told.startswith(f"  {files} files, ")
    assert told.endswith(", in 9 places: copies of folders that have files of their own")
    assert sum(line.endswith("(unique)") for line in lines) == 6
    assert "  and 3 more: gorillacomb dedupe --verbose names them all" in lines
    whole = run("dedupe", "--verbose", vault=vault).out
    assert all(f"  {each['path']}" in whole for each in left) and "more" not in whole
    assert "requires" in run("dedupe", "--undo", "--verbose", vault=vault).err
    assert top.exists()


def test_every_reason_has_words() -> None:
    assert REASONS.keys() == set(SafetyRule)
    assert max(map(len, REASONS.values())) <= 56


@pytest.mark.parametrize("header", [b"", b'{"version": 1, "ru'])
def test_a_run_that_was_killed_before_it_began(top: Path, vault: Path, header: bytes) -> None:
    folder = top / ".gorillacomb/quarantine/20260101-000000-abcdef"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(header)
    refused(
        run("dedupe", "--undo", folder, vault=vault), 2, f"{folder} contains nothing to take back."
    )
    refused(run("dedupe", "--undo", vault=vault), 2, "No quarantine contains anything")
    (folder / "s1").write_text("what somebody put there")
    refused(run("dedupe", "--undo", folder, vault=vault), 2, "not a valid journal")
    assert (folder / "s1").read_text() == "what somebody put there"


def test_apply_tells_what_it_did_and_undo_takes_it_back(top: Path, vault: Path) -> None:
    before, file = look(top), plan_of(vault)
    rehearsed = run("dedupe", "--apply", file, "--dry-run", vault=vault)
    assert rehearsed.code == 0
    assert "Would be done: 3 steps, 4 files" in rehearsed.out
    assert look(top) == before

    ran = on_terminal("dedupe", "--apply", file, vault=vault)
    assert ran.code == 0, ran.err
    shown = lines_on_screen(ran.stdout)
    assert shown[0].startswith("No answers of a review in ")
    assert any(each.startswith("Quarantined: 4 files in 3 of 3 steps") for each in shown[1:3])
    assert b"Comparing and quarantining" in ran.stderr
    assert b" 0 files" not in ran.stderr
    assert not [each for each in GOES if (top / each).exists()]

    status = run("status", vault=vault).out
    assert "Quarantine: 4 files" in status

    undone = run("dedupe", "--undo", vault=vault)
    assert (undone.code, undone.out.splitlines()[0]) == (0, "Put back: 4 files in 3 steps")
    assert look(top) == before
    refused(run("dedupe", "--undo", vault=vault), 2, "No quarantine contains anything")
    assert "Quarantine" not in run("status", vault=vault).out


def test_exit_codes(top: Path, vault: Path) -> None:
    file = plan_of(vault)
    (top / "c" / "y").write_text("z" * 9000)
    assert run("dedupe", "--apply", file, "--dry-run", vault=vault).code == 3
    ran = run("dedupe", "--apply", file, "--json", vault=vault)
    assert (ran.code, ran.json()["done"], len(ran.json()["skipped"])) == (3, 2, 1)
    assert (top / "Copy of c" / "y").exists()
    again = run("dedupe", "--apply", file, "--json", vault=vault)
    assert (again.code, again.json()["done"], again.json()["done_before"]) == (3, 0, 2)


def run_folders(top: Path) -> list[Path]:
    return sorted(top.glob(".gorillacomb/quarantine/*"))


def test_ctrl_c_in_the_middle_loses_nothing(tmp_path: Path, vault: Path) -> None:
    files: Tree = {f"{number:03}": f"{number} " * 2000 for number in range(400)}
    folders: Tree = {"a": {**files, "own": "o"}, "Copy of a": {**files, "p": "p"}}
    top = scanned(make_tree(tmp_path / "drive", folders), vault)
    before, file = look(top), plan_of(vault)
    process = start("dedupe", "--apply", file, vault=vault)
    # After the first batch, which an interrupt would take back as a whole.
    assert until(lambda: len([each for at in run_folders(top) for each in at.glob("s*")]) > 40)
    process.send_signal(signal.SIGINT)
    ran = end_of(process)
    assert ran.code == 130, ran
    assert 0 < len(list((top / "Copy of a").iterdir())) - 1 < 400
    assert (top / "a" / "000").exists()

    finished = run("dedupe", "--apply", file, "--json", vault=vault)
    assert finished.code == 0, finished.out
    done = finished.json()
    assert done["done"] + done["done_before"] == 400
    assert done["done_before"] > 0
    told = run("dedupe", "--history", "--json", vault=vault).json()["runs"]
    assert [each["steps"] for each in told] == [done["done"], done["done_before"]]
    assert [each.name for each in (top / "Copy of a").iterdir()] == ["p"]
    for each in run_folders(top):
        assert run("dedupe", "--undo", each.name, vault=vault).code == 0
    assert {path: each[0] for path, each in look(top).items()} == {
        path: each[0] for path, each in before.items()
    }


def test_deleting_asks_for_the_number(top: Path, vault: Path) -> None:
    file = plan_of(vault, "--action", "delete")
    refused(run("dedupe", "--apply", file, vault=vault), 5, "was not confirmed")
    refused(run("dedupe", "--apply", file, "--yes-delete", "3", vault=vault), 5, "4 files, not 3")
    ran = typing(["3"], "dedupe", "--apply", file, vault=vault)
    assert ran.code == 5
    assert "nothing was done" in ran.out
    assert (top / "Copy of a").exists()
    ran = typing(["4"], "dedupe", "--apply", file, vault=vault)
    assert ran.code == 0, ran.out
    assert "Freed: " in ran.out
    assert not (top / "Copy of a").exists()
    assert not [each for at in run_folders(top) for each in at.glob("s*")]

    make_tree(top, {"Backup": PLAIN})
    scanned(top, vault)
    file = plan_of(vault, "--action", "delete")
    assert run("dedupe", "--apply", file, "--yes-delete", "2", vault=vault).code == 0
    assert not (top / "Backup").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_undo_by_the_folder_needs_no_vault(
    top: Path, vault: Path, tmp_path: Path, moved: bool
) -> None:
    before = look(top)
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    if moved:
        top = top.rename(tmp_path / "elsewhere")
    (folder,) = run_folders(top)
    ran = run("dedupe", "--undo", folder, vault=tmp_path / "no vault")
    assert (ran.code, ran.err) == (0, "")
    assert not (tmp_path / "no vault").exists()
    assert look(top) == before


def test_undo_replaces_nothing(top: Path, vault: Path) -> None:
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    (top / "Copy of b" / "x").write_text("new")
    (folder,) = run_folders(top)
    ran = run("dedupe", "--undo", folder.name, "--json", vault=vault)
    assert (ran.code, ran.json()["done"]) == (3, 2)
    (failed,) = ran.json()["failed"]
    assert failed["path"] == str(top / "Copy of b" / "x")
    assert failed["cause"] == "something else stands there now"
    assert (top / "Copy of b" / "x").read_text() == "new"
    assert (top / "Copy of a" / "f").stat().st_size == LARGE

    document = ran.json()
    (blocked,) = document["blocked"]
    assert blocked["path"] == blocked["in_the_way"]["path"] == failed["path"]
    assert (blocked["in_the_way_kind"], blocked["in_the_way_bytes"]) == ("file", 3)
    assert Path(blocked["quarantine"]).stat().st_size == 50_000
    assert (document["left_steps"], document["left_files"]) == (1, 1)

    (top / "Copy of b" / "x").unlink()
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert (top / "Copy of b" / "x").stat().st_size == 50_000


@pytest.mark.parametrize("by_folder", [False, True])
def test_an_undo_that_is_blocked_says_how_to_go_on(top: Path, vault: Path, by_folder: bool) -> None:
    """What it tells the user to type makes room, and then the rest comes back."""
    before = look(top)
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    (folder,) = run_folders(top)
    name = folder if by_folder else folder.name
    place = top / "Copy of b" / "x"
    place.write_text("mine")
    (top / "Copy of a").write_text("a file where a folder was")
    ran = run("dedupe", "--undo", name, vault=vault)
    assert ran.code == 3
    lines = ran.out.splitlines()
    assert lines[0] == "Put back: 1 file in 1 step"
    assert "Not put back, because something else is there now: 2 items" in lines
    assert any(line.startswith("    there now: a file, 4 B, last changed 20") for line in lines)
    assert any(line.startswith("Nothing is lost:") for line in lines)
    assert any(
        line.startswith("Still in the quarantine of this run: 3 files in 2 steps, ")
        for line in lines
    )
    moves = [line for line in lines if line.startswith("  mv ")]
    (again,) = (line.split("   ")[0] for line in lines if line.startswith("Next: "))
    assert again.startswith(f"Next: gorillacomb dedupe --undo {name}")
    for line in moves:
        subprocess.run(line, shell=True, check=True)
    assert run("dedupe", "--undo", name, vault=vault).code == 0
    assert (top / "Copy of b" / "x.mine").read_text() == "mine"
    assert {*look(top)} == {*before, "Copy of b/x.mine", "Copy of a.mine"}


def test_a_file_where_an_undo_needs_a_folder(top: Path, vault: Path) -> None:
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    shutil.rmtree(top / "Copy of b")
    (top / "Copy of b").write_text("not a folder")
    ran = run("dedupe", "--undo", "--json", vault=vault)
    assert ran.code == 3
    (blocked,) = ran.json()["blocked"]
    assert blocked["path"] == str(top / "Copy of b/x")
    assert blocked["in_the_way"] == {"path": str(top / "Copy of b")}
    assert (top / "Copy of b").read_text() == "not a folder"


def test_an_undo_of_one_file_says_what_still_waits(top: Path, vault: Path) -> None:
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    (folder,) = run_folders(top)
    one = top / "Copy of b" / "x"
    ran = run("dedupe", "--undo", folder.name, "--only", one, vault=vault)
    assert ran.code == 0
    told = [line for line in ran.out.splitlines() if line.startswith("Still in the quarantine")]
    assert len(told) == 1 and "3 files in 2 steps" in told[0]
    assert f"gorillacomb dedupe --undo {folder.name}" in ran.out
    assert "--only" not in ran.out
    rest = run("dedupe", "--undo", folder.name, vault=vault)
    assert rest.out.startswith("Put back: 3 files in 2 steps")
    assert "Still in the quarantine" not in rest.out


def test_emptying_the_quarantine(top: Path, vault: Path) -> None:
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    (folder,) = run_folders(top)
    empty = ("dedupe", "--empty-quarantine")
    refused(run(*empty, vault=vault), 5, "4 quarantined files", "was not confirmed")
    young = run(*empty, "--older-than", "30d", "--yes", vault=vault)
    assert (young.code, young.out) == (0, "Deleted: 0 files, 0 B freed\n")
    refused(run(*empty, "no-such-run", "--yes", vault=vault), 2, "no-such-run")
    for early in ("", "y\n"):  # which is no answer to what was not shown yet
        said_no = typing(["n"], *empty, vault=vault, early=early, question=b"[y/N]: ")
        assert said_no.code == 5, said_no
        assert (folder / "s1").exists()
    ran = run(*empty, folder.name, "--yes", vault=vault)
    assert ran.code == 0
    assert ran.out.startswith("Deleted: 4 files, ")
    assert not list(folder.glob("s*"))
    assert (top / "a" / "f").stat().st_size == LARGE


def test_ages_in_the_quarantine_are_none_of_a_clock_that_was_wrong(top: Path, vault: Path) -> None:
    """What was set aside a minute ago is not old because the clock was years behind then."""
    assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
    (folder,) = run_folders(top)
    old = ("dedupe", "--empty-quarantine", "--older-than", "30d", "--yes")

    def begun(year: int, same_boot: bool) -> None:
        """Have the journal say that it was written in that year."""
        header, *steps = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
        years = (year - 2026) * 365 * 24 * 3600 * 10**9
        for line, name in ((header, "started_ns"), *((step, "time_ns") for step in steps)):
            line[name] = str(int(line[name]) + years)
        header["boot_id"] = header["boot_id"] if same_boot else "another one"
        text = "\n".join(map(json.dumps, (header, *steps, "")))
        (folder / "journal.jsonl").write_text(text.removesuffix('""'))

    begun(2020, same_boot=True)
    assert run(*old, vault=vault).out.startswith("Deleted: 0 files")
    begun(2037, same_boot=False)
    ran = run(*old, vault=vault)
    assert ran.code == 3, "it is not left without a word"
    assert "Deleted: 0 files" in ran.out and folder.name in ran.out
    assert "by a clock that was ahead" in " ".join(ran.out.split())
    assert "for an unknown time" in run("status", vault=vault).out
    assert (folder / "s1").exists()
    assert "Deleted: 4 files" in run(*old[:2], folder.name, "--yes", vault=vault).out


def test_history_trace_and_index_follow(top: Path, vault: Path, tmp_path: Path) -> None:
    assert run("dedupe", "--history", vault=vault).out == "No plan has been applied yet.\n"
    for _ in range(2):
        assert run("dedupe", "--apply", plan_of(vault), vault=vault).code == 0
        assert known(vault) == rows_of_a_fresh_scan(top, tmp_path)
        if _ == 0:
            assert run("dedupe", "--undo", vault=vault).code == 0
            assert known(vault) == rows_of_a_fresh_scan(top, tmp_path)
    assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0
    runs = run("dedupe", "--history", "--json", vault=vault).json()["runs"]
    assert [each["event"] for each in runs] == ["purged", "applied", "undone", "applied"]
    assert [each["files"] for each in runs] == [4, 4, 4, 4]
    assert not any(each["waiting"] for each in runs)
    text = run("dedupe", "--history", vault=vault).out
    for words in ("quarantined 4 files", "put back 4 files", "deleted 4 files"):
        assert words in text
    log = run("trace", "log", "--json", vault=vault)
    assert log.code == 0
    for event in ("applied", "undone", "purged"):
        assert f'"{event}"' in log.out
    lines = run("trace", "log", "-n", "0", vault=vault).out.splitlines()
    ran = [line for line in lines if any(f" {each}" in line for each in ("applied", "undone"))]
    assert [line.rpartition("(")[2] for line in ran] == ["4 files)"] * 3
    checked = run("trace", "verify", "--json", vault=vault)
    assert (checked.code, checked.json()["ok"]) == (0, True)
    entries = checked.json()["entries"]
    assert run("scan", top, vault=vault).code == 0
    assert run("trace", "verify", "--json", vault=vault).json()["entries"] == entries


def rows_of_a_fresh_scan(top: Path, folder: Path) -> dict[bytes, Any]:
    vault = folder / f"fresh {time.time_ns()}"
    assert run("scan", top, vault=vault).code == 0
    return known(vault)


def known(vault: Path) -> dict[bytes, Any]:
    """The index without what depends on how long ago a file was touched."""
    return {path: row[1:] for path, row in rows_in_index(vault).items()}


def test_lines_fit_a_terminal(tmp_path: Path, vault: Path) -> None:
    long = "a very long name of a folder that somebody once made " * 2
    top = make_tree(tmp_path / "drive", {long: {long: TREE}, "link": TREE["c"]})
    scanned(top, vault)
    file = plan_of(vault)
    for arguments in (("dedupe",), ("dedupe", "--apply", file), ("dedupe", "--history")):
        ran = on_terminal(*arguments, vault=vault)
        assert ran.code == 0, ran.err
        wide = [line for line in lines_on_screen(ran.stdout) if width_of(line) > 80]
        assert not wide


@pytest.mark.parametrize(
    ("folder", "base"),
    [
        ("Library/CloudStorage/Dropbox/mine", "Library/CloudStorage/Dropbox"),
        ("OneDrive - Company/mine", "OneDrive - Company"),
    ],
)
def test_in_a_synced_folder_the_quarantine_stays_in_it(
    tmp_path: Path, vault: Path, folder: str, base: str
) -> None:
    top = tmp_path / "drive"
    make_tree(top / folder, {"a": PLAIN, "Copy of a": PLAIN})
    scanned(top, vault)
    before, file = look(top), plan_of(vault)
    header, _ = lines_of(file.read_bytes())
    assert header["notes"] == [
        f"{top / base} is synced with the cloud: what is removed there is removed"
        " for everyone it is shared with."
    ]
    assert "synced with the cloud" in " ".join(run("dedupe", vault=vault).out.split())
    assert run("dedupe", "--apply", file, vault=vault).code == 0
    assert run_folders(top) == []
    assert len(run_folders(top / base)) == 1
    assert not (top / folder / "Copy of a").exists()
    assert "Quarantine: 2 files" in run("status", vault=vault).out
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert look(top) == before


def test_wrong_usage(top: Path, vault: Path) -> None:
    file = plan_of(vault)
    for options in (
        ("--plan", "--history"),
        ("--folders-only", "--files-only"),
        ("--dry-run",),
        ("--older-than", "30d"),
        ("--retire", top.parent),
        ("--retire", top / "mispelt"),
        ("--within", top / "mispelt"),
        ("--apply", file, "--within", top),
        ("--apply", file, "--yes"),
        ("--review", file, "--json"),
        ("--undo", "--action", "quarantine"),
        ("--history", "-o", "x"),
        ("--yes-delete", "3"),
    ):
        complained(run("dedupe", *options, vault=vault), 2)
    complained(run("dedupe", "--apply", top / "no plan", vault=vault), 2)
    assert file.exists()
