"""How users of other tools lost files. Each story is one test: it does not happen here."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.dedupe.model import DedupeAction, RunOutcome
from gorillacomb.fs import mutations
from tests.dedupe.acting import Ground, contents, files_below, live, slots, step, told
from tests.support.run import run
from tests.support.trees import HardLink, Link, Tree, make_tree, settle

ALBUM: Tree = {f"{number}.jpg": f"photograph {number}; " * 60 for number in range(5)}
SAME = "a content that stands in many places; " * 30


def planned(vault: Path, plan: Path, *more: str | Path) -> list[dict[str, Any]]:
    """Write a plan for all that was scanned; its steps."""
    made = run("dedupe", "--plan", "-o", plan, *more, vault=vault)
    assert made.code == 0, made.err
    return [json.loads(line) for line in plan.read_bytes().splitlines()[1:]]


def scanned(vault: Path, top: Path, tree: Tree, *more: str) -> Path:
    made = make_tree(top.resolve(), tree)
    settle(made)
    done = run("scan", made, *more, vault=vault)
    assert done.code in (0, 3), done.err
    return made


def applied(vault: Path, plan: Path) -> dict[str, Any]:
    ran = run("dedupe", "--apply", plan, "--json", vault=vault)
    found: dict[str, Any] = ran.json()
    return found


def emptied(vault: Path) -> None:
    run("dedupe", "--empty-quarantine", "--yes", vault=vault)


def act(top: Path, victim: str, keep: str, action: DedupeAction) -> RunOutcome:
    return Ground(live(top)).apply(step("s1", top / victim, top / keep), action=action)


def test_a_file_changed_under_its_old_time_since_it_was_grouped(
    vault: Path, tmp_path: Path
) -> None:
    """fclones #84: `cp -a` kept size and time, so the stored hash was believed: content lost."""
    top = scanned(vault, tmp_path / "top", {"1": SAME, "2": SAME})
    steps = planned(vault, tmp_path / "plan")
    goes, stays = Path(steps[0]["path"]), Path(steps[0]["keep"])
    for changed in (goes, stays):
        facts, before = changed.stat(), changed.read_bytes()
        other = SAME.replace("many", "most").encode()
        changed.write_bytes(other)
        os.utime(changed, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert applied(vault, tmp_path / "plan")["done"] == 0
        assert set(contents(top, ours=False)) == {SAME.encode(), other}
        changed.write_bytes(before)


@pytest.mark.linux("FIDEDUPERANGE")
def test_sharing_blocks_lets_the_kernel_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fclones #293: FICLONE overwrites a file that changed after it was compared."""
    top = make_tree(tmp_path, {"1": SAME, "2": SAME})
    if act(top, "2", "1", DedupeAction.REFLINK).failed:
        # Where no blocks can be shared, the file must stand as it did.
        assert contents(top) == {SAME.encode(): 2}
    other = SAME.replace("many", "most")
    asked = []
    plain = fcntl.ioctl

    def changed(descriptor: int, request: int, *more: Any) -> object:
        if request & 0xFF00 != 0x9400:
            return plain(descriptor, request, *more)
        asked.append(request)
        (top / "2").write_text(other)
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", changed)
    (top / "2").write_text(SAME)
    settle(top)
    outcome = act(top, "2", "1", DedupeAction.REFLINK)
    assert asked == [0xC0189436], "only FIDEDUPERANGE compares"
    assert not outcome.done
    assert (top / "2").read_text() == other


@pytest.mark.parametrize("action", [DedupeAction.SYMLINK, DedupeAction.HARDLINK])
def test_a_link_that_cannot_be_made_costs_no_file(
    action: DedupeAction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """czkawka #1498: no right to make links, so the files were deleted and nothing linked."""
    top = make_tree(tmp_path, {"1": SAME, "2": SAME})
    before = files_below(top)

    def denied(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mutations, "link", denied)
    monkeypatch.setattr(mutations, "symlink", denied)
    outcome = act(top, "2", "1", action)
    assert not outcome.done
    assert told([outcome]) == ["operation not permitted"]
    assert files_below(top) == before
    assert not slots(top)


def test_a_way_back_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """czkawka #1991: the rename back failed unseen, the file stayed under a name nobody knew.

    On a file system that exchanges no files: there a link is made at the place that is free by then
    """
    top = make_tree(tmp_path, {"1": SAME, "d": {"2": SAME}})

    def cannot(*arguments: object) -> None:
        monkeypatch.setattr(mutations, "link", denied)
        raise mutations.CannotMove(95, "Operation not supported")

    def denied(*arguments: object) -> None:
        (top / "d").rename(top / "elsewhere")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mutations, "rename_exchange", cannot)
    outcome = act(top, "d/2", "1", DedupeAction.HARDLINK)
    assert "it waits in" in outcome.failed[0].cause
    assert [each.failed for each in Ground(live(top)).undo()] == [[]]
    assert (top / "d/2").read_text() == SAME


def test_all_links_to_one_file_are_made_in_one_run(tmp_path: Path) -> None:
    """A link to what stays changes its ctime, which is no change of it."""
    top = make_tree(tmp_path, {"1": SAME, "2": SAME, "3": SAME})
    steps = [step(name, top / name, top / "1") for name in ("2", "3")]
    outcome = Ground(live(top)).apply(*steps, action=DedupeAction.HARDLINK)
    assert [each.id for each in outcome.done] == ["2", "3"], told([outcome])
    assert len({(top / name).stat().st_ino for name in "123"}) == 1


def test_a_folder_whose_files_the_scan_left_out_is_not_empty(vault: Path, tmp_path: Path) -> None:
    """czkawka #1314 and #1560: folders called empty, since what was in them had been excluded."""
    top = scanned(
        vault,
        tmp_path / "top",
        {"one": {"x": SAME, "raw": {"a.raw": "only here"}}, "two": {"x": SAME, "raw": {}}},
        "--exclude",
        "*.raw",
    )
    planned(vault, tmp_path / "plan")
    applied(vault, tmp_path / "plan")
    emptied(vault)
    assert (top / "one/raw/a.raw").read_text() == "only here"


def test_every_copy_fits_the_pattern_of_what_may_go(vault: Path, tmp_path: Path) -> None:
    """czkawka #317: all copies stood in places whose names matched, and all were deleted."""
    top = scanned(
        vault,
        tmp_path / "top",
        {"probably duplicate 1": {"x": SAME}, "probably duplicate 2": {"x": SAME}},
    )
    words = [word for each in top.glob("probably*") for word in ("--within", each)]
    assert len(planned(vault, tmp_path / "plan", *words)) == 1
    assert applied(vault, tmp_path / "plan")["done"] == 1
    emptied(vault)
    assert contents(top, ours=False)[SAME.encode()] == 1


def test_a_file_listed_as_its_own_copy(vault: Path, tmp_path: Path) -> None:
    """czkawka #1187, rmlint #586: one file under two spellings was its own duplicate."""
    top = scanned(vault, tmp_path / "top", {"d": {"x": SAME}, "again": Link("d")})
    assert planned(vault, tmp_path / "plan") == []
    field = Ground(live(top))
    for path, keep in ((top / "d/x", top / "again/x"), (top / "again/x", top / "d/x")):
        assert not field.apply(step("s1", path, keep)).done
    assert (top / "d/x").read_text() == SAME


def test_hard_links_of_two_files_are_no_group(vault: Path, tmp_path: Path) -> None:
    """rmlint #672: hard links had no checksum, so all of them counted as one content."""
    top = scanned(
        vault,
        tmp_path / "top",
        {
            "one": "first " * 40,
            "one_link": HardLink("one"),
            "two": "second, and longer " * 40,
            "two_link": HardLink("two"),
        },
    )
    before = contents(top)
    assert planned(vault, tmp_path / "plan") == []
    field = Ground(live(top))
    assert not field.apply(step("s1", top / "two", top / "one")).done
    assert not field.apply(step("s1", top / "one", top / "one_link")).done
    assert contents(top) == before


def test_what_went_by_mistake_comes_back_without_any_vault(vault: Path, tmp_path: Path) -> None:
    """rmlint #587: files deleted by a beginner, and nothing but a list of their names was left."""
    top = scanned(vault, tmp_path / "top", {"one": ALBUM, "two": ALBUM, "x": SAME, "y": SAME})
    before = {path: (content, path.stat()) for path, content in files_below(top).items()}
    planned(vault, tmp_path / "plan")
    assert applied(vault, tmp_path / "plan")["done"] == 2
    assert files_below(top, ours=False).keys() < before.keys()
    shutil.rmtree(vault)
    (folder,) = (top / ".gorillacomb/quarantine").iterdir()
    undone = run("dedupe", "--undo", folder, vault=vault)
    assert undone.code == 0, undone.err
    after = {path: (content, path.stat()) for path, content in files_below(top).items()}
    assert after.keys() == before.keys()
    for path, (content, facts) in after.items():
        was = before[path][1]
        assert content == before[path][0]
        assert (facts.st_mode, facts.st_mtime_ns, facts.st_ino) == (
            was.st_mode,
            was.st_mtime_ns,
            was.st_ino,
        )


def test_protected_folders_keep_their_own_copies_too(vault: Path, tmp_path: Path) -> None:
    """rmlint #141: of two equal folders in a protected place one was deleted as a whole."""
    folder: Tree = {"subfolder": {"file": SAME}}
    top = scanned(
        vault,
        tmp_path / "top",
        {"origs": {"folder": folder, "samefolder": folder}, "dups": {"folder": folder}},
    )
    origs = top / "origs"
    steps = planned(vault, tmp_path / "plan", "--protect", origs, "--prefer", origs)
    assert steps
    assert applied(vault, tmp_path / "plan")["done"] == len(steps)
    emptied(vault)
    left = files_below(top, ours=False)
    assert set(left) == {top / f"origs/{name}/subfolder/file" for name in ("folder", "samefolder")}


def test_a_folder_that_is_a_document_stays_whole(vault: Path, tmp_path: Path) -> None:
    """rmlint #759: common files were taken out of folders that programs open as documents."""
    tree: Tree = {
        f"{name}.photoslibrary": {"version.plist": SAME, "originals": {"x": name * 200}}
        for name in ("one", "two")
    }
    top = scanned(vault, tmp_path / "top", tree)
    before = files_below(top)
    assert planned(vault, tmp_path / "plan") == []
    field = Ground(live(top))
    plist = "photoslibrary/version.plist"
    assert not field.apply(step("s1", top / f"one.{plist}", top / f"two.{plist}")).done
    assert files_below(top) == before


def test_the_survivor_is_looked_at_again_before_anything_is_deleted(tmp_path: Path) -> None:
    """jdupes: files are compared when they are found; only the one to go is looked at again."""
    for change in ("gone", "other", "shorter", "replaced"):
        top = make_tree(tmp_path / change, {"1": SAME, "2": SAME})
        field = Ground(live(top))
        stays = top / "1"
        assert field.apply(step("s1", top / "2", stays)).done
        if change == "gone":
            stays.unlink()
        elif change == "other":
            stays.write_text(SAME.replace("many", "most"))
        elif change == "shorter":
            os.truncate(stays, 10)
        else:
            stays.rename(top / "old")
            stays.symlink_to(".gorillacomb")
        purged = field.purge()
        assert told(purged), change
        assert [each.failed for each in field.undo()] == [[]]
        assert (top / "2").read_text() == SAME


def test_an_env_that_the_scan_left_out(vault: Path, tmp_path: Path) -> None:
    """A `.env` excluded from the scan stands in one copy of a folder only."""
    tree: Tree = {"one": {**ALBUM, ".env": "SECRET=1"}, "two": ALBUM}
    top = scanned(vault, tmp_path / "top", tree, "--exclude", ".env")
    planned(vault, tmp_path / "plan", "--prefer", top / "two")
    applied(vault, tmp_path / "plan")
    emptied(vault)
    assert (top / "one/.env").read_text() == "SECRET=1"
    outcome = Ground(live(top)).apply(step("s1", top / "one", top / "two"))
    assert not outcome.done
    assert (top / "one/.env").exists()


def test_a_branch_whose_file_equals_that_of_another(vault: Path, tmp_path: Path) -> None:
    """Two branches at one commit are two files of equal content, and neither is a copy."""
    if shutil.which("git") is None:
        pytest.skip("MISSING: git, to make a repository with")
    top = make_tree(tmp_path.resolve() / "top", {"repository": {"x": SAME}})
    work = top / "repository"
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "x"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"),
        ("branch", "other"),
    ):
        subprocess.run(["git", "-C", str(work), *words], check=True)
    heads = work / ".git/refs/heads"
    assert (heads / "main").read_bytes() == (heads / "other").read_bytes()
    scanned(vault, top, {})
    before = files_below(top)
    assert planned(vault, tmp_path / "plan") == []
    outcome = Ground(live(top)).apply(step("s1", heads / "other", heads / "main"))
    assert not outcome.done
    assert files_below(top) == before


