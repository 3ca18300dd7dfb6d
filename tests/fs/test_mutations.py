"""Pieces of files that are written with their holes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs import mutations


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path = tmp_path_factory.mktemp("pieces") / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


PARTS = st.one_of(
    st.integers(0, 20_000).map(bytes),
    st.sampled_from([4096, 8192]).map(bytes),
    st.integers(1, 9000).map(lambda size: b"x" * size),
)


@given(
    parts=st.lists(PARTS, max_size=6), cuts=st.lists(st.integers(1, 30_000)), sparse=st.booleans()
)
def test_what_is_written_is_what_was_read(
    file: int, parts: list[bytes], cuts: list[int], sparse: bool
) -> None:
    """However a file is cut into pieces, by a file system that reads as it likes."""
    content = b"".join(parts)
    os.truncate(file, 0)
    at = 0
    for size in (*cuts, len(content)):
        piece = memoryview(content)[at : at + size]
        mutations.write_piece(file, piece, at, sparse)
        at += len(piece)
    mutations.set_size(file, at)
    assert os.pread(file, 1 << 20, 0) == content
    assert os.fstat(file).st_size == len(content)


def test_blocks_of_zeros_are_not_written(file: int) -> None:
    content = b"x" + bytes(1 << 20) + b"y"
    taken = []
    for sparse in (False, True):
        os.truncate(file, 0)
        mutations.write_piece(file, memoryview(content), 0, sparse)
        mutations.set_size(file, len(content))
        os.fsync(file)
        taken.append(os.fstat(file).st_blocks * 512)
    assert taken[0] > 1 << 20
    assert taken[1] <= 16 << 10
