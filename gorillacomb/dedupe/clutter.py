"""Names that tell little: of files that systems leave behind, of folders that programs make."""

from __future__ import annotations

NOISE = frozenset({b".DS_Store", b"Thumbs.db", b"desktop.ini"})
"""Files that systems leave behind by themselves; no folder differs by them."""

_MADE_ANYWHERE = frozenset(
    {
        b"node_modules",
        b"bower_components",
        b".venv",
        b"__pycache__",
        b".mypy_cache",
        b".pytest_cache",
        b".ruff_cache",
        b".hypothesis",
        b".tox",
        b".nox",
        b".eggs",
        b".next",
        b".nuxt",
        b".svelte-kit",
        b".parcel-cache",
        b".turbo",
        b".cache",
        b".gradle",
        b".terraform",
        b".pnpm-store",
        b"DerivedData",
        b"Caches",
        b"CachedData",
        b"GPUCache",
        b"Code Cache",
        b"ShaderCache",
    }
)
VERSION_CONTROL = frozenset({b".git", b".hg", b".svn", b".jj"})
"""Kept by a program too: what stands in them is nobody's own work by name or place."""
_MADE_IN_A_PROJECT = frozenset(
    {b"build", b"dist", b"target", b"out", b"venv", b"coverage", b"cache", b"Pods"}
)
"""Elsewhere a folder called ``build`` may well hold somebody's photographs of a house."""


_BUNDLES = (
    b".photoslibrary",
    b".lrdata",
    b".fcpbundle",
    b".imovielibrary",
    b".sparsebundle",
    b".backupdb",
    b".app",
)
"""Folders that one program keeps and shows as one thing."""


def is_machine_made(name: bytes, in_project: bool, more: frozenset[bytes] = frozenset()) -> bool:
    """Whether a program made a folder of this name, or keeps it.

    ``in_project`` says whether a project is around it; ``more`` are names that the user gave.
    """
    return (
        name in _MADE_ANYWHERE
        or name in VERSION_CONTROL
        or name in more
        or name.endswith(_BUNDLES)
        or (in_project and name in _MADE_IN_A_PROJECT)
    )
