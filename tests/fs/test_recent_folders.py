"""Folders that are used alternately are opened once, through no link, and few stay open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.fs.openat import RecentFolders

OPEN_FILES = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"


@pytest.fixture
def folders() -> Iterator[RecentFolders]:
    opened = RecentFolders()
    yield opened
    opened.close()


def leads_to(folders: RecentFolders, path: Path, root: Path) -> bool:
    return os.path.samestat(
        os.fstat(folders.open(os.fsencode(path), os.fsencode(root))), os.stat(path)
    )


def test_folders_used_alternately_are_opened_once(folders: RecentFolders, tmp_path: Path) -> None:
    a, b = tmp_path / "a/inner", tmp_path / "b/inner"
    a.mkdir(parents=True)
    b.mkdir(parents=True)
    assert leads_to(folders, a, tmp_path)
    a.rename(tmp_path / "elsewhere")
    a.mkdir()
    assert leads_to(folders, b, tmp_path)
    assert not leads_to(folders, a, tmp_path), "it is the one that was opened first"


def test_any_number_of_folders_needs_few_descriptors(tmp_path: Path) -> None:
    folders = RecentFolders(most=64)
    tops = [tmp_path / f"{number}" for number in range(300)]
    for top in tops:
        (top / "in").mkdir(parents=True)
    before = len(os.listdir(OPEN_FILES))
    for _ in range(2):
        for top in tops:
            assert leads_to(folders, top / "in", tmp_path)
    assert len(os.listdir(OPEN_FILES)) - before < 100
    folders.close()
    assert len(os.listdir(OPEN_FILES)) == before


def test_a_link_is_not_followed_below_the_root(folders: RecentFolders, tmp_path: Path) -> None:
    (tmp_path / "real/inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    linked = os.fsencode(tmp_path / "link")
    with pytest.raises(OSError):
        folders.open(linked + b"/inner", os.fsencode(tmp_path))
    assert leads_to(folders, tmp_path / "link/inner", tmp_path / "link"), "the root may be one"


def test_a_path_may_be_longer_than_the_system_takes(folders: RecentFolders, tmp_path: Path) -> None:
    deep, name = os.fsencode(tmp_path), b"n" * 200
    at = os.open(deep, os.O_RDONLY)
    for _ in range(100):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at, deep = inner, deep + b"/" + name
    for _ in range(2):
        assert os.path.samestat(os.fstat(folders.open(deep, os.fsencode(tmp_path))), os.fstat(at))
    os.close(at)
