"""Patterns that a root leaves out, and how they follow it into a root further out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UsageError
from gorillacomb.scan.exclude import compile_patterns, patterns_for_folder, patterns_for_root


def test_gitignore_syntax() -> None:
    excluded = compile_patterns(("*.tmp", "node_modules/", "/build", "!keep.tmp"))
    assert excluded(b"a/b.tmp", False)
    assert excluded(b"a/node_modules", True)
    assert not excluded(b"a/node_modules", False)
    assert excluded(b"build", True)
    assert not excluded(b"src/build", True)
    assert not excluded(b"a/keep.tmp", False)
    assert excluded(b"caf\xe9.tmp", False)


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(UsageError):
        compile_patterns(("!",))


_parts = st.text("ab*?[ ]!#\\x", min_size=1, max_size=4)
_paths = st.lists(st.sampled_from(["a", "b", "ab", "x", "a b"]), min_size=1, max_size=3).map(
    "/".join
)


@given(
    pattern=st.sampled_from(["a", "/a", "a/b", "a/", "*b", "**/x", "x/**", "!a", "a b", "/a/*"]),
    path=_paths,
    folder=st.booleans(),
    inner=_parts.filter(lambda part: part.strip(" ") == part and part not in (".", "..")),
)
def test_patterns_hold_below_the_folder_that_they_moved_to(
    pattern: str, path: str, folder: bool, inner: str
) -> None:
    own = compile_patterns((pattern,))
    outer = compile_patterns(tuple(patterns_for_folder([pattern], inner)))
    assert own(path.encode(), folder) == outer(f"{inner}/{path}".encode(), folder)
    assert not outer(f"elsewhere/{path}".encode(), folder)


def test_a_whole_path_means_what_is_there_too(tmp_path: Path, own_home: Path) -> None:
    """Also through a link, below the home, with a star, a bracket, a slash at its end."""
    top = tmp_path / "drive"
    for name in ("old", "Photos [1]", "x"):
        (top / name).mkdir(parents=True)
    (own_home / "way").symlink_to(top)
    (tmp_path / "elsewhere").mkdir()
    patterns = (
        f"{top}/old/",
        f"{top}/Photos [1]",
        "~/way/x/*.jpg",
        f"!{top}/x/keep.jpg",
        f"{tmp_path}/elsewhere",
        "~x",
        "/b",
    )
    made = patterns_for_root(patterns, bytes(top))
    assert set(made) - set(patterns) == {
        "/old/",
        "/Photos\\ \\[1\\]",
        "/x/*.jpg",
        "!/x/keep.jpg",
    }
    excluded = compile_patterns(made)
    assert excluded(b"old", True) and not excluded(b"old", False)
    assert excluded(b"Photos [1]", True)
    assert excluded(b"x/a.jpg", False) and not excluded(b"x/keep.jpg", False)
    assert excluded(b"b", False) and not excluded(b"elsewhere", True)
