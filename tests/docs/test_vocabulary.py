"""The check of words finds what is in its list, and nothing in code."""

from __future__ import annotations

import pytest

from tests.support.vocabulary import findings, texts, vocabulary


def test_what_users_read_is_in_plain_words() -> None:
    read = list(texts())
    assert len(read) > 60
    assert [each for where, text in read for each in findings(where, text)] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("It stands there.", "stands"),
        ("Read ANEW.", "ANEW"),
        ("what\ngoes from here", "what goes"),
        ("This is no project.", "is no"),
        ("Whoever sees it", "Whoever"),
    ],
)
def test_what_is_found(text: str, word: str) -> None:
    (found,) = findings("page.md", "\n" + text)
    assert found.startswith(f"page.md:2: {word!r}: write ")


@pytest.mark.parametrize(
    "text",
    [
        "`bytes_set_aside` and `set aside`",
        "It is no longer there.",
        "It stands for RUN.",
        "understand",
    ],
)
def test_what_is_right(text: str) -> None:
    assert list(findings("page.md", text)) == []
    assert list(findings("page.md", "```sh\nread anew\n```\n")) == []


def test_every_word_has_a_plain_one() -> None:
    assert all(plain for _, plain in vocabulary())
    assert len(vocabulary()) > 20
