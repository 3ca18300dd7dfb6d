"""The documentation: the topics of `gorillacomb help`, as pages."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import Response

from gorillacomb.api.upkeep.topics import Topic, find_topic, read_topic, topic_names
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()


@router.get("/docs")
def topics(request: Request, session: ReadIndex, search: str = "") -> Response:
    """Show the topics, or those with all of some words in them, the most likely ones first."""
    words = search.casefold().split()[:8]
    found = [
        topic
        for topic in map(read_topic, topic_names())
        if all(word in topic.text.casefold() for word in words)
    ]
    if words:
        found.sort(key=lambda topic: _weight(topic, words), reverse=True)
    return render_page(request, "topics.html", title="Help", topics=found, search=search[:100])


def _weight(topic: Topic, words: Sequence[str]) -> tuple[int, ...]:
    """Return what says how likely a topic is about some words, the weightiest first.

    That is how many of them are its name, are in its name or title, are in its summary; and how
    often its text has them.
    """
    title = f"{topic.name} {topic.title}".casefold()
    summary, text = topic.summary.casefold(), topic.text.casefold()
    return (
        words.count(topic.name),
        sum(word in title for word in words),
        sum(word in summary for word in words),
        sum(text.count(word) for word in words),
    )


@router.get("/docs/{name:path}")
def topic(request: Request, site: GivenSite, session: ReadIndex, name: str) -> Response:
    """Show one topic."""
    found = find_topic(name.removesuffix(".md"))
    if found is None:
        raise Problem(404, "There is no such topic.", "The list of topics is at /docs.")
    text = _renderer().render(found.text, {"topic": found.name})
    # Safe: the text is our own, and the renderer escapes HTML.
    return render_page(request, "topic.html", title=found.title, text=Markup(text))


@functools.cache
def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("link_open", _link)
    made.add_render_rule("image", _no_image)
    return made


def _link(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Let a link from one topic to another lead to its page."""
    target = str(tokens[index].attrs.get("href", ""))
    place, _, part = target.partition("#")
    if place.endswith(".md") and "://" not in place:
        base = posixpath.dirname(f"/docs/{env['topic']}")
        place = posixpath.normpath(posixpath.join(base, place)).removesuffix(".md")
        tokens[index].attrs["href"] = f"{place}{'#' if part else ''}{part}"
    return str(renderer.renderToken(tokens, index, options, env))


def _no_image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Leave pictures out: they are in the repository, not in the package."""
    return ""
