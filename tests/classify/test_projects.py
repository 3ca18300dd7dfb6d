"""The one rule of the outermost project."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.classify.projects import (
    ProjectRules,
    is_repository_marker,
    outermost_project,
    project_around,
    project_marker,
)


@given(st.lists(st.booleans(), max_size=8))
def test_both_ways_to_ask_agree(marked: list[bool]) -> None:
    around: int | None = None
    for at, is_marked in enumerate(marked):
        around = project_around(around, at, is_marked)
    assert around == outermost_project(marked, bool)
    assert around == (marked.index(True) if True in marked else None)


def test_what_is_exempt_does_not_hide_a_deeper_project() -> None:
    rules = ProjectRules([b"/d/no"], [b"/d/home"], [b"/d"])
    chain = [b"/d", b"/d/home", b"/d/Downloads", b"/d/no", b"/d/app", b"/d/app/inner"]
    assert outermost_project(chain, lambda path: rules.counts(path, "go.mod")) == 4
    assert not rules.counts(b"/d/app", None)


def test_a_suffix_marks_by_a_folder_alone() -> None:
    assert project_marker([b"A.xcodeproj"], []) is None
    assert project_marker([b"A.xcodeproj"], [b"A.xcodeproj"]) == "A.xcodeproj"


def test_which_markers_are_version_control() -> None:
    assert is_repository_marker(".git")
    assert not is_repository_marker("package.json")
    assert not is_repository_marker(None)
