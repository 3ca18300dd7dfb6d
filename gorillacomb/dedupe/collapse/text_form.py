"""Say whether two files have the same text in other forms: other line ends, a byte-order mark."""

from __future__ import annotations

_MARK = b"\xef\xbb\xbf"
"""The byte-order mark in UTF-8 (Unicode Standard, section 23.8)."""


def form_difference(one: bytes, other: bytes) -> str | None:
    """Return in what form alone two different texts differ, in words; None if in more than that.

    Line ends are LF, CRLF and CR. What contains a zero byte is not taken for text.
    """
    if one == other or b"\0" in one or b"\0" in other:
        return None
    if _with_line_feeds(one) == _with_line_feeds(other):
        return "line ends"
    if one.removeprefix(_MARK) == other.removeprefix(_MARK):
        return "a byte-order mark"
    if _plain(one) == _plain(other):
        return "line ends and a byte-order mark"
    return None


def _plain(text: bytes) -> bytes:
    return _with_line_feeds(text.removeprefix(_MARK))


def _with_line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
