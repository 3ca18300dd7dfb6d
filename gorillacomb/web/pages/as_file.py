"""A page as a single file, to be sent to someone: without scripts, links or other files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from gorillacomb.api.dedupe.plan import DedupePlan
from gorillacomb.api.find.folders import FolderReport
from gorillacomb.api.find.overview import Overview
from gorillacomb.api.server.families import list_families
from gorillacomb.api.vault import Vault
from gorillacomb.web.pages.decide.plans import plan_values
from gorillacomb.web.pages.find.families import family_values
from gorillacomb.web.pages.overview import overview_values
from gorillacomb.web.pages.rendering import environment

_LINK = re.compile(r'(<a\b[^>]*?)\s+href="[^"]*"')
"""In our own pages, where every value is escaped and so has no quotation mark."""
_MOST = 200
"""Families, and steps of a plan times ten."""


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """A plan that was just made."""

    plan: DedupePlan
    counts: None = None
    stale: tuple[()] = ()

    @property
    def answered(self) -> _Unanswered:
        return self


class _NoMarks:
    def about(self, path: bytes) -> tuple[()]:
        return ()


def overview_file(overview: Overview) -> bytes:
    """Return the page of an overview."""
    values = overview_values(overview.status, overview.to_dict())
    return _file("overview.html", "Overview", {**values, "job": None, "as_of": None, "running": ()})


def families_file(vault: Vault, report: FolderReport) -> bytes:
    """Return a page of the families of copied folders, each with its copies."""
    found = list_families(vault, report.to_dict())
    shown = [{**family_values(each), "marks": _NoMarks()} for each in found[:_MOST]]
    values = {"families": shown, "everything": found, "more": len(found) - len(shown)}
    return _file("families_file.html", "Copied folders", values)


def plan_file(plan: DedupePlan) -> bytes:
    """Return the page of a plan, step by step."""
    shown = {
        "kept": _Unanswered(plan),
        "bytes": sum(step.size for step in plan.steps),
        "digest": "",
        "by": "step",
        "rows": [(None, step) for step in plan.steps[: 10 * _MOST]],
        "after": 0,
        "total": len(plan.steps),
        "page": 10 * _MOST,
        "pairs": 0,
        "decided": 0,
        "left_shown": plan.left_alone[:_MOST],
        "left": 0,
        "runs": (),
        "wrong": "",
    }
    return _file("plan.html", "Plan", {**plan_values(plan, plan), **shown})


def _file(template: str, title: str, values: dict[str, Any]) -> bytes:
    style = (resources.files("gorillacomb.web") / "static" / "style.css").read_text("utf-8")
    text = (
        environment()
        .get_template(template)
        .render(
            title=title,
            here="",
            twin="",
            navigation=(),
            form=None,
            watcher="",
            is_read_only=True,
            style=Markup(style),  # ours, without any value
            **values,
        )
    )
    return _LINK.sub(r"\1", text).encode()