def test_an_album_that_lies_scattered_elsewhere(vault: Path, tmp_path: Path) -> None:
    """Each photograph stands somewhere, but who put them together is nowhere else."""
    elsewhere = {f"IMG_{at}.jpg": content for at, content in enumerate(ALBUM.values())}
    names = sorted(elsewhere)
    tree: Tree = {
        "Wedding": ALBUM,
        "2019": {name: elsewhere[name] for name in names[:2]},
        "2020": {name: elsewhere[name] for name in names[2:]},
    }
    top = scanned(vault, tmp_path / "top", tree)
    steps = planned(vault, tmp_path / "plan")
    assert not [each for each in steps if each["kind"] == "folder"]
    field = Ground(live(top))
    assert not field.apply(step("s1", top / "Wedding", top / "2020")).done
    assert files_below(top, ours=False).keys() >= {top / f"Wedding/{at}.jpg" for at in range(5)}


def test_a_survivor_in_the_trash(vault: Path, tmp_path: Path) -> None:
    """What lies in a trash is gone the day it is emptied."""
    top = scanned(vault, tmp_path / "top", {".Trash": ALBUM, "kept": ALBUM})
    assert planned(vault, tmp_path / "plan") == []
    field = Ground(live(top))
    assert not field.apply(step("s1", top / "kept", top / ".Trash")).done
    other = make_tree(tmp_path / "other", {"kept": ALBUM, "more": ALBUM})
    field = Ground(live(other))
    assert field.apply(step("s1", other / "kept", other / "more")).done
    (other / ".Trash").mkdir()
    (other / "more").rename(other / ".Trash/more")
    assert told(field.purge())
    assert [each.failed for each in field.undo()] == [[]]
    assert (other / "kept/0.jpg").exists()


