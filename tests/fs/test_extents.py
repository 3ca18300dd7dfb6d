"""Which files are one copy on the disk, and what a file takes for itself."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs import extents
from gorillacomb.fs.extents import ENCODED, INLINE, UNTOLD, FileBlocks, RemovedFiles, StorageKey
from tests.support.disks import MIB, Disks
from tests.support.disks import run as shell
from tests.support.mounts import tmpfs

SIZE = 300_000
ON_DISK = 303_104
"""Bytes of so many in whole blocks."""


def key_of(path: Path) -> tuple[StorageKey, str | None]:
    with open(path, "rb") as file:
        return extents.storage_key(file.fileno())


def blocks_of(path: Path) -> FileBlocks:
    with open(path, "rb") as file:
        return extents.file_blocks(file.fileno())


def noise(path: Path, size: int = SIZE) -> Path:
    path.write_bytes(random.Random(str(path)).randbytes(size))
    return path


def reflink(source: Path, target: Path) -> Path:
    shell("cp", "--reflink=always", source, target)
    return target


@pytest.fixture(params=["btrfs", "xfs"])
def sharing(request: pytest.FixtureRequest, disks: Disks) -> Path:
    return disks.plug(request.param, disks.image(request.param), disks.point("mnt"))


@pytest.fixture
def btrfs(disks: Disks) -> Path:
    return disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))


def test_a_reflink_is_the_same_copy_and_a_real_copy_is_another(sharing: Path) -> None:
    original = noise(sharing / "original")
    link = reflink(original, sharing / "link")
    (sharing / "copy").write_bytes(original.read_bytes())
    assert key_of(original) == key_of(link)
    assert key_of(original)[0] != key_of(sharing / "copy")[0]
    assert [blocks_of(path).freed for path in (original, link, sharing / "copy")] == [
        *(0, 0),
        ON_DISK,
    ]


def test_what_a_snapshot_shares_is_not_shared_with_every_copy(btrfs: Path) -> None:
    shell("btrfs", "-q", "subvolume", "create", btrfs / "v")
    original = noise(btrfs / "v/original")
    (btrfs / "v/copy").write_bytes(original.read_bytes())
    snapshot: list[str | Path] = [
        "btrfs",
        "-q",
        "subvolume",
        "snapshot",
        "-r",
        btrfs / "v",
        btrfs / "s",
    ]
    shell(*snapshot)
    assert blocks_of(original).shared
    assert blocks_of(btrfs / "v/copy").shared
    assert key_of(original)[0] != key_of(btrfs / "v/copy")[0]
    assert key_of(original) == key_of(btrfs / "s/original")  # under another device number


def test_what_cannot_be_told_is_told_as_that(disks: Disks) -> None:
    image = disks.image("btrfs")
    device = disks.attach(image)
    point = disks.mount(device, disks.point("mnt"), "-t", "btrfs", "-o", "compress-force=zstd")
    small, text = point / "small", point / "text"
    small.write_bytes(b"a few bytes")
    text.write_bytes(b"the same again; " * 40_000)
    assert (blocks_of(small).unknown, blocks_of(small).freed) == (INLINE, 0)
    assert (blocks_of(text).unknown, blocks_of(text).freed) == (ENCODED, 0)
    assert key_of(small)[1] == INLINE
    link = reflink(text, point / "link")
    assert key_of(text) == key_of(link) == (key_of(link)[0], None)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "memory", "4M") as point:
        yield point


@pytest.mark.linux("tmpfs, of which macOS has none")
def test_where_nobody_tells_where_files_lie(memory: Path) -> None:
    file = noise(memory / "file")
    assert blocks_of(file) == FileBlocks(file.stat().st_blocks * 512, (), (), UNTOLD, False)
    os.link(file, memory / "other name")
    assert key_of(file) == key_of(memory / "other name")


def test_holes_are_nobodys(sharing: Path) -> None:
    for name in "ab":
        with open(sharing / name, "wb") as file:
            file.truncate(MIB)
    assert key_of(sharing / "a")[0] != key_of(sharing / "b")[0]
    sparse = sharing / "sparse"
    with open(sparse, "wb") as file:
        file.seek(8 * MIB)
        file.write(random.Random(1).randbytes(8192))
    assert 8192 <= blocks_of(sparse).freed < MIB


def test_many_pieces(sharing: Path) -> None:
    """More than fit into one answer of the kernel."""
    with open(sharing / "file", "wb") as file:
        for number in range(600):
            file.seek(number * 16_384)
            file.write(random.Random(number).randbytes(4096))
    found = blocks_of(sharing / "file")
    assert len(found.own) > 512
    assert sum(length for _, length in found.own) == found.size >= 600 * 4096


_NAMES = st.tuples(st.integers(0, 1), st.integers(1, 3), st.integers(1, 3), st.booleans())


@given(st.lists(_NAMES, max_size=12), st.booleans())
def test_names_are_counted_whatever_number_of_names_a_file_has_each_time(
    names: list[tuple[int, int, int, bool]], by_name: bool
) -> None:
    """The first name takes its blocks along, the last one frees them, others do nothing."""
    removed, counted = RemovedFiles(by_name), Counter[tuple[int, int]]()
    for device, inode, links, stays in names:
        space = removed.add_name((device, inode), links, FileBlocks(512), stays)
        counted[device, inode] += 1
        number = counted[device, inode]
        held = 512 if number == 1 and not stays else 0
        freed = 512 if number == (links if by_name else 1) and not stays else 0
        assert (space.held, space.freed) == (held, freed)
