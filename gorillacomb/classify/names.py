"""Names that mean something: what systems leave behind, what programs make or keep, pointers."""

from __future__ import annotations

import errno
from typing import Final

NOISE = frozenset({b".DS_Store", b".localized", b".apdisk", b"Thumbs.db", b"desktop.ini"})
"""Files that systems leave behind; they are ignored when folders are compared.

Two that macOS makes are not among them, since they hold what a user gave to a file or folder:
``._x`` has the tags of ``x`` on exFAT and is a companion of it, and the picture of a folder is an
attribute of the empty file ``Icon\\r``.
"""

CLOSED_ON_MACOS = frozenset(
    {b".Trashes", b".Spotlight-V100", b".fseventsd", b".DocumentRevisions-V100", b".TemporaryItems"}
)
"""Folders at the top of a volume that macOS lets nobody list; it makes them on every drive."""

_MADE_ANYWHERE = frozenset(
    b"node_modules bower_components .venv venv site-packages __pycache__ .mypy_cache .pytest_cache"
    b" .ruff_cache .hypothesis .tox .nox .eggs .next .nuxt .svelte-kit .parcel-cache .turbo .cache"
    b" .gradle .terraform .pnpm-store .npm .yarn .cargo .rustup .m2 .nuget .thumbnails deriveddata"
    b" caches cacheddata gpucache shadercache".split()
) | {b"code cache"}
_MADE_IN_A_PROJECT = frozenset(b"build dist target out coverage cache pods".split())
"""Elsewhere a folder named ``build`` may well hold photographs of a house."""

SHELF = b" (from copies)"
"""How the names of folders end that receive what only other copies of a tree contained."""

CLOUD_POINTERS = (
    *(b".gdoc", b".gsheet", b".gslides", b".gdraw", b".gform", b".gmap", b".gsite", b".gtable"),
    *(b".gjam", b".gscript", b".glink", b".gnote", b".icloud"),
)
"""Endings of files that only point to a document in the cloud. If such a file is removed, its
document is lost, whatever else has the same bytes."""

VERSION_CONTROL: Final = (
    b".git",
    b".hg",
    b".svn",
    b".jj",
    b".bzr",
    b"_darcs",
    b".pijul",
    b".fslckout",
    b"_FOSSIL_",
)
"""Names that version control uses in the top folder of a project."""


def is_version_control(name: bytes) -> bool:
    """Return whether version control keeps its data under this name, ignoring case."""
    return name in VERSION_CONTROL or name.lower() in VERSION_CONTROL


def is_closed_by_macos(name: bytes, error: OSError) -> bool:
    """Return whether an error from listing a folder is what macOS gives everybody there."""
    return name in CLOSED_ON_MACOS and error.errno in (errno.EACCES, errno.EPERM)


def is_machine_made(name: bytes, in_project: bool, more: frozenset[bytes] = frozenset()) -> bool:
    """Return whether a program made a folder of this name and can recreate it.

    ``in_project`` says whether it is inside a project; ``more`` are names from the user's settings.
    """
    lower = name.lower()
    return lower in _MADE_ANYWHERE or name in more or (in_project and lower in _MADE_IN_A_PROJECT)
