"""Dedupe from Python: planned, carried out, taken back, deleted and looked up, on a real tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import gorillacomb
from gorillacomb.api.dedupe.apply import ConfirmDeletion
from gorillacomb.api.dedupe.differences import folder_differences
from gorillacomb.api.dedupe.review import ReviewAnswer, open_review
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.api.vault import find_vault
from gorillacomb.progress import ProgressEvent
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

PLAIN: Tree = {"f": "1" * 20_000, "g": "2" * 5000}
TREE: Tree = {
    "a": PLAIN,
    "Copy of a": PLAIN,
    "b": {"x": "x" * 50_000, "own": "o"},
    "Copy of b": {"x": "x" * 50_000, "p": "p"},
}
PAST = "20200101-000000-000000"


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A drive that was scanned: a folder and a file on it have a copy."""
    made = make_tree(tmp_path / "drive", TREE)
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    return made


@pytest.fixture
def opened(top: Path, vault: Path) -> Iterator[OpenVault]:
    with gorillacomb.open_vault(vault) as found:
        yield found


def contents(top: Path) -> dict[str, bytes]:
    """Every file of the drive, without what is in quarantine."""
    return {
        os.path.relpath(each, top): each.read_bytes()
        for each in top.rglob("*")
        if each.is_file() and ".gorillacomb" not in each.parts
    }


def paths(plan: gorillacomb.DedupePlan, top: Path) -> list[str]:
    return [os.path.relpath(os.fsdecode(step.path), top) for step in plan.steps]


def test_a_plan_is_carried_out_and_taken_back(opened: OpenVault, top: Path, tmp_path: Path) -> None:
    before = contents(top)
    plan = opened.plan(action="quarantine", within=[top])
    assert sorted(paths(plan, top)) == ["Copy of a", "Copy of b/x"]
    plan.save(tmp_path / "plan.jsonl")
    assert contents(top) == before

    done = opened.apply(plan, dry_run=False)
    assert (done.is_complete, len(done.done), done.files, done.bytes_freed) == (True, 2, 3, 0)
    assert done.bytes_set_aside == sum(step.size for step in plan.steps) > 0
    assert done.warnings == ()
    left = {"a/f", "a/g", "b/x", "b/own", "Copy of b/p"}
    assert contents(top) == {name: before[name] for name in left}
    assert opened.plan().steps == (), "the index follows"

    back = opened.undo(done.id)
    assert (back.id, back.is_complete, back.files) == (done.id, True, 3)
    assert contents(top) == before
    assert len(opened.plan().steps) == 2


def test_nothing_changes_unless_it_is_asked_for(opened: OpenVault, top: Path, vault: Path) -> None:
    before = contents(top)
    plan = opened.plan()
    tried = opened.apply(plan)
    assert (len(tried.done), tried.files, tried.skipped) == (2, 3, ())
    assert contents(top) == before
    (top / "Copy of b/x").write_text("edited")
    tried = opened.apply(plan, dry_run=True)
    assert [each.path for each in tried.skipped] == [os.fsencode(top / "Copy of b/x")]
    assert not tried.is_complete
    assert not hasattr(tried, "id"), "undo(None) would take another run back"


def test_documents_are_those_of_the_command(
    opened: OpenVault, top: Path, vault: Path, tmp_path: Path
) -> None:
    plan = opened.plan()
    theirs = run("dedupe", "--json", vault=vault).json()
    random = ("plan", "made_ns")
    assert {**plan.to_dict(), **{key: theirs[key] for key in random}} == theirs

    file = tmp_path / "plan.jsonl"
    saved = run("dedupe", "--plan", "-o", file, "--json", vault=vault).json()
    read = gorillacomb.read_plan(file)
    assert read.saved_document() == saved
    assert read.file == file
    assert b"".join(read.lines()) == file.read_bytes()
    told = run("dedupe", "--apply", file, "--dry-run", "--json", vault=vault).json()
    assert opened.apply(file).to_dict() == told

    done = opened.apply(file, dry_run=False)
    history = opened.history()
    assert history.to_dict() == run("dedupe", "--history", "--json", vault=vault).json()
    assert [(each.event, each.run, each.files) for each in history.events] == [
        ("applied", done.id, 3)
    ]
    assert history.events[0].is_waiting
    details = opened.run_details(done.id)
    assert details.to_dict() == run("dedupe", "--history", done.id, "--json", vault=vault).json()
    assert (details.id, details.plan, details.waiting_files) == (done.id, read.contents.uid, 3)
    assert sorted(os.path.relpath(os.fsdecode(item.path), top) for item in details.items()) == [
        "Copy of a",
        "Copy of b/x",
    ]
    (quarantine,) = details.quarantines
    assert list(details.items(quarantine)) == list(details.items())
    assert list(details.items(b"/nowhere")) == []


