"""Files from outside are read to their end, refused, or not waited for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gorillacomb.fs.bounded_read import UnexpectedFile, open_regular, read_bounded


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bounded(tmp_path / "file", 5) == b"12345"
    with pytest.raises(UnexpectedFile) as refused:
        read_bounded(tmp_path / "file", 4)
    assert refused.value.errno == errno.EFBIG


@pytest.mark.linux("reads /proc, which macOS lacks")
def test_a_file_that_tells_no_size_is_bounded_too() -> None:
    """As one that grows while it is read."""
    assert os.stat("/proc/self/maps").st_size == 0
    with pytest.raises(UnexpectedFile):
        read_bounded("/proc/self/maps", 10)


@pytest.mark.parametrize("kind", ["fifo", "folder", "link to a fifo"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(tmp_path / "pipe")
        (place.symlink_to if kind == "link to a fifo" else place.hardlink_to)(tmp_path / "pipe")
    with pytest.raises(UnexpectedFile) as refused:
        open_regular(place, follow=True)
    assert refused.value.errno == errno.EINVAL
    assert os.fsdecode(refused.value.filename) == str(place)


def test_a_link_is_followed_only_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_bounded(tmp_path / "link", 9, follow=True) == b"x"
    with pytest.raises(OSError, match="symbolic links"):
        read_bounded(tmp_path / "link", 9)
