"""The form that a plan is made with: what was typed, what is wrong with it, what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import ImmutableMultiDict

from gorillacomb.api.paths import path_from_json, path_to_json
from gorillacomb.api.text import parse_size
from gorillacomb.web.inputs import PlanInput

PATHS = ("within", "retire", "not_a_project", "collapse", "bring")
"""Fields with a path on each line; what is no text is in ``NAME_b64``."""
PATTERNS = ("prefer", "protect")
_NAMES = {
    "within": "Only in these folders",
    "retire": "Folders to retire",
    "not_a_project": "Folders that are no projects",
    "collapse": "Copies to collapse",
    "bring": "What to bring",
    "into": "The copy to keep",
    "prefer": "Keep the copies in",
    "protect": "Remove nothing in",
    "keep": "Copies to keep",
    "min_size": "Smallest file",
    "free": "Room to free",
    "action": "What becomes of a copy",
}
"""How the form calls its fields."""
_ALL = "all"
"""A line that means everything instead of a path."""


@dataclass
class PlanForm:
    """A form as it was filled in."""

    texts: Mapping[str, str]
    """What was typed, by field."""
    encoded: Mapping[str, Sequence[tuple[str, bytes]]]
    """Paths that a page of ours filled in, by field: in base64, and as they are."""
    wrong: dict[str, str] = field(default_factory=dict)
    """By field: what is wrong with it."""

    @classmethod
    def of(cls, sent: ImmutableMultiDict[str, Any]) -> PlanForm:
        """Return a form from what was sent, as a form or in an address."""
        wrong: dict[str, str] = {}
        encoded: dict[str, list[tuple[str, bytes]]] = {}
        for name in (*PATHS, "into"):
            for text in sent.getlist(f"{name}_b64"):
                try:
                    path = path_from_json({"path_b64": text}, strict=False)
                    encoded.setdefault(name, []).append((text, path))
                except (ValueError, TypeError):
                    wrong[name] = "A path that this page filled in cannot be read."
        texts = {
            name: "\n".join(text for text in sent.getlist(name) if isinstance(text, str))
            for name in sent
            if not name.endswith("_b64")
        }
        return cls(texts, encoded, wrong)

    def text(self, name: str, usual: str = "") -> str:
        """Return what was typed into a field."""
        return self.texts.get(name, usual)

    def paths(self, name: str) -> Sequence[tuple[str, bytes]]:
        """Return the paths that a page of ours filled in: in base64, and as they are."""
        return self.encoded.get(name, ())

    def read(self) -> PlanInput | None:
        """Return what the form asks for; None if something in it is ``wrong``."""
        what = self.text("what", "all")
        asked: dict[str, Any] = {
            "action": self.text("action", "quarantine"),
            "folders_only": what == "folders",
            "files_only": what == "files",
            "empty_folders": what == "empty",
            "across_volumes": bool(self.text("across_volumes")),
        }
        for name in PATHS:
            asked[name] = self._paths(name)
        for name in ("collapse", "bring"):
            everything = {"path": _ALL} in asked[name]
            asked[f"{name}_all"] = everything
            asked[name] = [] if everything else asked[name]
        into = self._paths("into")
        if into:
            asked["into"] = into[0]
            if len(into) > 1:
                self.wrong["into"] = "Only one copy can be the one to keep."
        for name in PATTERNS:
            asked[name] = self._lines(name)
        self._add_numbers(asked)
        return None if self.wrong else self._checked(asked)

    def _lines(self, name: str) -> list[str]:
        return [line for line in self.text(name).replace("\r", "").split("\n") if line.strip()]

    def _paths(self, name: str) -> list[dict[str, str]]:
        lines = self._lines(name)
        for line in lines:
            if not line.startswith("/") and not (line == _ALL and name in ("collapse", "bring")):
                self.wrong[name] = f"{line!r} is not a full path: such a path begins with /."
        filled = [path_to_json(path) for _, path in self.paths(name)]
        return [{"path": line} for line in lines] + filled

    def _add_numbers(self, asked: dict[str, Any]) -> None:
        keep = self.text("keep").strip()
        if keep.isdecimal() and 0 < len(keep) < 4:
            asked["keep"] = int(keep)
        elif keep:
            self.wrong["keep"] = f"{keep[:40]!r} is not a number of copies from 1 to 999."
        for name in ("min_size", "free"):
            text = "".join(self.text(name).split())
            try:
                if text:
                    asked[name] = parse_size(text)
            except ValueError as error:
                self.wrong[name] = f"{error}."

    def _checked(self, asked: Mapping[str, Any]) -> PlanInput | None:
        used = {name: it for name, it in asked.items() if it is not False and it != []}
        try:
            return PlanInput.model_validate(used)
        except ValidationError as error:
            for each in error.errors():
                name = str(each["loc"][0])
                what = each["msg"]
                if each["type"] == "string_pattern_mismatch":
                    what = "a line cannot begin with '-'"
                self.wrong[name] = f"{_NAMES.get(name, name)}: {what}."
            return None
