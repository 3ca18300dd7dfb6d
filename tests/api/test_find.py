"""Questions about folders and single paths by the public API."""

from __future__ import annotations

from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.dedupe.history import ItemState
from gorillacomb.progress import ProgressEvent
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    """A folder with a copy that lacks a file and has another one, and one that is identical."""
    files: Tree = {f"{number}": f"{number}" * 1000 for number in range(20)}
    top = make_tree(
        tmp_path / "drive",
        {
            "photos": {**files, "last": "last" * 500},
            "photos copy": {**files, "own": "own" * 500},
            "archive": {"inner": files, "other": "o" * 100, "more": "m" * 100},
            "backup": {"inner": files, "other": "o" * 100, "more": "m" * 100},
        },
    )
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    return top


@pytest.mark.parametrize("inside", [None, "archive", "photos copy"])
def test_folders_are_as_the_command_reports_them(
    inside: str | None, tree: Path, vault: Path
) -> None:
    paths = [] if inside is None else [tree / inside]
    with gorillacomb.open_vault(vault) as opened, opened.folders(*paths) as report:
        assert report.to_dict() == run("folders", *paths, "--json", vault=vault).json()


def test_a_family_names_the_folder_to_keep_and_what_the_others_have(
    tree: Path, vault: Path
) -> None:
    with gorillacomb.open_vault(vault) as opened, opened.folders(tree / "photos") as report:
        (family,) = (each for each in report.families() if each.keep == bytes(tree / "photos"))
        others = {each.path: each for each in family.others}
        assert family.reasons and family.files == 21
        assert others[bytes(tree / "photos copy")].own_paths() == [b"own"]
    with gorillacomb.open_vault(vault) as opened, pytest.raises(gorillacomb.UsageError):
        opened.folders(tree / "photos/1")


def test_folders_are_as_of_the_moment_when_they_were_asked_for(tree: Path, vault: Path) -> None:
    """A relation is read when it is asked for, from what the index had before another scan."""
    with gorillacomb.open_vault(vault) as opened, opened.folders() as report:
        before = run("folders", "--json", vault=vault).json()
        for file in (tree / "photos copy").iterdir():
            file.write_text(f"changed {file.name}")
        assert run("scan", tree, vault=vault).code == 0
        assert report.to_dict() == before
        assert run("folders", "--json", vault=vault).json() != before


def test_explain_is_as_the_command_reports_it(tree: Path, vault: Path) -> None:
    (tree / "archive").rename(tree / "moved away")
    assert run("scan", tree, vault=vault).code == 0
    with gorillacomb.open_vault(vault) as opened:
        for name in ("photos", "photos/last", "photos copy/3", "archive", ""):
            explained = opened.explain(tree / name)
            assert explained.to_dict() == run("explain", tree / name, "--json", vault=vault).json()
        file = opened.explain(tree / "photos/3")
        assert isinstance(file, gorillacomb.ExplainedFile)
        assert file.group is not None
        assert file.is_canonical == (file.group.canonical.path == bytes(tree / "photos/3"))
        folder = opened.explain(tree / "photos copy")
        assert isinstance(folder, gorillacomb.ExplainedFolder)
        assert folder.is_member and folder.family is not None
        with pytest.raises(gorillacomb.UsageError):
            opened.explain(tree / "never was")


def test_explain_says_what_became_of_a_file(tree: Path, vault: Path) -> None:
    moved = tree / "photos/last"
    moved.rename(tree / "photos/first")
    assert run("scan", tree, vault=vault).code == 0
    with gorillacomb.open_vault(vault) as opened:
        gone = opened.explain(moved)
        assert isinstance(gone, gorillacomb.ExplainedGone)
        assert gone.fate.place == bytes(tree / "photos/first")
        assert gone.to_dict() == run("explain", moved, "--json", vault=vault).json()
        assert not any(item.state is ItemState.WAITING for item in gone.fate.items)
    shown = run("trace", "show", moved, "--json", vault=vault).json()
    assert shown["moved_to"] == {"path": str(tree / "photos/first")}


@pytest.mark.parametrize("known", [True, False])
def test_compare_is_as_the_command_reports_it(known: bool, tree: Path, vault: Path) -> None:
    """As of the last scan, or read now where the index has not both."""
    used = vault if known else vault.parent / "other"
    sides = tree / "photos", tree / "photos copy"
    events: list[ProgressEvent] = []
    with gorillacomb.open_vault(used) as opened:
        found = opened.compare(*sides, progress=events.append)
        same = opened.compare(tree / "archive", str(tree / "backup"))
    assert found.to_dict() == run("compare", *sides, "--json", vault=used).json()
    assert (found.diff.only_a, found.diff.only_b, found.is_same) == ((b"last",), (b"own",), False)
    assert same.is_same and same.is_complete
    assert bool(events) != known
    assert used.exists() == known, "what nobody asked to remember was kept"


def test_texts_that_differ_are_compared_line_by_line(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "two", {"a": {"x": "one\ntwo\n"}, "b": {"x": "one\nthree\n"}})
    with gorillacomb.open_vault(vault) as opened:
        found = opened.compare(top / "a", top / "b")
        assert opened.compare(top / "a", top / "a").warnings
    assert [line for line in found.text_differences() if line[1:] in ("two", "three")] == [
        "-two",
        "+three",
    ]
