"""Advice of commands, as a browser shows it: with links where it names a command for a path."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from markupsafe import Markup, escape

_EXPLAIN = re.compile(r" ?If it was removed: gorillacomb explain PATH\.?")
_CODE = re.compile(r"`([^`]+)`")


def advice(hint: str, path: str = "") -> Markup:
    """Return a hint as markup; ``path`` is what was asked about, empty if that is not known."""
    found = _EXPLAIN.search(hint)
    if found is not None:
        before, after = hint[: found.start()], hint[found.end() :]
        query = f"?{urlencode({'path': path})}" if path else ""
        link = Markup('<a href="/explain{}">see what became of it</a>').format(query)
        return Markup("{} If it was removed, {}.{}").format(
            _with_code(before), link, _with_code(after)
        )
    return _with_code(hint)


def _with_code(text: str) -> Markup:
    """Return a text, with what is between backticks as code."""
    parts = _CODE.split(text)
    shown = (
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )
    return Markup("").join(shown)
