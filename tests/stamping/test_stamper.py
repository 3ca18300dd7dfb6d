"""After any history of scans the trace names one canonical file for each content, and no other."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb.canonical.rules_version import RULES_VERSION
from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import roots, stamps
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import rebuild_groups
from gorillacomb.scan import listing, visitor
from gorillacomb.stamping import stamper, unstamped, writer
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import entries, jcs
from gorillacomb.vaultmesh.open import open_trace_for_reading
from gorillacomb.vaultmesh.replay import TraceState
from tests.stamping.trace import canonical_paths, check_trace, events, stamping_scan
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.trees import HardLink, Link, Tree, make_tree, rows_in_index, settle

TREE: Tree = {
    "HealthTrack": {
        ".git": {"HEAD": "ref: main"},
        "package.json": "{}",
        "server": {"index.ts": "serve", "db.ts": "store"},
        "empty": "",
        "link": Link("package.json"),
    },
    "Temp folder": {
        "HealthTrack": {"package.json": "{}", "server": {"index.ts": "serve", "db.ts": "old"}}
    },
}


def told(vault: Path, start: int) -> Counter[object]:
    return Counter(entry["event"] for entry in events(vault, start))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = make_tree(tmp_path / "Drive", TREE)
    settle(top)
    return top


def test_every_content_has_one_stamp(top: Path, vault: Path) -> None:
    report = stamping_scan(vault, top)
    assert report.stamps.stamped == 5
    assert told(vault, 0) == {"genesis": 1, "root": 1, "stamp": 5}
    check_trace(vault, top)


def test_the_better_copy_is_stamped_with_its_reasons(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    [entry] = [each for each in events(vault) if each.get("path") == "HealthTrack/server/index.ts"]
    assert entry["copies"] == 2
    assert entry["reasons"] == [
        "its path has none of the names that copies get, such as 'Temp folder'"
    ]
    assert entry["rules"] == RULES_VERSION
    assert entry["size"] == 5
    assert entry["mtime_ns"] == str(os.stat(top / "HealthTrack/server/index.ts").st_mtime_ns)


def test_a_scan_that_finds_nothing_new_appends_nothing(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    before = events(vault)
    for _ in range(2):
        assert not any(vars_of(stamping_scan(vault, top)))
    assert events(vault) == before


def vars_of(report: object) -> tuple[int, ...]:
    found = report.stamps  # type: ignore[attr-defined]
    return (found.stamped, found.restamped, found.moved, found.retired)


def test_an_edit_restamps(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    (top / "HealthTrack/server/db.ts").write_text("store more")
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert (entry["event"], entry["path"]) == ("restamp", "HealthTrack/server/db.ts")
    assert entry["was"] == next(
        each["blake3"] for each in events(vault) if each.get("path") == entry["path"]
    )
    check_trace(vault, top)


@pytest.mark.parametrize("new_inode", [False, True])
def test_a_canonical_file_that_was_moved(top: Path, vault: Path, new_inode: bool) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    there = top / "HealthTrack/moved.ts"
    old = top / "HealthTrack/server/db.ts"
    if new_inode:
        shutil.copy2(old, there)
        old.unlink()
    else:
        old.rename(there)
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert (entry["event"], entry["from"]) == ("moved", "HealthTrack/server/db.ts")
    assert entry["path"] == "HealthTrack/moved.ts"
    check_trace(vault, top)


@pytest.mark.parametrize("linked", [False, True])
def test_a_canonical_file_that_went_hands_over_to_a_copy(
    top: Path, vault: Path, linked: bool
) -> None:
    """Nobody moved it: the copy was there all the time, be it another name of the same file."""
    canonical, copy = (
        top / place / "server/index.ts" for place in ("HealthTrack", "Temp folder/HealthTrack")
    )
    if linked:
        copy.unlink()
        copy.hardlink_to(canonical)
    stamping_scan(vault, top)
    size = len(events(vault))
    canonical.unlink()
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert (entry["event"], entry["from"]) == ("restamp", "HealthTrack/server/index.ts")
    assert entry["path"] == "Temp folder/HealthTrack/server/index.ts"
    check_trace(vault, top)


def test_a_copy_that_comes_later_does_not_take_over(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    (top / "index.ts").write_text("serve")
    os.utime(top / "index.ts", (1, 1))
    stamping_scan(vault, top)
    assert events(vault, size) == []
    check_trace(vault, top)


def test_what_has_the_name_of_a_copy_yields_to_one_that_comes_later(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    (top / "old.ts").write_text("old")
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert (entry["event"], entry["path"]) == ("restamp", "old.ts")
    assert entry["from"] == "Temp folder/HealthTrack/server/db.ts"
    check_trace(vault, top)
    stamping_scan(vault, top)
    assert len(events(vault)) == size + 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_stamp_by_older_rules_is_chosen_once_more(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """Once only, and one by the rules of today stays, whether or not the index was lost."""
    top = make_tree(tmp_path / "top", {"z": {"f": "1", "g": "2"}})
    settle(top)
    with monkeypatch.context() as patched:
        patched.setattr(writer, "RULES_VERSION", 0)
        patched.setattr(stamper, "RULES_VERSION", 0)
        patched.setattr(unstamped, "RULES_VERSION", 0)
        patched.setattr(writer.StampWriter.file, "__defaults__", (0,))
        stamping_scan(vault, top)
        (top / "a").mkdir()
        for name in ("f", "g"):
            shutil.copy2(top / "z" / name, top / "a" / name)
        stamping_scan(vault, top)
    assert {Path(os.fsdecode(path)).parent.name for path in canonical_paths(vault).values()} == {
        "z"
    }
    size = len(events(vault))
    if lost:
        lose_index(vault)
    stamping_scan(vault, top)
    assert [each["event"] for each in events(vault, size)] == ["restamp", "restamp"]
    assert {each["rules"] for each in events(vault, size)} == {RULES_VERSION}
    check_trace(vault, top)
    size = len(events(vault))
    shutil.copytree(top / "a", top / "0")
    for _ in range(2):
        if lost:
            lose_index(vault)
        stamping_scan(vault, top)
        assert events(vault, size) == []


def test_content_that_is_gone_is_retired(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    (top / "Temp folder/HealthTrack/server/db.ts").unlink()
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert entry["event"] == "retire"
    assert entry["path"] == "Temp folder/HealthTrack/server/db.ts"
    check_trace(vault, top)


def test_content_whose_file_became_a_link_is_retired(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    path = top / "Temp folder/HealthTrack/server/db.ts"
    path.unlink()
    path.symlink_to("nowhere")
    stamping_scan(vault, top)
    assert [entry["event"] for entry in events(vault, size)] == ["retire"]
    check_trace(vault, top)


def test_a_folder_that_moves_is_one_entry(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    (top / "Projects").mkdir()
    (top / "HealthTrack").rename(top / "Projects/HealthTrack")
    stamping_scan(vault, top)
    [entry] = events(vault, size)
    assert (entry["event"], entry["from"]) == ("moved", "HealthTrack")
    assert (entry["path"], entry["files"]) == ("Projects/HealthTrack", 4)
    check_trace(vault, top)


def test_a_folder_that_goes_is_one_entry_and_its_copies_take_over(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    shutil.rmtree(top / "HealthTrack")
    stamping_scan(vault, top)
    gone, *others = events(vault, size)
    assert sorted(str(each["path"]) for each in others) == [
        "Temp folder/HealthTrack/package.json",
        "Temp folder/HealthTrack/server/index.ts",
    ]
    assert (gone["event"], gone["path"], gone["files"]) == ("retire", "HealthTrack", 4)
    assert {each["event"] for each in others} == {"restamp"}
    check_trace(vault, top)


def test_folders_that_change_places(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    make_tree(top / "Other", {"a": "a", "b": "b"})
    stamping_scan(vault, top)
    (top / "HealthTrack").rename(top / "x")
    (top / "Other").rename(top / "HealthTrack")
    (top / "x").rename(top / "Other")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_folder_that_moves_into_its_own_child(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    (top / "HealthTrack/server").rename(top / "server")
    (top / "HealthTrack").rename(top / "server/HealthTrack")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_folder_below_its_own_child_which_moved_too(tmp_path: Path, vault: Path) -> None:
    """Told in the wrong order, each of them would be inside of the other."""
    top = make_tree(tmp_path / "Drive", {"a": {"b": {"x": "1"}, "y": "2"}, "c": {"z": "3"}})
    settle(top)
    stamping_scan(vault, top)
    (top / "a/b").rename(top / "child")
    (top / "c").mkdir(exist_ok=True)
    (top / "c").rename(top / "other")
    (top / "child").rename(top / "c")
    (top / "a").rename(top / "c/b")
    (top / "other").rename(top / "c/b/deep")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_scan_of_a_folder_that_changed_places_with_its_child(tmp_path: Path, vault: Path) -> None:
    """Whoever looks at that path alone would find the folder inside of itself."""
    top = make_tree(tmp_path / "Drive", {"a": {"b": {"x": "1"}, "y": "2"}, "z": "3"})
    settle(top)
    stamping_scan(vault, top)
    (top / "a/b").rename(top / "child")
    (top / "a").rename(top / "child/b")
    (top / "child").rename(top / "a")
    stamping_scan(vault, top / "a")
    check_trace(vault, top)
    assert {os.path.relpath(os.fsdecode(path), top) for path in rows_in_index(vault)} == {
        "a/x",
        "a/b/y",
        "z",
    }


def test_excluded_content_is_not_retired(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))
    stamping_scan(vault, top, exclude=("Temp folder",))
    assert events(vault, size) == []
    stamping_scan(vault, top, clear_excludes=True)
    assert events(vault, size) == []


def test_a_folder_that_cannot_be_read_retires_nothing(
    top: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamping_scan(vault, top)
    size = len(events(vault))

    def closed(*arguments: object) -> object:
        if arguments[1] == b"Temp folder/HealthTrack/server":
            raise PermissionError(13, "Permission denied")
        return real(*arguments)  # type: ignore[arg-type]

    real = listing.list_folder
    with monkeypatch.context() as patched:
        patched.setattr(visitor, "list_folder", closed)
        (top / "Temp folder/HealthTrack/server/db.ts").unlink()
        stamping_scan(vault, top)
    assert events(vault, size) == []
    stamping_scan(vault, top)
    assert told(vault, size) == {"retire": 1}
    check_trace(vault, top)


def test_hard_links_are_one_copy(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": "1", "b": HardLink("a"), "c": "1"})
    settle(top)
    stamping_scan(vault, top)
    assert events(vault)[-1]["copies"] == 2
    check_trace(vault, top)


@pytest.mark.parametrize("changed", [False, True])
def test_a_lost_index_is_made_anew_without_a_false_entry(
    top: Path, vault: Path, changed: bool
) -> None:
    stamping_scan(vault, top)
    before = events(vault)
    lose_index(vault)
    if changed:
        (top / "Temp folder/HealthTrack/server/db.ts").unlink()
        (top / "HealthTrack/server/db.ts").write_text("store more")
    stamping_scan(vault, top)
    added = [(each["event"], each["path"]) for each in events(vault, len(before))]
    if changed:
        assert sorted(added) == [
            ("restamp", "HealthTrack/server/db.ts"),
            ("retire", "Temp folder/HealthTrack/server/db.ts"),
        ]
    else:
        assert added == []
    check_trace(vault, top)


def test_a_lost_index_and_a_scan_of_a_part_retire_nothing_elsewhere(top: Path, vault: Path) -> None:
    other = make_tree(top.parent / "Other drive", {"x": "x"})
    settle(other)
    stamping_scan(vault, top, other)
    before = events(vault)
    lose_index(vault)
    stamping_scan(vault, top / "HealthTrack")
    assert events(vault) == before
    stamping_scan(vault, other)
    stamping_scan(vault, top)
    assert events(vault) == before
    check_trace(vault, top, other)


def test_a_scan_that_died_while_it_stamped_is_made_up_for(
    top: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(stamps, "set_synced_log_size", killed)
        with pytest.raises(Killed):
            stamping_scan(vault, top)
    before = events(vault)
    stamping_scan(vault, top)
    assert events(vault) == before
    check_trace(vault, top)


def test_a_forgotten_root_is_retired_by_the_next_scan(top: Path, vault: Path) -> None:
    other = make_tree(top.parent / "Other drive", {"x": "x", "serve": "serve"})
    settle(other)
    stamping_scan(vault, other)
    stamping_scan(vault, top)
    size = len(events(vault))
    assert run("roots", "forget", other, vault=vault).code == 0
    assert run("trace", "verify", vault=vault).code == 0
    stamping_scan(vault, top)
    check_trace(vault, top)
    assert events(vault, size)[0]["cause"] == "forgotten"


def forget(vault: Path) -> None:
    """Forget all roots."""
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            for root in roots.all_roots(index.connection):
                roots.forget_root(index.connection, root)
            rebuild_groups(index.connection)
        index.commit()


def lose_index(vault: Path) -> None:
    for each in vault.glob("index.db*"):
        each.unlink()


@pytest.mark.parametrize("earlier", [False, True], ids=["of today", "as once written"])
@pytest.mark.parametrize("then", [".", "..", "HealthTrack", "../Other drive"])
def test_the_last_root_is_forgotten_and_something_else_scanned(
    top: Path, vault: Path, monkeypatch: pytest.MonkeyPatch, then: str, earlier: bool
) -> None:
    """Older versions gave its id to the next root, and that one's name to what they retired."""
    make_tree(top.parent / "Other drive", {"x": "x", "serve": "serve"})
    settle(top.parent)
    next_top = Path(os.path.normpath(top / then))
    stamping_scan(vault, top)
    size = len(events(vault))
    forget(vault)
    with monkeypatch.context() as patched:
        if earlier:
            patched.setattr(roots, "UNUSED_ROOT", "SELECT 1 + coalesce(max(id), 0) FROM roots")
        stamping_scan(vault, next_top)
    new, gone, *_ = events(vault, size)
    assert (new["event"], gone["event"], gone["path"]) == ("root", "retire", "")
    assert (gone["root"] == new["root"], gone.get("cause")) == (
        (True, None) if earlier else (False, "forgotten")
    )
    for command in (("trace", "verify"), ("vault", "check")):
        ran = run(*command, vault=vault)
        assert ran.code == 0, ran
    check_trace(vault, next_top)
    lose_index(vault)
    stamping_scan(vault, next_top)
    check_trace(vault, next_top)


