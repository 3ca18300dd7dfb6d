"""Arithmetic on paths."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs.paths import (
    innermost,
    is_below,
    join,
    join_relative,
    path_parts,
    path_prefixes,
    printable_path,
    relative_path,
)

NAMES = st.lists(st.binary(min_size=1, max_size=3).filter(lambda name: b"/" not in name))


@dataclass(frozen=True)
class Folder:
    path: bytes


@given(NAMES)
def test_a_path_is_split_and_joined_again(names: list[bytes]) -> None:
    relative = b"/".join(names)
    assert path_parts(relative) == names
    joined = b""
    for name, prefix in zip(names, path_prefixes(relative), strict=True):
        joined = join_relative(joined, name)
        assert joined == prefix
        assert relative_path(join(b"/top", prefix), b"/top") == prefix
    assert joined == relative


@given(NAMES, st.sets(st.integers(0, 4)))
def test_the_innermost_folder_around_a_path(names: list[bytes], some: set[int]) -> None:
    path = b"/" + b"/".join(names)
    around = [Folder(b"/" + b"/".join(names[:depth])) for depth in some if depth <= len(names)]
    others = [Folder(path + b"x"), Folder(join(path, b"deeper"))]
    found = innermost(path, [*around, *others])
    assert found == max(around, key=lambda folder: len(folder.path), default=None)
    outer = innermost(path, [*around, *others, Folder(path)], strictly=True)
    assert outer == innermost(os.path.dirname(path), [each for each in around if each.path != path])


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        (b"/a/b", b"/a", True),
        (b"/a", b"/a", True),
        (b"/ab", b"/a", False),
        (b"/a", b"/", True),
        (b"/", b"/a", False),
    ],
)
def test_what_lies_below_what(path: bytes, folder: bytes, below: bool) -> None:
    assert is_below(path, folder) is below


@pytest.mark.parametrize(
    ("path", "printed"),
    [
        (b"/a b/c d", "/a b/c d"),
        (b"/a /b", "/a\\x20/b"),
        (b"b.txt  ", "b.txt\\x20\\x20"),
        (b"/ b", "/ b"),
        (b"/a\n", "/a\\n"),
        ("/a\u200b\u202e".encode(), "/a\\u200b\\u202e"),
    ],
)
def test_nothing_in_a_printed_path_is_invisible(path: bytes, printed: str) -> None:
    assert printable_path(path) == printed
