"""JSON Schemas of documents, from their definitions in `api.documents`.

FastAPI would make them itself, but pydantic takes no `typing.TypedDict` before Python 3.12, and
would check each answer again: the tests hold the documents against their definitions.
"""

from __future__ import annotations

import types
import typing
from typing import Any, is_typeddict

_PLAIN = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong."},
        "hint": {"type": "string", "description": "What to try."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}
"""Of a problem document (RFC 9457)."""


def schema_of(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; those of documents are added to ``known`` by name."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if is_typeddict(kind):
        return _reference(kind, known)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of(each, known) for each in inner]}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0], known)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(inner[1], known)}
    return {}


def _reference(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in known:
        known[name] = {}  # while it is being made: a document may contain its own kind
        written = typing.get_type_hints(kind, include_extras=True)
        optional = {key for key in written if typing.get_origin(written[key]) is typing.NotRequired}
        known[name] = {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "required": sorted(kind.__required_keys__ - optional),
            "properties": {
                key: schema_of(each, known) for key, each in typing.get_type_hints(kind).items()
            },
        }
    return {"$ref": f"#/components/schemas/{name}"}