def test_a_folder_that_is_not_as_an_entry_says_is_refused(top: Path, vault: Path) -> None:
    """A tree that no root has is not taken for another one, be it of a whole root or not."""
    stamping_scan(vault, top)
    [root] = [each["root"] for each in events(vault) if each["event"] == "root"]
    with open_trace_for_reading(Vault(vault)) as ledger:
        told = list(ledger.entries())
    for path in (b"", b"HealthTrack"):
        body = entries.retire_folder_entry(1, str(root), path, "00" * 32, 5, forgotten=False)
        with pytest.raises(ValueError, match="names a folder that is not as it says"):
            TraceState().replay([*told, (len(told), jcs.canonical_json(body))])


def test_a_root_that_becomes_part_of_a_larger_one(top: Path, vault: Path) -> None:
    stamping_scan(vault, top / "HealthTrack")
    stamping_scan(vault, top)
    check_trace(vault, top)
    assert told(vault, 0)["moved"] == 1


def test_a_missing_trace_is_not_begun_anew(top: Path, vault: Path) -> None:
    stamping_scan(vault, top)
    (vault / "trace.db").rename(vault.parent / "away")
    with pytest.raises(VaultRolledBack, match="is missing"):
        stamping_scan(vault, top)
    assert not (vault / "trace.db").exists()