@pytest.mark.parametrize("kind", [str, bytes, Path])
def test_a_part_is_put_back_by_any_form_of_path(
    kind: type, opened: OpenVault, top: Path, tmp_path: Path
) -> None:
    before = contents(top)
    opened.plan().save(tmp_path / "plan")
    plan, part = str(tmp_path / "plan"), str(top / "Copy of a/f")
    forms = [path.encode() if kind is bytes else kind(path) for path in (plan, part)]
    done = opened.apply(forms[0], dry_run=False)
    back = opened.undo(only=[forms[1]])
    assert (back.id, back.files) == (done.id, 1)
    assert (top / "Copy of a/f").read_bytes() == before["Copy of a/f"]
    assert not (top / "Copy of b/x").exists()
    states = {item.path: str(item.state) for item in opened.run_details(done.id).items()}
    assert states[os.fsencode(part)] == "put back"
    (folder,) = (top / ".gorillacomb/quarantine").iterdir()
    with gorillacomb.open_vault(tmp_path / "no vault") as other:
        other.undo(os.fsencode(folder) if kind is bytes else kind(folder))
    assert contents(top) == before


def test_a_quarantine_is_emptied_only_when_that_is_confirmed(opened: OpenVault, top: Path) -> None:
    run_id = opened.apply(opened.plan(), dry_run=False).id
    (folder,) = (top / ".gorillacomb/quarantine").iterdir()
    waiting = sorted(each.name for each in folder.glob("s*"))
    asked: list[tuple[str, int]] = []

    def refuse(runs: object) -> bool:
        assert isinstance(runs, list)
        asked.extend((each.run, each.files) for each in runs)
        return False

    for answer in (False, refuse, 1, None):
        with pytest.raises(gorillacomb.RefusedForSafety, match="deleted"):
            opened.purge(run_id, confirm=answer)  # type: ignore[arg-type]
        with pytest.raises(gorillacomb.RefusedForSafety):
            opened.purge(confirm=answer)  # type: ignore[arg-type]
    assert asked == [(run_id, 3)] * 2
    assert sorted(each.name for each in folder.glob("s*")) == waiting
    with pytest.raises(gorillacomb.UsageError, match=PAST):
        opened.purge(PAST, confirm=True)
    with pytest.raises(gorillacomb.UsageError, match="''"):
        opened.purge("", confirm=True)
    young = opened.purge(confirm=True, older_than_ns=10**18)
    assert (young.id, young.done, young.to_dict()["run"]) == ("", (), None)

    gone = opened.purge(run_id, confirm=lambda runs: True)
    assert (gone.id, gone.files, gone.is_complete) == (run_id, 3, True)
    assert gone.bytes_freed > 0
    assert not list(folder.glob("s*"))
    assert {each.event for each in opened.history().events} == {"applied", "purged"}
    with pytest.raises(gorillacomb.UsageError):
        opened.undo()


