"""Content as digests: holes that are not read, and sizes that are not those that were told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb import hashing
from gorillacomb.hashing import digest_of_descriptor, digests_of_descriptor, pieces

KIB = 1024


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An open file on a disk that keeps holes."""
    path = tmp_path_factory.mktemp("sparse") / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.truncate(descriptor, 8 << 20)
    if os.fstat(descriptor).st_blocks:
        pytest.skip("no holes on this file system")
    yield descriptor
    os.close(descriptor)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, list[tuple[int, bytes]]]:
    """The size of a file, and what is written where in it: blocks, odd pieces, zeros too."""
    size = draw(st.integers(0, 5 << 20))
    writes = st.tuples(
        st.one_of(st.integers(0, size), st.integers(0, size >> 16).map(lambda at: at << 16)),
        st.sampled_from([b"x", b"\0" * 9000, bytes(range(256)) * 16, b"ab" * 200_000]),
    )
    return size, draw(st.lists(writes, max_size=4))


def lay_out(descriptor: int, size: int, writes: list[tuple[int, bytes]]) -> bytes:
    """Make the file so; returns what it holds."""
    os.truncate(descriptor, 0)
    os.truncate(descriptor, size)
    for at, data in writes:
        os.pwrite(descriptor, data, at)
    content = os.pread(descriptor, 64 << 20, 0)
    assert len(content) == os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    return content


@settings(max_examples=60)
@given(layout=layouts(), least=st.sampled_from([4 * KIB, 64 * KIB, 1 << 20]))
def test_a_file_with_holes_has_the_digests_of_its_bytes(
    sparse: int, layout: tuple[int, list[tuple[int, bytes]]], least: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "_LEAST_HOLE", least)
        patch.setattr(hashing, "_MANY_ZEROS", 2 << 20)
        content = lay_out(sparse, *layout)
        size = len(content)
        expected = blake3(content).digest(), sha256(content).digest()
        advanced: list[int] = []
        assert digest_of_descriptor(sparse, size, advanced.append) == (expected[0], size)
        assert sum(advanced) == size
        os.lseek(sparse, 0, os.SEEK_SET)
        assert digests_of_descriptor(sparse, size) == (expected, size)
        assert b"".join(map(bytes, pieces(sparse, size))) == content


@pytest.mark.parametrize("piped", [1, 1 << 40])
def test_the_piped_reader_keeps_pieces_apart(
    sparse: int, piped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_PIPED", piped)
    writes = [(at << 20, os.urandom(3 << 18)) for at in (0, 1, 2, 5, 9, 10, 11)]
    content = lay_out(sparse, 30 << 20, writes)
    expected = blake3(content).digest(), sha256(content).digest()
    assert digests_of_descriptor(sparse, len(content), threads=2) == (expected, len(content))


def test_holes_are_not_read(sparse: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 GiB of holes between two pieces; it is far more than is read in the time of a test."""
    size = 16 << 30
    os.truncate(sparse, 0)
    os.truncate(sparse, size)
    os.pwrite(sparse, b"head", 0)
    os.pwrite(sparse, b"tail", size - 4)
    read = []

    def readv(descriptor: int, buffers: tuple[memoryview]) -> int:
        read.append(got := real(descriptor, buffers))
        return got

    real = os.readv
    monkeypatch.setattr(os, "readv", readv)
    assert sum(len(piece) for piece in pieces(sparse, size)) == size
    assert sum(read) <= 1 << 20


def test_what_has_another_size_than_was_told(sparse: int) -> None:
    content = lay_out(sparse, 3 << 20, [(5000, b"some data"), ((3 << 20) - 3, b"end")])
    digest = blake3(content).digest()
    for told in (0, 1, 5000, 2 << 20, (3 << 20) - 1):
        os.lseek(sparse, 0, os.SEEK_SET)
        assert digest_of_descriptor(sparse, told)[1] == told + 1, "one byte more shows that it lies"
        os.lseek(sparse, 0, os.SEEK_SET)
        assert digests_of_descriptor(sparse, told)[1] == told + 1
    for told in ((3 << 20) + 1, 1 << 30):
        assert digest_of_descriptor(sparse, told) == (digest, 3 << 20)
    assert digest_of_descriptor(sparse, None) == (digest, 3 << 20)
    both = digest, sha256(content).digest()
    assert digests_of_descriptor(sparse, None) == (both, 3 << 20)


def test_a_file_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "MOST_UNTOLD", 5 << 20)
    descriptor = os.open("/dev/zero", os.O_RDONLY)
    try:
        assert digest_of_descriptor(descriptor, None)[1] == 5 << 20
    finally:
        os.close(descriptor)


def test_a_file_system_that_tells_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(content := os.urandom(2 << 20))
    real = os.lseek

    def lseek(descriptor: int, at: int, whence: int) -> int:
        if whence in (os.SEEK_HOLE, os.SEEK_DATA):
            raise OSError(22, "Invalid argument")
        return real(descriptor, at, whence)

    monkeypatch.setattr(os, "lseek", lseek)
    with path.open("rb", buffering=0) as file:
        assert digest_of_descriptor(file.fileno(), 2 << 20) == (blake3(content).digest(), 2 << 20)