NAMES = ("a", "b", "Copy of a", "c (1)", "d")
PLACES = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
STEP = st.one_of(
    st.tuples(st.just("write"), PLACES, st.sampled_from(["1", "2", "33", ""])),
    st.tuples(st.just("delete"), PLACES, st.just("")),
    st.tuples(st.just("link"), PLACES, st.just("nowhere")),
    st.tuples(st.just("move"), PLACES, PLACES),
    st.tuples(st.just("copy"), PLACES, PLACES),
    st.tuples(st.just("swap"), PLACES, PLACES),
    st.tuples(st.just("forget"), st.just(""), st.just("")),
    st.tuples(st.just("lose index"), st.just(""), st.just("")),
    st.tuples(st.just("scan"), st.just(""), st.just("")),
    st.tuples(st.just("scan part"), PLACES, st.just("")),
)


def swap(a: Path, b: Path) -> None:
    """Have two things change places, or one and what is in it."""
    aside = a.parent / "aside"
    inner, outer = sorted((a, b), key=lambda path: -len(path.parts))
    inner.rename(aside)
    if inner.is_relative_to(outer) and inner != outer:
        outer.rename(outer.parent / "outer")
        aside = aside if aside.exists() else outer.parent / "outer" / aside.relative_to(outer)
        aside.rename(outer)
        (outer.parent / "outer").rename(outer / inner.name)
    else:
        outer.rename(inner)
        aside.rename(outer)


