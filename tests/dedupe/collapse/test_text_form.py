"""The same text in other forms, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.dedupe.collapse.text_form import form_difference

MARK = b"\xef\xbb\xbf"
LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\n\0\ufeff", codec="utf-8")), max_size=5
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_ends_and_marks_alone(lines: list[str], end: str, other: str) -> None:
    one, two = (each.join([*lines, ""]).encode() for each in (end, other))
    assert form_difference(one, two) == ("line ends" if one != two else None)
    assert form_difference(MARK + one, one) == "a byte-order mark"
    both = "line ends and a byte-order mark" if one != two else "a byte-order mark"
    assert form_difference(MARK + one, two) == both
    assert form_difference(one, two + b"more") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"a\n\0", b"a\r\n\0"),
        (b"a\n", b"a\n\n"),
        (b"a", b"a\n"),
        (b"\xff\xfea", b"a"),
        (b"a b", b"a  b"),
    ],
)
def test_what_is_more_than_that(one: bytes, other: bytes) -> None:
    assert form_difference(one, other) is None
