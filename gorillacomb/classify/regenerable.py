"""Folders that a program makes again from a lock file beside them."""

from __future__ import annotations

_NODE = (
    b"package-lock.json",
    b"npm-shrinkwrap.json",
    b"yarn.lock",
    b"pnpm-lock.yaml",
    b"bun.lock",
    b"bun.lockb",
)
_PYTHON = (b"uv.lock", b"poetry.lock", b"pdm.lock", b"Pipfile.lock", b"pylock.toml")
_LOCKS = {
    b"node_modules": _NODE,
    b".venv": _PYTHON,
    b"venv": _PYTHON,
    b"Pods": (b"Podfile.lock",),
}
"""By the name of the folder: npm, Yarn, pnpm and Bun; uv, Poetry, PDM, Pipenv and PEP 751;
CocoaPods. Names such as ``dist`` or ``bin`` alone prove nothing."""


def lock_files_for(folder: bytes) -> tuple[bytes, ...]:
    """Return the names of lock files; one of them is enough to make a folder of this name again."""
    return _LOCKS.get(folder, ())
