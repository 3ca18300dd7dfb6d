"""Groups of identical files by the public API: lazy, and as of one moment."""

from __future__ import annotations

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import gorillacomb
from tests.support.run import run
from tests.support.trees import HardLink, make_tree, scan

_GROUPS = 40


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    """Forty groups of one size each, a hard link, and a file that has no copy."""
    top = make_tree(
        tmp_path / "drive",
        {
            "one": {f"{number}": f"{number:03}" * (number + 1) for number in range(_GROUPS)},
            "two": {f"{number}": f"{number:03}" * (number + 1) for number in range(_GROUPS)},
            "link": HardLink("one/7"),
            "alone": "nothing like it",
        },
    )
    scan(vault, top)
    return top


def test_groups_are_as_the_command_reports_them(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        groups = list(opened.duplicates())
        assert opened.duplicates().to_dict() == run("dupes", "--json", vault=vault).json()
    assert len(groups) == _GROUPS
    for group in groups:
        assert group.canonical in group.files and group.reasons
        paths = [os.fsdecode(file.path) for file in group.files]
        assert {Path(path).stat().st_size for path in paths} == {group.size}
    (linked,) = (group for group in groups if len(group.files) > 2)
    assert linked.copies == 2
    assert sum(file.hard_link_of is not None for file in linked.files) == 1


def test_small_groups_and_other_folders_are_left_out(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        assert {group.size for group in opened.duplicates(min_size=100)} == set(range(102, 121, 3))
        assert len(list(opened.duplicates(tree / "one"))) == _GROUPS
        assert len(list(opened.duplicates(str(tree / "two/3")))) == 1
        assert list(opened.duplicates(tree / "alone")) == []


def test_an_unknown_path_is_refused_before_a_group_is_asked_for(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened, pytest.raises(gorillacomb.UsageError):
        opened.duplicates(tree / "missing")
    with (
        gorillacomb.open_vault(vault.parent / "none") as none,
        pytest.raises(gorillacomb.VaultError),
    ):
        none.duplicates()


def test_groups_are_as_of_the_moment_when_they_were_asked_for(tree: Path, vault: Path) -> None:
    """A scan changes every group between two of them: the others are still the old ones."""
    with gorillacomb.open_vault(vault) as opened:
        before = [group.digest for group in opened.duplicates()]
        groups = opened.duplicates()
        seen = [next(groups).digest]
        for file in (tree / "two").iterdir():
            file.write_text(f"another content, of {file.name}")
        scan(vault, tree)
        seen += [group.digest for group in groups]
        after = [group.digest for group in opened.duplicates()]
    assert seen == before
    assert len(after) == 0, "the hard link is no copy"


def open_indexes(vault: Path) -> int:
    """How many descriptors of the index this process has."""
    descriptors = Path("/dev/fd")
    links = []
    for each in descriptors.iterdir():
        try:
            links.append(os.readlink(each))
        except FileNotFoundError:
            continue  # the one that lists them
    return links.count(str(vault / "index.db"))


def test_the_index_is_closed_however_it_ends(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        for _ in opened.duplicates():
            assert open_indexes(vault) == 1
        assert open_indexes(vault) == 0, "it came to its end"
        groups = opened.duplicates()
        next(groups)
        groups.close()
        groups.close()
        assert open_indexes(vault) == 0, "it was closed"
        assert list(groups) == []
        with opened.duplicates():
            assert open_indexes(vault) == 1
        assert open_indexes(vault) == 0, "its block ended before a group was asked for"
        left = opened.duplicates()
        assert open_indexes(vault) == 1
        del left
        gc.collect()
        assert open_indexes(vault) == 0, "nobody has it any more"
        folders = opened.folders()
        assert open_indexes(vault) == 1
        del folders
        assert open_indexes(vault) == 0, "nobody has that any more"


def test_what_is_read_lazily_belongs_to_one_thread(tree: Path, vault: Path) -> None:
    """The vault itself does not: each thread may ask it."""
    with gorillacomb.open_vault(vault) as opened, ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: len(list(opened.duplicates())), range(4))) == [40] * 4
        groups = opened.duplicates()
        with pytest.raises(gorillacomb.UsageError, match="same thread"):
            threads.submit(lambda: next(groups)).result()


class Calls:
    """Counts the calls of functions, ours and those of Python, while a block runs."""

    def __enter__(self) -> Calls:
        self.count = 0
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: object, event: str, argument: object) -> None:
        self.count += event in ("call", "c_call")


@pytest.mark.linux("counts calls, also those of the made-up macOS itself")
def test_the_first_group_costs_nothing_of_the_others(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        list(opened.duplicates())  # what is imported or cached once
        with Calls() as opening:
            groups = opened.duplicates()
        with Calls() as first:
            next(groups)
        with Calls() as rest:
            left = len(list(groups))
    assert left == _GROUPS - 1
    assert opening.count + first.count < rest.count / 4
