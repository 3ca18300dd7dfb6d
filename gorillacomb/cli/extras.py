"""Commands that need an extra: what is missing is named before anything is imported."""

from __future__ import annotations

import importlib.util

from gorillacomb.errors import UsageError

_MODULES = {
    "web": ("fastapi", "uvicorn", "jinja2", "jwt"),
    "mesh": ("dns", "urllib3", "license_expression"),
}
"""What each extra brings."""


def require_extra(extra: str, what: str) -> None:
    """Check that an extra is installed; ``what`` names what needs it. Raises UsageError."""
    if any(importlib.util.find_spec(name) is None for name in _MODULES[extra]):
        raise UsageError(
            f"{what} needs an extra that is not installed.",
            f"Install it: pip install 'gorillacomb[{extra}]'",
        )