def test_a_deletion_needs_the_number_of_its_files(opened: OpenVault, top: Path) -> None:
    before = contents(top)
    plan = opened.plan(action="delete")
    answers: list[tuple[ConfirmDeletion, str]] = [
        (None, "3 files, which was not confirmed"),
        (True, "3 files, which was not confirmed"),
        (2, "3 files, not 2"),
        (lambda plan: False, "nothing was done"),
    ]
    for answer, words in answers:
        with pytest.raises(gorillacomb.RefusedForSafety, match=words):
            opened.apply(plan, dry_run=False, confirm=answer)
        assert contents(top) == before
    assert opened.apply(plan).bytes_freed > 0
    assert contents(top) == before
    asked: list[gorillacomb.DedupePlan] = []

    def agree(plan: gorillacomb.DedupePlan) -> bool:
        asked.append(plan)
        return True

    done = opened.apply(plan, dry_run=False, confirm=agree)
    assert asked == [plan]
    assert (done.files, done.bytes_set_aside, done.bytes_freed > 0) == (3, 0, True)
    assert not (top / "Copy of a").exists()


def test_a_deletion_is_done_for_the_right_number(opened: OpenVault, top: Path) -> None:
    plan = opened.plan(action="delete", within=[top / "Copy of b"])
    assert opened.apply(plan, dry_run=False, confirm=plan.files).files == 1
    assert not (top / "Copy of b/x").exists()


@pytest.mark.linux("the suite on the made-up Mac refuses nothing: tests/darwin/test_doctor")
def test_safety_on_macos_is_that_of_the_command(
    opened: OpenVault, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = opened.plan()
    monkeypatch.setattr("gorillacomb.fs.darwin.untested.sys", SimpleNamespace(platform="darwin"))
    # The kernel here knows no F_GETPATH, so names stay as they were given.
    monkeypatch.setattr(os, "O_EVTONLY", 0, raising=False)
    monkeypatch.setattr(os, "O_SYMLINK", os.O_PATH | os.O_NOFOLLOW, raising=False)
    with pytest.raises(gorillacomb.RefusedForSafety, match="Applying a plan"):
        opened.apply(plan, dry_run=False)
    with pytest.raises(gorillacomb.RefusedForSafety, match="Emptying the quarantine"):
        opened.purge(confirm=True)
    with pytest.raises(gorillacomb.RefusedForSafety, match="Replacing files with hard links"):
        opened.plan(action="hardlink")
    assert (top / "Copy of a/f").exists()
    assert len(opened.apply(plan).done) == 2
    assert opened.plan(action="hardlink", untested_macos=True).steps


def test_a_callback_stops_a_run_with_what_was_done_kept(opened: OpenVault, top: Path) -> None:
    before = contents(top)

    def stop(event: ProgressEvent) -> None:
        raise KeyboardInterrupt

    with pytest.raises(gorillacomb.Interrupted, match="nothing was done") as stopped:
        opened.apply(opened.plan(), dry_run=False, progress=stop)
    assert stopped.value.hint == "To continue: apply the plan again."
    assert contents(top) == before
    done = opened.apply(opened.plan(), dry_run=False)
    with pytest.raises(gorillacomb.Interrupted) as stopped:
        opened.undo(done.id, progress=stop)
    assert f"gorillacomb dedupe --undo {done.id}" in stopped.value.hint
    opened.undo()
    assert contents(top) == before


def test_what_a_plan_may_contain(opened: OpenVault, top: Path) -> None:
    assert paths(opened.plan(folders=False, within=[top / "Copy of b"]), top) == ["Copy of b/x"]
    assert paths(opened.plan(files=False), top) == ["Copy of a"]
    assert opened.plan(keep=2).steps == ()
    assert opened.plan(min_size=10**9).steps == ()
    assert paths(opened.plan(prefer=[str(top / "Copy of b")]), top).count("b/x") == 1
    protected = opened.plan(protect=[str(top / "Copy of a"), "*/no such*"])
    assert paths(protected, top) == ["Copy of b/x"]
    assert [each.rule for each in protected.left_alone] == ["protected"]
    assert protected.warnings == ("--protect: */no such* matches nothing that was scanned.",)
    assert opened.plan(action="hardlink").action == "hardlink"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"action": "shred"}, "no action 'shred'"),
        ({"keep": 0}, "keep 0 copies"),
        ({"files": False, "folders": False}, "would be empty"),
        ({"files": False, "action": "symlink"}, "symlink is for files"),
        ({"within": ["/nowhere"]}, "/nowhere does not exist"),
        ({"protect": ["/nowhere"]}, "/nowhere does not exist"),
    ],
)
def test_a_plan_of_nothing_is_an_error(
    wanted: dict[str, object], words: str, opened: OpenVault
) -> None:
    with pytest.raises(gorillacomb.UsageError, match=words):
        opened.plan(**wanted)  # type: ignore[arg-type]


