"""Where the user's own files are in a home: settings and keys, and what the program remembers."""

from __future__ import annotations

import sys
from pathlib import Path

_IN_LIBRARY = "Library/Application Support/gorillacomb"


def config_folder(home: Path) -> Path:
    """The folder of ``config.toml`` and of the keys."""
    return home / (_IN_LIBRARY if sys.platform == "darwin" else ".config/gorillacomb")


def state_folder(home: Path) -> Path:
    """The folder of anchors and pulses: on macOS too it is not the one of settings."""
    return home / ".local/state/gorillacomb"