def take(top: Path, vault: Path, step: tuple[str, str, str]) -> None:
    """Do a step, if it can be done."""
    what, place, other = step
    path = top / place
    try:
        if what == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other)
        elif what == "delete" and place:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif what == "link":
            path.unlink(missing_ok=True)
            path.symlink_to(other)
        elif what in ("move", "copy"):
            target = top / other
            if os.path.lexists(target) or target.is_relative_to(path):
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            if what == "move":
                path.rename(target)
            elif path.is_dir():
                shutil.copytree(path, target, symlinks=True)
            else:
                shutil.copy2(path, target, follow_symlinks=False)
        elif what == "swap":
            swap(path, top / other)
        elif what == "scan part":
            if path.is_dir():
                stamping_scan(vault, path)
        elif what == "forget":
            forget(vault)
        elif what == "lose index":
            lose_index(vault)
        else:
            stamping_scan(vault, top)
    except OSError:
        return  # a file where a folder was wanted, or the other way round


@given(st.lists(STEP, max_size=25))
@example([("delete", "a", ""), ("delete", "b", "")])
@example([("forget", "", ""), ("scan part", "a", ""), ("lose index", "", "")])
@example([("scan part", "a", ""), ("forget", "", ""), ("scan", "", ""), ("delete", "a", "")])
@example([("write", "a", "1"), ("move", "a", "b/a"), ("scan part", "b", ""), ("move", "b", "a")])
def test_any_history(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        top, vault = Path(folder, "top"), memory / "vault"
        make_tree(top, {"a": {"a": "1", "b": "2"}, "b": {"a": {"a": "1", "c (1)": "33"}}})
        stamping_scan(vault, top)
        for step in steps:
            take(top, vault, step)
        stamping_scan(vault, top, accept_loss=True)
        check_trace(vault, top)
        before = events(vault)
        stamping_scan(vault, top)
        assert events(vault) == before