def test_what_a_system_leaves_behind_is_no_copy_to_count_on(vault: Path, tmp_path: Path) -> None:
    """It goes with its folder, whatever it holds: what counted on it would be lost with that."""
    top = scanned(
        vault,
        tmp_path / "top",
        {"a": {".DS_Store": SAME, "o": "own"}, "b": {"README": SAME, "p": "also own"}},
    )
    assert planned(vault, tmp_path / "plan") == []
    assert planned(vault, tmp_path / "other plan", "--retire", top / "b") == []
    outcome = act(top, "b/README", "a/.DS_Store", DedupeAction.QUARANTINE)
    assert not outcome.done
    assert contents(top)[SAME.encode()] == 2
    unique = run("unique", top / "b", "--json", vault=vault).json()
    assert {os.path.basename(each["path"]) for each in unique["unique"]} == {"README", "p"}
    make_tree(top / "c", {"copy": SAME, "q": "a third one"})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    [only] = planned(vault, tmp_path / "third plan")
    assert {only["path"], only["keep"]} == {str(top / "b/README"), str(top / "c/copy")}


@pytest.mark.parametrize("inner", ["l", "d/t"])
def test_a_link_through_a_link_in_a_copy_goes_on_to_lead_there(
    inner: str, vault: Path, tmp_path: Path
) -> None:
    """The copy that goes holds no file that is meant, but a link on the way to it."""
    real = tmp_path.resolve() / "top/real"
    part: Tree = {"f": SAME, "l": Link(str(real / "t")), "d": Link(str(real))}
    top = scanned(
        vault,
        tmp_path / "top",
        {"a": part, "b": part, "real": {"t": "meant"}, "other": {"L": Link(f"../b/{inner}")}},
    )
    assert planned(vault, tmp_path / "p", "--prefer", top / "a", "--folders-only") == []
    planned(vault, tmp_path / "plan", "--prefer", top / "a")
    applied(vault, tmp_path / "plan")
    assert (top / "other/L").read_text() == "meant"


