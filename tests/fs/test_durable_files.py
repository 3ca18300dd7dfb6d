"""Files are on the disk when the call returns, or are not there at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.fs.durable_files import copy_file, create_file, replace_file


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of what was synced, in that order."""
    paths: list[str] = []

    def noting(descriptor: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", noting)
    return paths


@pytest.mark.linux("notes os.fsync, and macOS flushes otherwise: tests/darwin/test_durability")
def test_a_new_file_is_synced_and_as_private_as_asked(tmp_path: Path, synced: list[str]) -> None:
    place = tmp_path / "new"
    create_file(place, (b"one ", b"two"), 0o600)
    assert place.read_bytes() == b"one two"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert synced == [str(place)]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    place = tmp_path / "old"
    place.write_text("old")
    with pytest.raises(FileExistsError):
        create_file(place, (b"new",))
    assert place.read_text() == "old"


def test_half_a_file_is_taken_away(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        create_file(tmp_path / "new", chunks())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.linux("notes os.fsync, and macOS flushes otherwise: tests/darwin/test_durability")
def test_a_copy_is_synced(tmp_path: Path, synced: list[str]) -> None:
    data = bytes(range(256)) * 5000  # more than one chunk
    (tmp_path / "a").write_bytes(data)
    copy_file(tmp_path / "a", tmp_path / "b", 0o600)
    assert (tmp_path / "b").read_bytes() == data
    assert synced == [str(tmp_path / "b")]


@pytest.mark.linux("notes os.fsync, and macOS flushes otherwise: tests/darwin/test_durability")
def test_a_file_is_replaced_whole(tmp_path: Path, synced: list[str]) -> None:
    place = tmp_path / "file"
    place.write_text("old")
    replace_file(place, b"new")
    assert place.read_bytes() == b"new"
    assert [os.path.dirname(path) for path in synced] == [str(tmp_path), str(tmp_path.parent)]
    assert os.listdir(tmp_path) == ["file"]
