"""Writes the reference of JSON documents in the topic ``json``, from `gorillacomb.api.documents`.

``python -m tests.support.json_topic FILE`` writes it, ``--check FILE`` fails when it drifted.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

from gorillacomb.api.documents import DOCUMENTS, JSON_LINES
from tests.support.documents import definition, keys_of, required_keys

_BEGIN, _END = "<!-- documents: made by `make docs` -->\n", "<!-- /documents -->\n"
_WIDTH = 116
_WORDS = {int: "integer", str: "text", bool: "true or false", float: "number", type(None): "null"}
_PATH_TEXTS = ("The absolute path, if it is valid UTF-8.", "One of the two keys is present.")
"""Texts that only repeat what the topic says of every path."""


def reference() -> str:
    """Return the documents of all commands, each with its keys, in the order of `DOCUMENTS`."""
    lines: list[str] = []
    first: dict[Any, str] = {}
    for command, place in sorted(DOCUMENTS.items()):
        kind = definition(place)
        lines += ["", f"### {command}", ""]
        known = first.setdefault(kind, command)
        if known != command:
            lines.append(f"As `{known}`.")
        elif is_typeddict(kind):
            lines += _wrapped(_plain(_doc(kind)), "")
            lines += ["", *_keys(kind, "", {})]
        else:
            listed: dict[Any, str] = {}
            for each in typing.get_args(kind):
                lines += [*_wrapped(_plain(_doc(each)), ""), "", *_keys(each, "", listed), ""]
            lines.pop()
        if command in JSON_LINES:
            lines += ["", "One document a line (JSON Lines)."]
    return "\n".join(lines[1:]) + "\n"


def _keys(kind: Any, indent: str, listed: dict[Any, str]) -> Iterator[str]:
    """Yield a line a key. ``listed`` has the objects whose keys were given, and under which key."""
    texts = key_texts(kind)
    hints = keys_of(kind)
    for key, hint in hints.items():
        if key.removesuffix("_b64") in hints and key.endswith("_b64"):
            continue
        inner, shape = _inner(hint)
        is_path = f"{key}_b64" in hints
        optional = key not in required_keys(kind) and not is_path
        name = f"`{key}`" if not shape else f"`{key}{shape}`"
        what = "path" if is_path else _type_words(hint)
        if optional:
            what += ", may be absent"
        text = texts.get(key, "")
        if not text and inner is not None:
            text = _doc(inner)
        text = "" if text in _PATH_TEXTS else text
        is_new = inner is not None and not _is_path(inner) and inner not in listed
        if inner in listed and listed[inner] != name:
            text = f"{text} Keys as of {listed[inner]}."
        yield from _wrapped(_plain(f"* {name}: {what}. {text}".rstrip()), indent)
        if is_new:
            listed[inner] = name
            yield from _keys(inner, indent + "  ", listed)


def _is_path(kind: Any) -> bool:
    """Return whether a document is a path and nothing else."""
    return set(keys_of(kind)) == {"path", "path_b64"}


def _inner(hint: Any) -> tuple[Any, str]:
    """Return the document inside a type, or None, and how its key is written: ``[]`` for a list."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if is_typeddict(hint):
        return hint, ""
    if origin is list:
        return _inner(arguments[0])[0], "[]"
    if origin in (typing.Union, types.UnionType):
        for each in arguments:
            inner, shape = _inner(each)
            if inner is not None or shape:
                return inner, shape
    return None, ""


def _type_words(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return f"list of {_type_words(arguments[0])}"
    if origin is dict:
        return f"object with {_type_words(arguments[1])} by name"
    if origin is typing.Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_words(each) for each in arguments)
    if is_typeddict(hint):
        return "path" if _is_path(hint) else "object"
    return _WORDS.get(hint, "any value")


def key_texts(kind: Any) -> dict[str, str]:
    """Return the text after each key of a `TypedDict`, those of its bases included."""
    texts: dict[str, str] = {}
    try:
        source = inspect.getsource(kind)
    except OSError:  # made by a call, for a key that is no name in Python
        return texts
    (body,) = ast.parse(textwrap.dedent(source)).body
    assert isinstance(body, ast.ClassDef)
    for base in body.bases:
        of_base = getattr(sys.modules[kind.__module__], ast.unparse(base), None)
        texts |= key_texts(of_base) if is_typeddict(of_base) else {}
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                texts[node.target.id] = " ".join(text.value.split())
    return texts


def _doc(kind: Any) -> str:
    return " ".join((kind.__doc__ or "").split())


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if text.startswith("*") else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )


def with_reference(page: str) -> str:
    """Return the page with the reference between its marks as it should be."""
    before, rest = page.split(_BEGIN)
    return before + _BEGIN + "\n" + reference() + "\n" + _END + rest.split(_END)[1]


def main(arguments: list[str]) -> int:
    """Write or check the page; return 1 when it is not as it should be."""
    *flags, name = arguments
    path = Path(name)
    page = path.read_text("utf-8")
    right = with_reference(page)
    if flags == ["--check"]:
        if page == right:
            return 0
        print(f"{name} has other documents than the API: make docs", file=sys.stderr)
        return 1
    path.write_text(right, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
