"""The definitions of our JSON documents, and what holds commands against them."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

import click
import pytest

from gorillacomb.api.documents import DOCUMENTS
from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.cli.main import COMMANDS, cli
from gorillacomb.cli.output.reference import all_commands
from tests.support.documents import check_document, definition, differences, document_name


class Example(PathDocument):
    number: int
    word: Literal["a", "b"] | None
    items: list[PathDocument]
    note: NotRequired[str]


RIGHT: dict[str, Any] = {"path": "/x", "number": 1, "word": None, "items": [{"path_b64": "/w=="}]}


def test_what_is_right_has_no_differences() -> None:
    assert list(differences(RIGHT, Example)) == []
    assert list(differences({**RIGHT, "note": "x"}, Example)) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"number": True}, "number is True"),
        ({"number": "1"}, "number is '1'"),
        ({"word": "c"}, "word is 'c'"),
        ({"more": 1}, "more, which is not defined"),
        ({"path_b64": "/w=="}, "not one of path and path_b64"),
        ({"items": [{}]}, "items[0] has [], not one of"),
        ({"items": {}}, "items is {}"),
        ({"path": None}, "path is None"),
        ({"note": 1}, "note is 1"),
    ],
)
def test_what_is_wrong_is_found(changes: dict[str, Any], word: str) -> None:
    (first, *_) = differences({**RIGHT, **changes}, Example)
    assert word in first


def test_a_key_that_is_missing_is_found() -> None:
    for key in RIGHT:
        assert list(differences({k: v for k, v in RIGHT.items() if k != key}, Example))


def test_every_command_with_json_has_a_document() -> None:
    context = click.Context(cli, info_name="gorillacomb")
    printing = [
        words
        for words, command, _ in all_commands(cli, context)
        if any("--json" in parameter.opts for parameter in command.params)
    ]
    assert len(printing) > 20
    assert [words for words in printing if document_name(words.split()) is None] == []


def test_every_document_exists_and_is_of_a_command() -> None:
    for name, place in DOCUMENTS.items():
        assert name.split()[0] in COMMANDS
        assert definition(place).__doc__


def test_the_most_exact_document_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOCUMENTS, "x", "unique.UniqueDocument")
    monkeypatch.setitem(DOCUMENTS, "x --history", "paths.PathDocument")
    assert document_name(["x", "--json"]) == "x"
    assert document_name(["x", "--history=1", "--json"]) == "x --history"
    assert document_name(["y", "--history"]) is None
    check_document(["x", "--history"], b'{"path": "/"}')
    monkeypatch.setattr("gorillacomb.api.documents.JSON_LINES", {"x --history"})
    check_document(["x", "--history"], b'{"path": "/"}\n{"path": "/a"}\n')
    with pytest.raises(AssertionError, match="no bytes"):
        check_document(["x"], b'{"path": "/"}')
    with pytest.raises(AssertionError, match="y --json: DOCUMENTS has no entry"):
        check_document(["y", "--json"], b"{}")
