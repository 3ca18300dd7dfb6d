"""Adds the manual pages to a wheel: they are made from the commands, and stored nowhere."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, self.root)
        from gorillacomb import __version__
        from gorillacomb.cli.main import cli
        from gorillacomb.cli.output.man_pages import SECTION, man_pages

        self._made = tempfile.TemporaryDirectory()
        for name, text in man_pages(cli, __version__):
            page = Path(self._made.name, name)
            page.write_text(text, "utf-8")
            build_data["shared_data"][str(page)] = f"share/man/man{SECTION}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_made"):
            self._made.cleanup()