def test_errors(opened: OpenVault, top: Path, tmp_path: Path) -> None:
    plan = opened.plan()
    plan.save(tmp_path / "plan")
    with pytest.raises(gorillacomb.RefusedForSafety, match="is there already"):
        plan.save(tmp_path / "plan")
    (tmp_path / "no plan").write_text("{}\n")
    for dry_run in (True, False):
        with pytest.raises(gorillacomb.UntrustedInput, match="no plan"):
            opened.apply(tmp_path / "no plan", dry_run=dry_run)
    for name in (PAST, "", str(tmp_path)):
        with pytest.raises(gorillacomb.UsageError):
            opened.undo(name)
    with pytest.raises(gorillacomb.UsageError, match=PAST):
        opened.run_details(PAST)
    assert opened.history().events == ()
    with gorillacomb.open_vault(tmp_path / "no vault") as empty:
        for ask in (empty.plan, empty.undo, empty.history, lambda: empty.purge(confirm=True)):
            with pytest.raises(gorillacomb.VaultError):
                ask()
        with pytest.raises(gorillacomb.VaultError):
            empty.apply(plan, dry_run=False)
    assert not (tmp_path / "no vault").exists()


def test_a_plan_is_reviewed(opened: OpenVault, top: Path, vault: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.jsonl"
    opened.plan().save(file)
    with open_review(find_vault(vault), file, single=True) as review:
        kinds = {unit.steps[0].kind: unit for unit in review.units}
        folder, unit = kinds["folder"], kinds["file"]
        review.give([unit], ReviewAnswer.SWAP)
        assert review.answer(unit) is ReviewAnswer.SWAP
        assert (review.counts.swapped, review.counts.open, review.counts.files) == (1, 1, 1)
    make_tree(top / "Copy of a", {"new": "n", "f": "longer than it was" * 2000})
    (top / "a/g").unlink()
    found = folder_differences(folder.steps[0])
    assert (found.only_removed, found.only_kept, found.resized) == ((b"g", b"new"), (), (b"f",))
    assert opened.apply(file, dry_run=False).files == 1
    assert not (top / "b/x").exists()
    assert (top / "Copy of b/x").exists()


def test_a_plan_is_of_one_moment(opened: OpenVault, top: Path) -> None:
    """What a scan finds meanwhile is for the next plan."""
    before = opened.plan().steps
    events: list[ProgressEvent] = []

    def scan_once(event: ProgressEvent) -> None:
        if not events:
            make_tree(top / "New Folder With Items", {"a": PLAIN, "b": {"x": "x" * 50_000}})
            settle(top)
            opened.scan(top)
        events.append(event)

    assert opened.plan(progress=scan_once).steps == before
    assert events
    assert len(opened.plan().steps) > len(before)


def test_a_swap_that_would_lose_something_is_refused(vault: Path, tmp_path: Path) -> None:
    """A copy inside the other one, and one with less: applying would skip their steps."""
    inner: Tree = {"f": "1" * 20_000, "g": "2" * 5000}
    tree: Tree = {"a": {**inner, "a": inner, "h": "of its own"}, "Copy of a": inner}
    top = make_tree(tmp_path / "drive", tree)
    settle(top)
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(top)
        plan = opened.plan()
    file = tmp_path / "plan.jsonl"
    plan.save(file)
    refusals: dict[str, str] = {}
    with open_review(find_vault(vault), file, single=True) as review:
        for unit in review.units:
            with pytest.raises(gorillacomb.UsageError) as refused:
                review.give([unit], ReviewAnswer.SWAP)
            path = os.path.relpath(os.fsdecode(unit.path), top)
            refusals[path] = refused.value.message
        assert review.counts.swapped == 0
    assert refusals == {
        "a/a": f"{top}/a/a is inside the other one, or contains it.",
        "Copy of a": f"{top}/a has files that the copy to keep would lack.",
    }
