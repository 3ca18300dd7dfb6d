"""Files that are only in the cloud are recorded, and opened only when that is asked for.

No file system here has such files, so the test says which ones are: those of one size. What is
under test is everything around that question.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gorillacomb.fs import openat
from gorillacomb.index.content_queries import counts_by_state
from gorillacomb.index.database import Index
from gorillacomb.model import EntryState
from gorillacomb.scan import read_file, worker
from gorillacomb.vault.vault import Vault
from tests.support.audit import listening
from tests.support.trees import groups_in_index, make_tree, rows_in_index, scan, settle

CLOUDY = 4_321

pytestmark = pytest.mark.linux(
    "counts every open, also those of the made-up macOS itself: tests/darwin/test_cloud"
)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (read_file, worker):
        monkeypatch.setattr(module, "HAS_PLACEHOLDERS", True)
    monkeypatch.setattr(read_file, "is_placeholder", lambda facts: facts.st_size == CLOUDY)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = make_tree(
        tmp_path / "tree",
        {
            "here 1": b"1" * 100,
            "here 2": b"1" * 100,
            "cloud 1": b"2" * CLOUDY,
            "folder": {"cloud 2": b"2" * CLOUDY},
        },
    )
    settle(top)
    return top


@pytest.fixture
def opened(tree: Path) -> Iterator[list[bytes]]:
    """The paths of all that this process opens once the tree is there."""
    found: list[bytes] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], bytes | str):
            found.append(os.fsencode(arguments[0]))

    with listening(note):
        yield found


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("quick", [False, True])
def test_placeholders_are_never_opened(
    tree: Path, vault: Path, opened: list[bytes], quick: bool
) -> None:
    for _ in range(2):
        scan(vault, tree, quick=quick)
        assert not [path for path in opened if b"cloud" in path]
    with Index.read(Vault(vault)) as index:
        assert counts_by_state(index.connection) == {EntryState.PLACEHOLDER: (2, 2 * CLOUDY)}
    assert len(groups_in_index(vault)) == 1


@pytest.mark.usefixtures("cloud")
def test_they_are_read_when_that_is_asked_for(tree: Path, vault: Path, opened: list[bytes]) -> None:
    scan(vault, tree)
    scan(vault, tree, hydrate_limit=CLOUDY - 1)
    assert not [path for path in opened if b"cloud" in path]
    report = scan(vault, tree, hydrate_limit=CLOUDY)
    assert report.hashed_files == 2
    assert len(groups_in_index(vault)) == 2


@pytest.mark.usefixtures("cloud")
def test_a_large_file_that_leaves_for_the_cloud_before_its_turn_stays_there(
    tree: Path, vault: Path, opened: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_file, "is_placeholder", lambda facts: False)
    real = worker.hash_files

    def hash_files(task: object, advance: object) -> object:
        monkeypatch.setattr(read_file, "is_placeholder", lambda facts: facts.st_size == CLOUDY)
        return real(task, advance)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "hash_files", hash_files)
    scan(vault, tree, hash_limit=1_000)
    assert not [path for path in opened if b"cloud" in path]
    states = {path: row[0] for path, row in rows_in_index(vault).items() if b"cloud" in path}
    assert set(states.values()) == {EntryState.PLACEHOLDER}


def test_the_flags_of_macos_and_windows() -> None:
    def facts(**flags: int) -> os.stat_result:
        return SimpleNamespace(**flags)  # type: ignore[return-value]

    assert openat.is_placeholder(facts(st_flags=0x40000000))
    assert not openat.is_placeholder(facts(st_flags=0x8000))
    for attribute in (0x1000, 0x40000, 0x400000):
        assert openat.is_placeholder(facts(st_file_attributes=attribute | 0x20))
    assert not openat.is_placeholder(facts(st_file_attributes=0x20))
    assert not openat.is_placeholder(os.stat("/"))
