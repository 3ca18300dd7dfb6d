"""Holds the JSON that commands print against the definitions in `gorillacomb.api.documents`."""

from __future__ import annotations

import functools
import importlib
import json
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, is_typeddict

from gorillacomb.api import documents


def document_name(words: Sequence[str]) -> str | None:
    """The most exact key of `DOCUMENTS` all of whose words are among those of a command."""
    fitting = [
        name
        for name in documents.DOCUMENTS
        if (parts := name.split())[0] == words[0]
        and all(
            part in words[1:] or any(word.startswith(f"{part}=") for word in words[1:])
            for part in parts[1:]
        )
    ]
    return max(fitting, key=lambda name: len(name.split()), default=None)


def check_document(words: Sequence[str], output: bytes) -> None:
    """Fail where a command's ``--json`` output has other keys or types than its definition."""
    name = document_name(words)
    assert name is not None, f"{' '.join(words)}: DOCUMENTS has no entry for it"
    texts = output.splitlines() if name in documents.JSON_LINES else [output]
    kind = definition(documents.DOCUMENTS[name])
    wrong = [each for text in texts for each in differences(json.loads(text), kind)]
    assert not wrong, f"{' '.join(words)}: {'; '.join(wrong[:5])}"


def definition(name: str) -> Any:
    """The class of a document, by its module and name."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(f"{documents.__name__}.{module}"), last)


@functools.cache
def keys_of(kind: Any) -> dict[str, Any]:
    """The keys of a document with their types, without `Required` and `NotRequired`."""
    return typing.get_type_hints(kind)


@functools.cache
def required_keys(kind: Any) -> frozenset[str]:
    """The keys that a document has to have."""
    # `__required_keys__` knows nothing of a `NotRequired` in an annotation that is still text.
    written = typing.get_type_hints(kind, include_extras=True)
    optional = {key for key in written if typing.get_origin(written[key]) is typing.NotRequired}
    required: frozenset[str] = kind.__required_keys__
    return required - optional


def differences(value: Any, kind: Any, at: str = "$") -> Iterator[str]:
    """Say how a value is not of a type: its keys exactly, nothing turned into another type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or kind is object:
        return
    if is_typeddict(kind):
        yield from _key_differences(value, kind, at)
    elif origin in (typing.Union, types.UnionType):
        found = [list(differences(value, each, at)) for each in inner]
        if all(found):
            yield from min(found, key=len)
    elif origin is typing.Literal:
        if value not in inner:
            yield f"{at} is {value!r}, not one of {inner}"
    elif origin is list and isinstance(value, list):
        for number, each in enumerate(value):
            yield from differences(each, inner[0], f"{at}[{number}]")
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from differences(each, inner[1], f"{at}.{key}")
    elif type(value) is not (type(None) if kind is None else origin or kind):
        yield f"{at} is {value!r}, not {kind}"


def _key_differences(value: Any, kind: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at} is {value!r}, not an object"
        return
    keys = keys_of(kind)
    yield from (f"{at} has no {key}" for key in sorted(required_keys(kind) - value.keys()))
    yield from (f"{at} has {key}, which is not defined" for key in value if key not in keys)
    for key in sorted({each.removesuffix("_b64") for each in keys if each.endswith("_b64")}):
        both = value.keys() & {key, f"{key}_b64"}
        if len(both) != 1:
            yield f"{at} has {sorted(both)}, not one of {key} and {key}_b64"
    for key, each in value.items():
        if key in keys:
            yield from differences(each, keys[key], f"{at}.{key}")
