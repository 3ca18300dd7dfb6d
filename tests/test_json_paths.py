"""Paths in JSON: written in one form, and read back strictly or as old entries have them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.json_paths import (
    decode_base64,
    has_path,
    path_columns,
    path_from_json,
    path_to_json,
)

JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(st.binary(), st.text())
def test_what_is_written_is_read_again(path: bytes, key: str) -> None:
    document = json.loads(json.dumps(path_to_json(path, key)))
    assert path_from_json(document, key) == path_from_json(document, key, strict=False) == path
    assert has_path(document, key)


@given(st.dictionaries(st.sampled_from(["keep", "keep_b64", "path"]), JSON_VALUES))
def test_a_strict_reader_takes_one_form_only_and_raises_nothing_but_value_error(
    document: dict[str, Any],
) -> None:
    try:
        path = path_from_json(document, "keep")
    except ValueError:
        return
    assert path_to_json(path, "keep").items() <= document.items()
    assert ("keep" in document) != ("keep_b64" in document)


@given(st.dictionaries(st.sampled_from(["path", "path_b64"]), JSON_VALUES))
def test_a_lax_reader_raises_nothing_but_value_error_and_never_disagrees_with_a_strict_one(
    document: dict[str, Any],
) -> None:
    found = []
    for strict in (True, False):
        try:
            found.append(path_from_json(document, strict=strict))
        except ValueError:
            found.append(b"none")
    assert found[0] in (b"none", found[1])


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ({}, "exactly one of path and path_b64"),
        ({"path": "a", "path_b64": "/w=="}, "exactly one of path and path_b64"),
        ({"path": None}, "path is not text"),
        ({"path_b64": 7}, "path_b64 is not text"),
        ({"path": "\udcff"}, "half a character"),
        ({"path_b64": "YQ=="}, "must be given as path"),
        ({"path_b64": "/x=="}, "base64"),  # a stray bit: /w== is the one form
        ({"path_b64": "/w"}, "base64"),
        ({"path_b64": "/w==\n"}, "base64"),
        ({"path_b64": "é"}, "base64"),
    ],
)
def test_what_a_strict_reader_refuses(document: dict[str, Any], cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        path_from_json(document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"path": "a", "path_b64": "/w=="}, b"a"),
        ({"path_b64": "YQ=="}, b"a"),
        ({"path_b64": "/x=="}, b"\xff"),
    ],
)
def test_a_lax_reader_takes_more(document: dict[str, Any], path: bytes) -> None:
    assert path_from_json(document, strict=False) == path


@given(st.binary())
def test_base64_has_one_form(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text) == data
    for other in (text + "\n", text.rstrip("=") + "====", " " + text):
        with pytest.raises(ValueError, match=r".*"):
            decode_base64(other)


def test_a_table_has_two_columns_for_a_path() -> None:
    assert path_columns(b"a") == ("a", "")
    assert path_columns(b"\xff") == ("", "/w==")
    assert path_columns(None) == ("", "")