def outward(vault: Path, tmp_path: Path, text: str) -> Path:
    """Two equal folders with a link that leads out of them; the second one is set aside."""
    part: Tree = {"f": SAME, "l": Link(text)}
    tree: Tree = {"p": {"a": part, "own": "1"}, "q": {"a": part, "own": "2"}}
    top = scanned(vault, tmp_path / "top", tree)
    [only] = planned(vault, tmp_path / "plan", "--prefer", top / "p")
    assert only["path"] == str(top / "q/a")
    assert applied(vault, tmp_path / "plan")["done"] == 1
    return top


@pytest.mark.parametrize("text", ["../../f", "../none"])
def test_a_link_out_of_a_folder_is_judged_by_where_it_stood(
    text: str, vault: Path, tmp_path: Path
) -> None:
    """Below the quarantine it leads elsewhere."""
    top = outward(vault, tmp_path, text)
    emptied(vault)
    assert live_names(top) == {"p", "q"}
    assert slots(top) == []


def test_a_link_that_led_nowhere_and_leads_somewhere_now_is_kept(
    vault: Path, tmp_path: Path
) -> None:
    """A drive that was not there has been mounted since."""
    top = outward(vault, tmp_path, "../usb/x")
    make_tree(top / "q/usb", {"x": "what is meant"})
    ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert ran.code == 3
    assert "leads elsewhere" in ran.err + ran.out
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert (top / "q/a/l").read_text() == "what is meant"


def live_names(top: Path) -> set[str]:
    return {name for name in os.listdir(top) if not name.startswith(".")}
