"""Marks from beginning to end: through the program, with real trees, traces and indexes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.dedupe import marks as marking
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from tests.support.run import end_of, refused, run, start, until
from tests.support.trees import Tree, make_tree

NAMES = ("one", "two", "three", "four", "five", "six")
FILES: Tree = {name: name * 40 for name in NAMES}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", {"a": FILES, "b": FILES, "odd": {"x": "x" * 50}})


@pytest.fixture
def known(tree: Path, vault: Path) -> gorillacomb.OpenVault:
    """A vault in which the tree was scanned."""
    found = gorillacomb.open_vault(vault)
    found.scan([tree], workers=0)
    return found


def marked(vault: gorillacomb.OpenVault) -> set[tuple[str, str, str]]:
    return {
        (os.fsdecode(each.path).rpartition("/tree/")[2], each.kind.value, each.state.value)
        for each in vault.marks()
    }


def removed(vault: gorillacomb.OpenVault) -> set[str]:
    return {os.fsdecode(step.path).rpartition("/tree/")[2] for step in vault.plan().steps}


def test_mark_and_list_and_explain(known: gorillacomb.OpenVault, tree: Path, vault: Path) -> None:
    ran = run("mark", "keep", tree / "b/one", "--note", "the good one", "--json", vault=vault)
    [document] = ran.json()["marked"]
    assert (document["mark"], document["note"]) == ("keep", "the good one")
    assert run("mark", "list", "--json", vault=vault).json() == {"marks": [document]}
    assert "the good one" in run("mark", "list", vault=vault).out
    text = run("explain", tree / "b/one", vault=vault).out
    assert "marked keep, 20" in text
    assert ": the good one\n" in text
    assert "because: you marked it keep" in text
    [about] = run("explain", tree / "b/one", "--json", vault=vault).json()["marks"]
    assert about == document
    assert run("trace", "verify", vault=vault).code == 0
    assert "mark       " in run("trace", "log", vault=vault).out
    history = run("trace", "show", tree / "b/one", "--json", vault=vault).json()["trace"]
    assert history[-1]["event"] == "mark"
    ran = run("mark", "clear", tree / "b/one", vault=vault)
    assert "no longer marked keep" in ran.out
    assert run("mark", "list", vault=vault).out.startswith("No marks yet.")


def test_what_is_to_be_kept_wins_over_the_rules(known: gorillacomb.OpenVault, tree: Path) -> None:
    assert removed(known) == {"b"}
    known.mark("keep", tree / "b")
    assert removed(known) == {"a"}
    [family] = list(known.folders().families())
    assert family.keep == os.fsencode(tree / "b")
    known.mark("keep", tree / "a/one")
    assert removed(known) == {f"a/{name}" for name in NAMES if name != "one"}
    rules = {each.rule for each in known.plan().left_alone}
    assert rules == {"marked"}
    known.unmark([tree / "a/one", tree / "b"])
    assert removed(known) == {"b"}


def test_a_preferred_place_does_not_win_over_a_mark(
    known: gorillacomb.OpenVault, tree: Path
) -> None:
    known.mark("keep", tree / "b")
    plan = known.plan(prefer=[tree / "a"])
    assert [step.path for step in plan.steps] == [os.fsencode(tree / "a")]


def test_intended_copies_are_neither_reported_nor_planned_until_one_changes(
    known: gorillacomb.OpenVault, tree: Path
) -> None:
    change = known.mark("intended", tree / "a")
    assert {os.path.basename(each.path) for each in change.marked} == {b"a", b"b"}
    assert list(known.folders().families()) == []
    assert list(known.duplicates()) == []
    assert removed(known) == set()
    (tree / "b/one").write_text("other")
    known.scan(workers=0)
    assert marked(known) == {("a", "intended", "current"), ("b", "intended", "changed")}
    assert len(list(known.duplicates())) == 5
    assert removed(known) == {f"b/{name}" for name in NAMES if name != "one"}


def test_intended_files(known: gorillacomb.OpenVault, tree: Path) -> None:
    known.mark("intended", tree / "b/two")
    contents = [group.files[0].path for group in known.duplicates()]
    assert len(contents) == 5
    assert not any(path.endswith(b"/two") for path in contents)
    assert list(known.duplicates(tree / "a/two")) == []
    assert removed(known) == {f"b/{name}" for name in NAMES if name != "two"}
    (tree / "odd/two").write_text("two" * 40)
    known.scan(workers=0)
    assert len(list(known.duplicates(tree / "a/two"))) == 1
    assert "odd/two" in removed(known)


def test_not_duplicates(known: gorillacomb.OpenVault, tree: Path) -> None:
    known.mark("not-duplicates", [tree / "a", tree / "b"])
    assert list(known.folders().families()) == []
    assert list(known.folders().identical()) == []
    assert removed(known) == set()
    known.unmark(tree / "a")
    assert known.marks() == ()
    assert removed(known) == {"b"}


@pytest.mark.parametrize(
    ("kind", "paths", "words"),
    [
        ("kept", ["a"], "no mark 'kept'"),
        ("keep", [], "No path"),
        ("keep", ["gone"], "does not exist"),
        ("not-duplicates", ["a"], "One path alone"),
        ("intended", ["odd/x"], "has no copy"),
        ("intended", ["a", "b/one"], "together"),
    ],
)
def test_what_cannot_be_marked(
    known: gorillacomb.OpenVault, tree: Path, kind: str, paths: list[str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        known.mark(kind, [tree / each for each in paths])
    assert known.marks() == ()


def test_clearing_what_has_no_mark(known: gorillacomb.OpenVault, tree: Path, vault: Path) -> None:
    refused(run("mark", "clear", tree / "a", vault=vault), 2, "has no mark")


def test_marks_follow_what_is_moved(known: gorillacomb.OpenVault, tree: Path, vault: Path) -> None:
    known.mark("keep", [tree / "b", tree / "odd/x"])
    known.mark("intended", tree / "a/one")
    (tree / "b").rename(tree / "c")
    (tree / "a/one").rename(tree / "a/uno")
    (tree / "odd/x").rename(tree / "x")
    known.scan(workers=0)
    expected = {
        ("c", "keep", "current"),
        ("x", "keep", "current"),
        ("a/uno", "intended", "current"),
        ("c/one", "intended", "current"),
    }
    assert marked(known) == expected
    assert known.trace.verify().ok
    (vault / "index.db").unlink()
    known.scan([tree], workers=0)
    assert marked(known) == expected


def test_a_mark_that_is_cleared_late_hides_no_departure(
    known: gorillacomb.OpenVault, tree: Path
) -> None:
    known.mark("keep", tree / "odd/x")
    (tree / "odd/x").unlink()
    known.scan(workers=0)
    assert marked(known) == {("odd/x", "keep", "missing")}
    assert known.unmark(tree / "odd/x").cleared
    left = known.explain(tree / "odd/x").fate.left
    assert left is not None
    assert left.entry["event"] == "retire"


def test_swapped_folders_swap_their_marks(known: gorillacomb.OpenVault, tree: Path) -> None:
    known.mark("not-duplicates", [tree / "a", tree / "b"])
    seqs = {each.path: each.marked_ns for each in known.marks()}
    (tree / "a").rename(tree / "t")
    (tree / "b").rename(tree / "a")
    (tree / "t").rename(tree / "b")
    known.scan(workers=0)
    assert {each.path: each.marked_ns for each in known.marks()} == seqs
    assert {each.state.value for each in known.marks()} == {"current"}


def test_marks_outlive_the_index(known: gorillacomb.OpenVault, tree: Path, vault: Path) -> None:
    known.mark("keep", tree / "b", note="mine")
    known.mark("intended", tree / "a/one")
    before, plan = known.marks(), removed(known)
    for each in vault.glob("index.db*"):
        each.unlink()
    known.scan([tree], workers=0)
    assert known.marks() == before
    assert removed(known) == plan


def test_marks_outlive_the_trace_that_has_them(known: gorillacomb.OpenVault, tree: Path) -> None:
    known.mark("keep", tree / "b", note="mine")
    [before] = known.marks()
    known.trace.adopt(force=True)
    assert removed(known) == {"a"}
    known.scan(workers=0)
    [now] = known.marks()
    assert (now.path, now.note, now.marked_ns) == (before.path, "mine", before.marked_ns)
    assert known.trace.verify().ok


def test_an_index_of_an_older_version_gets_the_marks_of_the_trace(
    known: gorillacomb.OpenVault, tree: Path, vault: Path
) -> None:
    from gorillacomb.sqlite import open_writer

    known.mark("keep", tree / "b")
    before = known.marks()
    connection = open_writer(vault / "index.db")
    connection.executescript(
        "DROP TABLE marks; DROP TABLE marks_reflected; PRAGMA user_version = 11"
    )
    connection.close()
    assert known.marks() == before
    assert removed(known) == {"a"}
    known.scan(workers=0)
    assert known.marks() == before


def test_what_is_marked_after_the_plan_is_skipped(known: gorillacomb.OpenVault, tree: Path) -> None:
    plan = known.plan()
    known.mark("keep", tree / "b/three")
    assert [each.cause for each in known.apply(plan).skipped] == [
        "holds three, which is marked keep (marked)"
    ]
    result = known.apply(plan, dry_run=False)
    assert (len(result.done), len(result.skipped)) == (0, 1)
    assert (tree / "b/three").exists()


def test_the_quarantine_keeps_what_is_missing_from_a_marked_place(
    known: gorillacomb.OpenVault, tree: Path
) -> None:
    known.mark("keep", tree / "odd")
    run_id = known.apply(known.plan(), dry_run=False).id
    known.mark("keep", tree)
    result = known.purge(confirm=True)
    assert [each.cause for each in result.skipped] == [
        "is in tree, which is marked keep: put it back, or clear the mark"
    ]
    assert known.undo(run_id).is_complete
    assert (tree / "b/three").exists()


def _killed_while_marking(vault: Path, tree: Path) -> None:
    """Mark a folder in a process that ends when the trace has the mark and the index has not."""
    child = os.fork()
    if not child:
        calls = []
        sync = vars(marking)["sync_marks"]

        def sync_once(*arguments: object) -> None:
            calls.append(arguments)
            if len(calls) > 1:
                os._exit(9)
            sync(*arguments)

        vars(marking)["sync_marks"] = sync_once
        try:
            marking.mark_paths(Vault(vault), "keep", [tree / "b"])
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_mark_that_was_killed_is_whole_or_missing(
    known: gorillacomb.OpenVault, tree: Path, vault: Path
) -> None:
    _killed_while_marking(vault, tree)
    assert known.trace.verify().ok
    assert marked(known) == {("b", "keep", "current")}
    assert removed(known) == {"a"}
    (tree / "b").rename(tree / "c")
    known.scan(workers=0)
    assert marked(known) == {("c", "keep", "current")}
    assert known.check().is_sound


def has_open(process: int, path: Path) -> bool:
    folder = f"/proc/{process}/fd"
    found = set()
    for name in os.listdir(folder):
        with suppress(OSError):  # closed in the meantime
            found.add(os.readlink(f"{folder}/{name}"))
    return str(path) in found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="MISSING: /proc")
def test_a_mark_waits_for_a_writer(known: gorillacomb.OpenVault, tree: Path, vault: Path) -> None:
    writer = Vault(vault)
    writer.lock()
    try:
        ran = run("mark", "keep", tree / "b", "--wait", "0", vault=vault)
        refused(ran, 4, "is writing to the vault")
        assert "--wait SECONDS" in ran.err
        waiting = start("mark", "keep", tree / "b", "--wait", "600", vault=vault)
        assert until(lambda: has_open(waiting.pid, vault / "lock"))
    finally:
        writer.unlock()
    assert end_of(waiting).code == 0
    assert len(known.marks()) == 1


def test_more_marks_than_one_transaction_holds(known: gorillacomb.OpenVault, tree: Path) -> None:
    make_tree(tree / "many", {f"f{number}": f"{number}" for number in range(30)})
    known.scan(workers=0)
    size = marking.MOST_AT_ONCE
    marking.MOST_AT_ONCE = 10
    try:
        with pytest.raises(UsageError, match="30 marks"):
            known.mark("keep", sorted((tree / "many").iterdir()))
    finally:
        marking.MOST_AT_ONCE = size
    assert known.marks() == ()
