"""The check of words finds what is in its list, and nothing in code."""

from __future__ import annotations

import pytest

from tests.support.vocabulary import findings, findings_in, prose, texts, vocabulary, without_verb


def test_what_users_read_is_in_plain_words() -> None:
    read = list(texts())
    assert len(read) > 60
    assert list(findings_in(read)) == []


def test_the_rooms_that_are_clean_stay_so() -> None:
    read = list(prose())
    assert len(read) > 1500
    assert any("Return whether ``path`` is ``folder``" in text for _, text in read)
    assert any("O_NOATIME is reserved for the owner" in text for _, text in read)
    assert any("cannot be started" in text for _, text in read)
    assert list(findings_in(read, code=True)) == []
    assert list(without_verb()) == []


def test_words_for_code_do_not_concern_the_docs() -> None:
    assert list(findings("page.md", "It was cut short.")) == []
    assert len(list(findings("module.py", "It was cut short.", code=True))) == 1


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


def test_what_is_found_in_many_texts() -> None:
    read = [("a.md", "It stands"), ("b.md", "plain"), ("c.md", "there.\nThis is no project.")]
    assert list(findings_in(read)) == [
        each for where, text in read for each in findings(where, text)
    ]
    assert [each.partition(": ")[0] for each in findings_in(read)] == ["a.md:1", "c.md:2"]


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
    assert all(plain for _, plain in vocabulary(code=True))
    assert len(vocabulary()) > 20
